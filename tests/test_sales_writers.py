"""Ledgers of other writers: the same kinds of faults in other places, the right value by hand."""
# ruff: noqa: RUF001 (marks of many countries)

import datetime as dt
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, strategies
from hypothesis import settings as trials

from bestseller.base.errors import BestsellerError
from bestseller.sales import read_table
from bestseller.sales.explain import explain
from ledgers import cleaned, settings, units
from test_sales_explain import proposed

HEADER = "sku,date,units\n"
ROW = "MUG-1,2026-01-05,3\n"
DAY = dt.date(2026, 1, 5)


def book(*rows: list[Any], more: tuple[tuple[str, list[list[Any]]], ...] = ()) -> bytes:
    """A workbook with a sheet Sales and perhaps others."""
    result, data = openpyxl.Workbook(), io.BytesIO()
    result.active.title = "Sales "
    for row in rows:
        result.active.append(row)
    for title, lines in more:
        sheet = result.create_sheet(title)
        for line in lines:
            sheet.append(line)
    result.save(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("own", "text", "number"),
    [
        ({}, "‐3", -3),
        ({}, "\u20113", -3),
        ({}, "'3", 3),
        ({}, "'-3", -3),
        ({}, "\u200e3\u200b", 3),
        ({"thousands": ","}, "12,34,567", 1234567),
        ({"thousands": ","}, "1,00,000.00", 100000),
        ({"thousands": ","}, "1,00,00", None),
        ({"thousands": ".", "decimal": ","}, "1.00.000", None),
        ({}, "3.-", None),
        ({}, "3.", None),
    ],
)
def test_whole_numbers(own: dict[str, Any], text: str, number: int | None) -> None:
    ledger = cleaned(f'{HEADER}FERN-1,2026-01-05,1\nMUG-1,2026-01-05,"{text}"\n', **own)
    assert units(ledger).get("MUG-1") == number


@pytest.mark.parametrize(
    ("own", "text", "price"),
    [
        ({}, "12.–", 12.0),
        ({"decimal": ","}, "12,-", 12.0),
        ({}, ".50", 0.5),
        ({}, "8.403361344537815", 8.403361344537815),
        ({"thousands": ","}, "₹1,00,000.50", 100000.5),
    ],
)
def test_prices(own: dict[str, Any], text: str, price: float) -> None:
    currency = "INR" if "₹" in text else "CHF"
    ledger = cleaned(
        f'sku,date,units,price,currency\nMUG-1,2026-01-05,1,"{text}",{currency}\n', **own
    )
    assert ledger.clean["revenue"].tolist() == [price]


def test_a_returns_price_may_have_a_minus() -> None:
    """As in an export whose refunds repeat the sale's row with both numbers negative."""
    ledger = cleaned(
        "sku,date,units,price\n"
        "MUG-1,2026-01-05,5,10\nMUG-1,2026-01-06,-1,-10\nMUG-1,2026-01-06,-1,10\n"
        "FERN-1,2026-01-06,1,-10\n"
    )
    assert ledger.clean["revenue"].sum() == 5 * 10 - 2 * 10
    assert ledger.quarantine["row"].tolist() == [5], "a sale for less than nothing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"Report 2026\n{HEADER}{ROW}", "line 2 looks like the header: set sales.skip_lines: 1"),
        ("Report\nArticle,Day,Pieces\nA,B,C\n", "line 2 is the first of 3 cells: .*skip_lines: 1"),
        (f'"sku,date,units"\n"{ROW[:-1]}"\n', "each line stands in quotes as a whole"),
    ],
)
def test_what_stands_above_the_header_is_told(text: str, told: str) -> None:
    with pytest.raises(BestsellerError, match=told):
        cleaned(text)


def test_a_header_is_found_wherever_it_stands() -> None:
    for above in ("", "Report\n", 'sep=,\n"Report\nof 2026"\n,,\n'):
        ledger = cleaned(above + HEADER + ROW, skip_lines="auto")
        assert units(ledger) == {"MUG-1": 3}
        assert ledger.summary["lines_above"] == above.count("\n")
    sheet = book(["Report"], [None, "sku", "date", "units"], [None, "MUG-1", DAY, 3])
    assert units(cleaned(sheet, skip_lines="auto")) == {"MUG-1": 3}
    with pytest.raises(BestsellerError, match="none of its first 2 lines has the columns sku, "):
        cleaned("a,b\n1,2\n", skip_lines="auto")
    for skipped in (2, 9):
        with pytest.raises(BestsellerError, match=r"line 1 looks like .*skip_lines: 0"):
            cleaned(HEADER + ROW + ROW, skip_lines=skipped)


def test_spaces_before_quotes_are_the_writers() -> None:
    text = 'name, sku, date, units\n"a, b", "MUG-1", 2026-01-05, "3"\nc, FERN-1, 2026-01-05, 1\n'
    assert units(cleaned(text)) == {"MUG-1": 3, "FERN-1": 1}


@pytest.mark.parametrize(
    ("data", "own"),
    [
        ("\ufeff\ufeff" + HEADER + ROW, {}),
        ((HEADER + ROW).encode("utf-16-be"), {"encoding": "utf-16"}),
        ("Line\u00a0item  sku ,date,units\n" + ROW, {"columns": {"sku": "Line item sku"}}),
        ("Wa\u0308hrg,date,units\n" + ROW, {"columns": {"sku": "W\u00e4hrg"}}),
    ],
)
def test_names_and_marks(data: str | bytes, own: dict[str, Any]) -> None:
    assert units(cleaned(data, **own)) == {"MUG-1": 3}


def test_a_text_that_is_cut_off_is_no_other_encoding() -> None:
    with pytest.raises(BestsellerError, match=r"begins as UTF-16 and is none.*cut off or damaged"):
        cleaned((HEADER + ROW).encode("utf-16")[:-1])


def test_empty_sheets_are_none_and_names_are_compared_loosely() -> None:
    rows = (["Line item\nsku", "date", "units"], ["MUG-1", DAY, 3])
    own: dict[str, Any] = {"columns": {"sku": "line item sku"}}
    assert units(cleaned(book(*rows, more=(("Sheet2", []),)), **own)) == {"MUG-1": 3}
    both = book(*rows, more=(("Notes", [["x"]]),))
    assert units(cleaned(both, sheet="sales", **own)) == {"MUG-1": 3}
    with pytest.raises(BestsellerError, match="2 sheets"):
        cleaned(both, **own)


@pytest.mark.parametrize(
    ("own", "day"),
    [
        ({"date_format": "Q%q %Y"}, "2026-04-01"),
        ({"date_format": "unix", "zone": "UTC", "business_zone": "UTC"}, "2026-05-06"),
    ],
)
def test_days_of_a_workbook_are_written_as_the_format_says(own: dict[str, Any], day: str) -> None:
    ledger = cleaned(book(["sku", "date", "units"], ["MUG-1", dt.date(2026, 5, 6), 3]), **own)
    assert [str(d.date()) for d in ledger.clean["date"]] == [day]


def test_an_order_that_tells_two_things_leaves_its_empty_cells_uncertain() -> None:
    ledger = cleaned(
        "order,status,sku,date,units\n"
        "1,paid,MUG-1,2026-01-05,2\n1,,TOTE-1,2026-01-05,2\n1,voided,FERN-1,2026-01-05,2\n"
        "2,paid,MUG-1,2026-01-05,1\n2,,FERN-1,2026-01-05,1\n",
        fill_down={"order": ["status"]},
        not_counted={"status": ["voided"]},
    )
    assert units(ledger) == {"MUG-1": 3, "FERN-1": 1}
    assert ledger.quarantine["row"].tolist() == [3]
    assert ledger.quarantine["reason"].tolist() == [
        "status is empty, and its order's other rows tell several"
    ]


def test_what_an_orders_number_replaces_is_told_beside_what_it_does_not() -> None:
    ledger = cleaned(
        "order,sku,date,units\n#1,MUG-1,2026-01-05,2\n#1,TOTE-1,2026-01-05,1\n"
        "#2,MUG-1,2026-01-06,1\n#2,MUG-1,2026-01-06,1\n",
        columns={"line_id": "order"},
    )
    (note,) = ledger.notes
    assert "lines 2 and 3" in note
    assert note.endswith(
        "none is taken for a correction, but 1 other rows of one key and one sku are"
    )


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("MUG-1,46027,3\n", {"date_format": "excel"}),
        ("MUG-1,1767571200,3\n", {"date_format": "unix", "zone": "UTC", "business_zone": "UTC"}),
        ("MUG-1,5 März 2026,1’200\n", {"date_format": "%d %b %Y", "thousands": "'"}),
        ("MUG-1,2026-01-05,−1 200\n", {"thousands": " ", "decimal": ","}),
        (ROW + "Gesamt,,3\n", {"totals": ["Gesamt"]}),
    ],
)
def test_what_explain_proposes(rows: str, expected: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER.replace("sku", "Artikel") + rows)
    text = "\n".join(explain(path, settings()))
    assert expected.items() <= proposed(text).items()
    assert "0 cannot be read" in text.partition("by the proposed settings")[2]


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf\n\n", bytes(range(256)), b"\0" * 40, b"sku"])
def test_what_is_hardly_a_table_is_explained_too(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    text = "\n".join(explain(tmp_path / "a.csv", settings()))
    assert "by params.yaml as it stands: " in text and "decide: " in text


CELLS = strategies.lists(strategies.text("a1\" ,\t'\r\n\0\u2028", max_size=4), max_size=5)


@trials(max_examples=60, deadline=None)
@given(
    strategies.lists(strategies.tuples(CELLS, strategies.sampled_from(["\n", "\r\n", "\r"]))),
    strategies.sampled_from(["standard", "none"]),
)
def test_no_line_of_any_file_is_unaccounted_for(
    lines: list[tuple[list[str], str]], quoting: str
) -> None:
    text = HEADER + ROW + "".join(",".join(cells) + end for cells, end in lines)
    physical = len(io.StringIO(text, newline="").readlines())
    told = cleaned(text, quoting=quoting).summary
    assert told["lines_in"] == physical
    assert physical == 1 + told["lines_blank"] + told["lines_continued"] + told["rows_in"]
    table = read_table(text.encode(), settings(quoting=quoting))
    assert len(table.rows) == told["rows_in"]
