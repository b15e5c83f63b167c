"""A file of verdicts on designs, as a person hands it in: CSV or XLSX, each row checked."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pandas as pd

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.designs.export import FEEDBACK

KEEP, REJECT = "keep", "reject"
VERDICTS = (KEEP, REJECT, "")
BLIND = ("preferred", "taken_for_real")  # answers of a blind review: yes, no or empty
PICKED = "picked"  # for the plan: yes, no or empty
SAID = (*FEEDBACK, PICKED, *BLIND)
GIVEN = ["file", *SAID]
REQUIRED = {"file", "verdict"}
ALLOWED = {"verdict": VERDICTS, **dict.fromkeys((PICKED, *BLIND), ("yes", "no", ""))}
SUFFIX = ".png"
WORKBOOK = ".xlsx"


def parse(path: Path, columns: Sequence[str] = GIVEN) -> pd.DataFrame:
    """Read what was said, a row per design by its file, without the rows that say nothing.

    Args:
        path: CSV with commas or semicolons, UTF-8; or XLSX, whose first sheet counts.
        columns: of the result; those of `SAID` but the verdict may be missing in the file, and are
            then empty.

    Raises:
        BestsellerError: the file is no table, lacks a column, or a row is unsound.
    """
    rows = _of_workbook(path) if path.suffix.lower() == WORKBOOK else _of_csv(path)
    header = next(rows, [])
    missing = (set(columns) - set(SAID) | REQUIRED) - set(header)
    if missing:
        raise BestsellerError(f"{path}: no column {', '.join(sorted(missing))}")
    found = []
    for number, cells in enumerate(rows, start=2):
        told = dict(zip(header, cells, strict=False))
        row = {name: told.get(name, "").strip() for name in columns}
        row |= {name: row[name].lower() for name in ALLOWED}
        if not any(row[name] for name in SAID):
            continue
        _check(path, number, row)
        found.append(row)
    table = pd.DataFrame(found, columns=list(columns)).drop_duplicates("file", keep="last")
    return table.sort_values("file", ignore_index=True)


def _check(path: Path, number: int, row: Mapping[str, str]) -> None:
    for name, allowed in ALLOWED.items():
        if row[name] not in allowed:
            choices = ", ".join(filter(None, allowed))
            raise BestsellerError(
                f"{path}: line {number}: {name} {row[name]!r}; allowed: {choices}, or nothing"
            )
    if not re.fullmatch(rf"[0-9a-f]{{12}}\{SUFFIX}", row["file"]):
        raise BestsellerError(
            f"{path}: line {number}: file {row['file']!r} is no design's; one is <id>{SUFFIX}"
        )


def _of_csv(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BestsellerError(f"{path}: no UTF-8 text; save it as CSV UTF-8") from error
    first = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > 1 else ",")
    try:
        return iter(list(rows))
    except csv.Error as error:
        raise BestsellerError(f"{path}: line {rows.line_num}: no CSV ({error})") from error


def _of_workbook(path: Path) -> Iterator[list[str]]:
    import openpyxl  # noqa: PLC0415 (slow import)

    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            rows = [_texts(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    except Exception as error:  # a damaged workbook has openpyxl raise anything
        if out_of_means(error):  # this machine's fault, and no file's
            raise
        told = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise BestsellerError(f"{path}: no workbook of Excel's: {told[:200]}") from error
    return iter([[cell.lower().strip() for cell in rows[0]], *rows[1:]] if rows else [])


def _texts(cells: Iterable[object]) -> list[str]:
    return ["" if cell is None else str(cell) for cell in cells]
