"""From the clean ledger to one number a product."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Literal

import pandas as pd

from bestseller.catalogue.product import Product
from bestseller.sales.periods import PERIOD_END, last_whole


def designs_by_sku(products: Iterable[Product]) -> dict[str, str]:
    """Return under which design each sku is counted: a design's own and those of its variants.

    A sku of several designs is left out, see `shared_skus`.
    """
    products = list(products)
    shared = shared_skus(products)
    variants = {
        variant.sku: product.sku
        for product in products
        for variant in product.variants
        if variant.sku not in shared
    }
    return variants | {product.sku: product.sku for product in products}


def shared_skus(products: Iterable[Product]) -> dict[str, tuple[str, ...]]:
    """Return the skus that are variants of several designs, with these in order.

    What a design itself is called is its own, whatever other design has it among its variants.
    """
    products = list(products)
    own = {product.sku for product in products}
    designs: dict[str, set[str]] = {}
    for product in products:
        for variant in product.variants:
            designs.setdefault(variant.sku, set()).add(product.sku)
    return {
        sku: tuple(sorted(found))
        for sku, found in designs.items()
        if len(found) > 1 and sku not in own
    }


def units_per_product(clean: pd.DataFrame, skus: Iterable[str], until: dt.date) -> pd.DataFrame:
    """Sum the clean ledger over each product of the catalogue, never sold ones included.

    Args:
        clean: the table of `CleanLedger`.
        skus: of all designs.
        until: last day counted.

    Returns:
        sku (sorted), units (int64, net, at least 0: returns of what was sold before the window do
        not count against it), units_per_day (float64, over the days on sale), first_date
        (datetime64 of the first sale, NaT for none), days_on_sale (int64, from the first sale to
        `until`, both included; 0 for never sold).

        Of a ledger by period (column period_end) first_date is what the period of the first sale is
        dated with, days_on_sale are those of the whole periods behind it that end by `until`, 0
        where there is none, and one more column, counted (int64, at least 0), are the net units in
        these periods; units_per_day is over them, NaN for a product that sold and has none.
    """
    table = pd.DataFrame(index=pd.Index(sorted(set(skus)), name="sku"))
    table["units"] = clean.groupby("sku")["units"].sum().clip(lower=0)
    table["units"] = table["units"].fillna(0).astype("int64")
    sales = clean[clean["units"] > 0]
    table["first_date"] = sales.groupby("sku")["date"].min()
    columns = ["sku", "units", "units_per_day", "first_date", "days_on_sale"]
    if PERIOD_END in clean:
        first = sales.groupby("sku")[PERIOD_END].min()
        last = last_whole(clean, until)
        days = (last - first).dt.days.clip(lower=0)
        ends = clean[PERIOD_END]
        whole = clean[(ends > clean["sku"].map(first)) & (ends <= last)]
        counted = whole.groupby("sku")["units"].sum().clip(lower=0)
        table["days_on_sale"] = days.reindex(table.index).fillna(0).astype("int64")
        table["counted"] = counted.reindex(table.index).fillna(0).astype("int64")
        rate = table["counted"] / table["days_on_sale"].where(table["days_on_sale"] > 0)
        table["units_per_day"] = rate.where(table["first_date"].notna(), 0.0)
        return table.reset_index()[[*columns, "counted"]]
    days = (pd.Timestamp(until) - table["first_date"]).dt.days + 1
    table["days_on_sale"] = days.fillna(0).astype("int64")
    table["units_per_day"] = (
        table["units"] / table["days_on_sale"].where(table["days_on_sale"] > 0)
    ).fillna(0.0)
    return table.reset_index()[columns]


def with_lines(clean: pd.DataFrame, products: Iterable[Product]) -> pd.DataFrame:
    """Return the clean ledger with each design's line in a column after sku.

    A ledger of lines, whose sku column names them, is told by that column itself.
    """
    lines = {product.sku: product.line for product in products}
    table = clean.copy()
    table.insert(1, "line", clean["sku"].map(lines).fillna(clean["sku"]))
    return table


def allocate(
    of_lines: pd.DataFrame, products: Sequence[Product], rule: Literal["equal", "variants"]
) -> pd.DataFrame:
    """Share the units of each line among its products: an assumption, not an observation.

    Args:
        of_lines: what `units_per_product` makes of lines, its column sku naming them.
        products: of the catalogue.
        rule: ``equal`` gives each product of a line the same; ``variants`` in proportion to the
            number of skus that it is sold under.

    Returns:
        As `units_per_product`, a row per product, units and counted float64: shares of a whole
        number.
    """
    shares = pd.DataFrame(
        {
            "sku": [product.sku for product in products],
            "line": [product.line for product in products],
            "weight": [
                1.0 if rule == "equal" else float(max(1, len(product.variants)))
                for product in products
            ],
        }
    ).sort_values("sku", ignore_index=True)
    share = shares["weight"] / shares.groupby("line")["weight"].transform("sum")
    table = shares.merge(of_lines.rename(columns={"sku": "line"}), on="line", how="left")
    for column in ("units", "units_per_day", "counted"):
        if column not in table:
            continue  # of a ledger by day
        table[column] = table[column].astype("float64") * share
    return table[of_lines.columns]
