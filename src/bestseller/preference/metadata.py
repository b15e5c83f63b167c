"""What a table knows of a product without a picture: its price and when it came."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.catalogue.product import Product

PRICE_BAND = 1.25  # times: two prices at most this far apart are one band
LAUNCH_WINDOW = 91  # days: two first sales at most this far apart are one season


TOLD = ["sku", "log_price", "currency", "attributes"]


def catalogue_table(products: Iterable[Product]) -> pd.DataFrame:
    """Return what a catalogue tells of its products: sku, price, currency, attributes (a dict)."""
    rows = [
        {
            "sku": product.sku,
            "price": product.price,
            "currency": product.currency,
            "attributes": {"brand": product.brand, "category": product.category}
            | dict(getattr(product, "attributes", {})),
        }
        for product in products
    ]
    return pd.DataFrame(rows, columns=["sku", "price", "currency", "attributes"])


def with_table(history: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the history with log_price (NaN where unknown), currency ("" too) and attributes.

    Args:
        history: from `sellers.sales_history`.
        table: sku, price (decimal text or None), currency (text or None), as the catalogue tells
            them today, and, where there are any, attributes (a dict: name to text, number or
            None). A price of 0 or less is none.
    """
    table = history.merge(table, on="sku", how="left", validate="one_to_one")
    told = table.get("attributes", pd.Series(None, table.index, dtype=object))
    rows = [dict(row) if isinstance(row, Mapping) else {} for row in told]
    table["attributes"] = pd.Series(rows, table.index, dtype=object)
    price = pd.to_numeric(table.pop("price"), errors="coerce")
    table["log_price"] = np.log(price.where(price > 0))
    table["currency"] = table["currency"].fillna("").where(table["log_price"].notna(), "")
    return table


def comparable(products: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which pairs of products came at the same time and cost the same: bool N x N.

    First sales at most 91 days apart, and prices that differ by a quarter at most. A price counts
    where both are known; prices of two currencies are not the same.

    Args:
        products: first_sale, log_price, currency, from `with_table`.
    """
    days = products["first_sale"].to_numpy("datetime64[D]").astype(np.int64)
    price, currency = products["log_price"].to_numpy(np.float64), products["currency"].to_numpy(str)
    together = np.abs(days[:, None] - days[None, :]) <= LAUNCH_WINDOW
    gap = np.abs(price[:, None] - price[None, :])
    alike = (gap <= np.log(PRICE_BAND) + 1e-9) & (currency[:, None] == currency[None, :])
    return together & (np.isnan(gap) | alike)


@dataclass(frozen=True)
class Metadata:
    """Turns the columns of a table into features for the ranker, as the fitted products have them.

    Four numbers a product: the log price (less the median of its currency), its square, whether
    the price is known, and the day of the first sale. The line counts too, since products are
    only ever compared within it. The first sale stands for the launch, which a ledger does not
    tell; a fast seller sells its first unit sooner, so that this baseline knows a little of what
    it predicts. Values beyond those of the fitted products count as the nearest of them.
    """

    medians: dict[str, float]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def fit(cls, products: pd.DataFrame) -> Self:
        """Learn the medians and the ranges of products from `with_table`."""
        medians = products.groupby("currency")["log_price"].median().dropna()
        named = {str(currency): float(median) for currency, median in medians.items()}
        open_ended = cls(named, np.full(2, -np.inf), np.full(2, np.inf))
        values = open_ended._values(products)
        return cls(named, values.min(axis=0), values.max(axis=0))

    def features(self, products: pd.DataFrame) -> NDArray[np.float32]:
        """Return the four numbers, float32 N x 4; an unknown price is that of the median."""
        price, day = np.clip(self._values(products), self.low, self.high).T
        known = products["log_price"].notna().to_numpy(np.float64)
        return np.stack([price, price**2, known, day], axis=1).astype(np.float32)

    def _values(self, products: pd.DataFrame) -> NDArray[np.float64]:
        """Return the centred log price and the day of the first sale in years, float64 N x 2."""
        price = products["log_price"] - products["currency"].map(self.medians)
        day = products["first_sale"].to_numpy("datetime64[D]").astype(np.float64) / 365.25
        return np.stack([price.fillna(0.0).to_numpy(np.float64), day], axis=1)
