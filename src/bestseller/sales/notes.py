"""What a person should know about a ledger beside its numbers, one line each."""

import pandas as pd

from bestseller.params import Sales
from bestseller.sales.header import column_named
from bestseller.sales.read import RawTable


def ledger_notes(
    rows: pd.DataFrame,
    settings: Sales,
    of_no_line: pd.Index,
    in_several: pd.Series,
    raw: RawTable,
    *,
    replaced: int,
) -> tuple[str, ...]:
    """Say what is odd about a ledger's keys, skus and columns.

    Args:
        rows: the table of `values.Rows`.
        settings: the sales section of params.yaml.
        of_no_line: rows that share their key with one of another sku.
        in_several: which rows are of a sku that several products share.
        raw: the table of text.
        replaced: rows that a later one of their key and sku replaces.
    """
    notes = []
    if len(of_no_line):
        same = rows.loc[of_no_line]
        also = f", but {replaced} other rows of one key and one sku are" if replaced else ""
        first = same[(same[settings.key] == same[settings.key].iloc[0]).all(axis=1)]
        notes.append(
            f"{len(of_no_line)} rows share their sales.key with a row of another sku, such as "
            f"lines {first.index[0]} and {first.index[first['sku'].ne(first['sku'].iloc[0])][0]}: "
            "the key is an order's, no line's; all of them count, and none is taken for a "
            f"correction{also}"
        )
    if in_several.any():
        units = int(rows.loc[in_several, "units"].abs().sum())
        skus = sorted(set(rows.loc[in_several, "sku"]))
        notes.append(
            f"{units} units are on {len(skus)} skus that several products share, such as "
            f"{skus[0]}: no product is given them, see quarantine.csv"
        )
    missing = [
        column.removesuffix("?")
        for column in (
            *settings.columns.model_dump().values(),
            *settings.fill_down,
            *settings.not_counted,
        )
        if column.endswith("?") and not column_named(raw.rows.columns, column)
    ]
    if missing:
        notes.append(f"the ledger has no column {', '.join(missing)}: not used")
    return tuple(notes)


def window_notes(outside: pd.DataFrame, last: pd.Timestamp, settings: Sales) -> tuple[str, ...]:
    """Say what the window leaves out; a setting of long ago would cut a ledger unseen.

    Args:
        outside: rows outside the window.
        last: the window's last day.
        settings: the sales section of params.yaml.
    """
    parts = {
        f"before sales.from {settings.from_}": outside[outside["date"] <= last],
        f"after sales.until {settings.until}": outside[outside["date"] > last],
    }
    return tuple(
        f"{len(rows)} rows with {int(rows['units'].abs().sum())} units are dated {where}: they "
        "do not count"
        for where, rows in parts.items()
        if len(rows)
    )
