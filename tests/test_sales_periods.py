"""Ledgers by week, month, quarter and year: rates count whole periods, worked by hand."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.classifier.sellers import sales_history
from bestseller.preference.launches import split_by_launch
from bestseller.preference.metadata import TOLD
from bestseller.sales import CleanLedger, clean_ledger, read_table, units_per_product
from bestseller.sales.periods import Period, detect_period, period_ends
from ledgers import cleaned, settings

DESIGNS = {"old": "old", "new": "new", "last": "last", "none": "none"}


def days(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)).astype("datetime64[ms]"))


@pytest.mark.parametrize(
    ("dates", "period", "ends"),
    [
        (("2024-01-01", "2024-02-01", "2024-04-01"), "month", ("01-31", "02-29", "04-30")),
        (("2024-01-31", "2024-02-29", "2024-04-30"), "month", ("01-31", "02-29", "04-30")),
        (("2024-02-29", "2024-03-29", "2024-04-30"), "month", ("02-29", "03-31", "04-30")),
        (("2024-01-15", "2024-02-15", "2024-03-15"), "month", ("01-31", "02-29", "03-31")),
        (("2024-01-01", "2024-04-01", "2024-10-01"), "quarter", ("03-31", "06-30", "12-31")),
        (("2024-03-31", "2024-09-30"), "quarter", ("03-31", "09-30")),
        (("2024-02-01", "2024-05-01"), "quarter", ("04-30", "07-31")),  # a year from February on
        (("2024-01-01", "2025-01-01"), "year", ("12-31", "12-31")),
        (("2024-01-01", "2024-01-08", "2024-01-22"), "week", ("01-07", "01-14", "01-28")),
        (("2024-01-07", "2024-01-14", "2024-01-28"), "week", ("01-07", "01-14", "01-28")),
        (("2024-01-01", "2024-01-08", "2024-01-09"), "day", ("01-01", "01-08", "01-09")),
        (("2024-01-31", "2024-02-28", "2024-04-30"), "day", ("01-31", "02-28", "04-30")),
        (("2024-01-01",), "day", ("01-01",)),
    ],
)
def test_the_period_is_told_by_the_dates(
    dates: tuple[str, ...], period: Period, ends: tuple[str, ...]
) -> None:
    found = days(*dates, dates[0])  # a day stands in many rows
    assert detect_period(found.sample(frac=1, random_state=1)) == period
    assert period_ends(found, period).dt.strftime("%m-%d").tolist() == [*ends, ends[0]]


def test_a_declared_period_goes_by_the_calendar() -> None:
    found = days("2024-01-05", "2024-02-29", "2024-08-01")
    ends: dict[Period, list[str]] = {
        "month": ["2024-01-31", "2024-02-29", "2024-08-31"],
        "quarter": ["2024-03-31", "2024-03-31", "2024-09-30"],
        "year": ["2024-12-31"] * 3,
        "week": ["2024-01-11", "2024-02-29", "2024-08-01"],
    }
    for period, expected in ends.items():
        assert period_ends(found, period).dt.strftime("%Y-%m-%d").tolist() == expected


def test_a_daily_ledger_is_by_day() -> None:
    """A shop that sells on half of the days of two months is none that sums weeks or months."""
    rng = np.random.default_rng(0)
    found = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.permutation(60)[:30], unit="D")
    assert detect_period(pd.Series(found)) == "day"


QUARTERS = (
    "sku,date,units\n"
    "old,2024-01-01,10\nold,2024-04-01,20\nold,2024-07-01,30\nold,2024-10-01,40\n"
    "new,2024-07-01,5\nnew,2024-10-01,46\n"
    "last,2024-10-01,500\n"
)


def history(**own: object) -> tuple[pd.DataFrame, pd.DataFrame, CleanLedger]:
    ledger = cleaned(QUARTERS, DESIGNS, **own)
    table = units_per_product(ledger.clean, DESIGNS, ledger.until)
    index = pd.DataFrame({"sku": list(DESIGNS), "line": "A", "cluster": range(4), "split": "train"})
    return table, sales_history(table, index, []).set_index("sku"), ledger


def test_rates_of_a_quarterly_ledger_count_whole_quarters() -> None:
    """Worked by hand: old sold 20 + 30 + 40 in 91 + 92 + 92 days, new 46 in the last 92."""
    units, found, ledger = history()
    assert (ledger.period, ledger.until) == ("quarter", dt.date(2024, 12, 31))
    table = units.set_index("sku")
    assert table["units"].to_dict() == {"last": 500, "new": 51, "none": 0, "old": 100}
    assert table["days_on_sale"].to_dict() == {"last": 0, "new": 92, "none": 0, "old": 275}
    assert table.loc["old", "units_per_day"] == pytest.approx(90 / 275)
    assert table["units_per_day"].isna().to_dict() == {
        "last": True, "new": False, "none": False, "old": False,
    }  # fmt: skip
    assert table.loc["none", "units_per_day"] == 0
    assert found[["counted", "days"]].to_dict("index") == {
        "old": {"counted": 90.0, "days": 275.0},
        "new": {"counted": 46.0, "days": 92.0},
    }


def test_a_window_that_ends_within_a_quarter_leaves_that_quarter_out_of_the_rates() -> None:
    units, found, _ = history(until="2024-11-15")
    assert units.set_index("sku").loc["old", "units"] == 100  # its units are of the window
    assert found[["counted", "days"]].to_dict("index") == {"old": {"counted": 50.0, "days": 183.0}}


def test_declared_as_days_the_same_ledger_is_one_of_days() -> None:
    units, found, ledger = history(period="day")
    assert ledger.until == dt.date(2024, 10, 1)
    assert "counted" not in units and found.loc["last", "counted"] == 499.0


def test_the_backtest_in_time_learns_from_whole_periods_alone() -> None:
    """What was known after the third quarter: old's second and third, and nothing of new."""
    _, found, ledger = history()
    told = found.reset_index().assign(**dict.fromkeys(TOLD[1:], ""))
    index = pd.DataFrame({"sku": list(DESIGNS), "line": "A", "cluster": range(4), "split": "train"})
    known = split_by_launch(told, ledger.clean, index, "2024-07-01").fitted
    assert known[["sku", "counted", "days"]].to_numpy().tolist() == [["old", 50.0, 183.0]]


def test_what_the_window_leaves_out_is_told() -> None:
    text = (
        "sku,date,units\nold,2024-01-01,3\nold,2024-01-02,4\nnew,2024-01-05,1\nnew,2024-02-01,2\n"
    )
    ledger = cleaned(text, DESIGNS, **{"from": "2024-01-03", "until": "2024-01-31"})
    assert ledger.summary["rows_outside_window"] == 3
    assert ledger.summary["units_outside_window"] == 9
    assert [note.split(" are dated ")[0] for note in ledger.notes] == [
        "2 rows with 7 units",
        "1 rows with 2 units",
    ]
    assert "before sales.from 2024-01-03" in ledger.notes[0]
    assert "after sales.until 2024-01-31" in ledger.notes[1]


def test_the_quarantine_is_kept_where_it_is_too_much_for_the_stage() -> None:
    kept: list[pd.DataFrame] = []
    rules = settings(max_quarantined_share=0.1)
    table = read_table(b"sku,date,units\nold,2024-01-01,3\nold,yesterday,4\n", rules, "sales.csv")
    with pytest.raises(BestsellerError, match=r"50\.0% of the 2 rows"):
        clean_ledger(table, DESIGNS, rules, "sales.csv", keep=kept.append)
    assert kept[0][["row", "date"]].to_numpy().tolist() == [[3, "yesterday"]]
