"""Calibration of the classifier's probabilities: the temperature, and measures of their quality.

Arrays throughout: logits and probabilities float64 N x L, labels int64 N in 0..L-1.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

LARGEST_TEMPERATURE = 20.0


def calibrated(logits: Array, temperature: float) -> Array:
    """Return the probabilities softmax(logits / temperature)."""
    result: Array = softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return result


def fit_temperature(logits: Array, labels: Labels) -> float:
    """Return the temperature with the least negative log-likelihood (Guo et al. 2017).

    Fit it on validation images only. When each of n images is classified rightly the likelihood
    alone wants T = 0 and full certainty; yet n images without an error leave a chance of error of
    about 1 / (n + 2), by the rule of succession. So the target is 1 - 1 / (n + 2) for the label,
    the rest in equal parts for the other lines, as Platt (1999) does with two classes. The loss is
    convex in 1/T, so its minimum is the only one; it is searched in 1/20..20.

    Raises:
        ValueError: there is no image, or a single line.
    """
    n, lines = logits.shape
    if n == 0 or lines < 2:
        raise ValueError("a temperature needs a validation image and two lines")
    error = 1 / (n + 2)
    target = np.full((n, lines), error / (lines - 1))
    target[np.arange(n), labels] = 1 - error

    def loss(log_temperature: float) -> float:
        return float(-(target * log_softmax(logits / np.exp(log_temperature), axis=1)).sum() / n)

    bound = float(np.log(LARGEST_TEMPERATURE))
    found = minimize_scalar(loss, bounds=(-bound, bound), method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def nll_of_logits(logits: Array, labels: Labels, temperature: float = 1.0) -> float:
    """Return the mean negative log-likelihood in nats; finite for any finite logits."""
    log_p = log_softmax(np.asarray(logits, np.float64) / temperature, axis=1)
    return float(-log_p[np.arange(len(labels)), labels].mean())


def brier(probabilities: Array, labels: Labels) -> float:
    """Return the Brier score, mean_i sum_l (p_il - [l = label_i])^2, from 0 (best) to 2."""
    target = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - target) ** 2).sum(axis=1).mean())


def calibration_error(probabilities: Array, labels: Labels, bins: int = 10) -> float:
    """Return the expected calibration error of the top line, 0..1, over bins of equal mass.

    The images are sorted by confidence and cut into `bins` groups whose sizes differ by one at
    most (no more groups than images); the error is the size-weighted mean of
    |accuracy - confidence| over the groups.
    """
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    groups = np.array_split(order, min(bins, len(order)))
    gaps = [len(g) * abs(right[g].mean() - confidence[g].mean()) for g in groups]
    return float(sum(gaps) / len(order))


def accuracy(probabilities: Array, labels: Labels) -> float:
    """Return the share of images whose most probable line is theirs."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def without_prior(probabilities: Array, prior: Array) -> Array:
    """Divide the sales prior out: p'(l | image) is p(l | image) / prior(l), normalised.

    The classifier sees lines in proportion to what they sold, so that its posterior leans to the
    lines that sell; divided out, every line stands alike before the image is seen.

    Args:
        probabilities: float64 N x L, rows sum to 1.
        prior: float64 L, > 0, the share of each line in the training draws.
    """
    odds = probabilities / prior
    result: Array = odds / odds.sum(axis=1, keepdims=True)
    return result
