"""How uncertain a score is: its variance, its interval, and the belief in the score of a design.

The model: a product's sales rate, over that of its line's average product, is exp(s) G.

- s is the log score. It is known up to the posterior variance v of a ridge regression (Laplace's
  approximation; Rasmussen & Williams 2006, section 3.4). v is larger if few products are near the
  picture.
- G says how unequally products with the same score sell. It is a gamma variable with mean 1 and
  variance phi, the dispersion that the ranker found around products it had not seen (`rates`). Its
  log has the variance psi_1(1 / phi), which contains the mean v of those products.

So the log of the rate has the variance psi_1(1 / phi) + v - mean v. The interval has the quantiles
of log G, stretched to this variance.

A picture that a model drew is no photo of a product. Parts of it are the model's own, and its score
is less sure than v says of photos. The score is therefore drawn towards what is known without the
picture, a prior with mean m and variance t:

    s' = m + k (s - m),    k = t / (t + v).

This is the posterior mean of two normal distributions (Lindley & Smith 1972). Animal breeders
combine a young animal's own record with its parents' in this way (Henderson 1975, "Best Linear
Unbiased Estimation and Prediction under a Selection Model"). Like every posterior mean it stays
unbiased for the designs that were chosen because it is high. Its variance would be k v if the
prior's variance were right. That variance is a guess: 95 % intervals with k v held only 82 to 90 %
of what the hidden taste says of drawn designs (`benchmarks/steering.py`). So a design's variance is
k v + mean v.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import digamma, gammaincinv, polygamma

from bestseller.metrics.statistics import Interval, mean_interval
from bestseller.preference.ranker import SalesRanker
from bestseller.preference.rates import (
    Sales,
    centred_in_lines,
    expected_units,
    information,
)

Array = NDArray[np.float64]
Features = NDArray[np.float32]

LEAST = 2  # products, of which a coverage has an interval


@dataclass(frozen=True)
class Belief:
    """What is known beside a ranker's scores.

    Attributes:
        ranker: whose scores they are.
        root: float64 d x d, R with R'R the posterior covariance of the ranker's weights.
        usual: the mean posterior variance of the log score of a product that was left out.
    """

    ranker: SalesRanker
    root: Array
    usual: float

    @classmethod
    def of(cls, ranker: SalesRanker) -> Self:
        """Work out the posterior of a ranker from the products that it was fitted on."""
        fitted, sales, scores = (
            ranker.fitted,
            Sales.of(ranker.products),
            ranker.log_rate(ranker.bank),
        )
        known = information(scores, sales, fitted.dispersion)
        centred = centred_in_lines(ranker.bank.astype(np.float64), known, sales)
        free = np.isfinite(fitted.penalty)  # the weight of a feature left out is known to be 0
        precision = centred[:, free].T @ (known[:, None] * centred[:, free])
        precision[np.diag_indices_from(precision)] += fitted.penalty[free]
        root = np.zeros((len(free), len(free)))
        root[np.ix_(free, free)] = np.linalg.inv(np.linalg.cholesky(precision))
        covered = cho_solve(cho_factor(precision), centred[:, free].T).T
        inside = (centred[:, free] * covered).sum(axis=1)
        left_out = inside / (1 - known * inside)  # Sherman & Morrison 1950
        return cls(ranker, root, float(left_out[sales.informs].mean()))

    def variance(self, features: Features, lines: Sequence[str]) -> Array:
        """Return v, the posterior variance of the log scores, float64 N, >= 0.

        It counts what the line's average hangs on as well: a line of few products may by chance
        have better or worse ones than their pictures say.

        Args:
            features: float32 N x d.
            lines: N lines; one that was not fitted is compared with all products.
        """
        departs, chances = self._departures(features, lines)
        return np.asarray(((departs @ self.root.T) ** 2).sum(axis=1) + chances)

    def variance_slope(self, features: Features, lines: Sequence[str]) -> Array:
        """Return the gradient of `variance` with respect to the features, float64 N x d."""
        departs, _ = self._departures(features, lines)
        return np.asarray(2 * (departs @ self.root.T) @ self.root)

    def _departures(self, features: Features, lines: Sequence[str]) -> tuple[Array, Array]:
        """Return what features differ by from their lines' averages, and the doubt of these."""
        means, chances = {}, {}
        for line in set(lines):
            rows = self._of_line(line)
            rates = np.exp(self.ranker.log_rate(self.ranker.bank[rows]))
            shares = rates / rates.sum()
            means[line] = shares @ self.ranker.bank[rows].astype(np.float64)
            chances[line] = float(shares @ shares) * self.ranker.fitted.dispersion
        departs = features.astype(np.float64) - np.stack([means[line] for line in lines])
        return departs, np.array([chances[line] for line in lines])

    def interval(self, score: Array, variance: Array, confidence: float) -> tuple[Array, Array]:
        """Return both ends of the sales of products, over those of their line's average one.

        Args:
            score: float64 N, the expected value, > 0.
            variance: float64 N, of its logarithm.
            confidence: 0..1, that a product lies between the ends.
        """
        phi = self.ranker.fitted.dispersion
        middle = float(digamma(1 / phi) + np.log(phi))
        factor = np.sqrt(self._wider(variance))
        tails = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
        ends = np.log(gammaincinv(1 / phi, tails) * phi) - middle
        low, high = (score * np.exp(middle + end * factor) for end in ends)
        return np.maximum(low, np.finfo(np.float64).tiny), high  # it may have a logarithm

    def sales(self) -> Array:
        """Return the sales of the fitted products over those of their line's average, float64 N.

        They combine the picture and the product's own units. Let m be the units that the score
        expects. The sales are (units + 1 / phi) / (m + 1 / phi) times the score (Clayton & Kaldor
        1987). So a young product with a lucky week does not set a record.
        """
        ranker, phi = self.ranker, self.ranker.fitted.dispersion
        sales = Sales.of(ranker.products)
        expected = expected_units(ranker.log_rate(ranker.bank), sales, phi)
        own = (sales.units + 1 / phi) / (expected + 1 / phi)
        return np.asarray(ranker.score(ranker.bank, list(ranker.products["line"])) * own)

    def reached(self, line: str) -> float:
        """Return the largest `sales` of a fitted product of a line."""
        return float(self.sales()[self._of_line(line)].max())

    def coverage(self, features: Features, products: pd.DataFrame, confidence: float) -> Array:
        """Return how far each product's counted units lie inside the interval, float64 N, 0..1.

        The interval of a sales rate becomes one of units by Poisson's chance. A number of units
        at its edge counts in part: the share of its probability that lies inside (Czado et al.
        2009, "Predictive Model Assessment for Count Data", whose transform is not randomised).
        The mean is the coverage, to be compared with `confidence`.

        Args:
            features: float32 N x d, of products that the ranker was not fitted on.
            products: line, counted, days of each, from `sellers.sales_history`; NaN is returned
                where no unit was sold in the line that was fitted.
            confidence: of the interval.
        """
        from scipy.stats import nbinom  # noqa: PLC0415 (slow import)

        ranker, phi = self.ranker, self.ranker.fitted.dispersion
        scores, lines = ranker.log_rate(features), list(products["line"])
        sales = Sales.of(ranker.products)
        seen = ranker.log_rate(ranker.bank)
        expected = expected_units(seen, sales, phi)
        with np.errstate(divide="ignore"):
            levels = np.log(expected) - np.log(sales.days) - seen
        by_line = pd.Series(levels).groupby(ranker.products["line"].to_numpy()).first()
        level = by_line.reindex(lines).to_numpy(np.float64)
        mean = products["days"].to_numpy(np.float64) * np.exp(level + scores)
        size = 1 / (phi * self._wider(self.variance(features, lines)))
        told = np.isfinite(mean) & (mean > 0)
        units, mean = products["counted"].to_numpy(np.float64), np.where(told, mean, 1.0)
        upper, lower = (nbinom.cdf(units - k, size, size / (size + mean)) for k in (0, 1))
        tail = (1 - confidence) / 2
        inside = np.clip(upper, tail, 1 - tail) - np.clip(lower, tail, 1 - tail)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(upper > lower, inside / (upper - lower), 0.0)
        return np.where(told, shares, np.nan)

    def covered(self, features: Features, products: pd.DataFrame, confidence: float) -> Interval:
        """Return the mean of `coverage` with its interval; NaN where fewer than two are known."""
        shares = self.coverage(features, products, confidence)
        known = shares[~np.isnan(shares)]
        if len(known) < LEAST:
            return Interval(float("nan"), float("nan"), float("nan"))
        return mean_interval(known, confidence)

    def _wider(self, variance: Array) -> Array:
        """Return the variance of the log of rates over that of log G, float64 N, > 0."""
        spread = float(polygamma(1, 1 / self.ranker.fitted.dispersion))
        return np.asarray(np.maximum(spread + variance - self.usual, variance) / spread)

    def _of_line(self, line: str) -> NDArray[np.int64]:
        of_line = (self.ranker.products["line"] == line).to_numpy()
        return np.flatnonzero(of_line if of_line.any() else np.ones_like(of_line))


def believed(log_score: Array, variance: Array, prior: Array, spread: Array) -> tuple[Array, Array]:
    """Return the log scores drawn towards their prior, and the share k that is the pictures'.

    Args:
        log_score: float64 N, s, of the pictures alone.
        variance: float64 N, v, > 0.
        prior: float64 N, m, what is expected without the picture.
        spread: float64 N, t, the prior's variance, >= 0; infinite = the picture alone counts.
    """
    share = 1 / (
        1 + np.divide(variance, spread, where=spread > 0, out=np.full_like(spread, np.inf))
    )
    return prior + share * (log_score - prior), share
