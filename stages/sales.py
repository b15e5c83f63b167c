"""Clean the ledger; sum net units and units per day on sale for every product."""

from pathlib import Path

from bestseller.catalogue.raw import read_catalogue
from bestseller.catalogue.sales import clean_ledger, designs_by_sku, units_per_product
from bestseller.catalogue.source import open_ledger
from bestseller.files import atomic_path, require, write_json
from bestseller.params import Params
from stages import run

SOURCE = "data/source/ledger.json"
CATALOGUE = "data/raw/catalogue.jsonl"
SALES = Path("data/sales")
METRICS = "metrics/sales.json"


def main(params: Params) -> None:
    require(SOURCE, "python -m stages.refresh")
    products = read_catalogue(CATALOGUE)
    raw, name = open_ledger(params.sales, params.catalogue)
    ledger = clean_ledger(
        raw,
        designs_by_sku(products),
        from_=params.sales.from_,
        until=params.sales.until,
        max_unknown_share=params.sales.max_unknown_share,
        name=name,
    )
    units = units_per_product(ledger.clean, [product.sku for product in products], ledger.until)
    with atomic_path(SALES / "ledger.parquet") as path:
        ledger.clean.to_parquet(path, index=False)
    with atomic_path(SALES / "units.parquet") as path:
        units.to_parquet(path, index=False)
    with atomic_path(SALES / "quarantine.csv") as path:
        ledger.quarantine.to_csv(path, index=False, lineterminator="\n")
    sold = int((units["units"] > 0).sum())
    write_json(METRICS, {**ledger.summary, "products": len(units), "products_sold": sold})
    print(
        f"{ledger.summary['units_net']} units of {sold} products; "
        f"{ledger.summary['rows_quarantined']} of {ledger.summary['rows_in']} rows quarantined"
    )


if __name__ == "__main__":
    run(main)
