"""A ledger's file as a table of text, under the names that params.yaml gives its columns."""

import io
from pathlib import Path

import pandas as pd

from bestseller.errors import BestsellerError
from bestseller.params import Sales

OURS = ("sku", "date", "units", "line_id", "kind", "channel", "price", "currency", "as_of")


def read_table(source: str | Path | bytes, settings: Sales, name: str = "") -> pd.DataFrame:
    """Read a CSV table as text: no value is taken for a number, a date or a missing one.

    Args:
        source: path, or the file's bytes.
        settings: of which encoding and delimiter count.
        name: what the bytes are called in an error.

    Returns:
        The file's columns as they are, their names stripped; every value text as it stands.

    Raises:
        BestsellerError: the file is missing, is no CSV in this encoding, or holds no row.
    """
    name = name or str(source)
    encoding = "utf-8-sig" if settings.encoding.lower() in ("utf-8", "utf8") else settings.encoding
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        table = pd.read_csv(
            io.BytesIO(data),
            dtype=str,
            keep_default_na=False,
            encoding=encoding,
            sep=settings.delimiter,
            index_col=False,
        )
    except OSError as error:
        raise BestsellerError(
            f"{name}: {error.strerror}; mend sales.path in params.yaml"
        ) from error
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        raise BestsellerError(
            f"{name}: no {settings.encoding.upper()}{at}; mend sales.encoding in params.yaml"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BestsellerError(f"{name}: no CSV table ({str(error).strip()})") from error
    table.columns = [str(column).strip() for column in table.columns]
    if table.empty:
        raise BestsellerError(f"{name}: holds no rows")
    return table


def our_columns(table: pd.DataFrame, settings: Sales, name: str) -> dict[str, str]:
    """Return which column of the ledger is which of ours; optional ones that it lacks are left out.

    Names are compared without regard to case. An optional column that params.yaml calls by its
    own name, such as ``kind: kind``, may be missing; one that it calls otherwise must be there.

    Raises:
        BestsellerError: a column that must be there is not, or two have the same name.
    """
    found: dict[str, list[str]] = {}
    for column in table.columns:
        found.setdefault(column.casefold(), []).append(column)
    result = {}
    for ours in OURS:
        theirs: str = getattr(settings.columns, ours)
        columns = found.get(theirs.casefold(), []) if theirs else []
        if len(columns) > 1:
            raise BestsellerError(f"{name}: has two columns {theirs!r}: {', '.join(columns)}")
        if columns:
            result[ours] = columns[0]
        elif ours in OURS[:3] or theirs not in ("", ours):
            raise BestsellerError(
                f"{name}: has no column {theirs}; found: {', '.join(table.columns)}; "
                f"mend sales.columns.{ours} in params.yaml"
            )
    return result
