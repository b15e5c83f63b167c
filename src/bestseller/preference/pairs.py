"""Bradley-Terry fitted on what products of one line sold against each other.

For two products of a line, on sale for d_i and d_j days, with sales rates exp(s_i) and exp(s_j),
independent Poisson sales give, for each unit that one of the two sold, the probability that it
was i's:

    p_ij = sigmoid((s_i + log d_i) - (s_j + log d_j)),        s = X w.

So units are the wins of a Bradley-Terry model (Bradley and Terry 1952) whose offset is the log
of the days on sale: what a line, a season or a price level adds to both products cancels. The
sum over pairs is a composite likelihood; a line's pairs are divided by its products less one, so
that a unit counts once however many rivals its product has.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.special import expit

Array = NDArray[np.float64]

MOST_STEPS = 50
WORSE_IN_A_ROW = 3  # penalties, of half a decade each in `ranker.PENALTIES`
TOLERANCE = 1e-9  # nats a unit: when no more can be gained the fit ends


@dataclass(frozen=True)
class Sales:
    """What N products sold.

    Attributes:
        units: float64 N, >= 0.
        days: float64 N, > 0, on sale.
        groups: int64 N, the line of each product; pairs are made within it.
    """

    units: Array
    days: Array
    groups: NDArray[np.int64]

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Return the products where `rows` (bool N) holds."""
        return type(self)(self.units[rows], self.days[rows], self.groups[rows])


def pair_loss(scores: Array, sales: Sales) -> tuple[float, Array]:
    """Return the loss per unit sold, in nats, and its gradient with respect to the scores.

    Log 2 is what a score that knows nothing reaches when all days are equal; 0.0 where no line has
    two products of which one sold a unit.

    Args:
        scores: float64 N, log of the sales rate up to a constant of the line.
        sales: of the same products.
    """
    loss, gradient = 0.0, np.zeros_like(scores)
    rivals, weight = _rivals(sales)
    for rows, scale in rivals:
        sold = sales.units[rows]
        gap = _gaps(scores, sales, rows)
        losing = expit(-gap)  # 1 - p_ij; the diagonal is a constant that is taken off again
        loss += scale * float(sold @ (np.logaddexp(0.0, -gap).sum(axis=1) - np.log(2.0)))
        gradient[rows] = scale * (losing.T @ sold - sold * losing.sum(axis=1))
    return loss / weight, gradient / weight


def pair_curvature(features: Array, scores: Array, sales: Sales) -> Array:
    """Return the second derivatives of pair_loss(X w) with respect to w, float64 d x d."""
    curvature = np.zeros((features.shape[1], features.shape[1]))
    rivals, weight = _rivals(sales)
    for rows, scale in rivals:
        sold, x = sales.units[rows], features[rows]
        win = expit(_gaps(scores, sales, rows))
        pairs = scale * (sold[:, None] + sold[None, :]) * win * (1 - win)
        curvature += x.T @ (pairs.sum(axis=1)[:, None] * x - pairs @ x)
    return curvature / weight


def _rivals(sales: Sales) -> tuple[list[tuple[NDArray[np.int64], float]], float]:
    """Return the rows and the scale of each line with rivals, and the units sold in them (or 1)."""
    lines = [np.flatnonzero(sales.groups == group) for group in np.unique(sales.groups)]
    lines = [rows for rows in lines if len(rows) > 1 and sales.units[rows].any()]
    sold = sum(float(sales.units[rows].sum()) for rows in lines)
    return [(rows, 1.0 / (len(rows) - 1)) for rows in lines], sold or 1.0


def _gaps(scores: Array, sales: Sales, rows: NDArray[np.int64]) -> Array:
    expected = scores[rows] + np.log(sales.days[rows])
    return expected[:, None] - expected[None, :]


def fit_weights(features: Array, sales: Sales, penalty: float, start: Array | None = None) -> Array:
    """Return the weights w (float64 d) with the least pair_loss(X w) + penalty |w|^2 / 2.

    Newton's method with step halving. The loss is convex, so the minimum is the only one.

    Args:
        features: float64 N x d, X.
        sales: of the same products.
        penalty: > 0.
        start: where to start, such as the weights for another penalty.
    """

    def objective(w: Array) -> tuple[float, Array]:
        loss, gradient = pair_loss(features @ w, sales)
        return loss + 0.5 * penalty * float(w @ w), features.T @ gradient + penalty * w

    w = np.zeros(features.shape[1]) if start is None else start
    value, gradient = objective(w)
    for _ in range(MOST_STEPS):
        curvature = pair_curvature(features, features @ w, sales)
        curvature[np.diag_indices_from(curvature)] += penalty
        step = solve(curvature, -gradient, assume_a="pos")
        gain = -float(gradient @ step)  # twice what the quadratic model promises
        size = 1.0
        while (tried := objective(w + size * step))[0] > value - 0.1 * size * gain and size > 1e-6:
            size /= 2
        w, (value, gradient) = w + size * step, tried
        if gain < TOLERANCE:
            break
    return w


def choose_penalty(
    features: Array, sales: Sales, folds: NDArray[np.int64], penalties: Array
) -> float:
    """Return the penalty with the least cross-validated pair_loss.

    Each fold is held out once; its products of one line are compared with each other. The
    search goes from the largest penalty down, the way the fits become slower, and ends where
    three in a row were worse than the best.

    Args:
        features: float64 N x d.
        sales: of the same products.
        folds: int64 N, the fold of each product.
        penalties: what to choose from.
    """
    held = [folds == fold for fold in np.unique(folds)]
    parts = [(features[~h], sales.select(~h), features[h], sales.select(h)) for h in held]
    weights: list[Array | None] = [None] * len(parts)  # those for one are a start for the next
    best, least, worse = float("nan"), np.inf, 0
    for penalty in np.sort(penalties)[::-1]:
        loss = 0.0
        for i, (x, sold, x_held, sold_held) in enumerate(parts):
            fitted = weights[i] = fit_weights(x, sold, float(penalty), weights[i])
            loss += pair_loss(x_held @ fitted, sold_held)[0] * len(x_held)
        if loss < least:
            best, least, worse = float(penalty), loss, 0
        elif (worse := worse + 1) == WORSE_IN_A_ROW:
            break
    return best


def make_folds(clusters: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Deal clusters to folds at random, in equal numbers; rows of one cluster share a fold."""
    names, of_row = np.unique(clusters, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(np.arange(len(names)) % folds)
    result: NDArray[np.int64] = dealt[of_row]
    return result
