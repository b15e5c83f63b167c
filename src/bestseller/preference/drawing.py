"""How sales enter a training: a weight and a percentile for each product that it learns from.

A product's sales are its rate over its line's. The fewer units are expected in its days on sale,
the more they are drawn towards the line's mean. With u units in the days since its first sale, and
m expected at the line's level, they are

    r = (u + 1 / phi) / (m + 1 / phi),

the posterior mean of the gamma variable of `rates` (Clayton & Kaldor 1987), where phi is the
dispersion of products that nothing tells apart. A product without a first sale has r = 1, its
line's mean: it may not have been on sale. The percentile is the middle rank of r in the line.
"""

import numpy as np
import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.classifier.sellers import sales_history
from bestseller.preference.rates import Sales, expected_units, fit_dispersion

COLUMNS = ["sku", "weight", "percentile"]


def no_sales() -> pd.DataFrame:
    """Return the table of a training that sales do not enter: no row."""
    return pd.DataFrame({"sku": pd.Series(dtype=str), "weight": [], "percentile": []})


def training_sales(units: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Return what a training is told of the sales of its products.

    Products that are held out are left out before anything is computed.

    Args:
        units: as `sales.units_per_product` gives them, until the ledger's last day.
        index: a row per image: sku, line, cluster, split.

    Returns:
        A row per product, by sku: sku, weight (r, > 0), percentile (0..1, both excluded).

    Raises:
        BestsellerError: no line has two products of which one sold after its first sale.
    """
    seen = index[index["split"] != "test"]
    history = sales_history(units, seen, [])
    sales = Sales.of(history)
    if not sales.informs.any():
        raise BestsellerError(
            "data/sales/units.parquet: no line has two products of which one sold twice, so "
            "params.yaml: train.sales has nothing to tell a training; set it to none"
        )
    level = np.zeros(len(history))
    size = 1 / fit_dispersion(level, sales)
    rates = (sales.units + size) / (expected_units(level, sales, 1 / size) + size)
    products = seen[["sku", "line"]].drop_duplicates("sku").sort_values("sku", ignore_index=True)
    known = pd.Series(rates, index=history["sku"])
    products["weight"] = products["sku"].map(known).fillna(1.0)
    of_line = products.groupby("line")["weight"]
    products["percentile"] = (of_line.rank() - 0.5) / of_line.transform("size")
    return products[COLUMNS]
