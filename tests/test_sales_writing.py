"""Dates, prices and texts as exports of many countries write them; right values worked by hand."""
# ruff: noqa: RUF001 (letters, digits and signs of many scripts)

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest
from openpyxl import Workbook

from bestseller.base.errors import BestsellerError
from bestseller.sales import CleanLedger
from bestseller.sales.dates import MONTHS, NAMES
from ledgers import cleaned, settings, units


def days(ledger: CleanLedger) -> list[str]:
    return sorted(ledger.clean["date"].dt.strftime("%Y-%m-%d"))


@pytest.mark.parametrize(
    ("text", "date_format", "day"),
    [
        ("1.3.24", "%d.%m.%y", "2024-03-01"),
        ("1. März 2024", "%d. %B %Y", "2024-03-01"),
        ("3 Sept 2024", "%d %B %Y", "2024-09-03"),
        ("02 Mar 2024", "%d %B %Y", "2024-03-02"),
        ("2 août 2024", "%d %B %Y", "2024-08-02"),
        ("12 JUIL. 2024", "%d %b %Y", "2024-07-12"),
        ("07-ene-24", "%d-%b-%y", "2024-01-07"),
        ("5 de março de 2024", "%d de %B de %Y", "2024-03-05"),
        ("9 mei 2024 17:30", "%d %B %Y %H:%M", "2024-05-09"),
        ("2024年3月2日", "%Y年%m月%d日", "2024-03-02"),
        ("2024/3/2", "%Y/%m/%d", "2024-03-02"),
        ("45352", "excel", "2024-03-01"),
        ("45352.999999", "excel", "2024-03-02"),
        ("45352,5", "excel", "2024-03-01"),
        ("44561", "excel", "2021-12-31"),
    ],
)
def test_dates(text: str, date_format: str, day: str) -> None:
    ledger = cleaned(f"sku;date;units\nMUG-1;{text};2\n", delimiter=";", date_format=date_format)
    assert days(ledger) == [day]


@pytest.mark.parametrize(
    ("text", "date_format"),
    [
        ("2024-03-01", "excel"),
        ("45352", "%Y-%m-%d"),
        ("0", "excel"),
        ("60", "excel"),  # 29 February 1900, which never was
        ("1. Foo 2024", "%d. %B %Y"),
        ("31 Juni 2024", "%d %B %Y"),
        ("mar. 5 3 2024", "%a %d %m %Y"),
    ],
)
def test_what_is_no_such_date_is_quarantined(text: str, date_format: str) -> None:
    sound = {"excel": "45352", "%Y-%m-%d": "2024-03-01", "%a %d %m %Y": "Tue 5 3 2024"}
    other = sound.get(date_format, "1. March 2024" if ". " in date_format else "1 March 2024")
    data = f"sku;date;units\nMUG-1;{text};2\nFERN-1;{other};1\n"
    ledger = cleaned(data, delimiter=";", date_format=date_format)
    assert ledger.quarantine["row"].tolist() == [2]
    assert units(ledger) == {"FERN-1": 1}


def test_a_name_is_of_one_month() -> None:
    assert len(NAMES) == 12
    assert len(MONTHS) == len({name for names in NAMES for name in names.split()})
    assert sum(len(set(names.split())) for names in NAMES) == len(MONTHS)


def test_days_of_a_workbook_are_the_same_as_numbers() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["sku", "date", "units"],
        ["MUG-1", datetime(2024, 3, 1, 9), 2],
        ["MUG-1", 45353, 1],
    ):
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    assert days(cleaned(stream.getvalue(), date_format="excel")) == ["2024-03-01", "2024-03-02"]


@pytest.mark.parametrize(
    ("price", "own", "revenue", "currency"),
    [
        ("3,50 €", {"decimal": ","}, 7.0, "EUR"),
        ("€ 3,50", {"decimal": ","}, 7.0, "EUR"),
        ("EUR 1.234,50", {"decimal": ",", "thousands": "."}, 2469.0, "EUR"),
        ("CHF 1’234.50", {"thousands": "'"}, 2469.0, "CHF"),
        ("1'234.50 Fr.", {"thousands": "'"}, 2469.0, "CHF"),
        ("￥1,200", {"thousands": ",", "empty": {"currency": "JPY"}}, 2400.0, "JPY"),
        ("1,200円", {"thousands": ","}, 2400.0, "JPY"),
        ("$10.00", {"empty": {"currency": "CAD"}}, 20.0, "CAD"),
        ("US $10.00", {}, 20.0, "USD"),
        ("10.00USD", {}, 20.0, "USD"),
        ("1 200,00 zł", {"decimal": ",", "thousands": " "}, 2400.0, "PLN"),
        ("99 kr", {"empty": {"currency": "SEK"}}, 198.0, "SEK"),
        ("£5", {}, 10.0, "GBP"),
    ],
)
def test_a_currency_beside_the_price(
    price: str, own: Mapping[str, Any], revenue: float, currency: str
) -> None:
    data = f"sku;date;units;price\nMUG-1;2024-03-01;2;{price}\n"
    clean = cleaned(data, delimiter=";", **own).clean
    assert clean["revenue"].tolist() == [pytest.approx(revenue)]
    assert clean["currency"].tolist() == [currency]


@pytest.mark.parametrize(
    ("price", "currency"),
    [("10.00 €", "USD"), ("$10.00", "EUR"), ("$10.00", ""), ("99 kr", ""), ("10 EUR", "CHF")],
)
def test_another_currency_beside_the_price_is_told(price: str, currency: str) -> None:
    data = f"sku,date,units,price,currency\nMUG-1,2024-03-01,2,{price},{currency}\n"
    ledger = cleaned(data + "FERN-1,2024-03-01,1,1.00,USD\n")
    assert "mark beside the price" in ledger.quarantine["reason"].iloc[0]
    assert units(ledger) == {"FERN-1": 1}


@pytest.mark.parametrize(
    ("data", "own", "right"),
    [
        ('sku,date,units\n="00123",2024-03-01,2\n', {}, {"00123": 2}),
        ('sku,date,units\n"=""00123""",2024-03-01,2\n', {}, {"00123": 2}),
        ("sku\tdate\tunits\n00123\t2024-03-01\t２\n", {"delimiter": "\t"}, {"00123": 2}),
        (
            "sku|date|units\n00123|2024-03-01|(2)\n00123|2024-03-01|5\n",
            {"delimiter": "|"},
            {"00123": 3},
        ),
        ('sku,name,date,units\r\n00123,"a ""b"",\r\nc",2024-03-01,2\r\n', {}, {"00123": 2}),
        ("sku,date,units\r00123,2024-03-01,2\r", {}, {"00123": 2}),
    ],
)
def test_texts(data: str, own: Mapping[str, Any], right: Mapping[str, int]) -> None:
    assert units(cleaned(data, {"00123": "00123"}, **own)) == right
    utf16 = data.encode("utf-16")
    assert units(cleaned(utf16, {"00123": "00123"}, **own)) == right


ORDERS = (
    "Name,status,date,units,sku\n"
    "#1,paid,2026-03-07,2,MUG-1\n"
    "#1,,2026-03-07,1,TOTE-1\n"
    "#2,refunded,2026-03-09,1,MUG-1-L\n"
    "#2,,2026-03-09,1,FERN-1\n"
    "#3,voided,2026-03-12,1,MUG-1\n"
    "#3,,2026-03-12,3,FERN-1\n"
    "#4,paid,2026-03-20,2,MUG-1\n"
)
STATUS = {"columns": {"kind": "status"}, "empty": {"kind": "sale"}}
MEANT = {"kind": {"paid": "sale", "refunded": "drop", "voided": "drop"}}


def test_what_an_order_tells_once_is_not_taken_for_empty() -> None:
    with pytest.raises(BestsellerError, match=r'line 5.*fill_down: \{"Name": \["status"\]\}'):
        cleaned(ORDERS, values=MEANT, **STATUS)
    filled = cleaned(ORDERS, values=MEANT, fill_down={"Name": ["status"]}, **STATUS)
    assert units(filled) == {"MUG-1": 4, "TOTE-1": 1}
    meant_so = {"kind": MEANT["kind"] | {"": "sale"}}
    assert units(cleaned(ORDERS, values=meant_so, **STATUS)) == {
        "MUG-1": 4,
        "TOTE-1": 1,
        "FERN-1": 4,
    }


def test_cells_that_are_really_empty_are_left_to_the_settings() -> None:
    data = ORDERS.replace("#1,,", "#9,,")
    assert units(cleaned(data, values=MEANT, **STATUS))["FERN-1"] == 4


def test_a_text_cannot_mean_nothing_and_nothing_a_sale() -> None:
    with pytest.raises(ValueError, match=r"'refunded' an empty text.*'sale': write drop"):
        settings(values={"kind": {"refunded": ""}}, empty={"kind": "sale"})


def test_the_reason_is_told_where_no_row_can_be_counted() -> None:
    with pytest.raises(BestsellerError, match=r"none of its 1 rows.*date is no ISO date"):
        cleaned("sku,date,units\nMUG-1,2024-03-01 10:00,2\n")
