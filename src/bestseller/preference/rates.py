"""Sales rates of products against those of their line: a negative binomial regression.

A product with the score s_i, on sale for d_i days in line g, sells

    u_i ~ NB(mean m_i, variance m_i + phi m_i^2),        m_i = d_i exp(a_g + s_i).

The line's level a_g takes its best value for the scores. So what a line, a season or a price level
adds to all its products cancels. The dispersion phi says how unequally products with the same score
sell (placement, stock, fashion). It limits the weight of one product to that of 1 / phi units,
however many it sold, and gives little weight to a product that has been on sale for a few days. phi
= 0 would be Poisson's regression, in which a line's few hits outweigh its other products (Cameron
and Trivedi 2013, chapter 3).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import gammaln

Array = NDArray[np.float64]

LEAST_DISPERSION, MOST_DISPERSION = 1e-3, 1e2
MOST_STEPS = 100  # of Newton's method for the levels, each of at most 1 in the logarithm
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Sales:
    """The sales of N products.

    Attributes:
        units: float64 N, >= 0.
        days: float64 N, > 0, on sale.
        groups: int64 N, the line of each product.
    """

    units: Array
    days: Array
    groups: NDArray[np.int64]

    @classmethod
    def of(cls, products: pd.DataFrame) -> Self:
        """Take them from a table with the columns line, counted (units) and days."""
        groups = pd.factorize(products["line"], sort=True)[0].astype(np.int64)
        counted, days = (products[name].to_numpy(np.float64) for name in ("counted", "days"))
        return cls(counted, days, groups)

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Return the products where `rows` (bool N) holds."""
        return type(self)(self.units[rows], self.days[rows], self.groups[rows])

    @cached_property
    def lines(self) -> NDArray[np.int64]:
        """The line of each product, numbered 0, 1, ... without gaps: int64 N."""
        return np.unique(self.groups, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def informs(self) -> NDArray[np.bool_]:
        """Tell which products have a rival, and a unit sold by one of the two: bool N."""
        rivals = np.bincount(self.lines)[self.lines] > 1
        return rivals & (np.bincount(self.lines, self.units)[self.lines] > 0)

    def in_line(self, values: Array) -> Array:
        """Return each line's sum of values, float64 L."""
        return np.asarray(np.bincount(self.lines, values), np.float64)


def expected_units(scores: Array, sales: Sales, dispersion: float) -> Array:
    """Return m at the best levels, float64 N; 0 for the products of a line that sold nothing.

    Args:
        scores: float64 N, log of the sales rate up to a constant of the line.
        sales: of the same products.
        dispersion: phi, > 0.
    """
    highest = np.full(sales.lines.max(initial=-1) + 1, -np.inf)
    np.maximum.at(highest, sales.lines, scores)
    base = sales.days * np.exp(scores - highest[sales.lines])
    with np.errstate(divide="ignore"):
        levels = np.log(sales.in_line(sales.units)) - np.log(sales.in_line(base))
    sold = np.isfinite(levels)
    levels = np.where(sold, levels, 0.0)  # Poisson's levels are the start
    for _ in range(MOST_STEPS):
        mean = np.exp(levels)[sales.lines] * base
        spread = 1 + dispersion * mean
        slope = sales.in_line((mean - sales.units) / spread)
        bend = sales.in_line(mean * (1 + dispersion * sales.units) / spread**2)
        step = np.where(sold, np.clip(-slope / bend, -1.0, 1.0), 0.0)
        levels += step
        if np.abs(step).max(initial=0.0) < TOLERANCE:
            break
    return np.where(sold[sales.lines], np.exp(levels)[sales.lines] * base, 0.0)


def rate_loss(scores: Array, sales: Sales, dispersion: float) -> tuple[float, Array]:
    """Return minus the log-likelihood, in nats, and its gradient with respect to the scores.

    Terms that no score changes are left out. A line whose products sold nothing, or that has a
    single one, adds no gradient.
    """
    mean = expected_units(scores, sales, dispersion)
    spread = np.log1p(dispersion * mean)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = np.where(sales.units > 0, sales.units * np.log(mean), 0.0)
    loss = float(((sales.units + 1 / dispersion) * spread - gained).sum())
    return loss, (mean - sales.units) / (1 + dispersion * mean)


def information(scores: Array, sales: Sales, dispersion: float) -> Array:
    """Return the second derivative of each product's loss by its log rate, float64 N, >= 0."""
    mean = expected_units(scores, sales, dispersion)
    return mean * (1 + dispersion * sales.units) / (1 + dispersion * mean) ** 2


def centred_in_lines(features: Array, weights: Array, sales: Sales) -> Array:
    """Return the features less the weighted mean of their line, float64 N x d."""
    total = sales.in_line(weights)
    share = weights / np.where(total > 0, total, 1.0)[sales.lines]
    sums = csr_array((share, (sales.lines, np.arange(len(share)))))
    centred: Array = features - (sums @ features)[sales.lines]
    return centred


def fit_dispersion(scores: Array, sales: Sales) -> float:
    """Return the dispersion with the greatest likelihood, in 0.001..100.

    Args:
        scores: float64 N; what they leave unexplained counts as dispersion, so that scores of
            products that they were fitted on give too small a value.
        sales: of the same products.
    """
    known = sales.informs
    sales, scores = sales.select(known), scores[known]

    def loss(log_dispersion: float) -> float:
        dispersion = float(np.exp(log_dispersion))
        size = 1 / dispersion
        constant = gammaln(sales.units + size) - gammaln(size)
        constant += sales.units * log_dispersion
        return rate_loss(scores, sales, dispersion)[0] - float(constant.sum())

    bounds = (np.log(LEAST_DISPERSION), np.log(MOST_DISPERSION))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))
