"""MIND, the Monge inception distance: sliced Wasserstein distance between two feature tables.

    MIND = 3 d E_u W2^2(u'X, u'Y),    u uniform on the unit sphere in R^d

(Berthet et al. 2026). In one dimension W2^2 is the mean squared difference of equal quantiles, so
no covariance and no Gaussian is assumed. The scale 3 d makes a shift of mu in every feature count
3 d mu^2. Between finite samples of one distribution it is above 0, by about the inverse number of
images: compare models at equal numbers, and read it beside the same distance of real images.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from bestseller.metrics.distances import BLOCK_VALUES, as_features
from bestseller.metrics.statistics import Estimate

DIRECTIONS = 2048  # least number of directions


def mind(a: ArrayLike, b: ArrayLike, seed: int = 0) -> Estimate:
    """Return MIND between two feature tables, N x d and M x d, with its standard error.

    The directions are random orthonormal bases, enough for 2,048 of them: the part of the distance
    that is due to the means is then exact. The standard error is over images, for these directions.
    """
    x = as_features(a, "first feature table")
    directions = orthonormal_directions(x.shape[1], DIRECTIONS, seed)
    return sliced_wasserstein(x, b, directions)


@lru_cache(maxsize=4)  # the same for all models that are measured in a space
def orthonormal_directions(dimensions: int, least: int, seed: int) -> np.ndarray:
    """Return whole random orthonormal bases as rows, `least` rows or a few more.

    Every caller gets the same table: do not write into it.
    """
    rng = np.random.default_rng(seed)
    bases = -(-least // dimensions)
    drawn = rng.standard_normal((bases, dimensions, dimensions))
    return np.concatenate([np.linalg.qr(matrix)[0].T for matrix in drawn])


def sliced_wasserstein(a: ArrayLike, b: ArrayLike, directions: ArrayLike) -> Estimate:
    """Return 3 d times the mean of W2^2 over given unit directions, with its standard error.

    Exact for unequal numbers of images too. An image's share in the standard error is its
    Kantorovich potential, averaged over the directions.

    Args:
        a, b: N x d and M x d.
        directions: K x d.
    """
    x, y = (
        torch.from_numpy(as_features(table, name))
        for table, name in ((a, "first feature table"), (b, "second feature table"))
    )
    units = torch.as_tensor(np.asarray(directions, dtype=np.float64))
    rows_x, rows_y, widths = _overlaps(len(x), len(y))
    sides = ((x, rows_x, 1.0), (y, rows_y, -1.0))
    potentials = [torch.zeros(len(table), dtype=table.dtype) for table, _, _ in sides]
    total = 0.0
    for block in units.split(max(1, BLOCK_VALUES // (len(x) + len(y)))):
        ordered = [(block @ table.T).sort(dim=1) for table, _, _ in sides]
        gaps = ordered[0].values[:, rows_x] - ordered[1].values[:, rows_y]
        total += float((gaps.square() @ widths).sum())
        for potential, (table, rows, sign), found in zip(potentials, sides, ordered, strict=True):
            # The potential's slope at an image is twice the way to its partners, weighed by share.
            way = torch.zeros_like(found.values).index_add_(1, rows, gaps * widths)
            slope = sign * len(table) * way
            rises = (slope[:, 1:] + slope[:, :-1]) * found.values.diff(dim=1)
            heights = torch.nn.functional.pad(rises.cumsum(dim=1), (1, 0))
            heights -= heights.mean(dim=1, keepdim=True)
            potential.scatter_add_(0, found.indices.flatten(), heights.flatten())
    scale = 3.0 * x.shape[1] / len(units)
    variance = sum(float(p.var()) / len(p) for p in potentials)
    return Estimate(scale * total, scale * variance**0.5)


def _overlaps(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return where steps of 1/n and of 1/m over [0, 1] overlap: both steps, and the width."""
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)  # in units of 1 / (n m)
    starts = np.concatenate([[0], ends[:-1]])
    widths = (ends - starts) / (n * m)
    return torch.from_numpy(starts // m), torch.from_numpy(starts // n), torch.from_numpy(widths)
