"""Clean the ledger; sum net units and units per day on sale for every product."""

import datetime as dt
import sys
from pathlib import Path

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, require, write_json
from bestseller.catalogue.product import Product
from bestseller.catalogue.raw import read_catalogue
from bestseller.params import Params
from bestseller.params.sales import NO_LEDGER
from bestseller.sales import (
    allocate,
    clean_ledger,
    designs_by_sku,
    shared_skus,
    units_per_product,
    with_lines,
)
from bestseller.sales.explain import explain as explained
from bestseller.sales.source import open_ledger
from stages import WORKSPACE, run

SOURCE = "data/source/ledger.json"
CATALOGUE = "data/raw/catalogue.jsonl"
SALES = Path("data/sales")
METRICS = "metrics/sales.json"
NO_DAY = dt.date(1970, 1, 1)  # until which nothing was sold
ENOUGH_SOLD = 30  # products; with fewer, parts of the split hold none or one of a line's sellers


def main(params: Params, explain: str | None = None) -> None:
    if explain:
        print(*explained(Path(explain), params.sales), sep="\n")
        return
    require(SOURCE, "python -m stages.refresh")
    settings = params.sales
    if settings.source == "none":
        write_no_sales()
        return
    products = read_catalogue(CATALOGUE)
    raw, name = open_ledger(settings, params.catalogue, WORKSPACE)
    by_line = settings.level == "line"
    lines = {product.line: product.line for product in products if product.line}
    shared = {} if by_line else shared_skus(products)
    designs = lines if by_line else designs_by_sku(products)
    ledger = clean_ledger(raw, designs, settings, name, shared, keep=keep_quarantine)
    counted = lines if by_line else [product.sku for product in products]
    units = units_per_product(ledger.clean, counted, ledger.until)
    if settings.allocation != "none":
        units = allocate(units, products, settings.allocation)

    sold = int((units["units"] > 0).sum())
    few = few_sold(sold, name)

    write_tables(ledger.clean, units, products)
    rateless = int(((units["units"] > 0) & (units["days_on_sale"] == 0)).sum())
    facts = {
        "products": len(units),
        "products_sold": sold,
        "products_without_whole_period": rateless,
        "period": ledger.period,
        "allocation": settings.allocation,
        "last_date": ledger.clean["date"].max().date().isoformat(),
    }
    write_json(METRICS, ledger.summary | facts)
    for note in [*ledger.notes, *few]:
        print(f"sales: warning: {note}", file=sys.stderr)
    if ledger.period != "day":
        whole = f"whole {ledger.period}s"
        print(
            f"the ledger is by {ledger.period}: rates count {whole} on sale, those behind the "
            f"first sale's; {rateless} of {sold} products that sold have none, and no rate"
        )
    print(
        f"{ledger.summary['units_net']} units of {sold} products; of "
        f"{ledger.summary['rows_in']} rows {ledger.summary['rows_quarantined']} quarantined, "
        f"{ledger.summary['rows_dropped']} dropped"
    )


def write_no_sales() -> None:
    """Write the tables of a ledger that there is not, and say so."""
    products = read_catalogue(CATALOGUE)
    text, day = pd.Series(dtype=str), pd.Series(dtype="datetime64[ms]")
    clean = pd.DataFrame({"sku": text, "date": day, "channel": text, "currency": text})
    clean = clean.assign(units=pd.Series(dtype="int64"), revenue=pd.Series(dtype="float64"))
    units = units_per_product(clean, [product.sku for product in products], NO_DAY)
    keep_quarantine(pd.DataFrame(columns=["row", "reason"]))
    write_tables(clean, units, products)
    write_json(METRICS, {"products": len(units), "products_sold": 0, "absent": NO_LEDGER})
    print(f"sales: {NO_LEDGER}")


def write_tables(clean: pd.DataFrame, units: pd.DataFrame, products: list[Product]) -> None:
    """Write the clean ledger, with the products' lines, and the units of every product."""
    with atomic_path(SALES / "ledger.parquet") as path:
        with_lines(clean, products).to_parquet(path, index=False)
    with atomic_path(SALES / "units.parquet") as path:
        units.to_parquet(path, index=False)


def keep_quarantine(rows: pd.DataFrame) -> None:
    """Write down the rows that do not count, also where they are too many for the stage."""
    with atomic_path(SALES / "quarantine.csv") as path:
        rows.to_csv(path, index=False, lineterminator="\n")


def few_sold(sold: int, name: str) -> list[str]:
    """Return a warning where few products sold.

    Args:
        sold: products of the catalogue that sold a unit.
        name: the ledger's.

    Raises:
        BestsellerError: none did.
    """
    mend = "widen sales.from and sales.until in params.yaml, or give a ledger of a longer time"
    if not sold:
        raise BestsellerError(f"{name}: no product of the catalogue sold a unit; {mend}")
    if sold >= ENOUGH_SOLD:
        return []
    return [f"{name}: only {sold} products sold, so what sells stays uncertain; {mend}"]


if __name__ == "__main__":
    run(main, [("--explain", "tell what this file looks like to the cleaner; nothing is changed")])
