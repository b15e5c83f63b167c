"""Fills in values that stand once for several rows of an order; drops rows that do not count."""

from collections.abc import Collection

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.header import column_named
from bestseller.sales.patterns import matcher


def filled_down(
    raw: pd.DataFrame, settings: Sales, left_out: Collection[int], name: str
) -> tuple[pd.DataFrame, dict[int, str]]:
    """Return the table with cells that stand once per order in all rows of the order.

    An empty cell takes the text of its order's other rows where these tell one alone; where they
    tell several, none is certain, the cell stays empty and the row is told. A column that is in its
    own list, such as an order's number that only its first row has, is first filled from the row
    above.

    Args:
        raw: columns of text.
        settings: of which fill_down counts.
        left_out: rows that do not fit the header: nothing is taken from them.
        name: of the ledger in an error.

    Returns:
        The table, and why a row has no certain text in such a column, by line.

    Raises:
        BestsellerError: a column is not there.
    """
    if not settings.fill_down:
        return raw, {}
    unclear: dict[int, str] = {}
    table = raw.copy()
    sound = ~raw.index.isin(list(left_out))
    for by, columns in settings.fill_down.items():
        key = _column(raw, by, "fill_down", name)
        if key is None:
            continue
        orders = table[key].str.strip()
        names = [found for column in columns if (found := _column(raw, column, "fill_down", name))]
        if key in names:
            orders = orders.where(orders != "").ffill().fillna("")
            table[key] = orders
        for column in names:
            if column == key:
                continue
            texts = table[column].str.strip()
            told = pd.DataFrame({"order": orders, "text": texts})[
                sound & (texts != "") & (orders != "")
            ].drop_duplicates()
            several = told["order"][told["order"].duplicated()].unique()
            for line in table.index[sound & (texts == "") & orders.isin(several)]:
                unclear[line] = f"{column} is empty, and its order's other rows tell several"
            told = told[~told["order"].isin(several)]
            meant = orders.map(told.set_index("order")["text"])
            table[column] = table[column].where(texts != "", meant).fillna("")
    return table, unclear


def not_counted(raw: pd.DataFrame, settings: Sales, name: str) -> pd.Series:
    """Tell which rows `sales.not_counted` leaves out, a bool for each.

    Raises:
        BestsellerError: a column is not there.
    """
    result = pd.Series(False, index=raw.index)
    for column, texts in settings.not_counted.items():
        found = _column(raw, column, "not_counted", name)
        if found is not None:
            codes, distinct = pd.factorize(raw[found].str.strip())
            is_meant = matcher(texts)
            result |= pd.Series([is_meant(text) for text in distinct], dtype=bool)[codes].to_numpy()
    return result


def _column(raw: pd.DataFrame, wanted: str, setting: str, name: str) -> str | None:
    """Return the column so named; None for one that may be missing and is."""
    found = column_named(raw.columns, wanted)
    if len(found) == 1:
        return found[0]
    if not found and wanted.endswith("?"):
        return None
    problem = "two columns" if found else "no column"
    raise BestsellerError(
        f"{name}: has {problem} {wanted}; found: {', '.join(raw.columns)}; mend "
        f"sales.{setting} in params.yaml"
    )
