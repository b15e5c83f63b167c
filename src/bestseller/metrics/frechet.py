"""Frechet distance between two Gaussians, and between two feature tables.

    d^2 = |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)

With any factors S = F F', tr (S1 S2)^(1/2) is the sum of the singular values of F1' F2 (Heusel et
al. 2017 for the metric). That needs no matrix square root, never squares a condition number, and
stays exact where there are fewer images than features. From moments one factor is enough: it is the
sum of the roots of the eigenvalues of F1' S2 F1.

Estimated from N images the distance is too large by about slope / N, and the slope depends on the
model: a model with less variance has less of it, so that at small N the distance may prefer the
wrong model (Chong and Forsyth 2020). `Gaussian.distance_and_limit` takes the line in 1/N to its
end. Resampling a Frechet distance with replacement biases it upwards, so no interval of that kind
is offered here.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from bestseller.metrics.distances import as_features


def frechet_distance(mu1: ArrayLike, sigma1: ArrayLike, mu2: ArrayLike, sigma2: ArrayLike) -> float:
    """Return the squared Frechet distance of N(mu1, sigma1) and N(mu2, sigma2).

    Args:
        mu1, mu2: means, d.
        sigma1, sigma2: covariances, d x d, symmetric, positive semi-definite.
    """
    first, second = (torch.as_tensor(np.asarray(mu, dtype=np.float64)) for mu in (mu1, mu2))
    s1, s2 = (torch.as_tensor(np.asarray(s, dtype=np.float64)) for s in (sigma1, sigma2))
    factor = _factor(s1)
    roots = torch.linalg.eigvalsh(factor.T @ s2 @ factor).clamp(min=0).sqrt()
    trace = float(s1.trace() + s2.trace())
    return max(0.0, float((first - second).square().sum()) + trace - 2.0 * float(roots.sum()))


def frechet_distance_from_features(a: ArrayLike, b: ArrayLike) -> float:
    """Return the squared Frechet distance between two feature tables, N x d and M x d."""
    first = Gaussian.of(a, "first feature table")
    return first.distance(Gaussian.of(b, "second feature table"))


@dataclass(frozen=True)
class Gaussian:
    """Mean and unbiased covariance of a feature table, the covariance as a factor.

    Attributes:
        mean: d.
        factor: r x d, float64; factor' factor is the covariance. The scaled centred features
            themselves where N < d, their QR factor R otherwise.
        trace: of the covariance.
    """

    mean: Tensor
    factor: Tensor
    trace: float

    @classmethod
    def of(cls, features: ArrayLike, name: str = "features") -> "Gaussian":
        """Sum up features, N x d; `name` stands in the error of a bad table."""
        table = torch.as_tensor(as_features(features, name))
        mean = table.mean(dim=0)
        centred = (table - mean) / (len(table) - 1) ** 0.5
        trace = float(centred.square().sum())
        if len(centred) > centred.shape[1]:
            centred = torch.linalg.qr(centred, mode="r").R
        return cls(mean, centred, trace)

    def distance(self, other: "Gaussian") -> float:
        """Return the squared Frechet distance to another table's Gaussian."""
        cross = float(torch.linalg.svdvals(self.factor @ other.factor.T).sum())
        means = float((self.mean - other.mean).square().sum())
        return max(0.0, means + self.trace + other.trace - 2.0 * cross)

    def distance_and_limit(self, features: ArrayLike) -> tuple[float, float]:
        """Return the distance to a table, N x d, and what it would be with infinitely many rows.

        The distance at N rows and its mean over two halves lie on a line in 1/N, whose end at 0 is
        2 FD(N) - FD(N/2); the halves are drawn with a fixed seed. More and smaller parts bend the
        line, and so do few rows: with N near d or below the limit is too low. Only the table is
        extrapolated, not the images of this Gaussian. The limit may come out below 0.
        """
        table = as_features(features, "features", 4)
        whole = self.distance(Gaussian.of(table))
        order = np.random.default_rng(0).permutation(len(table))
        halves = [self.distance(Gaussian.of(table[rows])) for rows in np.array_split(order, 2)]
        return whole, 2.0 * whole - float(np.mean(halves))


def _factor(sigma: Tensor) -> Tensor:
    """Return F with F F' = sigma; by eigh where dead features leave no Cholesky factor."""
    factor, failed = torch.linalg.cholesky_ex(sigma)
    if int(failed) == 0:
        return factor
    values, vectors = torch.linalg.eigh(sigma)
    return vectors * values.clamp(min=0).sqrt()
