"""The table beside a folder of pictures: a CSV file with one row for each picture."""

import csv
import re
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import get_args

from bestseller.catalogue.product import View
from bestseller.errors import BestsellerError

SHARED = ("name", "line", "category", "brand", "price", "currency", "url")  # by a product's rows
_PRICE = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Row:
    """What a row tells; empty is what it does not. `file` is relative to the folder."""

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

    def __post_init__(self) -> None:
        if not self.sku:
            object.__setattr__(self, "sku", PurePosixPath(self.file).stem)

    @property
    def folder(self) -> str:
        """Name of the folder that the file lies in, empty at the top."""
        return PurePosixPath(self.file).parent.name


COLUMNS = tuple(field.name for field in fields(Row))


def read_rows(path: Path) -> list[Row]:
    """Read the table: UTF-8, commas, a header with `file` and any other of COLUMNS.

    Raises:
        BestsellerError: it cannot be read, or a column, a cell or a product is wrong.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(path, header)
            rows = []
            first: dict[tuple[str, str], tuple[str, int]] = {}
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    where = f"{path}: line {reader.line_num}"
                    row = _row(where, header, cells)
                    _check_agreement(where, row, first, reader.line_num)
                    rows.append(row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BestsellerError(f"{path}: no CSV in UTF-8 ({error})") from error
    except OSError as error:
        raise BestsellerError(f"{path}: {error.strerror}; mend catalogue.folder.table") from error
    if not rows:
        raise BestsellerError(f"{path}: holds no row; name a file in each")
    return rows


def _check_header(path: Path, header: list[str]) -> None:
    unknown = [name for name in header if name not in COLUMNS]
    known = ", ".join(COLUMNS)
    if unknown:
        raise BestsellerError(f"{path}: unknown column {unknown[0]!r}; known: {known}")
    if "file" not in header:
        raise BestsellerError(f"{path}: no column 'file'; known: {known}")
    if len(set(header)) < len(header):
        raise BestsellerError(f"{path}: a column stands twice: {', '.join(header)}")


def _row(where: str, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise BestsellerError(f"{where}: {len(cells)} cells under {len(header)} columns")
    row = Row(**dict(zip(header, (cell.strip() for cell in cells), strict=True)))
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
