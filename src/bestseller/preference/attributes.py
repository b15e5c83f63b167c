"""A table's columns as features: colour, fabric, material, price and whatever else it tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Value = str | int | float

RARE = 5  # products: a level of fewer is merged with the other rare ones of its column
MOST_LEVELS = 50  # of a column, the most frequent ones; the others count as rare
PRICE = "price"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers, in deviations from its mean; what is missing lies at the mean.

    Attributes:
        name: of the column.
        mean, deviation: of the fitted products.
        low, high: their range; values beyond it count as its end.
        gaps: whether some lack it, which then is a feature of its own.
    """

    name: str
    mean: float
    deviation: float
    low: float
    high: float
    gaps: bool

    def features(self, values: Sequence[Value | None]) -> NDArray[np.float64]:
        """Return float64 N x 1, or N x 2 with a 1 where the number is missing."""
        numbers = as_numbers(values)
        missing = np.isnan(numbers)
        scaled = (np.clip(numbers, self.low, self.high) - self.mean) / self.deviation
        columns = [np.where(missing, 0.0, scaled)] + [missing.astype(np.float64)] * self.gaps
        return np.stack(columns, axis=1)


@dataclass(frozen=True)
class Levels:
    """A column of words: a feature for each frequent level, and one for all rare ones.

    What is missing is a level as well; a level that no fitted product has counts as rare.
    """

    name: str
    levels: tuple[str, ...]

    def features(self, values: Sequence[Value | None]) -> NDArray[np.float64]:
        """Return float64 N x (levels + 1), a single 1 in each row."""
        place = {level: column for column, level in enumerate(self.levels)}
        columns = [place.get(as_word(value), len(place)) for value in values]
        return np.eye(len(place) + 1)[columns]


@dataclass(frozen=True)
class AttributeTable:
    """Turns the attributes of products into features for the ranker.

    Nothing of it is learned from sales, and no column needs to be declared: one whose values are
    all numbers is one of numbers, every other one of words. A column that is alike for all fitted
    products, or tells each apart like a name, is left out.

    Attributes:
        columns: those that were of use, in alphabetical order.
    """

    columns: tuple[Numbers | Levels, ...]

    @classmethod
    def fit(cls, products: pd.DataFrame) -> Self:
        """Learn the columns of products with log_price and attributes, from `with_table`."""
        rows = _rows(products)
        names = sorted({name for row in rows for name in row})
        found = [_column(name, [row.get(name) for row in rows]) for name in names]
        return cls(tuple(column for column in found if column is not None))

    @property
    def names(self) -> list[str]:
        """Names of the columns; empty where nothing tells the products apart."""
        return [column.name for column in self.columns]

    def features(self, products: pd.DataFrame) -> NDArray[np.float32]:
        """Return float32 N x d."""
        rows = _rows(products)
        parts = [c.features([row.get(c.name) for row in rows]) for c in self.columns]
        return np.concatenate([np.empty((len(rows), 0)), *parts], axis=1).astype(np.float32)


def as_numbers(values: Sequence[Value | None]) -> NDArray[np.float64]:
    """Return the values as finite numbers, float64 N, NaN where one is none."""
    texts = pd.Series([as_word(value) for value in values], dtype=object)
    numbers = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def as_word(value: Value | None) -> str:
    """Return a value as text in lower case with single spaces; empty where it is missing."""
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if missing else " ".join(str(value).split()).casefold()


def _rows(products: pd.DataFrame) -> list[dict[str, Value | None]]:
    """Return each product's attributes, its price among them as a logarithm."""
    prices, told = products["log_price"], products["attributes"]
    return [
        dict(attributes) | {PRICE: float(price)}
        for price, attributes in zip(prices, told, strict=True)
    ]


def _column(name: str, values: Sequence[Value | None]) -> Numbers | Levels | None:
    """Describe a column, or return None where it tells nothing."""
    words = [as_word(value) for value in values]
    numbers = as_numbers(values)
    known = numbers[~np.isnan(numbers)]
    if len(known) == sum(word != "" for word in words):
        if len(known) == 0:
            return None
        gaps, low, high = len(known) < len(words), float(known.min()), float(known.max())
        if low == high and not gaps:
            return None
        deviation = float(known.std()) or 1.0
        return Numbers(name, float(known.mean()), deviation, low, high, gaps)
    counts = pd.Series(words).value_counts()
    frequent = counts[counts >= RARE].head(MOST_LEVELS)
    if frequent.empty or len(counts) == 1:
        return None
    return Levels(name, tuple(sorted(str(level) for level in frequent.index)))
