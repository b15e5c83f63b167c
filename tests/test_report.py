"""The pages as documents: that they are safe, what they carry, and what they leave behind."""

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import html

from bestseller.base.errors import BestsellerError
from bestseller.designs.export import read_choice
from bestseller.params import Params
from bestseller.report import tables
from bestseller.report.results import Results
from fake_outputs import HOSTILE, MODELS, STUDIED, read_results, write_outputs
from stages import report

LINKS = {  # what a page may link to: files that the run left beside it
    *("index.html", "engineer.html", "model-card.md", "datasheet.md"),
    *("line-review.xlsx", "line-sheet.pdf", "../designs/feed.tsv"),
}


@pytest.fixture(scope="module")
def text(report_folder: Path) -> str:
    return (report_folder / "data/report/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Any:
    return html.document_fromstring(text)


@pytest.fixture(scope="module")
def engineer(report_folder: Path) -> Any:
    text = (report_folder / "data/report/engineer.html").read_text(encoding="utf-8")
    return html.document_fromstring(text)


@pytest.fixture
def results(report_folder: Path, report_params: Params) -> Results:
    return read_results(report_folder, report_params)


def captioned(page: Any, words: str) -> Any:
    """The one table whose caption holds the words, as its figure."""
    figures = [f for f in page.iter("figure") if words in "".join(f.xpath("./figcaption//text()"))]
    (found,) = [figure for figure in figures if figure.xpath(".//table")]
    return found


def test_the_policy_admits_the_pages_own_style_and_script_and_nothing_else(page: Any) -> None:
    policy = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for kind in ("style", "script"):
        (element,) = page.xpath(f"//{kind}")
        digest = hashlib.sha256(element.text.encode()).digest()
        assert rules[f"{kind}-src"] == f"'sha256-{base64.b64encode(digest).decode()}'"
    assert not page.xpath("//*[@style] | //*[starts-with(name(@*), 'on')]")


def test_the_engineers_page_runs_no_script(engineer: Any) -> None:
    policy = engineer.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")[0]
    assert "script-src 'none'" in policy
    assert "default-src 'none'" in policy
    assert not "".join(engineer.xpath("//script/text()"))
    assert not engineer.xpath("//*[@style] | //*[starts-with(name(@*), 'on')]")


def test_nothing_is_fetched(page: Any, engineer: Any, text: str) -> None:
    for each in (page, engineer):
        for attribute in ("src", "action", "srcset", "poster", "data"):
            for value in each.xpath(f"//@{attribute}"):
                assert value.startswith("data:image/webp;base64,"), value
        assert {v for v in each.xpath("//@href") if not v.startswith("#")} <= LINKS
    assert re.findall(r"url\((?!data:image/webp;base64,[A-Za-z0-9+/=]+\))", text) == []
    assert "@import" not in text


def test_every_link_leads_to_a_file_of_the_run(
    page: Any, engineer: Any, report_folder: Path
) -> None:
    for each in (page, engineer):
        for value in {v for v in each.xpath("//@href") if not v.startswith("#")}:
            assert (report_folder / "data/report" / value).stat().st_size > 0


def test_every_picture_says_what_it_shows(page: Any, engineer: Any) -> None:
    pictures = page.xpath("//img")
    assert len(pictures) == 6 + 2 * 7  # the first screen; a design and its score map
    assert len(engineer.xpath("//img")) == 2 * len(MODELS)
    assert all(picture.get("alt") for picture in [*pictures, *engineer.xpath("//img")])
    drawn = page.xpath("//*[@role='img']")
    assert drawn
    assert all(element.get("aria-label") for element in drawn)


def test_product_names_stay_text(page: Any) -> None:
    names = page.xpath("//ol[@class='sellers']//b/text()")
    assert HOSTILE in names
    assert not page.xpath("//img[@src='x']")
    assert "Explorer <b>II</b> 1" in page.xpath("//article//h3/text()")
    assert page.xpath("//option/@value").count("Explorer <b>II</b>") == 1


def test_a_card_carries_its_evidence(page: Any, report_folder: Path) -> None:
    cards = page.xpath("//article")
    records = {
        p.stem: json.loads(p.read_text()) for p in (report_folder / "data/designs").glob("*.json")
    }
    for table in ("lines", "kept"):
        del records[table]
    assert sorted(card.get("data-id") for card in cards) == sorted(records)
    shown = [(c.get("data-line"), -float(c.get("data-low"))) for c in cards]
    units = {"Datejust": 0, "Daytona": 1, "Explorer <b>II</b>": 2}  # by what they sold
    assert shown == sorted(shown, key=lambda card: (units[card[0]], card[1]))
    for card in cards:
        record = records[card.get("data-id")]
        said = " ".join(" ".join(card.itertext()).split())
        assert f"at least {record['score_low']:.2f}\N{MULTIPLICATION SIGN}" in said
        assert f"{record['score']:.2f}\N{MULTIPLICATION SIGN} expected" in said
        assert f"between {record['score_low']:.2f}\N{MULTIPLICATION SIGN} and 5.25" in said
        sellers = record["best_sellers"]
        assert all(f"{s['units']} units · {s['price']:.0f} EUR" in said for s in sellers)
        assert "about 200 EUR" in said  # the middle one of 0, 100, 200, 300 and 400
        assert f"newness {record['training']['percentile']:.0f}" in said
        assert record["model_hash"][:16] not in said
        assert "Against its line's average product: darker." in said
        first, second = record.get("parents", [None, None])
        assert ("the outside, about 58 % of it" in said) == (first is not None)
        if first is not None:
            parents = card.xpath(".//ol[contains(@class, 'parents')]/li")
            assert [li.xpath("string(.//b)") for li in parents] == [first["name"], second["name"]]
            assert (
                "the middle, about 42 % of it" in said and "41 units" in said and "0 units" in said
            )


def test_the_engineers_page_says_where_each_design_comes_from(
    engineer: Any, report_folder: Path
) -> None:
    table = captioned(engineer, "what makes each again")
    rows = [" ".join(row.text_content().split()) for row in table.iter("tr")][1:]
    records = [design.record for design in read_choice(report_folder / "data/designs").designs]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for told in (record["id"], record["model_hash"][:16], f"number {record['latent_index']}"):
            assert told in row


def test_equal_inputs_give_equal_bytes(
    report_folder: Path, text: str, report_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(report_folder)
    report.main(report_params)
    assert (report_folder / "data/report/index.html").read_text(encoding="utf-8") == text


def test_a_missing_input_is_named_and_leaves_no_page(
    tmp_path: Path, report_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        BestsellerError, match=r"data/designs: not found; run `dvc repro shortlist`"
    ):
        report.main(report_params)
    write_outputs(tmp_path)
    (tmp_path / "metrics/models.csv").unlink()
    with pytest.raises(BestsellerError, match=r"models\.csv: not found; run `dvc repro compare`"):
        report.main(report_params)
    assert not (tmp_path / "data/report").exists()


def test_the_published_effect_of_the_constraint_stands_beside_ours(engineer: Any) -> None:
    table = captioned(engineer, "CelebA")
    rows = [[cell.text_content().split()[0] for cell in row] for row in table.iter("tr")][1:]
    assert [row[1:4] for row in rows] == [
        ["32.1361", "0.2918", "14.20"],
        ["30.9519", "0.2981", "12.35"],
    ]
    assert "29 product designs" in table.text_content()
    assert "direction of the change" in table.text_content()


def test_the_page_says_what_training_costs(engineer: Any) -> None:
    assert "1.53\N{MULTIPLICATION SIGN}" in captioned(engineer, "costs in time").text_content()
    assert tables.cost_table(pd.DataFrame()) is None


def test_the_model_card_and_the_datasheet_are_the_runs_own_records(report_folder: Path) -> None:
    card = (report_folder / "data/report/model-card.md").read_text(encoding="utf-8")
    assert f"weights SHA-256 {'ab' * 32}" in card
    assert "12.35 (11.90 to 12.80)" in card
    assert "1 training seed per model" in card
    assert "the score names the better seller" in card
    sheet = (report_folder / "data/report/datasheet.md").read_text(encoding="utf-8")
    assert "29 pictures of 29 designs in 3 lines" in sheet
    assert "- Daytona: 12 designs" in sheet
    assert "- Found: 97.0 %" in sheet
    for text in (card, sheet):
        assert "<b>" not in text  # a line's name stays text
        assert "Explorer &lt;b&gt;II&lt;/b&gt;" in text


def test_the_page_and_the_model_card_cite_the_study_once(report_folder: Path) -> None:
    text = (report_folder / "data/report/engineer.html").read_text(encoding="utf-8")
    card = (report_folder / "data/report/model-card.md").read_text(encoding="utf-8")
    assert text.count(STUDIED) == card.count(STUDIED) == 1
