"""Euclidean distances between feature tables, a block of rows at a time."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from bestseller.base.errors import BestsellerError

Array = np.ndarray
BLOCK_VALUES = 2**23  # entries of one block of the distance matrix, 64 MiB in float64


def as_features(values: ArrayLike, name: str, least: int = 2) -> Array:
    """Return a feature table as float64, N x d.

    Raises:
        BestsellerError: fewer than `least` rows, or a value that is not finite.
    """
    features = np.ascontiguousarray(values, dtype=np.float64)
    if features.ndim != 2:
        raise ValueError(f"{name}: expected a table of features, got shape {features.shape}")
    if len(features) < least:
        raise BestsellerError(
            f"{name}: {len(features)} images are too few for this metric; give {least} or more"
        )
    if not np.isfinite(features).all():
        raise BestsellerError(f"{name}: some features are not finite; train the model again")
    return features


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Yield slices over `rows`, each small enough for a block of `columns` columns."""
    step = max(1, BLOCK_VALUES // max(1, columns))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def squared_distances(a: Array, b: Array) -> Array:
    """Return the squared Euclidean distances between the rows of `a` and of `b`, N x M."""
    squares = np.einsum("id,id->i", a, a)[:, None] + np.einsum("jd,jd->j", b, b)
    return np.maximum(squares - 2.0 * (a @ b.T), 0.0)
