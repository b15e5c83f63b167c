"""The ledger: every row accounted for, nothing guessed, sums checked by hand."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bestseller.catalogue.product import Product, Variant
from bestseller.catalogue.sales import (
    CleanLedger,
    clean_ledger,
    designs_by_sku,
    read_ledger,
    units_per_product,
)
from bestseller.errors import BestsellerError

DESIGNS = {"01": "01", "02": "02", "02-S": "02", "NA": "NA"}


def table(text: str) -> pd.DataFrame:
    return read_ledger(text.encode())


def clean(text: str, **options: object) -> CleanLedger:
    settings: dict = {"from_": "2022-01-01", "max_unknown_share": 1.0, **options}
    return clean_ledger(table(text), DESIGNS, **settings)


def as_tuples(ledger: CleanLedger) -> list[tuple[str, str, int]]:
    days = ledger.clean["date"].dt.strftime("%Y-%m-%d")
    return list(zip(ledger.clean["sku"], days, ledger.clean["units"], strict=True))


def test_sums_by_design_and_day() -> None:
    ledger = clean(
        "sku,date,units,kind\n"
        "01,2022-01-05,3,sale\n"
        "01,2022-01-05,2,Sale\n"
        "01,2022-01-05,1,return\n"
        "02-S,2022-01-02,4,sale\n"
        "02,2022-01-02,1,sale\n"
        "NA,2022-01-01,7,sale\n"
        "02,2022-01-09,2,return\n"
    )
    assert as_tuples(ledger) == [
        ("01", "2022-01-05", 4),
        ("02", "2022-01-02", 5),
        ("02", "2022-01-09", -2),
        ("NA", "2022-01-01", 7),
    ]
    assert ledger.summary["units_sold"] == 17
    assert ledger.summary["units_returned"] == 3
    assert ledger.summary["units_net"] == 14 == ledger.clean["units"].sum()
    assert ledger.until == dt.date(2022, 1, 9)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",2022-01-05,3,sale", "sku is empty"),
        ("01,05/01/2022,3,sale", "date is no ISO date"),
        ("01,2022-02-30,3,sale", "date is no ISO date"),
        ("01,20220105,3,sale", "date is no ISO date"),
        ("01,2022-01-05,3.5,sale", "units is no whole number"),
        ('01,2022-01-05,"1,000",sale', "units is no whole number"),
        ("01,2022-01-05,,sale", "units is no whole number"),
        ("01,2022-01-05,1e3,sale", "units is no whole number"),
        ("01,2022-01-05,3,gift", "kind is neither"),
        ("01,2022-01-05,-3,sale", "a sale of negative units"),
        ("1,2022-01-05,3,sale", "sku is not in the catalogue"),
        ("nope,05/01/2022,3,sale", "date is no ISO date"),
    ],
)
def test_unreadable_rows_are_quarantined_with_the_reason(row: str, reason: str) -> None:
    ledger = clean(f"sku,date,units,kind\n01,2022-01-05,3,sale\n{row}\n")
    assert ledger.quarantine["row"].tolist() == [3]
    assert reason in ledger.quarantine["reason"].iloc[0]
    assert (
        ",".join(ledger.quarantine.iloc[0][["sku", "date", "units", "kind"]]).replace(
            "1,000", '"1,000"'
        )
        == row
    )
    assert as_tuples(ledger) == [("01", "2022-01-05", 3)]


def test_without_kinds_negative_units_are_returns() -> None:
    ledger = clean("sku,date,units\n01,2022-01-05,3\n01,2022-01-06,-1\n")
    assert ledger.summary["units_returned"] == 1
    assert ledger.clean["units"].tolist() == [3, -1]


def test_a_later_row_of_the_same_line_replaces_the_earlier() -> None:
    ledger = clean(
        "line_id,sku,date,units\n"
        "a,01,2022-01-05,3\n"
        "b,01,2022-01-05,1\n"
        "a,01,2022-01-05,3\n"  # sent twice
        "b,01,2022-01-06,2\n"  # corrected
        ",01,2022-01-07,1\n"
        ",01,2022-01-07,1\n"  # without an id both count
    )
    assert as_tuples(ledger) == [
        ("01", "2022-01-05", 3),
        ("01", "2022-01-06", 2),
        ("01", "2022-01-07", 2),
    ]
    assert ledger.summary["rows_dropped"] == 2
    assert ledger.summary["rows_repeated"] == 1


def test_window() -> None:
    text = "sku,date,units\n01,2021-12-31,1\n01,2022-01-01,2\n01,2022-01-31,4\n01,2022-02-01,8\n"
    ledger = clean(text, until="2022-01-31")
    assert ledger.clean["units"].tolist() == [2, 4]
    assert ledger.summary["rows_dropped"] == 2
    assert ledger.until == dt.date(2022, 1, 31)


def test_unknown_skus_fail_above_the_share() -> None:
    text = "sku,date,units\n01,2022-01-05,94\nX1,2022-01-05,6\n"
    assert clean(text, max_unknown_share=0.06).summary["unknown_unit_share"] == 0.06
    with pytest.raises(BestsellerError, match=r"6\.0% of the units .* X1.*max_unknown_share 0\.05"):
        clean(text, max_unknown_share=0.05)


def test_nothing_to_count_is_an_error() -> None:
    with pytest.raises(BestsellerError, match="none of its 1 rows"):
        clean("sku,date,units\n01,2001-01-05,94\n")
    with pytest.raises(BestsellerError, match="none of its 1 rows"):
        clean("sku,date,units\n01,yesterday,94\n")


def test_every_row_is_accounted_for() -> None:
    """On random tables the parts add up, and the sums equal a plain loop over the rows."""
    rng = np.random.default_rng(3)
    choices = {
        "line_id": ["", "", "a", "b", "c"],
        "sku": ["01", " 01 ", "02", "02-S", "", "zz", "０1"],
        "date": ["2022-01-05", "2022-01-06", "2021-01-01", "5.1.2022", ""],
        "units": ["1", "2", "+3", "-4", "x", "1.0"],
        "kind": ["sale", "RETURN", "sale", ""],
    }
    for _ in range(20):
        raw = pd.DataFrame({name: rng.choice(values, 300) for name, values in choices.items()})
        ledger = clean_ledger(raw, DESIGNS, from_="2022-01-01", max_unknown_share=1.0)
        summary = ledger.summary
        parts = ("rows_clean", "rows_quarantined", "rows_dropped")
        assert len(raw) == sum(summary[part] for part in parts)
        expected: dict[tuple[str, str], int] = {}
        for i, (line_id, text, date, count, kind) in enumerate(raw.to_numpy().tolist()):
            replaced = line_id != "" and line_id in set(raw["line_id"][i + 1 :])
            sku = {"01": "01", " 01 ": "01", "０1": "01", "02": "02", "02-S": "02"}.get(text)
            sign = {"sale": 1, "RETURN": -1}.get(kind)
            units = {"1": 1, "2": 2, "+3": 3, "-4": 4 if sign == -1 else None}.get(count)
            if not replaced and date.startswith("2022-01") and sku and sign and units:
                expected[sku, date] = expected.get((sku, date), 0) + sign * units
        assert as_tuples(ledger) == sorted((s, d, u) for (s, d), u in expected.items())


def test_units_per_product_counts_the_unsold_too() -> None:
    ledger = clean(
        "sku,date,units\n01,2022-01-02,4\n01,2022-01-11,2\n02,2022-01-11,3\n02,2022-01-11,-5\n"
    )
    units = units_per_product(ledger.clean, ["02", "01", "new"], ledger.until)
    assert units["sku"].tolist() == ["01", "02", "new"]
    assert units["units"].tolist() == [6, 0, 0]
    assert units["days_on_sale"].tolist() == [10, 0, 0]
    assert units["units_per_day"].tolist() == [0.6, 0.0, 0.0]
    assert units["first_date"].iloc[0] == pd.Timestamp("2022-01-02")
    assert units["first_date"].isna().tolist() == [False, True, True]
    assert units.dtypes.astype(str).tolist()[1:3] == ["int64", "float64"]


def test_variants_are_counted_with_their_design() -> None:
    products = [
        Product(sku="A", name="a", url="http://h/", variants=(Variant(sku="A-S", name="s"),)),
        Product(sku="B", name="b", url="http://h/", variants=(Variant(sku="A", name="odd"),)),
    ]
    assert designs_by_sku(products) == {"A": "A", "A-S": "A", "B": "B"}


def test_text_stays_text() -> None:
    raw = read_ledger("\ufeffSKU, Date ,units\nNA,2022-01-01,007\n".encode())
    assert raw.columns.tolist() == ["sku", "date", "units"]
    assert raw.iloc[0].tolist() == ["NA", "2022-01-01", "007"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no CSV table"),
        (b"sku,date,units\n", "holds no rows"),
        (b"sku,day,units\n1,2,3\n", "has no column date; found: sku, day, units"),
        (b"sku,date,units\n\xff\xfe,2,3\n", "no UTF-8"),
        (b"sku,date,units\n1,2,3\n1,2,3,4,5\n", "no CSV table"),
    ],
)
def test_no_table_is_told_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(BestsellerError, match=message) as error:
        read_ledger(data, "sales.csv")
    assert str(error.value).startswith("sales.csv: ") and "\n" not in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"none\.csv: No such file"):
        read_ledger(tmp_path / "none.csv")
