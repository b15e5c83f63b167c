"""How many of the products above a cut of the score sell badly, at whatever cut is chosen.

Of n held-out products it is known which sold badly, such as below their line's median product. Of m
new products it is not known. Let W be the score of a bad product, and minus infinity for a good
one. Let C_k be the number of new bad products that have at most k bad held-out ones at or above
them. If the n + m products are exchangeable, the order of their W is a random order of n balls of
one kind and m of another. C_k is then at most the number of new balls before the (k + 1)-th
held-out one. That number is beta-binomial(m, k + 1, n - k), however good or bad the score is.

The bounds are the quantiles of these numbers at one level. A simulation chooses the level so that
all bounds hold at once with the confidence asked for (Blanchard, Neuvial & Roquain 2020, "Post Hoc
Confidence Bounds on False Positives Using Reference Families"; for conformal scores Gazin,
Blanchard & Roquain 2024, "Transductive Conformal Inference with Adaptive Scores"). So if k held-out
products above a cut are bad, at most the k-th bound of the new products above it are bad. A reader
may move the cut and look again.

Exchangeable means: drawn as the held-out products were. It holds for further products of the same
shop; a design that was made, or chosen from many, to score high is no such draw. What is promised
of designs is in `preference.designs_warranty`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BAD_SHARE = 0.2  # of what is above a cut, that may sell below its line's median product
SIMULATED = 4000  # orders; the bounds hold for them counted in, so that fewer only cost sharpness

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Promise:
    """What is promised of the products above a cut.

    Attributes:
        cut: the score from which a product counts.
        products: how many new ones reach it.
        bad: at most so many of them are bad.
    """

    cut: float
    products: int
    bad: int

    @property
    def share(self) -> float:
        """Return the largest share of them that is bad."""
        return self.bad / self.products


@lru_cache(maxsize=64)
def count_bounds(held_out: int, new: int, confidence: float, seed: int = 0) -> NDArray[np.int64]:
    """Return the bounds of C_0 ... C_n, which hold all at once with the confidence.

    Args:
        held_out: n, >= 1.
        new: m, >= 1.
        confidence: 0..1.
        seed: of the simulated orders.

    Returns:
        int64 n + 1, not decreasing; the last is m.
    """
    from scipy.stats import betabinom  # noqa: PLC0415 (slow import)

    rng = np.random.default_rng(seed)
    ranks = np.arange(held_out)
    counts = np.arange(new + 1)
    # survival[k, c] = P(C_k >= c)
    survival = betabinom.sf(counts[None] - 1, new, ranks[:, None] + 1, held_out - ranks[:, None])
    least = np.empty(SIMULATED)
    for trial in range(SIMULATED):
        places = np.sort(rng.permutation(held_out + new)[:held_out])
        least[trial] = survival[ranks, places - ranks].min()
    least.sort()
    place = int((1 - confidence) * (SIMULATED + 1)) - 1
    level = least[place] if place >= 0 else 0.0
    bounds = (survival >= level).sum(axis=1) - 1 if place >= 0 else np.full(held_out, new)
    return np.append(np.maximum.accumulate(bounds), new).astype(np.int64)


def promises(
    scores: Array, bad: NDArray[np.bool_], new_scores: Array, confidence: float
) -> pd.DataFrame:
    """Return what holds of the new products above each cut, for all cuts at once.

    Args:
        scores: float64 n, of the held-out products, higher is better.
        bad: bool n, which of them sold badly.
        new_scores: float64 m.
        confidence: that every row of the table is true.

    Returns:
        A row per distinct new score, the highest first: cut, products (new ones from the cut on),
        bad (the most of them that are bad).
    """
    bounds = count_bounds(len(scores), len(new_scores), confidence)
    cuts = np.unique(new_scores)[::-1]
    products = (new_scores[None] >= cuts[:, None]).sum(axis=1)
    above = (scores[bad][None] >= cuts[:, None]).sum(axis=1)
    most = np.minimum(bounds[above], products)
    most = np.minimum.accumulate(most[::-1])[::-1]  # a lower cut has no fewer bad ones
    slack = np.minimum.accumulate(most - products)  # nor more than it has further products
    return pd.DataFrame(
        {"cut": cuts, "products": products, "bad": np.minimum(most, products + slack)}
    )


def best_promise(table: pd.DataFrame, share: float) -> Promise | None:
    """Return the lowest cut above which at most a share is bad; None = no promise is made.

    Args:
        table: from `promises`.
        share: 0..1, of bad products.
    """
    kept = table[table["bad"] <= share * table["products"]]
    if kept.empty:
        return None
    last = kept.iloc[-1]
    return Promise(float(last["cut"]), int(last["products"]), int(last["bad"]))


def sentence(promise: Promise | None, share: float, confidence: float) -> str:
    """Say in one sentence what is promised of further products of the catalogue."""
    sure = f"{100 * confidence:.0f} %"
    if promise is None:
        return (
            f"No promise is made: at no cut of the score is it sure at {sure} that no more than "
            f"{100 * share:.0f} % of further products above it sell below their line's median one."
        )
    return (
        f"Of {promise.products} further products of this catalogue with a score of "
        f"{promise.cut:.2f} or more, at most {promise.bad} sell below their line's median one, "
        f"sure at {sure}. Designs are no draws from the catalogue; what is promised of them stands "
        "on the page."
    )
