"""What the tests of ledgers share: settings over a preset, and what becomes of a file."""

from collections.abc import Mapping
from typing import Any

from bestseller.params import Sales, read_yaml, together
from bestseller.sales import CleanLedger, clean_ledger, read_table
from conftest import REPOSITORY

SECTION = read_yaml(REPOSITORY / "params.yaml")["sales"]
DESIGNS = {sku: sku for sku in ("MUG-1", "FERN-1", "TOTE-1")} | {"MUG-1-L": "MUG-1"}


def settings(**own: Any) -> Sales:
    """The committed section with some settings of one's own, all rows of any year counted."""
    every = {"from": "2000-01-01", "max_unknown_share": 1.0, "max_quarantined_share": 1.0}
    return Sales.model_validate(together(SECTION, every | own))


def cleaned(
    data: str | bytes, designs: Mapping[str, str] = DESIGNS, shared: Any = None, **own: Any
) -> CleanLedger:
    rules = settings(**own)
    data = data.encode() if isinstance(data, str) else data
    table = read_table(data, rules, "sales.csv")
    ledger = clean_ledger(table, designs, rules, "sales.csv", shared or {})
    parts = ("rows_clean", "rows_quarantined", "rows_dropped")
    assert ledger.summary["rows_in"] == sum(ledger.summary[part] for part in parts)
    return ledger


def units(ledger: CleanLedger) -> dict[str, int]:
    return {str(sku): int(n) for sku, n in ledger.clean.groupby("sku")["units"].sum().items()}
