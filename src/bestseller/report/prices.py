"""Prices on the page: bands of the catalogue, the band of a design, units sold in each."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from bestseller.designs.sellers import Price
from bestseller.report.results import Results

DIGITS = 2  # significant figures of an edge between two bands
UNKNOWN = "price unknown"


@dataclass(frozen=True)
class Bands:
    """Bands of price, each with about as many products.

    Attributes:
        edges: between the bands, ascending; a price at an edge belongs to the band above it.
        currency: of all prices, empty where the catalogue has none.
    """

    edges: tuple[float, ...]
    currency: str

    @classmethod
    def of(cls, prices: Mapping[str, Price], count: int) -> Self:
        """Cut the prices of a catalogue into at most `count` bands; fewer where they are few."""
        values = [price.value for price in prices.values()]
        if not values:
            return cls((), "")
        inner = np.quantile(values, np.arange(1, count) / count)
        edges = {_rounded(float(edge)) for edge in inner}
        inside = sorted(edge for edge in edges if min(values) < edge <= max(values))
        return cls(tuple(inside), next(iter(prices.values())).currency)

    @property
    def names(self) -> list[str]:
        """What the bands are called, the cheapest first; none where no price is known."""
        if not self.currency and not self.edges:
            return []
        if not self.edges:
            return ["any price"]
        ends = [self.written(edge) for edge in self.edges]
        between = [f"{low} to {high}" for low, high in pairwise(ends)]
        return [f"under {ends[0]}", *between, f"{ends[-1]} and over"]

    def band(self, price: float | None) -> str:
        """Return the name of the band that a price belongs to."""
        if price is None or not self.names:
            return UNKNOWN
        return self.names[bisect_right(self.edges, price)]

    def written(self, price: float) -> str:
        """Write a price with its currency, without cents."""
        return f"{price:,.0f} {self.currency}".strip()

    def span(self, prices: Sequence[float]) -> str:
        """Write the lowest and the highest of some prices; empty without any."""
        if not prices:
            return ""
        low, high = (f"{end:,.0f}" for end in (min(prices), max(prices)))
        return self.written(max(prices)) if low == high else f"{low} to {high} {self.currency}"


def likely_price(sellers: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the median price of the best sellers like a design, None where none has a price."""
    known = [seller["price"] for seller in sellers if "price" in seller]
    return float(np.median(known)) if known else None


def prices_by_line(results: Results) -> dict[str, list[float]]:
    """Return the known prices of each line's products."""
    products = results.images.index[["sku", "line"]].drop_duplicates("sku")
    found: dict[str, list[float]] = {}
    for sku, line in products.itertuples(index=False):
        price = results.prices.get(str(sku))
        if price is not None:
            found.setdefault(str(line), []).append(price.value)
    return found


def _rounded(value: float) -> float:
    places = DIGITS - 1 - int(np.floor(np.log10(value)))
    return round(value, places)
