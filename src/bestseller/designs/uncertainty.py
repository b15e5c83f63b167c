"""How far a sales score could have come out otherwise: its interval over the products it is from.

The infinitesimal jackknife (Jaeckel 1972; Efron 2014). With weight v_i on product i, its sales
count v_i times in the ranker's loss; the derivative of a design's log score by v_i is the product's
influence on it, and the sum of the squared influences estimates the variance that a resample of
the products, and with them of their sales, would give. Nothing is fitted again.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.special import ndtri

from bestseller.preference.ranker import SalesRanker
from bestseller.preference.rates import Sales, centred_in_lines, information, rate_loss

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
        products, fitted = ranker.products, ranker.fitted
        groups = pd.factorize(products["line"], sort=True)[0].astype(np.int64)
        sold, days = (products[name].to_numpy(np.float64) for name in ("counted", "days"))
        sales, scores = Sales(sold, days, groups), ranker.log_rate(ranker.bank)
        _, slopes = rate_loss(scores, sales, fitted.dispersion)
        known = information(scores, sales, fitted.dispersion)
        # A product moves its line's level as well, hence the mean weighted by information.
        centred = centred_in_lines(ranker.bank.astype(np.float64), known, sales)
        curvature = centred.T @ (known[:, None] * centred)
        curvature[np.diag_indices_from(curvature)] += fitted.penalty
        return cls(ranker, -solve(curvature, (slopes[:, None] * centred).T, assume_a="pos"))

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
        half = ndtri((1 + confidence) / 2) * error
        score = ranker.score(features, [line] * len(features))
        return score * np.exp(-half), score * np.exp(half)
