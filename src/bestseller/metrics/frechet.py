"""Frechet distance between two Gaussians, and between two feature tables.

    d^2 = |mu1 - mu2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)

With any factors S = F F', tr (S1 S2)^(1/2) is the sum of the singular values of F1' F2 (Heusel et
al. 2017 for the metric). That needs no matrix square root, never squares a condition number, and
stays exact where there are fewer images than features. Resampling a Frechet distance with
replacement biases it upwards, so no interval of that kind is offered here.
"""

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
    means = [torch.as_tensor(np.asarray(mu, dtype=np.float64)) for mu in (mu1, mu2)]
    sigmas = [torch.as_tensor(np.asarray(s, dtype=np.float64)) for s in (sigma1, sigma2)]
    trace = float(sigmas[0].trace() + sigmas[1].trace())
    return _distance(means[0], means[1], trace, _factor(sigmas[0]), _factor(sigmas[1]))


def frechet_distance_from_features(a: ArrayLike, b: ArrayLike) -> float:
    """Return the squared Frechet distance between two feature tables, N x d and M x d.

    The unbiased covariances are used through factors of the centred features: the features
    themselves where N < d, their QR factor R otherwise.
    """
    means, factors, trace = [], [], 0.0
    for name, table in (("first feature table", a), ("second feature table", b)):
        features = torch.as_tensor(as_features(table, name))
        mean = features.mean(dim=0)
        centred = (features - mean) / (len(features) - 1) ** 0.5
        trace += float(centred.square().sum())
        if len(centred) > centred.shape[1]:
            centred = torch.linalg.qr(centred, mode="r").R
        means.append(mean)
        factors.append(centred.T)
    return _distance(means[0], means[1], trace, factors[0], factors[1])


def _factor(sigma: Tensor) -> Tensor:
    """Return F with F F' = sigma; by eigh where dead features leave no Cholesky factor."""
    factor, failed = torch.linalg.cholesky_ex(sigma)
    if int(failed) == 0:
        return factor
    values, vectors = torch.linalg.eigh(sigma)
    return vectors * values.clamp(min=0).sqrt()


def _distance(mu1: Tensor, mu2: Tensor, trace: float, f1: Tensor, f2: Tensor) -> float:
    cross = float(torch.linalg.svdvals(f1.T @ f2).sum())
    return max(0.0, float((mu1 - mu2).square().sum()) + trace - 2.0 * cross)
