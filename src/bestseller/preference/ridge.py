"""Weights of a rate regression with a ridge penalty, whose size is fitted on the products.

Features come in blocks of unit scale, so that the size of the ridge has a meaning: weights with the
prior variance v explain, before any sale is known, a variance of v of the products' log rates.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.optimize import minimize

from bestseller.preference.rates import (
    Array,
    Sales,
    centred_in_lines,
    fit_dispersion,
    information,
    rate_loss,
)

VARIANCES = np.logspace(-3, 3, 13)
SHARES = (0.0, 0.1, 0.35, 0.65, 0.9, 1.0)  # of the prior variance, for the second of two blocks
WORSE_IN_A_ROW = 3  # variances, of half a decade each
MOST_STEPS = 500
EXACT, ROUGH = 1e-4, 1e-2  # largest slope at the end, in nats per standard deviation of a weight


@dataclass(frozen=True)
class Ridge:
    """A fitted rate regression.

    Attributes:
        weights: float64 d, of the features as they were given.
        penalty: float64 d, of the squared weights, halved; infinite for a feature left out.
        variance: prior variance of the log rates.
        share: of it, for the second block; 0 where there is one.
        dispersion: of the sales, around scores of products that were held out.
    """

    weights: Array
    penalty: Array
    variance: float
    share: float
    dispersion: float


class Turned:
    """Features turned to the axes in which sales tell of each weight alone, or nearly.

    In these axes the loss has a diagonal curvature where all scores are 0, which makes a
    quasi-Newton fit as fast as Newton's method, without its matrices.
    """

    def __init__(self, features: Array, sales: Sales, dispersion: float) -> None:
        known = information(np.zeros(len(features)), sales, dispersion)
        centred = centred_in_lines(features, known, sales)
        self.curvature, self.axes = eigh(centred.T @ (known[:, None] * centred))
        self.curvature = np.maximum(self.curvature, 0.0)
        self.features = features @ self.axes

    def fit(
        self,
        rows: NDArray[np.bool_],
        sales: Sales,
        variance: float,
        dispersion: float,
        *,
        start: Array | None = None,
        slope: float = EXACT,
    ) -> Array:
        """Return the weights, along the axes, with the greatest posterior density, float64 d.

        Args:
            rows: bool N, the products to learn from.
            sales: of all N products.
            variance: of a weight's prior, whose mean is 0.
            dispersion: of the sales.
            start: weights near the answer.
            slope: the largest that may be left.
        """
        x, sold = self.features[rows], sales.select(rows)
        scale = 1 / np.sqrt(rows.mean() * self.curvature + 1 / variance)

        def objective(v: Array) -> tuple[float, Array]:
            w = scale * v
            loss, gradient = rate_loss(x @ w, sold, dispersion)
            gradient = scale * (x.T @ gradient + w / variance)
            return loss + 0.5 * float(w @ w) / variance, gradient

        first = np.zeros(len(scale)) if start is None else start / scale
        options = {"maxiter": MOST_STEPS, "ftol": 0.0, "gtol": slope, "maxcor": 20}
        found = minimize(objective, first, jac=True, method="L-BFGS-B", options=options)
        return np.asarray(scale * found.x, np.float64)


def fit_ridge(
    features: Array, sales: Sales, folds: NDArray[np.int64], blocks: Sequence[int]
) -> Ridge:
    """Fit weights; variance, share and dispersion are those that tell held-out folds best.

    The dispersion is first that of products which nothing tells apart, then, in a second round
    over the shares next to the best, that around the held-out scores.

    Args:
        features: float64 N x d.
        sales: of the same products.
        folds: int64 N, the fold of each product.
        blocks: sizes of one or two blocks of features, d in sum. Each is scaled to a mean square
            of 1 a product, about the mean of its line.
    """
    centred = centred_in_lines(features, np.ones(len(features)), sales)
    ends = np.cumsum(blocks)
    parts = [centred[:, end - size : end] for end, size in zip(ends, blocks, strict=True)]
    scales = [float(np.sqrt((part**2).sum(axis=1).mean())) or 1.0 for part in parts]
    dispersion = fit_dispersion(np.zeros(len(features)), sales)
    shares: Sequence[float] = SHARES if len(blocks) > 1 else (0.0,)
    for _ in range(2):
        tried = []
        for share in shares:
            factors = np.repeat(np.sqrt([1 - share, share])[: len(blocks)] / scales, blocks)
            turned = Turned(centred * factors, sales, dispersion)
            loss, variance, scores = choose_variance(turned, sales, folds, dispersion)
            tried.append((loss, share, variance, factors, scores))
        _, share, variance, factors, scores = min(tried, key=lambda found: found[0])
        dispersion = fit_dispersion(scores, sales)
        place = shares.index(share)
        shares = shares[max(place - 1, 0) : place + 2]
    with np.errstate(divide="ignore"):
        penalty = 1 / (variance * factors**2)
    weights = fit_weights(centred, sales, penalty, dispersion)
    return Ridge(weights, penalty, variance, share, dispersion)


def fit_weights(features: Array, sales: Sales, penalty: Array, dispersion: float) -> Array:
    """Return the weights w (float64 d) with the least rate_loss(X w) + sum(penalty w^2) / 2.

    Args:
        features: float64 N x d, X.
        sales: of the same products.
        penalty: float64 d, > 0; infinite = the weight is 0.
        dispersion: of the sales.
    """
    deviation = 1 / np.sqrt(penalty)
    turned = Turned(features * deviation, sales, dispersion)
    every = np.ones(len(features), bool)
    return deviation * (turned.axes @ turned.fit(every, sales, 1.0, dispersion))


def choose_variance(
    turned: Turned, sales: Sales, folds: NDArray[np.int64], dispersion: float
) -> tuple[float, float, Array]:
    """Return the least loss of held-out products, the prior variance, and their scores.

    Each fold is scored by a fit to the others. The search goes from the smallest variance up, the
    way the fits become slower, and ends where three in a row were worse than the best.

    Args:
        turned: the features of N products.
        sales: of the same products.
        folds: int64 N, the fold of each product.
        dispersion: of the sales.
    """
    held = [folds == fold for fold in np.unique(folds)]
    starts: list[Array | None] = [None] * len(held)  # the weights for one variance start the next
    best, worse = (np.inf, float("nan"), np.zeros(len(folds))), 0
    for variance in VARIANCES:
        scores = np.zeros(len(folds))
        for i, out in enumerate(held):
            fitted = turned.fit(
                ~out, sales, float(variance), dispersion, start=starts[i], slope=ROUGH
            )
            starts[i], scores[out] = fitted, turned.features[out] @ fitted
        loss = rate_loss(scores, sales, dispersion)[0]
        if loss < best[0]:
            best, worse = (loss, float(variance), scores), 0
        elif (worse := worse + 1) == WORSE_IN_A_ROW:
            break
    return best


def make_folds(clusters: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal clusters to folds at random, in equal numbers; rows of one cluster share a fold."""
    names, of_row = np.unique(clusters, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(np.arange(len(names)) % folds)
    result: NDArray[np.int64] = dealt[of_row]
    return result
