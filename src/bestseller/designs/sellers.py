"""The best sellers beside a design: which products count as such, and which look most like it.

A product is a best seller if it is in the top of its line by units and sold a least number of
units. Likeness is measured in CIELAB, in which equal distances look about equal: of the colour of
the middle, where the face of a product tends to be, and of the colours over the whole picture.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from bestseller.catalogue.product import Product
from bestseller.designs.design import NEAREST
from bestseller.designs.looks import MIDDLE, to_lab
from bestseller.params import Shortlist

CELLS = 8  # along a side, over which the colours of the whole picture are averaged
MIDDLE_WEIGHT = 2.0  # of the middle's difference against that of the whole picture

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Price:
    """What a product costs: a number and an ISO 4217 code, or the sign that the page has."""

    value: float
    currency: str


@dataclass(frozen=True)
class BestSellers:
    """The best sellers, and how they look.

    Attributes:
        products: a row each: sku, name, line, units (net), price (NaN where unknown), currency.
        palette: float64 N x d, of `palette`, row i for row i of the products.
    """

    products: pd.DataFrame
    palette: Array

    @classmethod
    def of(
        cls,
        images: NDArray[np.uint8],
        products: pd.DataFrame,
        *,
        share: float,
        least_units: int,
    ) -> Self:
        """Choose the best sellers among the products that have a picture.

        Args:
            images: uint8 N x S x S x 3, the picture of each product.
            products: N rows: sku, name, line, units, price, currency.
            share: 0..1, the top of a line by units; at least one product of it.
            least_units: a product that sold fewer is none.
        """
        rows = best_rows(products["line"].tolist(), products["units"].to_numpy(), share)
        rows = rows[products["units"].to_numpy()[rows] >= least_units]
        chosen = products.iloc[rows].reset_index(drop=True)
        return cls(chosen, palette(np.asarray(images)[rows]))

    @classmethod
    def in_catalogue(
        cls,
        images: NDArray[np.uint8],
        index: pd.DataFrame,
        products: Sequence[Product],
        settings: Shortlist,
    ) -> Self:
        """Choose the best sellers among the catalogue's products that have a picture.

        Args:
            images: uint8 N x S x S x 3; of a product with several the first counts.
            index: N rows: sku, line, units (net).
            products: of the catalogue, for names and prices.
            settings: seller_share and seller_units.
        """
        first = ~index["sku"].duplicated().to_numpy()
        table = index.loc[first, ["sku", "line", "units"]].astype({"sku": str})
        names = {product.sku: product.name for product in products}
        told = {product.sku: (product.price, product.currency) for product in products}
        prices = prices_of(told)
        known = [prices.get(sku) for sku in table["sku"]]
        table = table.assign(
            name=[names.get(sku) or sku for sku in table["sku"]],
            price=[price.value if price else float("nan") for price in known],
            currency=[price.currency if price else "" for price in known],
        )
        return cls.of(
            np.asarray(images)[first],
            table,
            share=settings.seller_share,
            least_units=settings.seller_units,
        )

    def nearest(self, image: NDArray[np.uint8], count: int = NEAREST) -> list[dict[str, Any]]:
        """Return the best sellers that look most like an image, nearest first.

        Args:
            image: uint8 S x S x 3.
            count: how many; fewer where there are fewer.

        Returns:
            Of each: sku, name, line, units, distance (CIELAB, about visible steps), and where
            known price and currency.
        """
        if self.products.empty:
            return []
        distances = cdist(palette(image[None]), self.palette)[0]
        order = np.argsort(distances, kind="stable")[:count]
        return [self._record(int(row), float(distances[row])) for row in order]

    def _record(self, row: int, distance: float) -> dict[str, Any]:
        product = self.products.iloc[row]
        known = not math.isnan(product["price"])
        return {
            "sku": str(product["sku"]),
            "name": str(product["name"]),
            "line": str(product["line"]),
            "units": int(product["units"]),
            "distance": round(distance, 4),
        } | ({"price": float(product["price"]), "currency": product["currency"]} if known else {})


def best_rows(lines: Sequence[str], units: NDArray[np.generic], share: float) -> NDArray[np.int64]:
    """Return the rows in the top of their line by units, ascending; equal units by row.

    Args:
        lines: N lines.
        units: N numbers.
        share: 0..1 of a line, rounded up.
    """
    table = pd.DataFrame({"line": list(lines), "units": np.asarray(units, np.float64)})
    groups = table.groupby("line")["units"]
    rank = groups.rank(ascending=False, method="first")
    return np.flatnonzero(rank <= np.ceil(share * groups.transform("size"))).astype(np.int64)


def palette(images: NDArray[np.uint8]) -> Array:
    """Return images N x S x S x 3 as points whose Euclidean distance is a difference in colour.

    The squared distance is that between the median colours of the middles, times the square of
    `MIDDLE_WEIGHT`, plus the mean squared difference over `CELLS` x `CELLS` cells, in CIELAB.
    """
    points = [_point(np.asarray(image)) for image in images]
    return np.stack(points) if points else np.empty((0, 3 * (CELLS**2 + 1)))


def _point(image: NDArray[np.uint8]) -> Array:
    lab = to_lab(image)
    side = len(image)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    middle = np.median(lab[np.hypot(x, y) <= max(MIDDLE * side, 1.0)], axis=0)
    cells = min(CELLS, side)
    edges = np.linspace(0, side, cells + 1).astype(int)
    whole = [
        lab[top:bottom, left:right].mean(axis=(0, 1))
        for top, bottom in pairwise(edges)
        for left, right in pairwise(edges)
    ]
    return np.concatenate([MIDDLE_WEIGHT * middle, np.concatenate(whole) / cells])


def prices_of(told: Mapping[str, tuple[str | None, str | None]]) -> dict[str, Price]:
    """Return the prices that can be set beside each other, by sku.

    Money of two currencies cannot: of several currencies the commonest stays, the others are left
    out; a price without a currency counts as one of its own.

    Args:
        told: price (decimal text) and currency of each product, by sku.
    """
    known = {
        sku: Price(float(price), currency or "")
        for sku, (price, currency) in told.items()
        if price is not None and math.isfinite(float(price)) and float(price) > 0
    }
    currencies = pd.Series([price.currency for price in known.values()], dtype=object)
    if currencies.empty:
        return {}
    main = sorted(currencies.value_counts().items(), key=lambda kv: (-kv[1], str(kv[0])))[0][0]
    return {sku: price for sku, price in known.items() if price.currency == main}
