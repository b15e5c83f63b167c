"""A ledger's file as a table of text, under the names that params.yaml gives its columns.

Every line of the file is accounted for: lines_in = 1 (the header) + lines_above + lines_blank +
lines_continued + the rows of the table + rows_totals.
"""

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales, SalesColumns
from bestseller.sales.foreign import encoding_of, is_workbook
from bestseller.sales.lines import Record, Records
from bestseller.sales.patterns import matcher
from bestseller.sales.regular import regular_rows
from bestseller.sales.workbook import sheet_records

OURS = tuple(SalesColumns.model_fields)
NEEDED = OURS[:3]
CHUNK = 50_000  # rows that are Python's strings at a time, not Arrow's
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own line above a CSV's header
HEAD = 50  # lines looked through for a header that stands lower than declared


@dataclass(frozen=True)
class Table:
    """A ledger as text.

    Attributes:
        rows: the file's columns, their names stripped, every value text as it stands; the index is
            the line of the file, or row of the sheet, where each begins. Of a row that does not fit
            the header the cells too many stand in the last column.
        problems: why a row does not fit the header, by line; the others are not in it.
        lines: lines_in, lines_above, lines_blank, lines_continued (lines of a cell that has line
            breaks), rows_totals (rows that `sales.totals` leaves out).
        head: the first lines with their cells, to look for the header in.
    """

    rows: pd.DataFrame
    problems: dict[int, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=lambda: {"rows_totals": 0})
    head: list[tuple[int, list[str]]] = field(default_factory=list)


def read_table(source: str | Path | bytes, settings: Sales, name: str = "") -> Table:
    """Read a CSV file, or a sheet of an Excel workbook, as text.

    No value is taken for a number, a date or a missing one.

    Args:
        source: path, or the file's bytes.
        settings: of which encoding, delimiter, quoting, sheet, skip_lines and totals count.
        name: what the bytes are called in an error.

    Raises:
        BestsellerError: the file is missing, is no table in this encoding, has two columns of one
            name, or holds no row.
    """
    name = name or str(source)
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
    except OSError as error:
        raise BestsellerError(
            f"{name}: {error.strerror}; mend sales.path in params.yaml"
        ) from error
    if is_workbook(data, name):
        records = sheet_records(data, settings, name)
        above = sum(1 for _ in islice(records, settings.skip_lines))
        reading = _Reading(settings, name, above)
        last = reading.take(records)
        return reading.table(last or above)
    encoding = encoding_of(data, settings.encoding, name)
    if encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeError:
        raise BestsellerError(_undecodable(data, encoding, settings.encoding, name)) from None
    return _read_text(text, settings, name)


def _read_text(text: str, settings: Sales, name: str) -> Table:
    stream = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline="")
    start = sum(len(line) for line in islice(stream, settings.skip_lines))
    above = settings.skip_lines if start < len(text) else text.count("\n")
    if not above and (mark := SEPARATOR.fullmatch(first := stream.readline())):
        above, start = 1, len(first)
        if mark[1] != settings.delimiter:
            raise BestsellerError(
                f"{name}: line 1 says that {mark[1]!r} stands between two columns; set "
                f'sales.delimiter: "{mark[1]}"'
            )
    body, quoted = text[start:].encode(), settings.quoting == "standard"
    del text, stream
    reading = _Reading(settings, name, above)
    regular = None if settings.totals else regular_rows(body, settings.delimiter, quoted)
    lines = io.TextIOWrapper(io.BytesIO(body), "utf-8", newline="")
    records = Records(lines, settings.delimiter, quoted, above + 1)
    if regular:
        reading.take_regular(*regular, islice(records, HEAD))
        return reading.table(above + 1 + regular[1].num_rows)
    reading.take(records)
    return reading.table(records.line)


def _undecodable(data: bytes, encoding: str, declared: str, name: str) -> str:
    where = ""
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f" at byte {error.start}, line {line}"
    except UnicodeError:
        pass
    return (
        f"{name}: no {declared.upper()}{where}; mend sales.encoding in params.yaml, "
        "such as cp1252 for a file of Excel's"
    )


class _Reading:
    """Sorts records: the header, rows that fit it, rows that do not, totals, blank lines."""

    def __init__(self, settings: Sales, name: str, above: int) -> None:
        self.settings, self.name = settings, name
        self.lines = {"lines_in": 0, "lines_above": above, "lines_blank": 0, "lines_continued": 0}
        self.totals = 0
        self.names: list[str] = []
        self.head: list[tuple[int, list[str]]] = []
        self.misfits: list[Record] = []
        self._numbers: list[int] = []
        self._cells: list[list[str]] = []
        self._chunks: list[pa.Table] = []

    def take(self, records: Iterable[Record]) -> int:
        """Sort all records; return the line where the last one begins, 0 for none."""
        is_total = matcher(self.settings.totals) if self.settings.totals else None
        cells_of, numbers, width, line = self._cells, self._numbers, 0, 0
        for line, cells, problem in records:
            if len(self.head) < HEAD:
                self.head.append((line, cells))
            if not any(cells) or not any(cell.strip() for cell in cells):
                self.lines["lines_blank"] += 1
            elif not self.names:
                if problem:
                    raise BestsellerError(f"{self.name}: line {line}: {problem}")
                self.names, width = self._header(cells, line), len(cells)
            elif is_total and any(map(is_total, self._first_and_whole(cells))):
                self.totals += 1
            elif problem or len(cells) != width or any("\0" in cell for cell in cells):
                self.misfits.append((line, cells, problem or _zeros(cells)))
            else:
                cells_of.append(cells)
                numbers.append(line)
                if len(cells_of) == CHUNK:
                    self._pack()
        return line

    def take_regular(self, names: list[str], rows: pa.Table, head: Iterable[Record]) -> None:
        """Take a header, and rows that all fit it, from the line behind it on."""
        line = self.lines["lines_above"] + 1
        self.head = [(number, cells) for number, cells, _ in head]
        self.names = self._header(names, line)
        self._chunks.append(rows)
        self._numbers.extend(range(line + 1, line + 1 + rows.num_rows))

    def _first_and_whole(self, cells: list[str]) -> tuple[str, str]:
        """Return a row's first filled cell, and the row from there to its last."""
        filled = [i for i, cell in enumerate(cells) if cell.strip()]
        whole = self.settings.delimiter.join(cells[filled[0] : filled[-1] + 1])
        return cells[filled[0]].strip(), whole.strip()

    def _header(self, cells: list[str], line: int) -> list[str]:
        names = [cell.strip() for cell in cells]
        twice = {name for name in names if name and names.count(name) > 1}
        if twice:
            raise BestsellerError(
                f"{self.name}: line {line}: two columns are named "
                f"{', '.join(sorted(twice))}; rename one of each in the file"
            )
        return names

    def _pack(self) -> None:
        columns = [pa.array(column, pa.string()) for column in zip(*self._cells, strict=True)]
        self._chunks.append(pa.table(columns, names=[str(i) for i in range(len(columns))]))
        self._cells.clear()

    def table(self, last: int) -> Table:
        """Return the table of what was taken.

        Args:
            last: number of the file's last line.
        """
        problems: dict[int, str] = {}
        if not self._numbers:
            self._fit_the_rows()
        width = len(self.names)
        for line, cells, problem in self.misfits:
            problems[line] = problem or f"has {len(cells)} cells, the header {width}"
            rest = self.settings.delimiter.join(cells[width - 1 :])
            self._cells.append([*cells[: width - 1], *[""] * (width - 1 - len(cells)), rest])
            self._numbers.append(line)
        if not self._numbers:
            what = "holds no rows" if self.names else "no CSV table (it is empty)"
            raise BestsellerError(f"{self.name}: {what}")
        if self._cells:
            self._pack()
        text = pd.StringDtype(na_value=np.nan)
        rows = pa.concat_tables(self._chunks).to_pandas(types_mapper={pa.string(): text}.get)
        rows.index = pd.Index(self._numbers, name="line")
        rows.columns = self.names
        rows = rows.sort_index() if problems else rows
        rows_in = len(rows) + self.totals
        self.lines["lines_in"] = last
        self.lines["lines_continued"] = (
            last - 1 - self.lines["lines_above"] - self.lines["lines_blank"] - rows_in
        )
        return Table(rows, problems, self.lines | {"rows_totals": self.totals}, self.head)

    def _fit_the_rows(self) -> None:
        """Take rows of one width as they are where only empty cells make it another than the
        header's: a delimiter at the end of every row, or of the header alone."""
        widths = {len(cells) for _, cells, problem in self.misfits if not problem}
        if len(widths) != 1 or any(problem for _, _, problem in self.misfits):
            return
        (width,) = widths
        header = len(self.names)
        if any(self.names[width:]) or any(any(cells[header:]) for _, cells, _ in self.misfits):
            return
        self.names = (self.names + [""] * width)[:width]
        self._numbers.extend(line for line, _, _ in self.misfits)
        self._cells.extend(cells for _, cells, _ in self.misfits)
        self.misfits.clear()


def _zeros(cells: Iterable[str]) -> str:
    return "holds a zero byte: the file is damaged there" if any("\0" in c for c in cells) else ""


def column_named(columns: Iterable[str], wanted: str) -> list[str]:
    """Return the columns of a name, compared without regard to case.

    A name with a question mark behind it may be missing; the mark is no part of it, unless the
    table has a column that is so called.
    """
    columns = list(columns)
    found = [column for column in columns if column.casefold() == wanted.casefold()]
    if found or not wanted.endswith("?"):
        return found
    return [column for column in columns if column.casefold() == wanted[:-1].casefold()]


def our_columns(table: Table, settings: Sales, name: str) -> dict[str, str]:
    """Return which column of the ledger is which of ours; optional ones that it lacks are left out.

    Names are compared without regard to case. An optional column that params.yaml calls by its
    own name, such as ``kind: kind``, or with a question mark behind it may be missing; one that it
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
                    or _lower_header(table, settings)
                    or f"mend sales.columns.{ours} in params.yaml"
                )
            )
    return result


def _other_delimiter(table: Table, settings: Sales) -> str:
    """Return the mend where the whole header stands in one column."""
    (header, *more) = table.rows.columns
    marks = [
        mark for mark in (";", "\t", ",", "|") if mark in header and mark != settings.delimiter
    ]
    if more or not marks:
        return ""
    mark = max(marks, key=header.count).replace("\t", r"\t")
    return f'its columns stand between "{mark}"; set sales.delimiter: "{mark}" in params.yaml'


def _lower_header(table: Table, settings: Sales) -> str:
    """Return what to declare where a line below the header has the needed columns."""
    needed = {getattr(settings.columns, ours).casefold() for ours in NEEDED}
    for line, cells in table.head[1:]:
        if needed <= {cell.strip().casefold() for cell in cells}:
            return f"line {line} looks like the header: set sales.skip_lines: {line - 1}"
    return ""
