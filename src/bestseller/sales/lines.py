"""A text's lines as records of cells, so that no line is lost in another one's quotes.

Python's csv module follows RFC 4180 and accepts everything else. If a quote is opened and never
closed, the lines after it become one long cell. So a record of several lines is checked again. If
it is no such record, only its first line is set aside.
"""

import csv
from collections.abc import Iterator
from typing import Any

MAX_LINES = 200  # of one record; a quote that is open for longer was never meant as one

Record = tuple[int, list[str], str]  # line where it begins, its cells, why it is none (or "")


class _TooLongError(Exception):
    pass


class _Lines:
    """The lines of a text; those since the last record can be given back, all but the first."""

    def __init__(self, text: Iterator[str]) -> None:
        self._text, self._again = text, list[str]()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= MAX_LINES:
            raise _TooLongError
        line = self._again.pop() if self._again else next(self._text)
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        self._again.extend(reversed(self.taken[1:]))
        del self.taken[1:]


class Records:
    """The records of a text, one by one.

    Args:
        text: its lines, as of a file opened with ``newline=""``, from the header on.
        delimiter: between two cells.
        quoted: quotes may surround a cell; else a quote is a character like any other.
        first: number of the text's first line.
        spaced: spaces before a quote that surrounds a cell are none of the cell's.

    Attributes:
        line: number of lines read so far, those above the header included.
    """

    def __init__(
        self,
        text: Iterator[str],
        delimiter: str,
        quoted: bool,
        first: int,
        *,
        spaced: bool = False,
    ) -> None:
        self._lines, self.line = _Lines(text), first - 1
        self._plain: dict[str, Any] = {"delimiter": delimiter, "quoting": csv.QUOTE_NONE}
        self._quoted: dict[str, Any] = self._plain
        if quoted:
            self._quoted = {"delimiter": delimiter, "skipinitialspace": spaced}

    def __iter__(self) -> Iterator[Record]:
        lines, width = self._lines, 0
        reader = csv.reader(lines, **self._quoted)
        while True:
            lines.taken.clear()
            problem = ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _TooLongError:
                cells, problem = [], f"a quote opens here and is open {MAX_LINES} lines on"
            except csv.Error as error:  # a cell longer than csv takes
                cells, problem = [], f"a quote opens here and is not closed ({error})"
            if len(lines.taken) > 1:
                problem = problem or self._swallows(cells, width)
            if problem:
                lines.give_back()
                reader = csv.reader(lines, **self._quoted)
                cells = next(csv.reader(lines.taken, **self._plain), [])
                problem += "; where quotes are text, set sales.quoting: none"
            begins = self.line + 1
            self.line += len(lines.taken)
            width = width or (len(cells) if any(map(str.strip, cells)) else 0)
            yield begins, cells, problem

    def _swallows(self, cells: list[str], width: int) -> str:
        """Return why a record of several lines is none, empty if it is one.

        Two of its lines that each have the header's number of cells by themselves are two rows: of
        a cell that really has a line break, the first part lacks the cells behind it and the last
        part those before it.
        """
        lines = self._lines.taken
        full = sum(self._cells_alone(line, width) for line in lines)
        if width and full > 1:
            return f"a quote opens here and swallows {len(lines) - 1} lines"
        try:
            list(csv.reader(lines, strict=True, **self._quoted))
        except csv.Error:
            return f"a quote opens here and is not closed as a quote is, {len(lines) - 1} lines on"
        if width and len(cells) != width:
            return (
                f"has {len(cells)} cells over {len(lines)} lines, the header {width}: a quote opens"
            )
        return ""

    def _cells_alone(self, line: str, width: int) -> bool:
        ways = (self._plain, self._quoted)
        return any(len(next(csv.reader([line], **way), [])) == width for way in ways)
