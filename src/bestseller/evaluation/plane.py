"""The plane in which real images differ the most."""

from dataclasses import dataclass

import numpy as np

from bestseller.metrics.distances import Array


@dataclass(frozen=True)
class Plane:
    """The two directions in which real images differ the most: their principal components.

    Attributes:
        mean: d.
        axes: 2 x d, each with its largest entry positive, so that equal features give equal plots.
    """

    mean: Array
    axes: Array

    @classmethod
    def of(cls, features: Array) -> "Plane":
        """Fit the plane to real features, N x d."""
        table = np.asarray(features, dtype=np.float64)
        mean = table.mean(axis=0)
        axes = np.linalg.eigh(np.cov(table, rowvar=False))[1][:, :-3:-1].T
        largest = np.abs(axes).argmax(axis=1)
        return cls(mean, axes * np.sign(axes[[0, 1], largest])[:, None])

    def points(self, features: Array) -> Array:
        """Return the places of features, N x d, in the plane, N x 2; the mean is at (0, 0)."""
        found: Array = (np.asarray(features, dtype=np.float64) - self.mean) @ self.axes.T
        return found
