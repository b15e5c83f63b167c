"""Precision, recall, density and coverage from balls around images in feature space.

Precision and recall after Kynkaanniemi et al. 2019, density and coverage after Naeem et al. 2020.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bestseller.metrics.distances import Array, as_features, row_blocks, squared_distances


@dataclass(frozen=True)
class Prdc:
    """precision, recall, coverage in [0, 1]; density >= 0, about 1 for equal distributions."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> Prdc:
    """Return the four measures of `fake`, M x d, against `real`, N x d.

    Args:
        k: a ball reaches to the k-th nearest other image of its own set. Coverage depends on k and
            on both numbers of images.

    Memory stays at one block of the distance matrix.

    Raises:
        BestsellerError: a table has k images or fewer.
    """
    real = as_features(real, "real features", k + 1)
    fake = as_features(fake, "generated features", k + 1)
    radius_real, radius_fake = _radii(real, k), _radii(fake, k)
    in_real = np.zeros(len(fake), dtype=np.int64)  # real balls that hold generated image j
    recalled = covered = 0
    for rows in row_blocks(len(real), len(fake)):
        distances = squared_distances(real[rows], fake)
        in_real += (distances < radius_real[rows, None]).sum(axis=0)
        recalled += int((distances < radius_fake).any(axis=1).sum())
        covered += int((distances.min(axis=1) < radius_real[rows]).sum())
    return Prdc(
        precision=float((in_real > 0).mean()),
        recall=recalled / len(real),
        density=float(in_real.mean() / k),
        coverage=covered / len(real),
    )


def _radii(features: Array, k: int) -> Array:
    """Return the squared distance of each row to its k-th nearest other row."""
    radii = np.empty(len(features))
    for rows in row_blocks(len(features), len(features)):
        distances = squared_distances(features[rows], features)
        own = np.arange(rows.start, rows.stop)
        distances[own - rows.start, own] = 0.0  # rank 0 is the image itself
        radii[rows] = np.partition(distances, k, axis=1)[:, k]
    return radii
