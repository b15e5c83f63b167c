"""The page: what it says, that it is safe, and that it works in a browser."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import numpy as np
import pandas as pd
import pytest
from lxml import html

from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.comparison.references import COPIES
from bestseller.designs.export import read_choice
from bestseller.designs.feedback import take
from bestseller.metrics.registry import columns_of
from bestseller.params import Params, load_params
from bestseller.report import charts, tables, words
from bestseller.report.cards import model_card
from bestseller.report.engineer import render_engineer
from bestseller.report.findings import findings, warnings
from bestseller.report.page import render
from bestseller.report.results import Results
from bestseller.report.side_by_side import line_sheets
from bestseller.report.worth import worth_tables
from browser import BROWSER, browse, needs_browser, visit
from fake_outputs import HOSTILE, MODELS, STUDIED, read_results, write_outputs
from stages import report

ENDS = {"": 0.0, "_low": -0.1, "_high": 0.1}
LINKS = {  # what a page may link to: files that the run left beside it
    *("index.html", "engineer.html", "model-card.md", "datasheet.md"),
    *("line-review.xlsx", "line-sheet.pdf", "../designs/feed.tsv"),
}


@pytest.fixture(scope="module")
def params() -> Params:
    committed = load_params("params.yaml")
    return committed.model_copy(update={"models": ["dcgan-plain", "dcgan-centroid"], "seeds": [0]})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, params: Params) -> Path:
    """A working directory in which the stage has run."""
    root = tmp_path_factory.mktemp("run")
    write_outputs(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        report.main(params)
    return root


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "data/report/index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Any:
    return html.document_fromstring(text)


@pytest.fixture(scope="module")
def engineer(folder: Path) -> Any:
    text = (folder / "data/report/engineer.html").read_text(encoding="utf-8")
    return html.document_fromstring(text)


@pytest.fixture
def results(folder: Path, params: Params) -> Results:
    return read_results(folder, params)


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


def test_every_link_leads_to_a_file_of_the_run(page: Any, engineer: Any, folder: Path) -> None:
    for each in (page, engineer):
        for value in {v for v in each.xpath("//@href") if not v.startswith("#")}:
            assert (folder / "data/report" / value).stat().st_size > 0


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


def test_a_card_carries_its_evidence(page: Any, folder: Path) -> None:
    cards = page.xpath("//article")
    records = {p.stem: json.loads(p.read_text()) for p in (folder / "data/designs").glob("*.json")}
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
        assert ("58 % of it" in said) == (first is not None)
        if first is not None:
            parents = card.xpath(".//ol[contains(@class, 'parents')]/li")
            assert [li.xpath("string(.//b)") for li in parents] == [first["name"], second["name"]]
            assert "42 % of it" in said and "41 units" in said and "0 units" in said


def test_the_engineers_page_says_where_each_design_comes_from(engineer: Any, folder: Path) -> None:
    table = captioned(engineer, "what makes each again")
    rows = [" ".join(row.text_content().split()) for row in table.iter("tr")][1:]
    records = [design.record for design in read_choice(folder / "data/designs").designs]
    assert len(rows) == len(records)
    for row, record in zip(rows, records, strict=True):
        for told in (record["id"], record["model_hash"][:16], f"number {record['latent_index']}"):
            assert told in row


def test_equal_inputs_give_equal_bytes(
    folder: Path, text: str, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    report.main(params)
    assert (folder / "data/report/index.html").read_text(encoding="utf-8") == text


def test_a_missing_input_is_named_and_leaves_no_page(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        BestsellerError, match=r"data/designs: not found; run `dvc repro shortlist`"
    ):
        report.main(params)
    write_outputs(tmp_path)
    (tmp_path / "metrics/models.csv").unlink()
    with pytest.raises(BestsellerError, match=r"models\.csv: not found; run `dvc repro compare`"):
        report.main(params)
    assert not (tmp_path / "data/report").exists()


def titles(results: Results) -> list[str]:
    return [warning.title for warning in warnings(results)]


def test_warnings_say_what_cannot_be_concluded(results: Results) -> None:
    found = titles(results)
    assert found[0] == "The shop is a simulation"
    assert "The score is not backtested" in found
    assert "1 line with fewer than 10 real designs" in found
    assert "Fewer designs than places in 1 line" in found
    assert "1 training seed per model" in found
    assert "Distances are not comparable with published ones" in found
    text = " ".join(warning.text for warning in warnings(results))
    assert "Explorer <b>II</b> (3)" in text
    assert "sample grids" in text


def test_warnings_go_where_their_cause_goes(results: Results) -> None:
    failed = replace(
        results, backtest={"beats_baselines": False, "sentence": "WARNING: 51 of 100."}
    )
    assert "The score does not clear its baseline" in titles(failed)
    assert "51 of 100." in " ".join(warning.text for warning in warnings(failed))
    changes = {"seeds": list(range(6))}
    cleared = replace(
        results,
        params=results.params.model_copy(update=changes),
        backtest={"beats_baselines": True},
    )
    assert not {"The score is not backtested", "The score does not clear its baseline"} & set(
        titles(cleared)
    )
    assert not [title for title in titles(cleared) if "seed" in title]
    sales = results.params.sales.model_copy(update={"level": "line", "allocation": "equal"})
    of_lines = replace(failed, params=results.params.model_copy(update={"sales": sales}))
    assert "The score is not backtested" in titles(of_lines)


def test_findings_are_the_numbers(results: Results) -> None:
    text = findings(results)
    assert "7 designs in 3 lines were chosen from 384 candidates by 2 of the 2 models" in text
    assert f"29 real designs; {int(results.ledger['units'].sum()):,} units sold" in text
    assert "from 2019-04-05 to 2021-06-11" in text
    assert "12 of the candidates (3.1 %)" in text
    low = [design.record["score_low"] for design in results.designs]
    assert f"{np.median(low):.2f} times" in text
    assert f"{sum(value > 1 for value in low)} of 7 sell more" in text
    # centroid 40, 50, 60 and plain 32, 50, 68, all with an interval of 3 each way
    assert "in 1 of 3 lines the leader is tied" in text


def test_the_similarity_table_marks_the_best_and_sets_the_published_beside(
    results: Results,
) -> None:
    table = tables.similarity_table(results)
    first = {name: cell for name, cell in zip(table.columns, table.rows[0], strict=True)}
    assert first["Line"].text == "Datejust"
    assert first["DCGAN, centroid, seed 0"] == tables.Cell("40.0", "37.0 to 43.0", "best")
    assert first["DCGAN, plain, seed 0"] == tables.Cell("32.0", "29.0 to 35.0")
    assert first["D2GAN (published)"].text == "71.2"
    assert [cell.text for cell in table.rows[2][-3:]] == [words.DASH] * 3


def test_several_seeds_become_a_mean_and_a_range(results: Results) -> None:
    rows = [
        {"line": "Datejust", "model": f"dcgan-plain-{s}", "similarity": v, "low": 0, "high": 99}
        for s, v in ((0, 30.0), (1, 40.0), (2, 38.0))
    ]
    params = results.params.model_copy(update={"seeds": [0, 1, 2], "models": ["dcgan-plain"]})
    several = replace(results, params=params, similarity=pd.DataFrame(rows))
    table = tables.similarity_table(several)
    assert table.columns[1] == "DCGAN, plain"
    assert table.rows[0][1] == tables.Cell("36.0", "30.0 to 40.0", "best")


def test_the_models_table_folds_intervals_into_their_metric(results: Results) -> None:
    table = tables.models_table(results)
    assert table.columns == ["Model", "FD catalogue", "Near copy"]
    assert table.rows[0][1] == tables.Cell("12.35", "11.90 to 12.80")
    assert table.rows[1][2].text == "2.0 %"
    known = replace(results, columns=columns_of({"features": ["catalogue"]}))
    assert tables.models_table(known).columns[1] == "Frechet distance, catalogue"


def measured(results: Results, **values: list[float]) -> Results:
    """The results with metrics in two spaces."""
    columns = columns_of({"features": ["lite2", "lite2_4_5"]})
    return replace(results, columns=columns, models=results.models.assign(**values))


def test_the_page_says_how_far_a_model_is_in_every_space(results: Results) -> None:
    assert tables.yardstick_table(results) is None
    found = tables.yardstick_table(
        measured(
            results,
            blur_lite2=[0.75, 2.0],
            blur_lite2_low=[0.6, 2.0],
            blur_lite2_high=[0.9, 2.0],
            kid_ratio_lite2=[31.4, 300.0],
            blur_lite2_4_5=[0.5, 1.9],
            blur_lite2_4_5_low=[0.4, 1.7],
            blur_lite2_4_5_high=[0.6, 2.0],
        )
    )
    assert found is not None
    assert found.columns == ["Model", "Lite2", "Lite2 layers 4, 5"]
    near, far = found.rows
    assert near[1].text == (
        "As far from real photos as real photos blurred by 0.75 px (0.60 to 0.90)"
    )
    assert near[1].note == "31.4 times real photos' own distance"
    assert far[1].text == "Farther from real photos than real photos blurred by 2 px"
    assert far[2].text.endswith("blurred by 1.90 px (1.70 to more than 2)")


def test_a_precision_of_nought_and_a_tie_are_warned_of(results: Results) -> None:
    fine = measured(results, precision_lite2=[0.5, 0.1], coverage_lite2_4_5=[0.1, 0.1])
    assert not {"No model is the best", "Models with no image near a real photo"} & set(
        titles(fine)
    )
    blind = measured(results, precision_lite2=[0.5, 0.1], coverage_lite2_4_5=[0.0, 0.1])
    (told,) = [w.text for w in warnings(blind) if w.title.startswith("Models with no image")]
    assert told.startswith("DCGAN, centroid, seed 0 (Coverage, lite2 layers 4, 5):")
    tied = replace(results, leaders=["dcgan-centroid-0", "dcgan-plain-0"])
    (told,) = [w.text for w in warnings(tied) if w.title == "No model is the best"]
    assert told.startswith("DCGAN, centroid, seed 0 and DCGAN, plain, seed 0 are tied")


def test_similarity_is_a_share_of_its_ceiling_and_untested_lines_are_grey(
    results: Results,
) -> None:
    ceiling = pd.DataFrame(
        {"line": ["Datejust"], "model": [COPIES], "similarity": 80.0, "low": 78.0, "high": 82.0}
    )
    similarity = pd.concat([results.similarity, ceiling], ignore_index=True)
    health = {"classifier": {"lines_without_test": "Daytona, Other", "lines_left_out": ""}}
    table = tables.similarity_table(replace(results, similarity=similarity, health=health))
    datejust, daytona = (dict(zip(table.columns, row, strict=True)) for row in table.rows[:2])
    assert datejust["DCGAN, centroid, seed 0"].note == "50 % of 80.0; 37.0 to 43.0"
    assert datejust["copies: the training photos"].text == "80.0"
    assert {cell.kind for cell in daytona.values()} == {"reference", "published"}
    assert "Grey: lines that the classifier could not be tested on." in table.caption


def test_real_photos_designs_and_samples_stand_side_by_side(results: Results) -> None:
    assert line_sheets(results) == []
    flat = np.full((12, 64, 64, 3), 90, np.uint8)
    made = {"dcgan-plain-0": {"Datejust": flat, "Daytona": flat}, "dcgan-centroid-0": {}}
    sheets = line_sheets(replace(results, made=made))
    assert {sheet.line for sheet in sheets} == {"Datejust", "Daytona"}
    # Three rows of eight images of 64 pixels: real photos, designs, the model that has the line.
    assert all(sheet.picture.height == 4 + 3 * 68 for sheet in sheets)
    assert all(sheet.picture.width > 8 * 68 for sheet in sheets)


def test_facts_fold_intervals_and_the_backtest_speaks(results: Results) -> None:
    facts = {"pair_auc": 0.61, "pair_auc_low": 0.55, "pair_auc_high": 0.66, "abstained_share": 0.02}
    table = tables.facts_table("Score", facts)
    assert [row[0].text for row in table.rows] == ["Pair AUC", "Abstained"]
    assert table.rows[0][1] == tables.Cell("0.6100", "0.5500 to 0.6600")
    passed = replace(results, backtest={"beats_baselines": True, "sentence": "61 times in 100."})
    assert "61 times in 100." in findings(passed)
    failed = replace(results, backtest={"beats_baselines": False, "sentence": "WARNING: 51."})
    assert "51." not in findings(failed)


def test_the_backtests_stand_as_tables_of_every_score(results: Results) -> None:
    values = {"pair_auc": 0.61, "pair_auc_metadata": 0.52, "top_decile_lift": 1.5}
    facts = {f"{key}{end}": v + d for key, v in values.items() for end, d in ENDS.items()}
    facts |= {"products_tested": 40, "lines_tested": 2}
    (table,) = worth_tables(facts)
    assert table.caption.startswith("Backtest: 40 products") and "2 lines" in table.caption
    assert table.columns == ["Score", "Pairs in order (%)", "Sales of the top tenth"]
    rows = {row[0].text: row[1:] for row in table.rows}
    assert rows["The score"][0] == tables.Cell("61.0", "51.0 to 71.0")
    assert rows["Price and first sale, no picture"][0].text == "52.0"
    assert [cell.text for cell in rows["Mean colour"]] == [words.DASH] * 2
    assert "Attributes, no picture" not in rows
    told = {f"pair_auc_attributes{end}": 0.55 + d for end, d in ENDS.items()}
    told_of = facts | told | {"attributes_sentence": "Pictures add 6."}
    (table_of_attributes,) = worth_tables(told_of)
    assert "Attributes, no picture" in [row[0].text for row in table_of_attributes.rows]
    assert table_of_attributes.caption.endswith("Pictures add 6.")
    later = {f"launched_{key}": value for key, value in facts.items()}
    both = worth_tables(facts | later | {"launched_after": "2021-02-28"})
    assert "first sold after 2021-02-28" in both[1].caption
    assert both[1].rows == table.rows
    assert worth_tables(None) == worth_tables({"sentence": "WARNING: nothing"}) == []
    assert "first sold after 2021-02-28" in render_engineer(
        replace(results, backtest=facts | later | {"launched_after": "2021-02-28"})
    )


def test_later_launches_have_a_warning_of_their_own(results: Results) -> None:
    told = {"beats_baselines": True, "sentence": "77 of 100."}
    later = {"launched_beats_baselines": False, "launched_sentence": "WARNING: 51 of 100."}
    untested = replace(results, backtest=told | later)
    assert "The score is not tested on later launches" in titles(untested)
    failed = replace(results, backtest=told | later | {"launched_pair_auc": 0.51})
    assert "On later launches the score does not clear its baseline" in titles(failed)
    assert "51 of 100." in " ".join(warning.text for warning in warnings(failed))
    later = {"launched_beats_baselines": True, "launched_sentence": "68 of 100."}
    passed = replace(results, backtest=told | later)
    assert not [title for title in titles(passed) if "launch" in title]
    assert "77 of 100. 68 of 100." in findings(passed)


def test_a_chart_places_values_on_its_axes() -> None:
    curves = pd.DataFrame(
        {
            "epoch": [0, 5, 10],
            "images": [0, 5, 9],
            "d_loss": [0, 2.0, 4.0],
            "g_loss": [4.0, None, 0],
        }
    )
    (chart,) = charts.training_charts(curves)
    assert chart.title == "Losses"
    falling = chart.lines[1]
    assert falling.path.count("M") == 2  # the gap lifts the pen
    points = [
        tuple(map(float, p.split())) for p in re.findall(r"[ML]([^ML]+)", chart.lines[0].path)
    ]
    left, right = charts.LEFT, charts.WIDTH - charts.RIGHT
    assert [x for x, _ in points] == [left, (left + right) / 2, right]
    height = charts.HEIGHT - charts.TOP - charts.BOTTOM  # with a margin of 4 % of the values
    assert points[0][1] == pytest.approx(charts.TOP + height * (1 - 0.16 / 4.32), abs=0.1)
    assert points[1][1] == pytest.approx(charts.TOP + height / 2, abs=0.1)
    assert {tick.text: tick.at for tick in chart.x_ticks}["0"] == left
    assert "D loss ends at 4" in chart.alt
    assert charts.training_charts(pd.DataFrame({"epoch": []})) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1,234,567"),
        (12.3456, "12.35"),
        (0.012345, "0.0123"),
        (-1.5, "\N{MINUS SIGN}1.500"),
        (0.00001234, "1.23e-05"),
        (1e-300, "1.00e-300"),
        (float("nan"), words.DASH),
        (float("inf"), words.DASH),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert words.number(value) == text


def test_words() -> None:
    assert words.fact_label("found_share") == "Found"
    assert words.fact("found_share", 0.974) == "97.4 %"
    assert words.fact_label("wall_s") == "Wall (s)"
    assert words.fact("rejects", True) == "yes"
    assert words.label("s") == "S"
    assert words.model_label("d2gan-centroid-12") == "D2GAN, centroid, seed 12"
    assert words.model_label("real-held-out") == "Real held out"
    assert words.joined(["a", "b", "c"]) == "a, b and c"
    assert words.count(1, "line") == "1 line"


def shown(page: Any) -> list[Any]:
    return page.xpath("//main//article[not(@hidden)]")


@pytest.mark.slow
@needs_browser
def test_a_request_and_a_console_error_would_be_seen(tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text("<img src=http://127.0.0.1:9/x.png><script>console.error('boo')</script>")
    found = visit(path, "", tmp_path)
    assert found.requests == ["http://127.0.0.1:9/x.png"]
    assert len(found.console) == 1


@pytest.mark.slow
@needs_browser
def test_the_page_filters_sorts_compares_and_opens(folder: Path, tmp_path: Path) -> None:
    path = folder / "data/report/index.html"
    records = {d.record["id"]: d.record for d in read_choice(folder / "data/designs").designs}

    page = browse(path, f"line={quote('Explorer <b>II</b>')}", tmp_path)
    assert [card.get("data-line") for card in shown(page)] == ["Explorer <b>II</b>"]
    assert page.xpath("string(//output[@id='count'])") == "1 of 7"
    assert page.xpath("//title/text()") == ["New designs from what sells"]

    page = browse(path, "sort=newness", tmp_path)
    values = [r["training"]["percentile"] for r in records.values()]
    cards = page.xpath("//div[@id='flat']/article")
    assert [float(c.get("data-newness")) for c in cards] == sorted(values, reverse=True)
    assert "Score" not in page.xpath("//select[@id='sort']/option/text()"), "no order across lines"

    chosen = sorted(records)[:3]
    page = browse(path, f"compare={','.join(chosen)}&view={','.join(chosen)}", tmp_path)
    assert page.xpath("//dialog[@id='viewer']/@open") == [""]
    assert [a.get("data-id") for a in page.xpath("//dialog//article")] == chosen
    assert page.xpath("string(//*[@id='ticked'])") == "3"

    page = browse(path, f"view={chosen[0]}", tmp_path)
    (card,) = page.xpath("//dialog//article")
    assert HOSTILE in card.xpath(".//ol[@class='sellers']//b/text()")
    assert not page.xpath("//img[@src='x']")
    assert len(page.xpath("//script")) == 1

    page = browse(path, "line=nowhere&compare=bogus&view=bogus", tmp_path)
    assert shown(page) == []
    assert not page.xpath("//*[@id='empty']/@hidden")
    assert not page.xpath("//dialog/@open")


def captioned(page: Any, words: str) -> Any:
    """The one table whose caption holds the words, as its figure."""
    figures = [f for f in page.iter("figure") if words in "".join(f.xpath("./figcaption//text()"))]
    (found,) = [figure for figure in figures if figure.xpath(".//table")]
    return found


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


@pytest.mark.slow
@needs_browser
def test_feedback_saved_by_the_page_is_what_the_next_run_reads(
    folder: Path, tmp_path: Path
) -> None:
    kept, rejected, other = sorted(p.stem for p in (folder / "data/designs").glob("*.png"))[:3]
    note = '=SUM(1), "bold"'
    state = f"keep={kept},{other}&reject={rejected}&note-{rejected}={quote(note)}"
    page = browse(folder / "data/report/index.html", f"{state}&view={rejected}", tmp_path)
    pressed = page.xpath("//main//*[@aria-pressed='true']")
    assert {(b.xpath("ancestor::article/@data-id")[0], b.text) for b in pressed} == {
        (kept, "Keep"),
        (other, "Keep"),
        (rejected, "Reject"),
    }
    (copy,) = page.xpath("//dialog//*[@aria-pressed='true']")
    assert copy.text == "Reject"
    (link,) = page.xpath("//a[@id='save' and not(@hidden)]")
    assert link.text == "Save (3)"
    kind, _, data = link.get("href").partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    (tmp_path / link.get("download")).write_bytes(unquote_to_bytes(data))

    taken = take(tmp_path / "feedback.csv", folder / "data/designs", tmp_path / "kept")
    rows = taken.table.set_index("file")
    assert rows["verdict"].to_dict() == {
        f"{kept}.png": "keep",
        f"{other}.png": "keep",
        f"{rejected}.png": "reject",
    }
    assert rows.loc[f"{rejected}.png", "note"] == f"'{note}"  # a spreadsheet computes nothing
    assert len(taken.pictures) == 1

    (tmp_path / "another").mkdir()  # a browser that has kept nothing
    page = browse(folder / "data/report/index.html", "", tmp_path / "another")
    assert page.xpath("//a[@id='save']/@hidden")


@pytest.mark.slow
def test_a_page_of_500_designs_is_under_8_mb(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_outputs(tmp_path, per_line=250)
    monkeypatch.chdir(tmp_path)
    report.main(params)
    path = tmp_path / "data/report/index.html"
    assert path.read_text(encoding="utf-8").count("<article") == 501
    assert path.stat().st_size < 8e6
    if BROWSER:
        page = browse(path, "line=Daytona&sort=newness", tmp_path)
        assert len(shown(page)) == 250


def test_the_model_card_and_the_datasheet_are_the_runs_own_records(folder: Path) -> None:
    card = (folder / "data/report/model-card.md").read_text(encoding="utf-8")
    assert f"weights SHA-256 {'ab' * 32}" in card
    assert "12.35 (11.90 to 12.80)" in card
    assert "1 training seed per model" in card
    assert "the score names the better seller" in card
    sheet = (folder / "data/report/datasheet.md").read_text(encoding="utf-8")
    assert "29 pictures of 29 designs in 3 lines" in sheet
    assert "- Daytona: 12 designs" in sheet
    assert "- Found: 97.0 %" in sheet
    for text in (card, sheet):
        assert "<b>" not in text  # a line's name stays text
        assert "Explorer &lt;b&gt;II&lt;/b&gt;" in text


def test_the_page_and_the_model_card_cite_the_study_once(folder: Path) -> None:
    text = (folder / "data/report/engineer.html").read_text(encoding="utf-8")
    card = (folder / "data/report/model-card.md").read_text(encoding="utf-8")
    assert text.count(STUDIED) == card.count(STUDIED) == 1


def test_a_run_without_a_design_still_has_its_page_and_cards(results: Results) -> None:
    empty = replace(results, designs=[], counts=results.counts.assign(chosen=0))
    assert "No design was good enough to show." in render(empty)
    assert render_engineer(empty)
    assert "No design, no score." in model_card(empty)
    assert "Fewer designs than places in 3 lines" in titles(empty)


DECISION = {
    "promote": False,
    "challenger": "dcgan-plain-0",
    "reasons": ["kid_catalogue: a tie, and a tie promotes nobody."],
    "facts": {"coverage": 0.4, "near_copy_rate": 0.012},
}
LAST = {
    "run": "20220301T040000Z",
    "drift": {"sales_psi": 0.31, "warnings": ["The sales mix <b>moved</b>."]},
    "decision": DECISION,
    "champion": "dcgan-centroid-0",
}


def since_the_last_run(folder: Path) -> str:
    page = html.document_fromstring((folder / "data/report/engineer.html").read_text("utf-8"))
    (section,) = page.xpath("//section[@aria-labelledby='since-title']")
    return " ".join(section.text_content().split())


def test_the_first_page_has_nothing_to_compare_with(folder: Path) -> None:
    text = since_the_last_run(folder)
    assert "This is the first run here" in text
    assert "Retraining" not in text


def test_the_next_page_tells_what_changed_and_what_the_retraining_decided(
    tmp_path: Path, params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_outputs(tmp_path)
    write_json("data/retrain/last.json", LAST)
    before = {"until": "2021-05-31", "health": {}, "designs": [], "lines": {}}
    write_json("data/report/history.json", [before])
    report.main(params)
    text = since_the_last_run(tmp_path)
    assert "Retraining 20220301T040000Z: DCGAN, plain, seed 0 was not promoted." in text
    assert "The champion: DCGAN, centroid, seed 0." in text
    assert "a tie, and a tie promotes nobody." in text
    assert "Drift. The sales mix <b>moved</b>." in text
    assert "Near copy rate 1.2 %" in text
    assert "7 of the 7 designs are new, 0 of the last run's are gone" in text
    (entry,) = json.loads(Path("data/report/history.json").read_text())[1:]
    assert len(entry["designs"]) == 7
    lowest = entry["lines"]["Datejust"]
    assert lowest["similarity"] == 40.0, "of the leading of the two models"
    assert lowest["similarity_se"] == pytest.approx(3 / 1.959964)
    assert lowest["score_log_se"] == pytest.approx(np.log(5.25 / 0.5) / 2 / 1.959964, rel=1e-4)
