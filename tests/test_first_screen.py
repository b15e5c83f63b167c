"""What a merchandiser sees first and beside it: order, sellers, prices, what was said before."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from lxml import html

from bestseller.designs.design import Design
from bestseller.designs.sellers import Price
from bestseller.designs.verdicts import SAID, parse
from bestseller.params import Params
from bestseller.report import line_sheet
from bestseller.report.page import render
from bestseller.report.prices import Bands
from bestseller.report.results import Results
from bestseller.report.workbook import write_workbook
from fake_outputs import read_results


@pytest.fixture
def results(report_folder: Path, report_params: Params) -> Results:
    skus = pd.read_parquet(report_folder / "data/processed/index.parquet")["sku"]
    prices = {sku: Price(100.0 * i, "EUR") for i, sku in enumerate(skus, start=1)}
    return read_results(report_folder, report_params, prices=prices)


def page_of(results: Results) -> Any:
    return html.document_fromstring(render(results))


def with_lows(results: Results, lows: Mapping[str, list[float]]) -> Results:
    """The results with the lower ends of each line's designs, and the sellers of the fixture."""
    left = {line: iter(values) for line, values in lows.items()}
    designs = [
        Design(d.image, d.record | {"score_low": next(left[d.record["line"]])})
        for d in results.designs
    ]
    return replace(results, designs=designs)


def test_what_surely_beats_its_line_stands_first_whatever_the_others_score(
    results: Results,
) -> None:
    lows = {"Datejust": [1.2, 0.9, 0.8], "Daytona": [1.1, 1.05, 0.1], "Explorer <b>II</b>": [9.0]}
    page = page_of(with_lows(results, lows))
    told = page.xpath("//li[@class='first']//small[starts-with(., 'at least')]/text()")
    found = [float(text.split()[2].rstrip("\N{MULTIPLICATION SIGN}")) for text in told]
    # by turns of the lines that sell most; the highest of all is of a line of three products
    assert found == [1.2, 1.1, 1.05, 0.9, 0.1, 0.8]


def test_a_design_stands_beside_a_seller_of_its_line(results: Results) -> None:
    skus = results.images.index.groupby("line")["sku"].first()
    sellers = [
        {"sku": skus[line], "name": f"of {line}", "line": line, "units": 9, "distance": 1.0}
        for line in ("Explorer <b>II</b>", "Daytona")
    ]
    designs = [Design(d.image, d.record | {"best_sellers": sellers}) for d in results.designs]
    page = page_of(replace(results, designs=designs))
    beside = {
        first.xpath("string(.//b[1])").rsplit(" ", 1)[0]: first.xpath(
            ".//*[contains(@class, 'thumb')]/@aria-label"
        )
        for first in page.xpath("//li[@class='first']")
    }
    assert beside["Daytona"] == ["Photo of of Daytona"]
    assert beside["Datejust"] == ["Photo of of Explorer <b>II</b>"], "no seller of its own"


def test_lines_and_parents_have_their_prices(results: Results) -> None:
    page = page_of(results)
    index = results.images.index
    for group in page.xpath("//section[@class='group']"):
        own = index.loc[index["line"] == group.get("data-line"), "sku"]
        prices = sorted(results.prices[sku].value for sku in own)
        said = f"{prices[0]:,.0f} to {prices[-1]:,.0f} EUR"
        assert said in group.xpath("string(.//h3[@class='line'])")
    parents = page.xpath("//ol[contains(@class, 'parents')]//span[@class='units']")
    assert parents and all("EUR" in parent.text_content() for parent in parents)
    assert Bands((), "EUR").span([5.0, 5.0]) == "5 EUR"
    assert Bands((), "EUR").span([]) == ""


def test_what_sold_at_each_price_is_summed_under_the_plan(results: Results) -> None:
    page = page_of(results)
    (row,) = page.xpath("//section[@id='plan']//tfoot/tr[1]")
    cells = [cell.text_content() for cell in row.xpath("./td")]
    assert cells[0] == f"{results.units_sold:,}"
    shares = [int(cell.split()[0]) for cell in cells[2:-2]]
    assert len(shares) == results.params.report.price_bands
    assert sum(shares) == pytest.approx(100, abs=2)


def test_a_design_that_was_kept_is_marked_and_its_row_is_filled_in(
    results: Results, tmp_path: Path
) -> None:
    first, second = (design.record["id"] for design in results.designs[:2])
    row = {"line": "Datejust", "score": 1.0, "note": "=dark, or not", "file": f"{first}.png"}
    kept = [row | {"now": "same", "design": first}, row | {"now": "like", "design": second}]
    said = pd.DataFrame(
        [row | {"verdict": "keep", "picked": "yes", "preferred": "", "taken_for_real": "no"}]
    )
    results = replace(results, kept=kept, feedback=said)
    chips = page_of(results).xpath("//article[.//span[contains(@class, 'before')]]")
    told = {
        card.get("data-id"): card.xpath("string(.//span[contains(@class, 'before')])")
        for card in chips
    }
    assert told == {first: "kept before", second: "like one kept before"}
    write_workbook(tmp_path / "book.xlsx", results)
    (back,) = parse(tmp_path / "book.xlsx").to_dict("records")
    assert back["file"] == f"{first}.png"
    values = dict(zip(SAID, ("keep", "=dark, or not", "yes", "", "no"), strict=True))
    assert {name: back[name].removeprefix("'") for name in SAID} == values
    head = [cell.value for cell in openpyxl.load_workbook(tmp_path / "book.xlsx").worksheets[0][1]]
    assert head[0] == "picture"


def test_a_long_name_takes_two_lines_of_the_sheet(results: Results) -> None:
    name = "Datejust 36, steel and rose gold, green gradient dial, fluted bezel"
    record = results.designs[0].record | {"best_sellers": [{"name": name, "units": 1}]}
    lines = [text for text, size in line_sheet.words(record, Bands((), "")) if size == 6.0]
    assert " ".join(lines) == f"like {name}"
    assert len(lines) == 2 and max(map(len, lines)) <= line_sheet.LONGEST
