"""A sheet of an Excel workbook as records of text."""

import datetime as dt
import io
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.params import Sales
from bestseller.sales.dates import EXCEL, UNIX
from bestseller.sales.header import column_named, header_line, tidy_name
from bestseller.sales.lines import Record

ZEROS = re.compile(r"0{2,}")  # a number format that fills up with zeros: 000 shows 7 as 007


def sheet_records(data: bytes, settings: Sales, name: str) -> Iterator[Record]:
    """Yield the rows of a sheet, each with its number in the sheet.

    A number is written with the declared decimal mark and without an exponent, a date as
    `sales.date_format` says, so that typed cells and texts are read by the same rules. A formula is
    what the workbook last computed for it.

    Args:
        data: the file's bytes.
        settings: of which sheet, decimal, date_format, as_of_format and columns count.
        name: of the file in an error.

    Raises:
        BestsellerError: the file is damaged, or does not tell which sheet is meant.
    """
    sheet = _sheet(_opened(data, name), settings.sheet, name)
    names: list[str] = []
    for number, row in enumerate(_rows(sheet, name), start=1):
        columns = names + [""] * (len(row) - len(names))
        cells = [_text(cell, column, settings) for cell, column in zip(row, columns, strict=False)]
        if not names and any(cells) and _is_header(number, cells, settings):
            while not cells[-1].strip():
                cells.pop()
            names = [tidy_name(cell).casefold() for cell in cells]
        yield number, _of_width(cells, len(names)), ""


def _sheet(book: Any, wanted: str, name: str) -> Any:
    """Return the sheet so named, in any case, or the only one that holds anything."""
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    meant = [title for title in sheets if column_named([title], wanted)] if wanted else []
    if wanted and wanted not in sheets and len(meant) != 1:
        raise BestsellerError(
            f"{name}: has no sheet {wanted}; mend sales.sheet in params.yaml: {', '.join(sheets)}"
        )
    if wanted:
        return sheets[wanted if wanted in sheets else meant[0]]
    filled = {t: sheet for t, sheet in sheets.items() if len(sheets) == 1 or _holds(sheet, name)}
    if len(filled) != 1:
        raise BestsellerError(
            f"{name}: has {len(sheets)} sheets; set sales.sheet to one of {', '.join(sheets)}"
        )
    return next(iter(filled.values()))


def _holds(sheet: Any, name: str) -> bool:
    return any(cell.value is not None for row in _rows(sheet, name) for cell in row)


def _is_header(number: int, cells: list[str], settings: Sales) -> bool:
    if isinstance(settings.skip_lines, int):
        return number > settings.skip_lines
    return header_line([(number, cells)], settings) is not None


def _of_width(cells: list[str], width: int) -> list[str]:
    """Return a row as wide as the header: a workbook leaves out empty cells at a row's end, and
    keeps those that only have a format."""
    while len(cells) > width and width and not cells[-1].strip():
        cells.pop()
    return cells + [""] * (width - len(cells))


def sheet_names(data: bytes, name: str) -> list[str]:
    """Return the names of a workbook's sheets.

    Raises:
        BestsellerError: the file is damaged.
    """
    return [sheet.title for sheet in _opened(data, name).worksheets]


def filled_sheets(data: bytes, name: str) -> list[str]:
    """Return the names of a workbook's sheets that hold anything, all of them where none does.

    Raises:
        BestsellerError: the file is damaged.
    """
    book = _opened(data, name)
    return [sheet.title for sheet in book.worksheets if _holds(sheet, name)] or sheet_names(
        data, name
    )


def _opened(data: bytes, name: str) -> Any:
    from openpyxl import load_workbook  # noqa: PLC0415 (slow import)

    try:
        return load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # zip, XML and number readers raise what they like
        raise _damaged(name, error) from error


def _rows(sheet: Any, name: str) -> Iterator[Any]:
    """Yield the rows of a sheet, which are read from the file one after the other."""
    sheet.reset_dimensions()  # some programs write wrong ones, and rows behind them would be lost
    rows = sheet.iter_rows()
    while True:
        try:
            row = next(rows, None)
        except Exception as error:
            raise _damaged(name, error) from error
        if row is None:
            return
        yield row


def _damaged(name: str, error: Exception) -> Exception:
    if out_of_means(error):
        return error
    told = next(iter(str(error).splitlines()), "") or type(error).__name__
    return BestsellerError(f"{name}: is no readable workbook ({told})")


def _text(cell: Any, column: str, settings: Sales) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number(value, cell.number_format or "", settings.decimal)
    if isinstance(value, dt.datetime | dt.date):
        known = bool(column) and column_named([column], settings.columns.as_of)
        return _date(value, settings.as_of_format if known else settings.date_format)
    return str(value)


def _date(value: dt.datetime | dt.date, pattern: str) -> str:
    """Return a date as texts of a column with this pattern are written."""
    if pattern == EXCEL:
        from openpyxl.utils.datetime import to_excel  # noqa: PLC0415 (slow import)

        return format(Decimal(repr(to_excel(value))), "f")
    if pattern == UNIX:
        at = value.time() if isinstance(value, dt.datetime) else dt.time()
        moment = dt.datetime.combine(dt.date(value.year, value.month, value.day), at, dt.UTC)
        return str(round(moment.timestamp()))
    pattern = pattern.replace("%q", str((value.month + 2) // 3))
    # a workbook's dates know no zone, so a format with one is not met and the row is told
    return value.isoformat() if "%z" in pattern.lower() else value.strftime(pattern)


def _number(value: int | float, shown_as: str, decimal: str) -> str:
    if not math.isfinite(value):
        return str(value)
    if value == int(value):
        digits = len(shown_as) if ZEROS.fullmatch(shown_as) else 0
        return f"{int(value):0{digits}d}"
    return format(Decimal(repr(value)), "f").replace(".", decimal)
