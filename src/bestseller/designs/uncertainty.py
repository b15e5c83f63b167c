"""How far a sales score could have come out otherwise: its interval over the products it is from.

The infinitesimal jackknife (Jaeckel 1972; Efron 2014). With weight v_i on product i, the pairs
(i, j) of the ranker's loss count v_i v_j times; the derivative of a design's log score by v_i is
the product's influence on it, and the sum of the squared influences estimates the variance that
a resample of the products, and with them of their sales, would give. Nothing is fitted again.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.special import expit
from scipy.stats import norm

from bestseller.preference import SalesRanker
from bestseller.preference.pairs import Sales, pair_curvature

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScoreUncertainty:
    """The influence of each fitted product on a ranker's scores.

    Attributes:
        ranker: whose scores they are.
        moves: float64 d x n, the derivative of the ranker's weights by the weight of a product.
    """

    ranker: SalesRanker
    moves: Array

    @classmethod
    def of(cls, ranker: SalesRanker) -> Self:
        """Work out how the ranker's weights hang on each of its products."""
        products = ranker.products
        groups = pd.factorize(products["line"], sort=True)[0].astype(np.int64)
        sizes = np.bincount(groups)
        wide = ranker.bank.astype(np.float64)
        means = np.stack([np.bincount(groups, column) / sizes for column in wide.T], axis=1)
        centred = wide - means[groups]
        squared_scale = float((centred**2).sum(axis=1).mean()) or 1.0  # as `fit_ranker` divides
        sold, days = (products[name].to_numpy(np.float64) for name in ("counted", "days"))
        scores = centred @ ranker.weights
        curvature = pair_curvature(centred, scores, Sales(sold, days, groups))
        curvature[np.diag_indices_from(curvature)] += ranker.penalty * squared_scale
        gradients = _gradients(centred, scores + np.log(days), sold, groups)
        return cls(ranker, -solve(curvature, gradients.T, assume_a="pos"))

    def interval(
        self, features: NDArray[np.float32], line: str, confidence: float
    ) -> tuple[Array, Array]:
        """Return the lower and the upper end of the scores of designs of one line, float64 N.

        Args:
            features: float32 N x d.
            line: of all of them; one that was not fitted is compared with all products.
            confidence: 0..1.
        """
        ranker = self.ranker
        fitted = (ranker.products["line"] == line).to_numpy()
        rows = np.flatnonzero(fitted if fitted.any() else np.ones_like(fitted))
        rates = np.exp(ranker.log_rate(ranker.bank[rows]))
        shares = rates / rates.sum()
        mean = shares @ ranker.bank[rows].astype(np.float64)
        influence = (features.astype(np.float64) - mean) @ self.moves
        influence[:, rows] -= shares - 1 / len(rows)  # the products also make the line's average
        error = np.sqrt((influence**2).sum(axis=1))
        half = norm.ppf((1 + confidence) / 2) * error
        score = ranker.score(features, [line] * len(features))
        return score * np.exp(-half), score * np.exp(half)


def _gradients(features: Array, expected: Array, sold: Array, groups: NDArray[np.int64]) -> Array:
    """Return each product's share of the gradient of `pair_loss` by the weights, float64 n x d.

    A pair belongs to both of its products. `expected`: log of the expected sales up to a constant.
    """
    gradients = np.zeros_like(features)
    weight = 0.0
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        units = sold[rows]
        if len(rows) < 2 or not units.any():
            continue
        weight += float(units.sum())
        losing = expit(expected[rows][None, :] - expected[rows][:, None])  # j's share of i's units
        pull = (units[None, :] * losing.T - units[:, None] * losing) / (len(rows) - 1)
        x = features[rows]
        gradients[rows] = pull.sum(axis=1)[:, None] * x - pull @ x
    return gradients / (weight or 1.0)
