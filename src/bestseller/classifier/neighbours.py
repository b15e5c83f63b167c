"""Nearest neighbours among feature vectors."""

import numpy as np
from numpy.typing import NDArray

from bestseller.metrics.distances import row_blocks, squared_distances


def nearest(
    queries: NDArray[np.floating],
    bank: NDArray[np.floating],
    k: int,
    skip: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the k nearest rows of the bank for every query, nearest first.

    Euclidean, centred on the bank's mean, so that the difference of two near rows does not drown
    in what all rows have in common. Equal distances are ordered by row. Where fewer than k rows
    may be had, the last places hold row -1 and an infinite distance.

    Args:
        queries: N x d.
        bank: M x d.
        k: number of neighbours.
        skip: bool N x M, true where a row may not be a neighbour of a query.

    Returns:
        rows int64 N x k, distances float64 N x k.
    """
    rows = np.full((len(queries), k), -1, np.int64)
    found = np.full((len(queries), k), np.inf)
    width = min(k, len(bank))
    if width == 0:
        return rows, found
    centre = bank.mean(axis=0, dtype=np.float64)
    centred = bank - centre
    for part in row_blocks(len(queries), len(bank)):
        matrix = np.sqrt(squared_distances(queries[part] - centre, centred))
        if skip is not None:
            matrix[skip[part]] = np.inf
        order = np.argsort(matrix, axis=1, kind="stable")[:, :width]
        found[part, :width] = np.take_along_axis(matrix, order, axis=1)
        rows[part, :width] = np.where(np.isinf(found[part, :width]), -1, order)
    return rows, found
