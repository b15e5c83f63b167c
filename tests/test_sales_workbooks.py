"""Excel workbooks as ledgers, and files that are no table."""

import datetime as dt
import io
from typing import Any

import openpyxl
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.sales import read_table
from ledgers import cleaned, settings, units


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


ROWS: list[list[Any]] = [
    ["Sales of 2026"],
    ["sku", "date", "units", "price", "currency"],
    ["MUG-1", dt.datetime(2026, 1, 5, 13, 30), 2, 9.5, "EUR"],
    [],
    ["FERN-1", "06.01.2026", "3", "1.000,25", "EUR"],
    [116610, dt.date(2026, 1, 7), 4.0, 8, "EUR"],
    ["Summe", None, 9],
]


def test_a_sheet_of_a_workbook_is_read_by_the_same_rules() -> None:
    data = workbook(("Sales", ROWS), ("Notes", [["hello"]]))
    own: dict[str, Any] = {
        "sheet": "Sales",
        "preset": "excel-de",
        "skip_lines": 1,
        "totals": ["Summe"],
    }
    ledger = cleaned(data, {"MUG-1": "MUG-1", "FERN-1": "FERN-1", "116610": "W"}, **own)
    assert units(ledger) == {"MUG-1": 2, "FERN-1": 3, "W": 4}
    assert ledger.clean["revenue"].sum() == 2 * 9.5 + 3 * 1000.25 + 4 * 8
    summary = ledger.summary
    assert (summary["lines_in"], summary["lines_above"], summary["lines_blank"]) == (7, 1, 1)
    assert (summary["rows_in"], summary["rows_totals"]) == (4, 1)
    bad = cleaned(data, **own | {"totals": []})
    assert bad.quarantine["row"].tolist() == [6, 7], "rows of the sheet"
    with pytest.raises(BestsellerError, match=r"2 sheets; set sales\.sheet to one of Sales, Notes"):
        cleaned(data, **own | {"sheet": ""})
    with pytest.raises(BestsellerError, match=r"no sheet Sale; .*: Sales, Notes"):
        cleaned(data, **own | {"sheet": "Sale"})


def test_a_number_that_is_shown_with_zeros_before_it_keeps_them() -> None:
    book = openpyxl.Workbook()
    book.active.append(["sku", "date", "units"])
    book.active.append([7, "2026-01-05", 1])
    book.active["A2"].number_format = "000"
    data = io.BytesIO()
    book.save(data)
    assert units(cleaned(data.getvalue(), {"007": "007"})) == {"007": 1}


@pytest.mark.parametrize(
    ("data", "mend"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), r"old Excel workbook \(.xls\).*save it"),
        (b"PK\x03\x04 cut off", "damaged workbook or archive"),
        (b"<html><table><tr><td>sku", "HTML or XML page.*save it as .xlsx or CSV"),
        (b"\x1f\x8b\x08", "gzip: unpack it"),
        (b"%PDF-1.7", "PDF: export the table as CSV"),
        ("sku,date,units\n".encode("utf-16-le"), "set sales.encoding: utf-16-le"),
        ("sku,date,units\nFern gr\u00fcn,2026-01-05,1\n".encode("cp1252"), "line 2; .*cp1252"),
    ],
)
def test_what_is_no_table_is_named_with_its_mend(data: bytes, mend: str) -> None:
    with pytest.raises(BestsellerError, match=mend) as error:
        read_table(data, settings(), "sales.csv")
    assert str(error.value).startswith("sales.csv: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding_before_the_settings_do(encoding: str) -> None:
    text = "sku,date,units\nMÜG,2026-01-05,3\n".encode(encoding)
    assert units(cleaned(text, {"MÜG": "MÜG"}, encoding="cp1252")) == {"MÜG": 3}
