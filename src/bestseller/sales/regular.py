"""Reads a text without quotes whose lines all fit its header at once, as most large ledgers are.

Other texts are read record by record, see `lines`; both ways give the same rows.
"""

import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

NEWLINE, BLOCK = ord("\n"), 1 << 24


def regular_rows(data: bytes, delimiter: str, quoted: bool) -> tuple[list[str], pa.Table] | None:
    """Return the header and the rows of a regular table, None where the text is not regular.

    Args:
        data: UTF-8, from the header on.
        delimiter: between two cells.
        quoted: quotes may surround a cell.

    Returns:
        The header's cells, and columns of text; row i is line i + 2 of `data`.
    """
    end = data.find(b"\n")
    mark = delimiter.encode()
    unquoted = not quoted or b'"' not in data
    if (
        b"\0" in data
        or end < 0
        or len(mark) != 1
        or not unquoted
        or data.count(b"\r") != data.count(b"\r\n")
    ):
        return None
    header = data[:end].decode().rstrip("\r")
    names = next(csv.reader([header], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
    body = data[end + 1 :]
    body += b"" if body.endswith(b"\n") else b"\n"
    if not any(map(str.strip, names)) or not _fits(body, ord(mark), len(names)):
        return None
    columns = [str(i) for i in range(len(names))]
    rows = arrow_csv.read_csv(
        io.BytesIO(body),
        arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=columns),
        arrow_csv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
        arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False
        ),
    )
    first = pc.utf8_trim_whitespace(rows.column(0))
    if pc.any(pc.equal(first, "")).as_py():  # perhaps a blank line
        return None
    return names, rows


def _fits(body: bytes, mark: int, width: int) -> bool:
    """Tell whether every line holds one mark less than the header has cells."""
    bytes_ = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(bytes_ == NEWLINE)
    marks = np.flatnonzero(bytes_ == mark)
    if width < 2 or len(marks) != len(ends) * (width - 1) or not len(marks):
        return False
    by_line = marks.reshape(len(ends), width - 1)
    starts = np.concatenate([[0], ends[:-1] + 1])
    return bool((by_line[:, 0] >= starts).all() and (by_line[:, -1] < ends).all())
