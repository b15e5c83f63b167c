"""The catalogue as it was known on a past day, and what was launched after it.

A product's launch is its first sale, since the ledger has no launch dates. If an attribute of the
catalogue tells the day of the launch, the earlier of both days counts. A product with neither day
is neither among the known products nor among the launched ones.
"""

import datetime as dt
from collections.abc import Iterable

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Product

SKU = "sku"


def launch_days(
    units: pd.DataFrame, products: Iterable[Product], attribute: str = ""
) -> pd.DataFrame:
    """Return when each product was launched, a row per product that the catalogue holds.

    Args:
        units: from `sales.units_per_product`, of the whole ledger.
        products: today's catalogue.
        attribute: the catalogue's that tells the day of launch, ISO date; empty = none does.

    Returns:
        sku, line (None for none), launch (datetime64, NaT where it is unknown), told (bool, whether
        the catalogue tells it).

    Raises:
        BestsellerError: no product has the attribute, or a value is no ISO date.
    """
    products = list(products)
    told = {p.sku: p.attributes.get(attribute, "") for p in products}
    if attribute and not any(told.values()):
        raise BestsellerError(
            f"params.yaml: foresight.launched: no product has the attribute {attribute!r}; name "
            'one of data/raw/catalogue.jsonl, or set "" for the first sale'
        )
    table = pd.DataFrame(
        {
            SKU: [product.sku for product in products],
            "line": [product.line for product in products],
            "day": [_day(sku, attribute, text) for sku, text in told.items()],
        }
    )
    table["day"] = pd.to_datetime(table["day"])
    first = units.set_index(SKU)["first_date"].reindex(table[SKU]).to_numpy()
    table["launch"] = pd.concat([table["day"], pd.Series(pd.to_datetime(first))], axis=1).min(
        axis=1
    )
    table["told"] = table.pop("day").notna()
    return table


def _day(sku: str, attribute: str, text: str) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise BestsellerError(
            f"data/raw/catalogue.jsonl: product {sku!r}: {attribute}: {text!r} is no ISO date such "
            "as 2024-03-01; mend the source, or name another attribute in foresight.launched"
        ) from error


def later_sales(
    days: pd.DataFrame, units: pd.DataFrame, index: pd.DataFrame, after: dt.date, least_days: int
) -> pd.DataFrame:
    """Return what the products launched after a day sold, those that can be told of.

    The rate of a product whose launch is told counts all units from that day on. Where the first
    sale stands for the launch it starts the clock and is not counted itself, as in
    `sellers.sales_history`. Left out are products without a photo, near-duplicates of a product
    known on the day, which are no new designs, and those with fewer days of sales than asked for.

    Args:
        days: from `launch_days`.
        units: from `sales.units_per_product`, of the whole ledger.
        index: a row per image: sku, line, cluster.
        after: the day; it belongs to what was known.
        least_days: of sales, >= 1.

    Returns:
        A row per product, by sku: sku, line (of its photo), launch, rate (units per day, >= 0),
        days (of sales, >= least_days).
    """
    photos = index[[SKU, "line", "cluster"]].drop_duplicates(SKU)
    table = photos.merge(days[[SKU, "launch", "told"]], on=SKU).merge(units, on=SKU)
    was_known = table["launch"] <= pd.Timestamp(after)
    again = table["cluster"].isin(table.loc[was_known, "cluster"])
    last = (units["first_date"] + pd.to_timedelta(units["days_on_sale"] - 1, unit="D")).max()
    counted = table.get("counted", (table["units"] - 1).clip(lower=0))
    table["days"] = table["days_on_sale"].where(
        ~table["told"], (last - table["launch"]).dt.days.fillna(0) + 1
    )
    sold = counted.where(~table["told"], table["units"])
    table["rate"] = sold / table["days"].where(table["days"] > 0)
    kept = (table["launch"] > pd.Timestamp(after)) & ~again & (table["days"] >= least_days)
    columns = [SKU, "line", "launch", "rate", "days"]
    return table.loc[kept, columns].sort_values(SKU, ignore_index=True)
