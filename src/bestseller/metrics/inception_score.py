"""Inception score: how sure a classifier is of each image, and how many classes it sees in all."""

import numpy as np
from numpy.typing import ArrayLike


def inception_score(probabilities: ArrayLike) -> float:
    """Return exp of the mean Kullback-Leibler divergence of p(y | x) from p(y), 1 to K.

    1 where every image gets the same probabilities, K where each is surely one of K classes and
    the classes are equally frequent (Salimans et al. 2016). The name is the formula's: with another
    classifier than Inception-v3 the number is that classifier's.

    Args:
        probabilities: N x K, rows that sum to 1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    mean = p.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(p > 0, p * np.log(p / mean), 0.0)
    return float(np.exp(parts.sum(axis=1).mean()))
