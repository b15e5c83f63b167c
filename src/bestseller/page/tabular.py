"""Tables of products as shops export them: commas, semicolons, tabs or bars, whatever is quoted."""

import csv
import io
import re
from collections.abc import Iterable

DELIMITERS = "\t,;|"
MAX_CELL = 10_000_000  # characters: exports carry whole descriptions
_LINE_ENDS = re.compile(
    r"\r\n|\n|\r"
)  # not those of other control characters, as in str.splitlines
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read_table(body: bytes) -> list[dict[str, str]]:
    """Return the rows of a table with a header, cells stripped, names in lower case.

    Between tabs, a name that begins with an inch mark opens no quotation: quotes count only where
    they surround a cell. Empty cells at a row's end may be missing there, or be too many.

    Raises:
        ValueError: it is no text in UTF-8 or UTF-16, or a row or the header is wrong; names the
            line.
    """
    text = decoded(body)
    lines = _LINE_ENDS.split(text)
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = max(DELIMITERS, key=header_line.count)
    plain = delimiter == "\t" and not any(
        cell.startswith('"') and cell.endswith('"') and len(cell) > 1
        for line in lines
        for cell in line.split("\t")
    )
    if plain:
        cells = [(n, line.split("\t")) for n, line in enumerate(lines, start=1)]
    else:
        csv.field_size_limit(MAX_CELL)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        try:
            cells = [(reader.line_num, row) for row in reader]
        except csv.Error as error:
            raise ValueError(f"line {reader.line_num}: no table ({error})") from error
    filled = [(number, row) for number, row in cells if any(cell.strip() for cell in row)]
    return _rows(_of_width(filled) if delimiter == "\t" else filled)


def _of_width(lines: list[tuple[int, list[str]]]) -> Iterable[tuple[int, list[str]]]:
    """Yield rows as wide as the first where only empty cells at their end make them another."""
    width = len(lines[0][1]) if lines else 0
    for number, cells in lines:
        more = cells[width:]
        kept = cells[:width] if more and not any(cell.strip() for cell in more) else cells
        yield number, kept + [""] * (width - len(kept))


def decoded(body: bytes) -> str:
    """Return a file's text.

    Raises:
        ValueError: it is neither UTF-8 nor UTF-16 with a mark.
    """
    try:
        return body.decode(_MARKS.get(body[:2], "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError("no text in UTF-8; save it as UTF-8") from error


def _rows(lines: Iterable[tuple[int, list[str]]]) -> list[dict[str, str]]:
    header: list[str] = []
    rows = []
    for number, cells in lines:
        if not header:
            header = [" ".join(name.split()).lower() for name in cells]
            twice = {name for name in header if name and header.count(name) > 1}
            if twice:
                raise ValueError(f"line {number}: the column {min(twice)!r} stands twice")
        elif len(cells) != len(header):
            raise ValueError(f"line {number}: {len(cells)} cells under {len(header)} columns")
        else:
            rows.append(dict(zip(header, (cell.strip() for cell in cells), strict=True)))
    return rows
