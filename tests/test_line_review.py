"""What a merchandiser reads, plans with and takes along: words, prices, tables."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from lxml import html

from bestseller.designs.design import Design
from bestseller.designs.export import read_choice
from bestseller.designs.feedback import take
from bestseller.designs.sellers import Price
from bestseller.designs.verdicts import parse
from bestseller.params import load_params
from bestseller.report import plain
from bestseller.report.changes import remembered
from bestseller.report.line_sheet import write_line_sheet
from bestseller.report.order import in_order
from bestseller.report.page import render
from bestseller.report.plan import plan_rows
from bestseller.report.prices import UNKNOWN, Bands, likely_price
from bestseller.report.results import Results
from bestseller.report.workbook import write_workbook
from bestseller.report.worth import SCORES
from fake_outputs import HOSTILE, LINES, read_results, write_outputs

GLOSSARY = re.compile(
    r"\b(KID|FID|LPIPS|MIND|NLL|GANs?|DCGAN|PGGAN|D2GAN|centroid|seeds?|latents?|abstain\w*|"
    r"percentiles?|epochs?|classifiers?|embeddings?|features?|weights|hyperparameters?|diffusion|"
    r"training|calibrat\w+|baselines?|AUC|intervals?|backtest\w*|scor(e[sd]?|ing)|similarit(y|ies))\b",
    re.IGNORECASE,
)
BACKTEST = {
    "beats_baselines": True,
    "sentence": "",
    **{"pair_auc": 0.8, "pair_auc_low": 0.74, "pair_auc_high": 0.84},
    **{"pair_auc_mean_colour": 0.69, "pair_auc_neighbours": 0.75, "pair_auc_combined": 0.9},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    write_outputs(root)
    return root


@pytest.fixture
def results(folder: Path) -> Results:
    skus = pd.read_parquet(folder / "data/processed/index.parquet")["sku"]
    return read_results(
        folder,
        load_params("params.yaml"),
        prices={sku: Price(100.0 * i, "EUR") for i, sku in enumerate(skus, start=1)},
        backtest=BACKTEST,
    )


def held_back(results: Results) -> list[pd.DataFrame]:
    """Products held back for which something else is promised each."""
    own = np.array([design.record["picture_score"] for design in results.designs])
    found = []
    for scores in (own.min() - np.arange(1.0, 31.0), np.linspace(own.max(), own.max() + 9, 30)):
        found.append(pd.DataFrame({"score": scores, "bad": scores < 0}))
    like = np.tile(own, 9)
    return [
        *found,
        found[0][:3],
        *(pd.DataFrame({"score": like, "bad": bad}) for bad in (like > 9, like < 9)),
    ]


def test_the_page_has_no_word_that_needs_a_glossary(results: Results) -> None:
    later = {f"launched_{key}": value for key, value in BACKTEST.items()}
    later |= {"launched_beats_baselines": False, "launched_after": "2021-02-27"}
    verdicts = pd.DataFrame(
        {"file": [f"{i:012x}.png" for i in range(12)], "line": "Datejust", "score": range(12)}
    ).assign(verdict=["keep", "reject"] * 6, note="", picked="", preferred="yes")
    gone = {"file": "0.png", "line": "A", "note": "", "now": "gone", "design": "", "score": 1.0}
    run = remembered(results)
    everything = replace(
        results,
        backtest=BACKTEST | later,
        feedback=verdicts.assign(taken_for_real="no"),
        kept=[gone],
        history=[run | {"designs": []}, run],
    )
    for told in (
        everything,
        *(replace(everything, held_out=held) for held in held_back(results)),
        replace(results, backtest=None),
        replace(results, designs=[]),
    ):
        page = html.document_fromstring(render(told))
        for part in page.xpath("//style | //script"):
            part.getparent().remove(part)
        spoken = " ".join(page.xpath("//text()") + page.xpath("//@alt | //@aria-label | //@title"))
        assert GLOSSARY.findall(spoken) == []


def test_the_run_is_three_sentences_and_every_baseline_counts(results: Results) -> None:
    made, best, trust = plain.sentences(results)
    assert made.startswith("7 new designs for 3 lines, drawn by a machine that studied your 29")
    assert "from April 2019 to June 2021." in made
    low = max(d.record["score_low"] for d in results.designs if d.record["line"] == "Datejust")
    assert f"In Datejust the surest should sell at least {low:.2f}" in best
    assert "80 times in 100 (74 to 84)" in trust
    assert "the best simple rule, what the five products most alike sold, does so 75" in trust
    assert set(plain.RULES) == set(SCORES) - {"score", "combined"}
    assert plain.best_baseline({"pair_auc": 0.8, "pair_auc_combined": 0.9}) is None
    assert "was not tested" in plain.sentences(replace(results, backtest=None))[2]


def test_the_lead_rests_on_no_line_of_few_products(results: Results) -> None:
    sold = results.ledger.assign(line="Explorer <b>II</b>")
    assert plain.leading_line(replace(results, ledger=sold)) == "Datejust"
    few = [d for d in results.designs if d.record["line"] == "Explorer <b>II</b>"]
    assert plain.leading_line(replace(results, designs=few)) == "Explorer <b>II</b>"


def test_what_is_not_shown_is_counted_with_its_reason(results: Results) -> None:
    told = plain.not_shown(results)
    assert told.startswith("Not shown of 384 drawings: 12 were too near to a product")
    assert "15 looked worse than real photos out of focus" in told
    assert "rejected" not in told
    zero = dict.fromkeys(plain.NOT_SHOWN, 0)
    assert plain.not_shown(replace(results, counts=results.counts.assign(**zero))) == ""


def test_agreement_is_told_from_ten_verdicts_on(results: Results) -> None:
    rows = [
        {"file": f"{i:012x}.png", "line": "A", "score": float(i), "note": "", "picked": ""}
        | {"verdict": "keep" if i > 4 else "reject", "preferred": "", "taken_for_real": ""}
        for i in range(10)
    ]
    table = pd.DataFrame(rows)
    assert "25 pairs" in " ".join(plain.said(replace(results, feedback=table)))
    assert "pairs" not in " ".join(plain.said(replace(results, feedback=table[:9])))


def test_bands_hold_as_many_products_each_and_are_written_round() -> None:
    prices = {str(i): Price(float(i), "EUR") for i in range(101, 1001)}
    bands = Bands.of(prices, 3)
    assert bands.names == ["under 400 EUR", "400 EUR to 700 EUR", "700 EUR and over"]
    assert [bands.band(price) for price in (399.0, 400.0, 699.0, 700.0)] == [
        *(bands.names[0], bands.names[1], bands.names[1], bands.names[2])
    ]
    assert bands.band(None) == UNKNOWN
    assert Bands.of({}, 3).names == []
    assert Bands.of({"a": Price(5.0, "EUR")}, 3).names == ["any price"]
    assert likely_price([{"price": 1.0}, {}, {"price": 4.0}]) == 2.5
    assert likely_price([{}]) is None


def test_the_plan_counts_what_sold_by_line_and_band(results: Results) -> None:
    bands = Bands.of(results.prices, 2)
    rows = plan_rows(results, bands, ["Daytona", "Datejust", "Explorer <b>II</b>", "none"])
    assert [row.line for row in rows] == ["Daytona", "Datejust", "Explorer <b>II</b>"]
    for row in rows:
        own = results.ledger[results.ledger["line"] == row.line]
        cheap = own["sku"].map(lambda sku: results.prices[sku].value < bands.edges[0])
        assert row.units == [own["units"][cheap].sum(), own["units"][~cheap].sum()]
        assert row.total == own["units"].sum()
    assert sum(row.share for row in rows) == pytest.approx(100)
    assert [
        len(row.units) for row in plan_rows(replace(results, prices={}), Bands((), ""), list(LINES))
    ]


def test_lines_stand_by_units_and_designs_by_the_lower_end(results: Results) -> None:
    lows = iter([0.5, 0.9, 0.7, 1.0, 1.1, 0.2, 2.0])
    designs = [Design(d.image, d.record | {"score_low": next(lows)}) for d in results.designs]
    found = in_order(replace(results, designs=designs))
    units = results.ledger.groupby("line")["units"].sum()
    lines = list(dict.fromkeys(d.record["line"] for d in found))
    assert lines == units.sort_values(ascending=False).index.tolist()
    for line in lines:
        low = [d.record["score_low"] for d in found if d.record["line"] == line]
        assert low == sorted(low, reverse=True)


def test_thin_lines_are_folded_and_not_on_the_first_screen_while_others_fill_it(
    results: Results,
) -> None:
    page = html.document_fromstring(render(results))
    (thin,) = page.xpath("//details[@id='thin']")
    assert thin.xpath(".//section/@data-line") == ["Explorer <b>II</b>"]
    first = page.xpath("//li[@class='first']//b[1]/text()")
    assert [name for name in first if name.startswith("Explorer")] == []
    params = results.params.report.model_copy(update={"thin_line": 0})
    all_thick = results.params.model_copy(update={"report": params})
    assert not html.document_fromstring(render(replace(results, params=all_thick))).xpath(
        "//details[@id='thin']"
    )


def test_a_spreadsheet_goes_round_without_loss(
    folder: Path, results: Results, tmp_path: Path
) -> None:
    write_workbook(tmp_path / "one.xlsx", results)
    write_workbook(tmp_path / "two.xlsx", results)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    book = openpyxl.load_workbook(tmp_path / "one.xlsx")
    sheet = book.worksheets[0]
    assert len(sheet._images) == len(results.designs)
    head = [cell.value for cell in sheet[1]]
    column = {name: head.index(name) + 1 for name in head}
    assert all(HOSTILE in row[column["best_seller_1"] - 1].value for row in sheet.iter_rows(2))
    assert all(not str(c.value).startswith("=") for row in sheet.iter_rows(2) for c in row)
    said = {"verdict": "keep", "note": '=1+1, "quoted"; and more\nlines', "picked": "yes"}
    for name, value in said.items():
        sheet.cell(3, column[name]).value = value
        sheet.cell(3, column[name]).data_type = "s"
    book.save(tmp_path / "filled.xlsx")

    (row,) = parse(tmp_path / "filled.xlsx").to_dict("records")
    assert {name: row[name] for name in said} == said
    taken = take(tmp_path / "filled.xlsx", folder / "data/designs", tmp_path / "kept").table
    assert taken["file"].tolist() == [sheet.cell(3, column["file"]).value]
    assert taken["line"].tolist() == [sheet.cell(3, column["line"]).value]


def test_the_line_sheet_has_twelve_designs_a_page(results: Results, tmp_path: Path) -> None:
    many = [*results.designs, *results.designs][:13]
    for designs, pages in ((many, 2), (many[:12], 1), ([], 1)):
        path = tmp_path / f"{len(designs)}.pdf"
        write_line_sheet(path, replace(results, designs=designs))
        data = path.read_bytes()
        assert len(re.findall(rb"/Type\s*/Page\b", data)) == pages
        assert b"CreationDate" not in data
    write_line_sheet(tmp_path / "again.pdf", replace(results, designs=many))
    assert (tmp_path / "again.pdf").read_bytes() == (tmp_path / "13.pdf").read_bytes()


def test_the_feed_is_a_table_that_other_tools_read(folder: Path) -> None:
    text = (folder / "data/designs/feed.tsv").read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(text), delimiter="\t"))
    records = [design.record for design in read_choice(folder / "data/designs").designs]
    assert [row["id"] for row in rows] == [record["id"] for record in records]
    for row, record in zip(rows, records, strict=True):
        assert (folder / "data/designs" / row["image_link"]).exists()
        assert row["structured_title"].startswith("trained_algorithmic_media:")
        assert row["price"] == "200.00 EUR"
        assert float(row["custom_number_0"]) == record["score_low"]
        assert None not in row and None not in row.values()


def test_pages_stand_without_prices_or_neighbours(results: Results) -> None:
    bare = [Design(d.image, d.record | {"best_sellers": []}) for d in results.designs]
    page = html.document_fromstring(render(replace(results, prices={}, designs=bare)))
    assert not page.xpath("//select[@id='band']")
    assert len(page.xpath("//article")) == 7
    assert np.all([card.get("data-price") == "" for card in page.xpath("//article")])
