"""Intervals and tests for metrics.

Nothing here resamples a Frechet distance: with replacement, that distance is biased upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri, stdtrit

EXACT_FLIPS = 16  # up to so many differences all sign patterns are enumerated
RANDOM_FLIPS = 100_000  # sign patterns drawn beyond that


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, both in the number's unit."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Interval:
    """A number with the ends of its confidence interval."""

    value: float
    low: float
    high: float

    def covers(self, truth: float) -> bool:
        """Tell whether `truth` lies in the closed interval."""
        return self.low <= truth <= self.high


@dataclass(frozen=True)
class PairedDifference:
    """Mean of paired differences with its t interval and exact sign-flip p-value."""

    interval: Interval
    p: float
    pairs: int


def mean_interval(values: ArrayLike, confidence: float) -> Interval:
    """Return the mean of two or more values with its Student t interval."""
    x = np.asarray(values, dtype=np.float64)
    if len(x) < 2:
        raise ValueError("an interval of a mean needs two values or more")
    half = stdtrit(len(x) - 1, (1 + confidence) / 2) * x.std(ddof=1) / np.sqrt(len(x))
    return Interval(float(x.mean()), float(x.mean() - half), float(x.mean() + half))


def normal_interval(estimate: Estimate, confidence: float) -> Interval:
    """Return the interval of an estimate that is normal with a known standard error."""
    half = float(ndtri((1 + confidence) / 2)) * estimate.standard_error
    return Interval(estimate.value, estimate.value - half, estimate.value + half)


def bootstrap_interval(
    items: ArrayLike, confidence: float, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Return the mean of independent items with its bias-corrected accelerated interval."""
    from scipy import stats  # noqa: PLC0415 (slow import)

    x = np.asarray(items, dtype=np.float64)
    value = float(x.mean())
    if np.ptp(x) == 0:
        return Interval(value, value, value)
    result = stats.bootstrap(
        (x,),
        np.mean,
        confidence_level=confidence,
        n_resamples=resamples,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return Interval(value, *(float(end) for end in result.confidence_interval))


def clopper_pearson(successes: int, trials: int, confidence: float) -> Interval:
    """Return a proportion with its exact binomial interval, in [0, 1]."""
    from scipy import stats  # noqa: PLC0415 (slow import)

    test = stats.binomtest(successes, trials)
    interval = test.proportion_ci(confidence_level=confidence, method="exact")
    return Interval(successes / trials, float(interval.low), float(interval.high))


def stratified_mean(values: ArrayLike, strata: Sequence[str]) -> Estimate:
    """Return the unweighted mean of the strata's means, and its standard error.

    Args:
        values: one number an item.
        strata: the stratum of each item; each stratum has two items or more.
    """
    x, names = np.asarray(values, dtype=np.float64), np.asarray(strata)
    parts = [x[names == name] for name in np.unique(names)]
    variance = sum(part.var(ddof=1) / len(part) for part in parts) / len(parts) ** 2
    return Estimate(float(np.mean([part.mean() for part in parts])), float(np.sqrt(variance)))


def sign_flip_test(differences: ArrayLike) -> float:
    """Return the two-sided p-value of a mean difference of 0, by flipping signs.

    Exact for up to 16 differences, else over 100,000 seeded random sign patterns. With n pairs it
    cannot fall below 2 / 2^n: 0.0625 for five pairs.
    """
    x = np.asarray(differences, dtype=np.float64)
    if len(x) <= EXACT_FLIPS:
        patterns = np.arange(2 ** len(x))[:, None] >> np.arange(len(x)) & 1
    else:
        patterns = np.random.default_rng(0).integers(0, 2, (RANDOM_FLIPS, len(x)))
        patterns[0] = 0  # the signs observed are one of the patterns
    sums = np.abs((1 - 2 * patterns) @ x)
    return float(np.mean(sums >= np.abs(x.sum()) - 1e-12 * np.abs(x).sum()))


def smallest_p(pairs: int) -> float:
    """Return the smallest p-value that the sign-flip test can give for so many pairs."""
    return min(1.0, 2.0 / 2.0**pairs)


def paired_difference(a: ArrayLike, b: ArrayLike, confidence: float) -> PairedDifference:
    """Return the mean of a - b over two or more pairs, with its t interval and sign-flip p."""
    differences = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    interval = mean_interval(differences, confidence)
    return PairedDifference(interval, sign_flip_test(differences), len(differences))


def holm(p_values: ArrayLike) -> np.ndarray:
    """Return Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    scaled = p[order] * (len(p) - np.arange(len(p)))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return adjusted
