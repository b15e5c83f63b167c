"""The header of a ledger: how its names are compared, and the line that it stands in."""

import unicodedata
from collections.abc import Iterable, Sequence

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales, SalesColumns

OURS = tuple(SalesColumns.model_fields)
NEEDED = OURS[:3]
HEAD = 50  # lines looked through for a header that stands elsewhere than declared
AUTO = "auto"  # skip_lines: down to the first line that has the needed columns

Head = Sequence[tuple[int, list[str]]]  # the file's first lines with their cells


def tidy_name(cell: str) -> str:
    """Return a column's name with one space for each run of white space, line breaks included, and
    without marks that nobody sees."""
    return " ".join(visible(cell).split())


def visible(text: str) -> str:
    """Return a text without the invisible marks at its ends, such as a byte-order mark."""
    start, end = 0, len(text)
    while start < end and _unseen(text[start]):
        start += 1
    while start < end and _unseen(text[end - 1]):
        end -= 1
    return text[start:end]


def _unseen(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) == "Cf"


def column_named(columns: Iterable[str], wanted: str) -> list[str]:
    """Return the columns of a name, compared without regard to case, width and white space.

    A name with a question mark behind it may be missing; the mark is no part of it, unless the
    table has a column that is so called.
    """
    columns = list(columns)
    found = [column for column in columns if _alike(column) == _alike(wanted)]
    if found or not wanted.endswith("?"):
        return found
    return [column for column in columns if _alike(column) == _alike(wanted[:-1])]


def _alike(name: str) -> str:
    return tidy_name(unicodedata.normalize("NFKC", name)).casefold()


def header_line(head: Head, settings: Sales) -> int | None:
    """Return the first line that has the columns of sku, date and units, None for none."""
    needed = [getattr(settings.columns, ours) for ours in NEEDED]
    for line, cells in head:
        if all(column_named(cells, name) for name in needed):
            return line
    return None


def lines_above(head: Head, settings: Sales, name: str) -> int:
    """Return how many lines stand above the header, as `sales.skip_lines` says.

    Raises:
        BestsellerError: it is auto, and no line of `head` has the needed columns.
    """
    if isinstance(settings.skip_lines, int):
        return settings.skip_lines
    line = header_line(head, settings)
    if line is None:
        needed = ", ".join(getattr(settings.columns, ours) for ours in NEEDED)
        raise BestsellerError(
            f"{name}: none of its first {len(head)} lines has the columns {needed}; mend "
            "sales.columns or sales.delimiter in params.yaml"
        )
    return line - 1


def other_header(head: Head, settings: Sales, at: int) -> str:
    """Return what to declare where another line than the declared one looks like the header.

    Args:
        head: the file's first lines.
        settings: the sales section of params.yaml.
        at: the line that was taken for the header; one behind the file's last if none was.
    """
    line = header_line(head, settings)
    if line is not None and line != at:
        return f"line {line} looks like the header: set sales.skip_lines: {line - 1}"
    widths = [(number, len(cells)) for number, cells in head if any(map(str.strip, cells))]
    width = next((n for number, n in widths if number == at), 0)
    behind = [n for number, n in widths if number > at]
    usual = max(behind, key=behind.count, default=0)
    if width < usual and 2 * behind.count(usual) >= len(behind):
        first = next(number for number, n in widths if number > at and n == usual)
        return (
            f"line {first} is the first of {usual} cells: if it is the header, set "
            f"sales.skip_lines: {first - 1}"
        )
    return ""
