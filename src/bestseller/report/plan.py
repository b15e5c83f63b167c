"""The plan: what sold by line and price band, beside which the page counts what is picked."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bestseller.report.prices import UNKNOWN, Bands
from bestseller.report.results import Results


@dataclass(frozen=True)
class PlanRow:
    """A line of the plan.

    Attributes:
        line: the product line.
        units: net units sold of its products, by price band, in the bands' order.
        total: net units sold of the line.
        share: total over the units of all lines, percent.
    """

    line: str
    units: list[int]
    total: int
    share: float


def plan_rows(results: Results, bands: Bands, order: Sequence[str]) -> list[PlanRow]:
    """Return a row for each line that has designs, with the units that each band sold.

    Where no price is known there is one column.
    """
    names = bands.names or [UNKNOWN]
    prices = results.prices
    of_sku = results.ledger.groupby(["line", "sku"])["units"].sum().reset_index()
    known = [prices.get(str(sku)) for sku in of_sku["sku"]]
    band = [bands.band(price.value) if price else UNKNOWN for price in known]
    cells = of_sku.assign(band=band).groupby(["line", "band"])["units"].sum()
    all_units = max(results.units_sold, 1)
    lines = {design.record["line"] for design in results.designs}
    totals = results.units_of_line
    return [
        PlanRow(
            line,
            [_of(cells, line, name) for name in names],
            totals.get(line, 0),
            100 * totals.get(line, 0) / all_units,
        )
        for line in order
        if line in lines
    ]


def total_row(rows: Sequence[PlanRow]) -> PlanRow:
    """Return the sum of the rows, for what is picked at each price beside what sold at it."""
    return PlanRow(
        "All lines",
        [sum(units) for units in zip(*(row.units for row in rows), strict=True)],
        sum(row.total for row in rows),
        sum(row.share for row in rows),
    )


def _of(cells: pd.Series, line: str, band: str) -> int:
    return int(cells.get((line, band), 0))
