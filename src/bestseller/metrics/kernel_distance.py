"""Kernel inception distance: the squared maximum mean discrepancy of two feature tables.

Polynomial kernel k(x, y) = (x'y / d + 1)^3 of Binkowski et al. 2018. Unlike the Frechet distance
it has no bias at any number of images; around equal distributions it may come out negative.
"""

from dataclasses import dataclass

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
    return projections(a, b).estimate


@dataclass(frozen=True)
class Projections:
    """What each image adds to a kernel distance: KID = mean of `first` + mean of `second`.

    Attributes:
        first, second: float64 N and M, a value for each row of the two tables.
        paired: row i of the first table was made from row i of the second.
    """

    first: Array
    second: Array
    paired: bool = False

    @property
    def estimate(self) -> Estimate:
        """The distance with its standard error, that of its Hajek projection."""
        if not self.paired:
            return _estimate(self.first, self.second)
        both = self.first + self.second
        return Estimate(float(both.mean()), float(2.0 * both.std(ddof=1) / np.sqrt(len(both))))


def projections(a: ArrayLike, b: ArrayLike, paired: bool = False) -> Projections:
    """Return the projections of the distance of two feature tables, N x d and M x d.

    Args:
        paired: row i of `a` was made from row i of `b`, as a blurred photo from its original. The
            kernel values of such pairs are left out, which keeps the estimate unbiased (Gretton et
            al. 2012, the estimate of their lemma 6 for one sample of pairs).

    Raises:
        ValueError: paired tables of different lengths.
    """
    x, y = as_features(a, "first feature table"), as_features(b, "second feature table")
    if paired and len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)} images are no pairs")
    cross_x, cross_y = _cross(x, y)
    if paired:
        own = (np.einsum("id,id->i", x, y) / x.shape[1] + 1.0) ** 3
        cross_x, cross_y = ((len(x) * cross - own) / (len(x) - 1) for cross in (cross_x, cross_y))
    return Projections(_within(x) - cross_x, _within(y) - cross_y, paired)


def projected_difference(first: Projections, second: Projections) -> Estimate:
    """Return the KID of `first` minus that of `second`, both against the same images.

    As `kid_difference`, from the two models' projections: row j of both is one draw, and the
    images that both are held against are the same.

    Raises:
        ValueError: the two differ in length.
    """
    if first.first.shape != second.first.shape or first.second.shape != second.second.shape:
        raise ValueError("projections of different numbers of images cannot be paired")
    return _estimate(first.first - second.first, first.second - second.second)


@dataclass(frozen=True)
class KidDifference:
    """The KID of two models to the same images, and that of the first minus that of the second."""

    first: Estimate
    second: Estimate
    difference: Estimate


def kid_difference(real: ArrayLike, first: ArrayLike, second: ArrayLike) -> KidDifference:
    """Compare two models on the same real images, M x d, by N pairs of images, N x d each.

    Row j of both tables is one draw, such as of a latent and a line; the two images of a pair may
    depend on each other, the pairs may not. In the difference

        KID(a, r) - KID(b, r) = E k(a, a') - E k(b, b') - 2 E k(a, r) + 2 E k(b, r)

    the term of the real images alone is gone, and its Hajek projection has, with empirical means,

        2/N (h_a(a_j) - h_b(b_j))  for pair j,  h_a(x) = mean_i k(x, a_i) - mean_i k(x, r_i),
        2/M (mean_j k(r_i, b_j) - mean_j k(r_i, a_j))  for the real image i:

    what a hard or a lucky image does to both models cancels. The standard error is the root of the
    two sums of variances; like that of `kid` it is somewhat too large where all three
    distributions are equal.

    Raises:
        ValueError: the two tables differ in length.
    """
    r = as_features(real, "real images")
    a, b = as_features(first, "first model"), as_features(second, "second model")
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} images are no pairs")
    (cross_a, real_a), (cross_b, real_b) = _cross(a, r), _cross(b, r)
    of_real, of_a, of_b = _within(r), _within(a) - cross_a, _within(b) - cross_b
    return KidDifference(
        _estimate(of_a, of_real - real_a),
        _estimate(of_b, of_real - real_b),
        _estimate(of_a - of_b, real_b - real_a),
    )


def _estimate(x: Array, y: Array) -> Estimate:
    """Sum up a statistic by its projection on each row of two independent tables."""
    variance = np.var(x, ddof=1) / len(x) + np.var(y, ddof=1) / len(y)
    return Estimate(float(x.mean() + y.mean()), float(2.0 * np.sqrt(variance)))


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
