"""Diversity: the mean squared distance between two different images in an embedding.

LPIPS with non-negative weights is the squared distance of an embedding g, so its mean over all
M (M - 1) / 2 pairs needs no pairs: it is 2 tr(C), C the unbiased covariance of g, and

    tr(C) = (sum_i |g_i|^2 - |sum_i g_i|^2 / M) / (M - 1).
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from bestseller.metrics.distances import as_features
from bestseller.metrics.statistics import Estimate

GROUPS = 32  # parts of the images for the jackknife of streamed embeddings


def mean_squared_distance(embedding: ArrayLike) -> Estimate:
    """Return the mean over all pairs of different rows, M x D, with its standard error.

    The standard error is that of the U-statistic's Hajek projection, 2 sd(h) / sqrt(M), where h_i
    is the mean squared distance of image i to the others.
    """
    g = as_features(embedding, "embedding", 3)
    spread = np.square(g - g.mean(axis=0)).sum(axis=1)
    h = (len(g) * spread + spread.sum()) / (len(g) - 1)
    return Estimate(float(h.mean()), float(2.0 * h.std(ddof=1) / np.sqrt(len(g))))


def mean_squared_distance_from_sums(total: Tensor, squares: float, count: int) -> float:
    """Return the mean over all pairs of `count` images from two sums.

    Args:
        total: the sum of the embeddings, D.
        squares: the sum of their squared norms.
    """
    return 2.0 * (squares - float(total.square().sum()) / count) / (count - 1)


class PairwiseSpread:
    """The mean squared distance between images whose embeddings arrive in batches.

    Keeps 32 sums in place of the embeddings, which may have half a million values an image.

    Args:
        neighbours: each image is also paired with so many others of its batch, for `over_pairs`;
            give the images in random order.
    """

    def __init__(self, neighbours: int = 0) -> None:
        self.neighbours = neighbours
        self.count = 0
        self._sums: Tensor | None = None
        self._squares = np.zeros(GROUPS)
        self._counts = np.zeros(GROUPS, dtype=np.int64)
        self._pairs: list[np.ndarray] = []

    def add(self, embedding: Tensor) -> None:
        """Count a batch of embeddings, B x D."""
        if self._sums is None:
            self._sums = torch.zeros(
                (GROUPS, embedding.shape[1]), dtype=torch.float64, device=embedding.device
            )
        norms = torch.linalg.vector_norm(embedding, dim=1, dtype=torch.float64).square()
        for row, norm in zip(embedding, norms.tolist(), strict=True):
            group = self.count % GROUPS
            self._sums[group] += row
            self._squares[group] += norm
            self._counts[group] += 1
            self.count += 1
        reach = min(self.neighbours, (len(embedding) - 1) // 2)
        if reach > 0:
            products = (embedding @ embedding.T).double()
            squared = (norms[:, None] + norms - 2.0 * products).clamp(min=0.0)
            for shift in range(1, reach + 1):
                self._pairs.append(squared.roll(shift, dims=1).diagonal().cpu().numpy())

    def over_all(self) -> Estimate:
        """Return the mean over all pairs; standard error by the jackknife over 32 groups."""
        if self._sums is None or self.count < 3:
            raise ValueError("the mean distance needs three images or more")
        total, squares = self._sums.sum(dim=0), float(self._squares.sum())
        value = mean_squared_distance_from_sums(total, squares, self.count)
        groups = np.flatnonzero(self._counts)
        without = [
            mean_squared_distance_from_sums(
                total - self._sums[g], squares - self._squares[g], self.count - self._counts[g]
            )
            for g in groups
        ]
        variance = (len(groups) - 1) * np.var(without)
        return Estimate(value, float(np.sqrt(variance)))

    def over_pairs(self, pairs: int) -> tuple[float, int]:
        """Return the mean over the first `pairs` sampled pairs, and how many there were."""
        distances = np.concatenate(self._pairs)[:pairs]
        return float(distances.mean()), len(distances)
