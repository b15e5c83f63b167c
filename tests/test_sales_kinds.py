"""Kinds of ledgers: workbooks with gaps, zero bytes, weeks, quarters, Unix times."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from pydantic import ValidationError

from ledgers import cleaned, settings, units

HEAD = "sku,date,units\n"


def workbook(fill: Callable[[Any], None]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    fill(book.active)
    book.save(file)
    return file.getvalue()


def test_a_workbooks_rows_are_as_wide_as_its_header() -> None:
    """Excel stores no empty cell at a row's end, and stores cells that only have a colour."""

    def fill(sheet: Any) -> None:
        day = dt.date(2024, 1, 5)
        sheet.append(["sku", "date", "units", "note"])
        sheet.append(["MUG-1", day, 2])
        sheet.append(["FERN-1", day, 1, "a gift"])
        sheet.append(["TOTE-1", day])  # without its units it cannot be counted
        sheet.append(["MUG-1", day, 1, None, "what stands beside the table"])
        for row in (1, 2):
            sheet.cell(row, 7).fill = openpyxl.styles.PatternFill("solid", fgColor="FFFF00")

    ledger = cleaned(workbook(fill))
    assert units(ledger) == {"MUG-1": 2, "FERN-1": 1}
    assert ledger.quarantine[["row", "reason"]].to_numpy().tolist() == [
        [4, "units is no whole number"],
        [5, "has 5 cells, the header 4"],
    ]


def test_a_zero_byte_damages_its_row_alone() -> None:
    text = f"{HEAD}MUG-1,2024-01-05,2\nFE\0RN-1,2024-01-06,1\nTOTE-1,2024-01-07,3\n"
    for data in (text.encode(), text.replace("MUG-1", '"MUG-1"').encode()):
        ledger = cleaned(data)
        assert units(ledger) == {"MUG-1": 2, "TOTE-1": 3}
        assert ledger.quarantine["row"].tolist() == [3]
        assert "zero byte" in ledger.quarantine["reason"].iloc[0]


def test_a_file_that_ends_in_zero_bytes_keeps_its_rows() -> None:
    ledger = cleaned(f"{HEAD}MUG-1,2024-01-05,2\n".encode() + b"\0" * 600)
    assert units(ledger) == {"MUG-1": 2} and ledger.quarantine["row"].tolist() == [3]


@pytest.mark.parametrize(
    ("pattern", "text", "day"),
    [
        ("%G-W%V", "2024-W05", "2024-01-29"),  # ISO 8601: the week of 29 January
        ("%V/%G", "1/2021", "2021-01-04"),
        ("%Y-Q%q", "2024-Q2", "2024-04-01"),
        ("Q%q %Y", "Q4 2023", "2023-10-01"),
        ("%q/%y", "1/24", "2024-01-01"),
        ("%Y-%m", "2024-03", "2024-03-01"),
        ("unix", "1704412800", "2024-01-05"),
        ("unix", "1704412800123", "2024-01-05"),
    ],
)
def test_encoded_dates(pattern: str, text: str, day: str) -> None:
    zones: dict[str, Any] = {"zone": "UTC", "business_zone": "UTC"} if pattern == "unix" else {}
    ledger = cleaned(f"{HEAD}MUG-1,{text},2\nMUG-1,2024-Q5,1\n", date_format=pattern, **zones)
    assert ledger.clean["date"].dt.strftime("%Y-%m-%d").tolist() == [day]
    assert ledger.quarantine["row"].tolist() == [3]


def test_a_unix_time_is_of_the_day_in_the_business_zone() -> None:
    """1704412799 is 23:59:59 of 4 January 2024 in UTC, and 5 January in Berlin."""
    zones: dict[str, Any] = {"zone": "UTC", "business_zone": "Europe/Berlin"}
    ledger = cleaned(f"{HEAD}MUG-1,1704412799,2\n", date_format="unix", **zones)
    assert ledger.clean["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-05"]


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"date_format": "%Y-%m-%s"}, "without %s"),
        ({"date_format": "dd.mm.yyyy"}, "strptime's codes"),
        ({"date_format": "%"}, "strptime's codes"),
        ({"as_of_format": "%Q"}, "without %Q"),
        ({"date_format": "unix", "zone": "Europe/Berlin", "business_zone": "UTC"}, "UTC, since"),
        ({"date_format": "unix"}, "UTC, since"),
    ],
)
def test_a_format_that_is_none_is_refused_at_once(own: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        settings(**own)
