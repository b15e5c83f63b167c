"""Refuses settings that take values that stand once per order for empty in the other rows."""

from collections.abc import Mapping

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.values import meant_texts


def check_filled(raw: pd.DataFrame, columns: Mapping[str, str], settings: Sales, name: str) -> None:
    """Refuse a ledger in which `sales.empty` would decide what the row above says already.

    A column is told once per order where another one, the order's (no day, price or the like),
    stays the same from each row above to an empty cell, and changes at each filled one.

    Args:
        raw: columns of text, cells filled down as `sales.fill_down` says.
        columns: ours to the table's, see `columns.our_columns`.
        settings: the sales section of params.yaml.
        name: of the ledger in an error.

    Raises:
        BestsellerError: with the setting that mends it.
    """
    read = {theirs for ours, theirs in columns.items() if ours != "line_id"}
    others = [column for column in raw.columns if column and column not in read]
    for ours, instead in settings.empty.items():
        column = columns.get(ours)
        if column is None or "" in settings.values.get(ours, {}):
            continue
        filled = raw[column].str.strip() != ""
        if filled.all() or filled.sum() < 2 or not filled.iloc[0]:
            continue
        meant = meant_texts(raw, column, ours, settings)
        above = meant.where(filled).ffill()
        differing = ~filled & (above != meant)
        order = _order_column(raw, others, filled) if differing.any() else None
        if order is not None:
            line = differing.index[differing][0]
            raise BestsellerError(
                f"{name}: {column} is empty in {int((~filled).sum())} rows that have the {order} "
                f"of the row above, such as line {line}, and sales.empty.{ours} makes them "
                f"{instead!r} whatever their order is; set sales.fill_down: "
                f'{{"{order}": ["{column}"]}}, or, if they are meant so, sales.values.{ours}: '
                f'{{"": {instead}}}'
            )


def _order_column(raw: pd.DataFrame, others: list[str], filled: pd.Series) -> str | None:
    """Return the first of some columns that goes on exactly where another one is empty."""
    for candidate in others:
        texts = raw[candidate].str.strip()
        goes_on = (texts == texts.shift()) & (texts != "")
        if (goes_on == ~filled).all():
            return candidate
    return None
