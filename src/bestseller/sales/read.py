"""A ledger's file as a table of text, under the names that params.yaml gives its columns.

Every line of the file is accounted for: lines_in = 1 (the header) + lines_above + lines_blank +
lines_continued + the rows of the table + rows_totals.
"""

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.foreign import MARKS, encoding_of, is_workbook
from bestseller.sales.header import AUTO, HEAD, lines_above, other_header, tidy_name
from bestseller.sales.lines import Record, Records
from bestseller.sales.patterns import matcher
from bestseller.sales.regular import regular_rows
from bestseller.sales.workbook import sheet_records

CHUNK = 50_000  # rows that are Python's strings at a time, not Arrow's
SEPARATOR = re.compile(r'"? *sep *= ?(.) *"?\s*', re.IGNORECASE)  # Excel's line above a header


@dataclass(frozen=True)
class RawTable:
    """A ledger as text.

    Attributes:
        rows: the file's columns, their names stripped, every value text as it stands; the index is
            the line of the file, or row of the sheet, where each begins. Of a row that does not fit
            the header the cells too many stand in the last column.
        problems: why a row does not fit the header, by line; the others are not in it.
        lines: lines_in, lines_above, lines_blank, lines_continued (lines of a cell that has line
            breaks), rows_totals (rows that `sales.totals` leaves out).
        head: the file's first lines with their cells, to look for the header in.
    """

    rows: pd.DataFrame
    problems: dict[int, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=lambda: {"rows_totals": 0})
    head: list[tuple[int, list[str]]] = field(default_factory=list)


def read_table(source: str | Path | bytes, settings: Sales, name: str = "") -> RawTable:
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
        first = list(islice(records, HEAD))
        head = [(line, cells) for line, cells, _ in first]
        above = lines_above(head, settings, name)
        records = islice(chain(first, records), above, None)
        reading = _Reading(settings, name, above, head)
        last = reading.take(records)
        return reading.table(last or len(head))
    encoding = encoding_of(data, settings.encoding, name)
    if encoding.lower() in ("utf-8", "utf8"):
        encoding = "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeError:
        raise BestsellerError(_undecodable(data, encoding, settings.encoding, name)) from None
    return _read_text(text, settings, name)


def _read_text(text: str, settings: Sales, name: str) -> RawTable:
    quoted, mark = settings.quoting == "standard", settings.delimiter
    # A space before a quote is the writer's, not the cell's, wherever the file has both.
    spaced = quoted and re.search(rf'{re.escape(mark)} +"', text) is not None
    data = text.lstrip("\ufeff").encode()
    del text

    def records(body: bytes, above: int) -> Records:
        return Records(_lines(body), mark, quoted, above + 1, spaced=spaced)

    head = [(line, cells) for line, cells, _ in islice(records(data, 0), HEAD)]
    above = lines_above(head, settings, name)
    if not above or settings.skip_lines == AUTO:
        told = SEPARATOR.fullmatch(next(_lines(data), ""))
        above = max(above, int(told is not None))
        if told and told[1] != mark:
            raise BestsellerError(
                f"{name}: line 1 says that {told[1]!r} stands between two columns; set "
                f'sales.delimiter: "{told[1]}"'
            )
    body = data[sum(len(line.encode()) for line in islice(_lines(data), above)) :]
    del data
    if above and not body:
        hint = other_header(head, settings, above + 1) or "mend it in params.yaml"
        raise BestsellerError(f"{name}: sales.skip_lines {above} leaves no line of it; {hint}")
    reading = _Reading(settings, name, above, head)
    regular = None if settings.totals else regular_rows(body, mark, quoted)
    if regular:
        reading.take_regular(*regular)
        return reading.table(above + 1 + regular[1].num_rows)
    rest = records(body, above)
    reading.take(rest)
    return reading.table(rest.line)


def _lines(text: bytes) -> Iterator[str]:
    return io.TextIOWrapper(io.BytesIO(text), "utf-8", newline="")


def _undecodable(data: bytes, encoding: str, declared: str, name: str) -> str:
    where = ""
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        where = f" at byte {error.start}, line {line}"
    except UnicodeError:
        pass
    if any(data.startswith(mark) for mark, _ in MARKS):
        return f"{name}: begins as {encoding.upper()} and is none{where}: it is cut off or damaged"
    return (
        f"{name}: no {declared.upper()}{where}; mend sales.encoding in params.yaml, "
        "such as cp1252 for a file of Excel's"
    )


class _Reading:
    """Sorts records: the header, rows that fit it, rows that do not, totals, blank lines."""

    def __init__(
        self, settings: Sales, name: str, above: int, head: list[tuple[int, list[str]]]
    ) -> None:
        self.settings, self.name, self.head = settings, name, head
        self.lines = {"lines_in": 0, "lines_above": above, "lines_blank": 0, "lines_continued": 0}
        self.totals = 0
        self.names: list[str] = []
        self.misfits: list[Record] = []
        self._numbers: list[int] = []
        self._cells: list[list[str]] = []
        self._chunks: list[pa.Table] = []

    def take(self, records: Iterable[Record]) -> int:
        """Sort all records; return the line where the last one begins, 0 for none."""
        is_total = matcher(self.settings.totals) if self.settings.totals else None
        cells_of, numbers, width, line = self._cells, self._numbers, 0, 0
        for line, cells, problem in records:
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

    def take_regular(self, names: list[str], rows: pa.Table) -> None:
        """Take a header, and rows that all fit it, from the line behind it on."""
        line = self.lines["lines_above"] + 1
        self.names = self._header(names, line)
        self._chunks.append(rows)
        self._numbers.extend(range(line + 1, line + 1 + rows.num_rows))

    def _first_and_whole(self, cells: list[str]) -> tuple[str, str]:
        """Return a row's first filled cell, and the row from there to its last."""
        filled = [i for i, cell in enumerate(cells) if cell.strip()]
        whole = self.settings.delimiter.join(cells[filled[0] : filled[-1] + 1])
        return cells[filled[0]].strip(), whole.strip()

    def _header(self, cells: list[str], line: int) -> list[str]:
        names = [tidy_name(cell) for cell in cells]
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

    def table(self, last: int) -> RawTable:
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
            hint = other_header(self.head, self.settings, self.lines["lines_above"] + 1)
            raise BestsellerError(f"{self.name}: {what}{f'; {hint}' if hint else ''}")
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
        return RawTable(rows, problems, self.lines | {"rows_totals": self.totals}, self.head)

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
