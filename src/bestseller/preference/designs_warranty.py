"""How many of the designs above a cut sell badly, at whichever of some cuts a reader chooses.

A design is made and chosen to score high. So it is no random draw from the catalogue, as the
products of `preference.warranty` are. The bounds here assume that a design is bad no more often
than a product with its score, and that a higher score is never worse. This does not hold for
designs that were chosen for the highest scores among many: on simulated shops bounds for such
designs were broken in 18 of 100 (benchmarks/README.md). So `exchangeable` comes first: nothing is
promised of designs whose scores can be told from those of held-out products. A design that the
detectors find unlike every product is on no list. A design that scores beyond every held-out
product is not covered, since no product shows what becomes of it.

Above a cut there are R designs. They are compared with N held-out products, k of them bad, that
start at the cut or, if necessary, somewhat below it. N is so large that the scores of the designs
are at least those of the products, quantile by quantile. Then designs are bad with a mean chance of
at most that of the products. The number B of bad designs is at most b, the largest number at which
Fisher's exact test would not yet tell designs and products apart:

    P(K <= k) > level    for K ~ hypergeometric(R + N, k + b, N).

This is exact where all chances are equal and cautious where they are not, since sums of unequal
chances vary less (Hoeffding 1956, "On the Distribution of the Number of Successes in Independent
Trials"). The cuts are fixed by the number of designs alone, and each has its part of the error
(Bonferroni), so that all bounds hold at once with the confidence asked for.
"""

from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

CUTS = 10
LEVEL = 0.05  # of the test that designs are not drawn as products are
COLUMNS = ["cut", "designs", "bad", "compared"]


def exchangeable(scores: Array, designs: Array, level: float = LEVEL) -> bool:
    """Tell whether the scores of designs cannot be told from those of held-out products.

    By the two-sample test of Kolmogorov and Smirnov at a level; without either there is nothing
    that could be told apart, and nothing to promise either.

    Args:
        scores: float64 n, of the products.
        designs: float64 m.
        level: chance at which designs are taken for different though they are drawn as products.
    """
    if not len(scores) or not len(designs):
        return False
    from scipy.stats import ks_2samp  # noqa: PLC0415 (slow import)

    return float(ks_2samp(scores, designs).pvalue) >= level


def covered(scores: Array, designs: Array) -> NDArray[np.bool_]:
    """Tell which designs score no higher than some held-out product, bool N."""
    if not len(scores):
        return np.zeros(len(designs), bool)
    within: NDArray[np.bool_] = designs <= scores.max()
    return within


def design_promises(
    scores: Array, bad: NDArray[np.bool_], designs: Array, confidence: float
) -> pd.DataFrame:
    """Return what holds of the designs above each cut, for all cuts at once.

    Args:
        scores: float64 n, of the held-out products, higher is better.
        bad: bool n, which of them sold badly.
        designs: float64 m, of the designs by their pictures alone; those not covered do not count.
        confidence: that every row of the table is true.

    Returns:
        A row per cut, at most `CUTS`, the highest first: cut, designs (from the cut on), bad (the
        most of them that are bad), compared (held-out products that tell it).
    """
    inside = -np.sort(-designs[covered(scores, designs)])
    sizes = np.unique(np.ceil(np.linspace(0, len(inside), CUTS + 1)[1:]).astype(int))
    cuts = np.unique(inside[sizes[sizes > 0] - 1])[::-1]
    level = (1 - confidence) / max(len(cuts), 1)
    rows = []
    for cut in cuts:
        ours = inside[inside >= cut]
        known = bad[likened(ours, scores)]
        most = most_bad(len(ours), len(known), int(known.sum()), level)
        rows.append((float(cut), len(ours), most, len(known)))
    table = pd.DataFrame(rows, columns=COLUMNS)
    sizes, bounds = table["designs"].to_numpy(), table["bad"].to_numpy()
    bounds = np.minimum.accumulate(bounds[::-1])[::-1]  # a lower cut has no fewer bad ones
    slack = np.minimum.accumulate(bounds - sizes)  # nor more than are added
    return table.assign(bad=np.minimum(bounds, sizes + slack))


def likened(designs: Array, products: Array) -> NDArray[np.bool_]:
    """Tell which held-out products the designs score at least as high as, quantile by quantile.

    They are those from a score on, down to which no quantile of theirs is above the designs'; the
    highest such score is taken. Where there is none the highest products are left out as well.

    Args:
        designs: float64 R, the highest first, R >= 1.
        products: float64 n.

    Returns:
        bool n; of products with the same score all or none.
    """
    ordered, known = -np.sort(-products), np.unique(products)[::-1]
    for high in known[known <= designs[0]]:
        lows = known[known <= min(high, designs[-1])]
        # a lower end puts a higher design beside each product, so that what was in order stays so
        place = bisect_left(
            lows, True, key=lambda low: _in_order(designs, ordered, float(high), float(low))
        )
        if place < len(lows):
            return np.asarray((products >= lows[place]) & (products <= high), np.bool_)
    return np.zeros(len(products), np.bool_)


def _in_order(designs: Array, products: Array, high: float, low: float) -> bool:
    """Tell whether no quantile of the products between two scores is above the designs'."""
    theirs = products[(products >= low) & (products <= high)]
    ends = -(-np.arange(1, len(theirs) + 1) * len(designs) // len(theirs))
    beside = designs[ends - 1]  # the lowest design of each product's span of quantiles
    return bool((theirs <= beside).all())


def most_bad(designs: int, products: int, bad: int, level: float) -> int:
    """Return how many of the designs are bad at most, where so many of the products were.

    Args:
        designs: R, >= 1.
        products: N; without any, all designs may be bad.
        bad: k, of the products.
        level: chance at which the bound may fail.
    """
    counts = np.arange(designs + 1)
    from scipy.stats import hypergeom  # noqa: PLC0415 (slow import)

    chance = hypergeom.cdf(bad, designs + products, bad + counts, products)
    return int(counts[chance > level].max())


def best_row(table: pd.DataFrame, share: float) -> Mapping[str, Any] | None:
    """Return the row with most designs of which at most a share is bad; None = there is none."""
    kept = table[table["bad"] <= share * table["designs"]]
    return None if kept.empty else dict(kept.iloc[-1])
