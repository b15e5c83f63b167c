"""The table beside a folder of pictures: a CSV file with one row for each picture."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import get_args

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import View

SHARED = ("name", "line", "category", "brand", "price", "currency", "url")  # by a product's rows
_PRICE = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Row:
    """What a row tells; empty is what it does not. `file` is relative to the folder.

    `attributes` are the cells of the columns that have no meaning here, by the column's name.
    """

    file: str
    sku: str = ""
    name: str = ""
    line: str = ""
    category: str = ""
    brand: str = ""
    price: str = ""
    currency: str = ""
    view: str = ""
    url: str = ""
    attributes: tuple[tuple[str, str], ...] = ()

    @property
    def folder(self) -> str:
        """Name of the folder that the file lies in, empty at the top."""
        return PurePosixPath(self.file).parent.name


COLUMNS = tuple(field.name for field in fields(Row) if field.name != "attributes")
ALMOST = 0.8  # likeness from which a column's name is taken for a misspelt one of COLUMNS


def numbered(rows: Iterable[Row]) -> list[Row]:
    """Return the rows, each without a number with one made of its file.

    That is the file's name without its ending, or its path where another file has the name too.
    """
    rows = list(rows)
    paths = {row.file: PurePosixPath(row.file) for row in rows}
    stems = Counter(path.stem for path in paths.values())
    stemmed = Counter(path.with_suffix("") for path in paths.values())

    def number(row: Row) -> str:
        path = paths[row.file]
        if stems[path.stem] == 1:
            return path.stem
        return str(path.with_suffix("")) if stemmed[path.with_suffix("")] == 1 else row.file

    return [row if row.sku else replace(row, sku=number(row)) for row in rows]


def read_rows(path: Path, meant: Callable[[str], str] = str) -> list[Row]:
    """Read the table: UTF-8, a header with `file`; columns not of COLUMNS are attributes.

    Between its cells are commas, semicolons or tabs, whichever the header has most of.

    Args:
        path: of the table.
        meant: returns the file that a path in the table means.

    Raises:
        BestsellerError: it cannot be read, or a column, a cell or a product is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=names.count), strict=True)
            header = [" ".join(name.split()).lower() for name in next(reader, [])]
            _check_header(path, header)
            rows, lines = [], []
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    rows.append(_row(f"{path}: line {reader.line_num}", header, cells))
                    lines.append(reader.line_num)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BestsellerError(f"{path}: no CSV in UTF-8 ({error})") from error
    except OSError as error:
        raise BestsellerError(f"{path}: {error.strerror}; mend catalogue.folder.table") from error
    if not rows:
        raise BestsellerError(f"{path}: holds no row; name a file in each")
    rows = numbered(replace(row, file=meant(row.file)) for row in rows)
    first: dict[tuple[str, str], tuple[str, int]] = {}
    for row, line in zip(rows, lines, strict=True):
        _check_agreement(f"{path}: line {line}", row, first, line)
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    known = ", ".join(COLUMNS)
    for name in header:
        if name not in COLUMNS and (near := difflib.get_close_matches(name, COLUMNS, 1, ALMOST)):
            raise BestsellerError(
                f"{path}: column {name!r}: is {near[0]!r} meant? Known: {known}; name a column of "
                "your own differently"
            )
    if "file" not in header:
        raise BestsellerError(f"{path}: no column 'file'; known: {known}")
    if len(set(header)) < len(header):
        raise BestsellerError(f"{path}: a column stands twice: {', '.join(header)}")


def _row(where: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise BestsellerError(f"{where}: {len(cells)} cells under {len(header)} columns")
    told = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    own = {name: value for name, value in told.items() if name in COLUMNS}
    others = tuple((name, told[name]) for name in sorted(told.keys() - own) if name and told[name])
    row = Row(**own, attributes=others)
    if not row.file:
        raise BestsellerError(f"{where}: file: empty; name a picture of the folder")
    if row.view not in ("", *get_args(View)):
        allowed = ", ".join(get_args(View))
        raise BestsellerError(f"{where}: view: {row.view!r} is not allowed; one of {allowed}")
    if row.price and not _PRICE.fullmatch(row.price):
        raise BestsellerError(f"{where}: price: {row.price!r} is no number such as 1234.50")
    return row


def _check_agreement(
    where: str, row: Row, first: dict[tuple[str, str], tuple[str, int]], number: int
) -> None:
    """Refuse two rows of one product that tell different things of it."""
    for key in SHARED:
        value = getattr(row, key)
        if not value:
            continue
        before, line = first.setdefault((row.sku, key), (value, number))
        if before != value:
            raise BestsellerError(
                f"{where}: {key}: {value!r}, but {before!r} in line {line}, for sku {row.sku!r}"
            )
