"""The ledger: every row accounted for, nothing guessed, sums checked by hand."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales, load_params, read_yaml
from bestseller.sales import (
    CleanLedger,
    RawTable,
    clean_ledger,
    read_table,
)
from bestseller.sales.source import open_ledger
from conftest import REPOSITORY
from stages.sales import ENOUGH_SOLD, few_sold

DESIGNS = {"01": "01", "02": "02", "02-S": "02", "NA": "NA"}


COMMITTED = load_params(REPOSITORY / "params.yaml").sales


def rules(**options: object) -> Sales:
    """The committed settings with some changed; names of columns are given on their own."""
    changed = {"from": "2022-01-01", "max_unknown_share": 1.0, "max_quarantined_share": 1.0}
    return Sales.model_validate(COMMITTED.model_dump(by_alias=True) | changed | options)


def clean(text: str, designs: dict[str, str] = DESIGNS, **options: object) -> CleanLedger:
    settings = rules(**options)
    return clean_ledger(read_table(text.encode(), settings), designs, settings)


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


def test_all_reasons_of_a_row_are_told() -> None:
    ledger = clean(
        "sku,date,units,kind,price,currency\n01,2022-01-05,3,sale,9.5,EUR\n"
        ",5.1.2022,x,gift,free,euro\n"
    )
    assert ledger.quarantine["reason"].iloc[0].split("; ") == [
        "sku is empty",
        "date is no ISO date (YYYY-MM-DD)",
        "units is no whole number",
        "kind is neither sale nor return",
        "price is no number of at least 0",
        "currency is no ISO 4217 code",
    ]


def test_an_unreadable_correction_replaces_nothing() -> None:
    ledger = clean("line_id,sku,date,units\na,01,2022-01-05,3\na,01,2022-01-05,many\n")
    assert as_tuples(ledger) == [("01", "2022-01-05", 3)]
    assert ledger.summary["rows_quarantined"] == 1


LATE = (
    "sku,date,units,channel,as_of\n"
    "01,2022-01-05,3,web,2022-01-06\n"
    "01,2022-01-05,4,web,2022-02-06\n"  # what the shop knew a month later
    "01,2022-01-05,2,store,2022-01-06\n"
    "01,2022-01-06,1,web,2022-03-01\n"
)


@pytest.mark.parametrize(
    ("as_of", "units"),
    [("2022-01-06", [2, 3]), ("2022-02-06", [2, 4]), ("", [2, 4, 1])],
)
def test_late_corrections_count_from_when_they_were_known(as_of: str, units: list[int]) -> None:
    """The table is the one that an honest observer had on that day, whatever the rows' order."""
    key = ["sku", "date", "channel"]
    head, *rows = LATE.splitlines(keepends=True)
    for text in (LATE, head + "".join(reversed(rows))):
        ledger = clean(text, key=key, as_of=as_of)
        assert ledger.clean["units"].tolist() == units
        assert ledger.clean["channel"].tolist() == ["store", "web", "web"][: len(units)]
        assert len(rows) == ledger.summary["rows_clean"] + ledger.summary["rows_dropped"]


def test_too_many_unreadable_rows_fail_and_say_what_to_declare() -> None:
    text = "sku,date,units\n01,2022-01-05,3\n01,5.1.2022,3\n"
    message = r"50\.0% of the 2 rows .* most often 'date is no ISO date .* such as row 3"
    with pytest.raises(BestsellerError, match=message):
        clean(text, max_quarantined_share=0.4)


@pytest.mark.parametrize(
    ("columns", "header", "message"),
    [
        ({}, "sku;date;units", r'has no column sku; found: sku;date;units; .*delimiter: ";" in'),
        ({}, "sku\tdate\tunits", r'set sales.delimiter: "\\t" in params'),
        ({}, "sku,day,units", "has no column date; found: sku, day, units; .*sales.columns.date"),
        ({"channel": "shop"}, "sku,date,units", r"has no column shop; .*sales\.columns\.channel"),
        ({}, "sku,date,units,SKU", "two columns 'sku': sku, SKU"),
    ],
)
def test_columns_that_are_not_there(columns: dict, header: str, message: str) -> None:
    text = f"{header}\n{','.join('1' for _ in header.split(','))}\n"
    with pytest.raises(BestsellerError, match=message):
        clean(text, columns=COMMITTED.columns.model_dump() | columns)


def test_few_products_sold_are_told_with_the_mend() -> None:
    with pytest.raises(
        BestsellerError, match=r"^l\.csv: no product .* sold a unit; widen sales\.from"
    ):
        few_sold(0, "l.csv")
    (told,) = few_sold(3, "l.csv")
    assert told.startswith("l.csv: only 3 products sold, ")
    assert few_sold(ENOUGH_SOLD, "l.csv") == []


def test_columns_named_like_ours_do_not_disturb_the_quarantine() -> None:
    ledger = clean("sku,date,units,row,reason\n01,2022-01-05,1,a,b\n01,2022-01-05,x,c,d\n")
    assert ledger.quarantine.iloc[0].tolist()[:1] == [3]
    assert ledger.quarantine.iloc[0].tolist()[-2:] == ["d", "units is no whole number"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"level": "line"}, "allocation.*needs a rule"),
        ({"allocation": "equal"}, "allocation.*needs none"),
        ({"date_format": "%Y-%m-%d %Z"}, "zones.*%Z"),
        ({"date_format": "%Y-%m-%d %z"}, "business_zone.*instants"),
        ({"business_zone": "Mars/Olympus"}, "business_zone.*IANA zone"),
        ({"extract": {"units": r"\d+"}}, "extract.*exactly one group"),
        ({"extract": {"unit": r"(\d+)"}}, "extract.*none of our columns"),
        ({"key": ["order"]}, "key.*none of our columns"),
        ({"encoding": "utf-9"}, "encoding.*codec"),
        ({"thousands": "."}, "thousands.*sales.decimal"),
        ({"until": "2022-02-30"}, "until"),
    ],
)
def test_settings_that_do_not_go_together(tmp_path: Path, changed: dict, message: str) -> None:
    params = read_yaml(REPOSITORY / "params.yaml")
    params["sales"] |= changed
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    with pytest.raises(BestsellerError, match=message) as error:
        load_params(tmp_path / "params.yaml")
    assert "params.yaml: sales." in str(error.value) and "\n" not in str(error.value)


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
        "line_id": ["", "", "a", "b", *map(str, range(200))],
        "sku": ["01", " 01 ", "02", "02-S", "", "zz", "０1"],
        "date": ["2022-01-05", "2022-01-06", "2021-01-01", "5.1.2022", ""],
        "units": ["1", "2", "+3", "-4", "x", "1.0"],
        "kind": ["sale", "RETURN", "sale", ""],
    }
    for _ in range(20):
        raw = pd.DataFrame({name: rng.choice(values, 300) for name, values in choices.items()})
        ledger = clean_ledger(RawTable(raw), DESIGNS, rules())
        summary = ledger.summary
        parts = ("rows_clean", "rows_quarantined", "rows_dropped")
        assert len(raw) == sum(summary[part] for part in parts)
        expected: dict[tuple[str, str], int] = {}
        read: dict[int, tuple[str, str, str | None, int]] = {}
        of_line: dict[str, list[int]] = {}
        for i, (line_id, text, date, count, kind) in enumerate(raw.to_numpy().tolist()):
            sku = {"01": "01", " 01 ": "01", "０1": "01", "02": "02", "02-S": "02"}.get(text)
            sign = {"sale": 1, "RETURN": -1}.get(kind)
            units = {"1": 1, "2": 2, "+3": 3, "1.0": 1, "-4": 4 if sign == -1 else None}.get(count)
            if not (date[:2] == "20" and text and sign and units):
                continue  # cannot be read
            if line_id:
                of_line.setdefault(line_id, []).append(i)
            read[i] = (line_id, date, sku, sign * units)
        for i, (line_id, date, sku, units) in read.items():
            same = of_line.get(line_id, [i])
            texts = {raw["sku"][j].strip().replace("０", "0") for j in same}
            if (i == same[-1] or len(texts) > 1) and date.startswith("2022-01") and sku:
                expected[sku, date] = expected.get((sku, date), 0) + units
        assert as_tuples(ledger) == sorted((s, d, u) for (s, d), u in expected.items())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no CSV table"),
        (b"sku,date,units\n", "holds no rows"),
        (b"sku,date,units\n\xff\xfe,2,3\n", "no UTF-8"),
        (b"sku,date,units,units\n1,2,3,4\n", "line 1: two columns are named units"),
    ],
)
def test_no_table_is_told_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(BestsellerError, match=message) as error:
        read_table(data, COMMITTED, "sales.csv")
    assert str(error.value).startswith("sales.csv: ") and "\n" not in str(error.value)


def test_the_path_is_relative_to_the_main_workspace(tmp_path: Path) -> None:
    """A temporary experiment reads the same ledger: it is the outside world."""
    (tmp_path / "ledger.csv").write_text("sku,date,units\n1,2022-01-01,2\n")
    catalogue = load_params(REPOSITORY / "params.yaml").catalogue
    table, name = open_ledger(rules(source="csv", path="ledger.csv"), catalogue, tmp_path)
    assert name == "ledger.csv" and len(table.rows) == 1
    with pytest.raises(BestsellerError, match=r"none\.csv: No such file.*sales\.path"):
        open_ledger(rules(source="csv", path="none.csv"), catalogue, tmp_path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"none\.csv: No such file"):
        read_table(tmp_path / "none.csv", COMMITTED)
