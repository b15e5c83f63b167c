"""Sales: from a ledger as it comes to units a product, by rules that params.yaml declares."""

from bestseller.sales.clean import CleanLedger, clean_ledger
from bestseller.sales.read import RawTable, read_table
from bestseller.sales.units import (
    allocate,
    designs_by_sku,
    shared_skus,
    units_per_product,
    with_lines,
)

__all__ = [
    "CleanLedger",
    "RawTable",
    "allocate",
    "clean_ledger",
    "designs_by_sku",
    "read_table",
    "shared_skus",
    "units_per_product",
    "with_lines",
]
