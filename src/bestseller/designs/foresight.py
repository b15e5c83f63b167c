"""Did a shortlist foresee what sold? Its lift: a ratio of odds, 1 = no better than chance.

Take the products that were launched after a day. The best sellers of a line are its top share by
units per day. Its slow sellers are the same share at the other end. Products between count for
neither. The distance of a launch to a list of designs is that to the nearest design of its own
line.

p is the chance that, of a best and a slow seller of one line, the best one is the nearer to the
shortlist. A tie counts half; lines are averaged by their launches that count. q is the same chance
for random lists, averaged over many of them. A random list has as many designs of each line, taken
from the candidates of the same models that passed the same checks. Then

    lift = p / (1 - p) : q / (1 - q).

So the choice gets no credit for candidates that lie near best sellers anyway, such as in the middle
of a line. The interval is a percentile bootstrap. Each resample draws the best and the slow sellers
of each line anew, and takes one random list in the place of all: the shortlist is one list too, and
could have come out a little differently.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from bestseller.metrics.statistics import Interval

Array = NDArray[np.float64]

FEWEST = 10  # best sellers, and slow sellers, of all lines, below which nothing is told
DRAWS = 1000  # lists of random candidates, and resamples


@dataclass(frozen=True)
class Lift:
    """The lift of a shortlist.

    Attributes:
        interval: the lift, > 0; 1 = as random candidates.
        chosen: p, 0..1.
        random: q, 0..1.
        reached: share of the random lists that do as well as the shortlist or better.
        best, slow: launches that count.
        lines: in which they are.
    """

    interval: Interval
    chosen: float
    random: float
    reached: float
    best: int
    slow: int
    lines: int


@dataclass(frozen=True)
class _Line:
    """A line: distances of its best and slow sellers to the shortlist and to each candidate."""

    best: Array  # n
    slow: Array  # m
    best_candidates: Array  # n x candidates
    slow_candidates: Array  # m x candidates
    places: int

    @property
    def weight(self) -> int:
        return len(self.best) + len(self.slow)


def lift(  # noqa: PLR0917 (what is measured, then how)
    launches: pd.DataFrame,
    features: NDArray[np.floating],
    chosen: Mapping[str, NDArray[np.floating]],
    candidates: Mapping[str, NDArray[np.floating]],
    share: float,
    confidence: float,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Lift | str:
    """Measure the lift of a shortlist, or say in a sentence why it cannot be told.

    Args:
        launches: a row per later launch: line, rate (units per day).
        features: N x d, theirs, in a space in which nothing was trained.
        chosen: by line, those of its designs, k x d.
        candidates: by line, those of the random candidates that passed, M x d.
        share: of a line's launches at either end, 0..0.5.
        confidence: of the interval.
        draws: random lists, and resamples.
        seed: of both.
    """
    lines = []
    for name, rows in launches.reset_index(drop=True).groupby("line", sort=True):
        best, slow = ends(rows["rate"].to_numpy(float), share)
        designs, others = chosen.get(str(name), ()), candidates.get(str(name), ())
        if not (len(best) and len(slow) and len(designs) and len(others)):
            continue
        own = features[rows.index]
        near, far = cdist(own, designs).min(axis=1), cdist(own, others)
        places = min(len(designs), len(others))
        lines.append(_Line(near[best], near[slow], far[best], far[slow], places))
    best_count, slow_count = (sum(len(getattr(x, end)) for x in lines) for end in ("best", "slow"))
    if min(best_count, slow_count) < FEWEST:
        return (
            f"Of {len(launches)} later launches {best_count} are best sellers and {slow_count} "
            f"slow sellers of lines with designs; {FEWEST} of each are needed to tell anything."
        )
    return _lift(lines, confidence, draws, np.random.default_rng(seed))


def sentence(found: Lift, day: str) -> str:
    """Say in one sentence what the shortlist of a day was worth."""
    lift = found.interval
    ends = f"{lift.value:.2f} ({lift.low:.2f} to {lift.high:.2f})"
    verdict = (
        "so it foresaw something of what would sell"
        if lift.low > 1
        else "so it pointed away from what would sell"
        if lift.high < 1
        else "which may be chance"
    )
    return (
        f"As of {day}: of a best and a slow seller of one line launched later, the best one lies "
        f"nearer to the shortlist {100 * found.chosen:.0f} times in 100, to random candidates of "
        f"the same model {100 * found.random:.0f} times; the odds are {ends} times as high, "
        f"{verdict} ({found.best} best and {found.slow} slow sellers in {found.lines} lines)."
    )


def ends(rate: Array, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the best and of the slow sellers of a line.

    Products at an edge with the same rate belong together, so that an end may be larger than its
    share; a product that would be at both ends is at none.
    """
    high, low = np.quantile(rate, [1 - share, share])
    best, slow = rate >= high, rate <= low
    return np.flatnonzero(best & ~slow), np.flatnonzero(slow & ~best)


def _lift(lines: list[_Line], confidence: float, draws: int, rng: np.random.Generator) -> Lift:
    weights = np.array([line.weight for line in lines], np.float64)
    least = 0.5 / weights.sum()  # odds stay finite where every pair is in order, or none
    whole = [_order(line.best, line.slow) for line in lines]
    p = _mean([order.mean() for order in whole], weights, least)
    random, resampled = np.empty((draws, len(lines))), np.empty((draws, 2, len(lines)))
    for draw in range(draws):
        for place, line in enumerate(lines):
            picked = rng.choice(line.best_candidates.shape[1], line.places, replace=False)
            order = _order(
                line.best_candidates[:, picked].min(axis=1),
                line.slow_candidates[:, picked].min(axis=1),
            )
            random[draw, place] = order.mean()
            n, m = order.shape
            again = np.ix_(rng.integers(0, n, n), rng.integers(0, m, m))
            resampled[draw][:, place] = whole[place][again].mean(), order[again].mean()
    q = _mean(random.mean(axis=0), weights, least)
    each = np.array([_mean(row, weights, least) for row in random])
    lifts = [
        _odds(_mean(ours, weights, least)) / _odds(_mean(theirs, weights, least))
        for ours, theirs in resampled
    ]
    low, high = np.quantile(lifts, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Lift(
        Interval(_odds(p) / _odds(q), float(low), float(high)),
        p,
        q,
        float((1 + (each >= p).sum()) / (1 + draws)),
        sum(len(line.best) for line in lines),
        sum(len(line.slow) for line in lines),
        len(lines),
    )


def _order(best: Array, slow: Array) -> Array:
    """Return for each pair 1 where the best seller is the nearer, 1/2 for a tie, n x m."""
    return 0.5 * (1 + np.sign(slow[None, :] - best[:, None]))


def _mean(values: object, weights: Array, least: float) -> float:
    found = np.average(np.asarray(values, np.float64), weights=weights)
    return float(np.clip(found, least, 1 - least))


def _odds(p: float) -> float:
    return p / (1 - p)
