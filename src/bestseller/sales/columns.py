"""Which column of a ledger is which of ours."""

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.header import NEEDED, OURS, column_named, other_header
from bestseller.sales.read import RawTable


def our_columns(table: RawTable, settings: Sales, name: str) -> dict[str, str]:
    """Return which column of the ledger is which of ours; optional ones that it lacks are left out.

    Names are compared as `column_named` does. An optional column that params.yaml calls by its own
    name, such as ``kind: kind``, or with a question mark behind it may be missing; one that it
    calls otherwise must be there.

    Raises:
        BestsellerError: a column that must be there is not, or two have the same name.
    """
    result = {}
    for ours in OURS:
        theirs: str = getattr(settings.columns, ours)
        columns = column_named(table.rows.columns, theirs) if theirs else []
        if len(columns) > 1:
            raise BestsellerError(f"{name}: has two columns {theirs!r}: {', '.join(columns)}")
        if columns:
            result[ours] = columns[0]
        elif ours in NEEDED or not (theirs in ("", ours) or theirs.endswith("?")):
            raise BestsellerError(
                f"{name}: has no column {theirs}; found: {', '.join(table.rows.columns)}; "
                + (
                    _other_delimiter(table, settings)
                    or other_header(table.head, settings, table.lines["lines_above"] + 1)
                    or f"mend sales.columns.{ours} in params.yaml"
                )
            )
    return result


def _other_delimiter(table: RawTable, settings: Sales) -> str:
    """Return the mend where the whole header stands in one column."""
    at = table.lines["lines_above"] + 1
    found = [cells for line, cells in table.head if line == at and len(cells) == 1]
    if len(table.rows.columns) > 1 or not found:
        return ""
    header = found[0][0]
    if settings.delimiter in header and settings.quoting == "standard":
        return (
            "each line stands in quotes as a whole, as where a spreadsheet saved a text as one "
            "column: save the table from its source again, or take these quotes away"
        )
    marks = [mark for mark in (";", "\t", ",", "|") if mark in header]
    if not marks:
        return ""
    mark = max(marks, key=header.count).replace("\t", r"\t")
    return f'its columns stand between "{mark}"; set sales.delimiter: "{mark}" in params.yaml'
