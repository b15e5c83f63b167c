"""Kernel inception distance: the squared maximum mean discrepancy of two feature tables.

Polynomial kernel k(x, y) = (x'y / d + 1)^3 of Binkowski et al. 2018. Unlike the Frechet distance
it has no bias at any number of images; around equal distributions it may come out negative.
"""

import numpy as np
from numpy.typing import ArrayLike

from bestseller.metrics.distances import Array, as_features, row_blocks
from bestseller.metrics.statistics import Estimate


def kid(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Return the unbiased estimate on all images, N x d and M x d, with its standard error.

    The estimate is the full-sample U-statistic, so it depends on no subset size and no seed. The
    standard error is that of its Hajek projection with empirical kernel means: correct when the
    distributions differ, somewhat too large when they are equal.
    """
    x, y = as_features(a, "first feature table"), as_features(b, "second feature table")
    within_x, within_y = _within(x), _within(y)
    cross_x, cross_y = _cross(x, y)
    value = within_x.mean() + within_y.mean() - 2.0 * cross_x.mean()
    variance = np.var(within_x - cross_x, ddof=1) / len(x)
    variance += np.var(within_y - cross_y, ddof=1) / len(y)
    return Estimate(float(value), float(2.0 * np.sqrt(variance)))


def _kernel(x: Array, y: Array) -> Array:
    return (x @ y.T / x.shape[1] + 1.0) ** 3


def _within(x: Array) -> Array:
    """Return for each row its mean kernel value with the other rows."""
    sums = np.concatenate([_kernel(x[rows], x).sum(axis=1) for rows in row_blocks(len(x), len(x))])
    own = (np.einsum("id,id->i", x, x) / x.shape[1] + 1.0) ** 3
    return (sums - own) / (len(x) - 1)


def _cross(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the mean kernel value of each row of `x` with `y`, and of each of `y` with `x`."""
    of_x, of_y = np.empty(len(x)), np.zeros(len(y))
    for rows in row_blocks(len(x), len(y)):
        block = _kernel(x[rows], y)
        of_x[rows] = block.mean(axis=1)
        of_y += block.sum(axis=0)
    return of_x, of_y / len(x)
