"""Sales: from a ledger as it comes to units a product, by rules that params.yaml declares."""

from bestseller.sales.clean import CleanLedger, clean_ledger
from bestseller.sales.read import read_table
from bestseller.sales.units import (
    allocate,
    designs_by_sku,
    units_per_product,
    with_lines,
)

__all__ = [
    "CleanLedger",
    "allocate",
    "clean_ledger",
    "designs_by_sku",
    "read_table",
    "units_per_product",
    "with_lines",
]
