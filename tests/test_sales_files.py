"""A ledger's file: every line of it is accounted for, whatever its writer did to it."""
# ruff: noqa: RUF001 (marks of many countries)

import io
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest
from hypothesis import given, strategies
from hypothesis import settings as trials

from bestseller.base.errors import BestsellerError
from bestseller.sales import read_table
from bestseller.sales.regular import regular_rows
from ledgers import cleaned, settings, units

LONE_QUOTES = (
    "id\tdate\tname\tsku\tunits\n"
    '1\t2026-02-01\t"Explorer" mug, 11 oz\tMUG-1\t2\n'
    '2\t2026-02-02\t"Fern print, 12 in\tFERN-1\t1\n'
    "3\t2026-02-03\tTote\tTOTE-1\t4\n"
    "4\t2026-02-04\tTote\tTOTE-1\t5\n"
    '5\t2026-02-05\t"Fern print, 24 in\tFERN-1\t1\n'
    "6\t2026-02-06\tMug\tMUG-1\t0\n"
    "7\t2026-02-07\tMug\tMUG-1\t1\n"
)


def test_a_lone_quote_takes_no_other_row() -> None:
    as_text = cleaned(LONE_QUOTES, delimiter="\t", quoting="none")
    assert units(as_text) == {"MUG-1": 3, "FERN-1": 2, "TOTE-1": 9}
    assert as_text.summary["rows_in"] == as_text.summary["rows_clean"] == 7
    quoted = cleaned(LONE_QUOTES, delimiter="\t")
    assert quoted.quarantine["row"].tolist() == [3, 6]
    assert quoted.summary["rows_in"] == 7
    assert units(quoted) == {"MUG-1": 3, "TOTE-1": 9}
    with pytest.raises(BestsellerError, match=r"row 3\b.*|quoting: none") as error:
        cleaned(LONE_QUOTES, delimiter="\t", max_quarantined_share=0.1)
    assert "row 3" in str(error.value) and "sales.quoting: none" in str(error.value)


@pytest.mark.parametrize(
    ("lines", "quarantined", "sold"),
    [
        # Two lone quotes that make one sound cell of three lines: each line is a row by itself.
        (
            ['"Fern",FERN-1,1', 'x,"MUG-1,2', "x,MUG-1,4", 'x,TOTE-1",8'],
            [3, 5],
            {"FERN-1": 1, "MUG-1": 4},
        ),
        # A real line break within a quoted cell, in each of the columns.
        (['"Fern\nprint",FERN-1,1', 'Mug,"MUG-1\n",2', 'Tote,TOTE-1,"\n3"'], [], None),
        # A break in a cell that has delimiters too.
        (['"Fern, tall,\ngreen, in a pot",FERN-1,1', "x,MUG-1,2"], [], None),
        # Never closed, at the end.
        (["x,MUG-1,2", 'x,"FERN-1,3'], [3], {"MUG-1": 2}),
        (['"x,MUG-1,2', "x,MUG-1,4", "x,FERN-1,3"], [2], {"MUG-1": 4, "FERN-1": 3}),
    ],
)
def test_rows_that_swallow_others_are_told_from_cells_with_breaks(
    lines: list[str], quarantined: list[int], sold: dict[str, int] | None
) -> None:
    text = "name,sku,units,date\n" + "".join(f"{line},2026-01-05\n" for line in lines)
    ledger = cleaned(text)
    assert ledger.quarantine["row"].tolist() == quarantined
    if sold is None:
        assert ledger.summary["rows_clean"] == len(lines)
        breaks = text.count("\n") - len(lines) - 1
        assert ledger.summary["lines_continued"] == breaks > 0
    else:
        assert units(ledger) == sold


def test_a_quote_that_is_open_for_hundreds_of_lines_costs_one_row() -> None:
    rows = "".join("x,MUG-1,2026-01-05,1\n" for _ in range(1000))
    ledger = cleaned(f'name,sku,date,units\n"x,MUG-1,2026-01-05,1\n{rows}')
    assert ledger.quarantine["row"].tolist() == [2]
    assert units(ledger) == {"MUG-1": 1000}


def test_a_row_of_another_width_is_quarantined_with_its_line() -> None:
    ledger = cleaned(
        "sku,name,date,units\n"
        "TOTE-1,Tote,2026-01-06,2\n"
        "MUG-1,Mug, blue,2026-01-05,3\n"
        "MUG-1,Mug,2026-01-05\n"
        "\n"
        "FERN-1,Fern,2026-01-07,1\n"
    )
    assert ledger.quarantine["row"].tolist() == [3, 4]
    assert ledger.quarantine["reason"].tolist() == [
        "has 5 cells, the header 4",
        "has 3 cells, the header 4",
    ]
    assert ledger.quarantine.iloc[0]["units"] == "2026-01-05,3", "nothing of the row is lost"
    assert units(ledger) == {"TOTE-1": 2, "FERN-1": 1}
    assert ledger.summary["lines_blank"] == 1
    assert ledger.summary["rows_in"] == 4


@pytest.mark.parametrize(
    "text",
    [
        "sku,date,units\nMUG-1,2026-01-05,3,\nMUG-1,2026-01-06,1,\n",  # at every row's end
        "sku,date,units,\nMUG-1,2026-01-05,3\nMUG-1,2026-01-06,1\n",  # at the header's alone
        "sku,date,units,,\nMUG-1,2026-01-05,3,,\nMUG-1,2026-01-06,1,,\n",
    ],
)
def test_a_delimiter_at_the_end_of_all_rows_is_no_cell_too_many(text: str) -> None:
    assert units(cleaned(text)) == {"MUG-1": 4}


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(BestsellerError, match=r"sales\.csv: line 1: two columns are named units;"):
        cleaned("sku,date,units, units\nMUG-1,2026-01-05,3,4\n")


ABOVE = "Report of 2026,,\n\n"


def test_lines_above_the_header_and_sums_below_are_declared() -> None:
    text = f"{ABOVE}sku,date,units\nMUG-1,2026-01-05,3\nTotal,,3\nTOTAL-TEE,2026-01-05,1\n"
    designs = {"MUG-1": "MUG-1", "TOTAL-TEE": "TOTAL-TEE"}
    ledger = cleaned(text, designs, skip_lines=2, totals=["Total"])
    assert units(ledger) == designs | {"MUG-1": 3, "TOTAL-TEE": 1}
    assert ledger.summary["rows_totals"] == 1 == ledger.summary["rows_dropped"]
    assert (ledger.summary["lines_in"], ledger.summary["lines_above"]) == (6, 2)
    with pytest.raises(
        BestsellerError,
        match=r"no column sku; found: Report of 2026.*line 3 looks "
        r"like the header: set sales\.skip_lines: 2",
    ):
        cleaned(text)
    starred = cleaned("sku,date,units\nMUG-1,2026-01-05,3\n;Sum of all: 3\n", totals=["*Sum of*"])
    assert starred.summary["rows_totals"] == 1


def test_excels_separator_line_is_known() -> None:
    text = "sep=;\nsku;date;units\nMUG-1;2026-01-05;3\n"
    ledger = cleaned(text, delimiter=";")
    assert units(ledger) == {"MUG-1": 3}
    assert ledger.summary["lines_above"] == 1
    with pytest.raises(BestsellerError, match=r'line 1 says .* set sales\.delimiter: ";"'):
        cleaned(text)


@pytest.mark.parametrize(
    ("own", "text", "number"),
    [
        ({}, "\N{MINUS SIGN}2", -2),
        ({}, "– 2", -2),
        ({}, "2-", -2),
        ({}, "(2)", -2),
        ({}, "-2-", None),
        ({}, "1–2", None),
        ({}, "2.0000", 2),
        ({}, "2.5000", None),
        ({}, "2.000", None),  # may be two thousand
        ({"unit_decimals": 3}, "2.000", 2),
        ({"thousands": ","}, "1,200.000", 1200),
        ({"decimal": ",", "thousands": "."}, "1.200,000", 1200),
        ({"decimal": ",", "thousands": "."}, "1,000-", -1),
        ({"decimal": ",", "thousands": "."}, "4,000", 4),
        ({"decimal": ",", "thousands": "."}, "1.200", 1200),
        ({"thousands": "’"}, "1'234’567", 1234567),
        ({"thousands": "'"}, "1’234", 1234),
        ({"thousands": "\N{NARROW NO-BREAK SPACE}"}, "1\N{THIN SPACE}234", 1234),
        ({"thousands": " "}, "1\N{NO-BREAK SPACE}234-", -1234),
        ({"thousands": " "}, "12 34", None),
    ],
)
def test_marks_of_numbers(own: dict[str, Any], text: str, number: int | None) -> None:
    ledger = cleaned(
        f"sku;date;units\nTOTE-1;2026-01-05;1\nMUG-1;2026-01-05;{text}\n", delimiter=";", **own
    )
    assert units(ledger).get("MUG-1") == number
    assert len(ledger.quarantine) == (number is None)


CELL = strategies.text('ab" ,\r\n', max_size=5)


@trials(max_examples=150, deadline=None)
@given(strategies.lists(strategies.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=8))
def test_written_cells_are_read_as_written(rows: list[list[str]]) -> None:
    """Whatever cells a CSV writer writes: no line is lost, and what is no row is told."""
    text = pd.DataFrame([["sku", "date", "units"], *rows]).to_csv(header=False, index=False)
    try:
        table = read_table(text.encode(), settings())
    except BestsellerError as error:
        assert "holds no rows" in str(error)
        return
    lines = len(io.StringIO(text, newline="").readlines())
    told = table.lines
    assert (
        told["lines_in"]
        == lines
        == (
            1
            + told["lines_above"]
            + told["lines_blank"]
            + told["lines_continued"]
            + len(table.rows)
        )
    )
    assert set(table.problems) <= set(table.rows.index)


@trials(max_examples=150, deadline=None)
@given(strategies.text("ab,\"'\n\r ", max_size=60), strategies.sampled_from(["standard", "none"]))
def test_both_ways_of_reading_agree_and_lose_nothing(body: str, quoting: str) -> None:
    data = ("sku,date\n" + body).encode()
    rules = settings(quoting=quoting)
    found: list[Any] = []
    for way in (regular_rows, lambda *_: None):
        with patch("bestseller.sales.read.regular_rows", way):
            try:
                table = read_table(data, rules)
            except BestsellerError as error:
                found.append(str(error))
            else:
                cells = table.rows.reset_index().to_numpy().tolist()
                found.append((cells, table.problems, table.lines))
    assert found[0] == found[1]
    if isinstance(found[0], tuple):
        rows, _, lines = found[0]
        physical = len(io.StringIO(data.decode(), newline="").readlines())
        assert lines["lines_in"] == physical
        assert physical == 1 + lines["lines_blank"] + lines["lines_continued"] + len(rows)


def test_the_ledgers_file_is_named_where_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"none\.xlsx: No such file"):
        read_table(tmp_path / "none.xlsx", settings())
