"""The values of a ledger: numbers, dates and money as their settings declare them."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.sales import (
    read_table,
)
from test_sales import COMMITTED, as_tuples, clean


def test_money_of_two_currencies_is_not_summed() -> None:
    ledger = clean(
        "sku,date,units,price,currency,kind\n"
        "01,2022-01-05,3,10.50,EUR,sale\n"
        "01,2022-01-05,1,10.50,EUR,return\n"
        "01,2022-01-05,1,12,USD,sale\n"
        "02,2022-01-05,1,5,EUR,sale\n"
        "02,2022-01-05,1,,EUR,sale\n"  # an unknown price is not 0
    )
    assert ledger.clean[["sku", "currency", "units"]].to_numpy().tolist() == [
        ["01", "EUR", 2],
        ["01", "USD", 1],
        ["02", "EUR", 2],
    ]
    assert ledger.clean["revenue"].tolist()[:2] == [21.0, 12.0]
    assert np.isnan(ledger.clean["revenue"].iloc[2])


@pytest.mark.parametrize(
    ("settings", "text", "units"),
    [
        ({"thousands": ","}, "1,234", 1234),
        ({"thousands": ","}, "1234", 1234),
        ({"thousands": ","}, "12,34", None),
        ({"thousands": ","}, "1.000", None),  # a thousand of another country
        ({"thousands": ","}, "1.00", 1),
        ({"thousands": ".", "decimal": ","}, "1.234", 1234),
        ({"thousands": ".", "decimal": ","}, "1,5", None),
        ({"thousands": " "}, "1\N{NO-BREAK SPACE}234", 1234),
        ({}, "1,234", None),
        ({}, "1.0", 1),
        ({}, "1.234", None),
        ({}, "1234567890", None),
        ({}, "１２", 12),
    ],
)
def test_numbers_follow_the_declared_locale(settings: dict, text: str, units: int | None) -> None:
    ledger = clean(f'sku,date,units\n01,2022-01-01,5\n01,2022-01-05,"{text}"\n', **settings)
    assert as_tuples(ledger)[1:] == ([("01", "2022-01-05", units)] if units else [])


@pytest.mark.parametrize(
    ("settings", "text", "day"),
    [
        ({"date_format": "%d/%m/%Y"}, "05/01/2022", "2022-01-05"),
        ({"date_format": "%m/%d/%Y"}, "05/01/2022", "2022-05-01"),
        ({"date_format": "%d/%m/%Y"}, "01/13/2022", None),
        # 22:00 in Los Angeles is the next day in New York; 1:00 in UTC is the day before.
        (
            {
                "date_format": "%b %d, %Y %H:%M:%S %Z",
                "zones": {"PDT": "-07:00", "PST": "-08:00"},
                "business_zone": "America/New_York",
            },
            "Mar 29, 2022 22:00:00 PDT",
            "2022-03-30",
        ),
        (
            {
                "date_format": "%b %d, %Y %H:%M:%S %Z",
                "zones": {"PDT": "-07:00"},
                "business_zone": "America/New_York",
            },
            "Mar 29, 2022 22:00:00 CET",
            None,
        ),
        (
            {
                "date_format": "%Y-%m-%dT%H:%M",
                "zone": "UTC",
                "business_zone": "America/New_York",
            },
            "2022-01-05T01:00",
            "2022-01-04",
        ),
        # The hour between 2 and 3 stands twice on that night in Berlin.
        (
            {
                "date_format": "%Y-%m-%dT%H:%M",
                "zone": "Europe/Berlin",
                "business_zone": "UTC",
            },
            "2022-10-30T02:30",
            None,
        ),
        (
            {"date_format": "%Y-%m-%dT%H:%M%z", "business_zone": "UTC"},
            "2022-01-05T01:00+02:00",
            "2022-01-04",
        ),
    ],
)
def test_dates_follow_the_declared_format(settings: dict, text: str, day: str | None) -> None:
    ledger = clean(f'sku,date,units\n01,"{text}",5\n01,"{text}",5\n', **settings) if day else None
    if ledger is None:
        with pytest.raises(BestsellerError, match="can be counted"):
            clean(f'sku,date,units\n01,"{text}",5\n', **settings)
    else:
        assert as_tuples(ledger) == [("01", day, 10)]


def test_a_marketplace_table_is_read_by_settings_alone() -> None:
    """Texts with units inside, missing ones, other names, an instant without a date."""
    text = (
        '\ufeff"Stock","Item","Updated","Price","Kind"\n'
        '"9 available / 1,010 sold","01","Mar 29, 2022 22:00:00 PDT","US $1,150.00","x"\n'
        '"Last One / 45 sold","01","","US $579.00/ea","x"\n'
        '"5 available","02","Mar 29, 2022 22:00:00 PDT","US $720.00US $940.00","x"\n'
        '"5 sold or so","02","Mar 29, 2022 22:00:00 PDT","US $720.00","x"\n'
        '"2 available / 5 sold","02","Mar 29, 2022 22:00:00 PDT","ask","refund"\n'
    )
    columns = COMMITTED.columns.model_dump() | {
        "sku": "Item",
        "date": "updated",
        "units": "Stock",
        "price": "Price",
        "kind": "Kind",
    }
    ledger = clean(
        text,
        columns=columns,
        thousands=",",
        date_format="%b %d, %Y %H:%M:%S %Z",
        zones={"PDT": "-07:00"},
        business_zone="America/Los_Angeles",
        extract={
            "units": r"(?:([\d,]+) sold)?$",
            "price": r"^US \$([\d,]+\.\d\d)(?:/ea)?$",
        },
        values={"kind": {"x": "sale", "refund": "return"}},
        empty={"units": "drop", "date": "Apr 01, 2022 00:00:00 PDT", "currency": "USD"},
    )
    assert as_tuples(ledger) == [("01", "2022-03-29", 1010), ("01", "2022-04-01", 45)]
    assert ledger.clean["revenue"].tolist() == [1010 * 1150.0, 45 * 579.0]
    assert set(ledger.clean["currency"]) == {"USD"}
    assert ledger.summary["rows_empty"] == 2  # "5 sold or so" ends in no number of units
    assert ledger.quarantine["reason"].tolist() == ["price is no number of at least 0"]


def test_text_stays_text() -> None:
    text = "\ufeffSKU, Date ,units\nNA,2022-01-01,007\n"
    raw = read_table(text.encode(), COMMITTED).rows
    assert raw.columns.tolist() == ["SKU", "Date", "units"]
    assert raw.iloc[0].tolist() == ["NA", "2022-01-01", "007"]
    assert as_tuples(clean(text)) == [("NA", "2022-01-01", 7)]
