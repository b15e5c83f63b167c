"""What the engineer's page says of a run: its findings, its warnings, what changed since."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lxml import html

from bestseller.base.files import write_json
from bestseller.metrics.registry import columns_of
from bestseller.params import Params
from bestseller.report import tables, words
from bestseller.report.cards import model_card
from bestseller.report.engineer import render_engineer
from bestseller.report.findings import findings, warnings
from bestseller.report.page import render
from bestseller.report.results import Results
from bestseller.report.worth import worth_tables
from fake_outputs import read_results, write_outputs
from stages import report

ENDS = {"": 0.0, "_low": -0.1, "_high": 0.1}


@pytest.fixture
def results(report_folder: Path, report_params: Params) -> Results:
    return read_results(report_folder, report_params)


def titles(results: Results) -> list[str]:
    return [warning.title for warning in warnings(results)]


def measured(results: Results, **values: list[float]) -> Results:
    """The results with metrics in two spaces."""
    columns = columns_of({"features": ["lite2", "lite2_4_5"]})
    return replace(results, columns=columns, models=results.models.assign(**values))


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


def test_a_precision_of_nought_and_a_tie_are_warned_of(results: Results) -> None:
    fine = measured(results, precision_lite2=[0.5, 0.1], coverage_lite2_4_5=[0.1, 0.1])
    assert not {"No model is the best", "Models with no image near a real photo"} & set(
        titles(fine)
    )
    blind = measured(results, precision_lite2=[0.5, 0.1], coverage_lite2_4_5=[0.0, 0.1])
    (told,) = [w.text for w in warnings(blind) if w.title.startswith("Models with no image")]
    assert told.startswith("DCGAN, centroid, seed 0: 0 in Coverage, lite2 layers 4, 5. A ")
    both = measured(results, precision_lite2=[0.0, 0.0], coverage_lite2_4_5=[0.0, 0.0])
    (told,) = [w.text for w in warnings(both) if w.title.startswith("Models with no image")]
    models, zeros = told.split(". A ")[0].split(
        ": 0 in "
    )  # models with the same zeros are one group
    assert models == "DCGAN, centroid, seed 0; DCGAN, plain, seed 0"
    assert zeros == "Precision, lite2; Coverage, lite2 layers 4, 5"
    tied = replace(results, leaders=["dcgan-centroid-0", "dcgan-plain-0"])
    (told,) = [w.text for w in warnings(tied) if w.title == "No model is the best"]
    assert told.startswith("DCGAN, centroid, seed 0 and DCGAN, plain, seed 0 are tied")


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


def since_the_last_run(report_folder: Path) -> str:
    page = html.document_fromstring(
        (report_folder / "data/report/engineer.html").read_text("utf-8")
    )
    (section,) = page.xpath("//section[@aria-labelledby='since-title']")
    return " ".join(section.text_content().split())


def test_the_first_page_has_nothing_to_compare_with(report_folder: Path) -> None:
    text = since_the_last_run(report_folder)
    assert "This is the first run here" in text
    assert "Retraining" not in text


def test_the_next_page_tells_what_changed_and_what_the_retraining_decided(
    tmp_path: Path, report_params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_outputs(tmp_path)
    write_json("data/retrain/last.json", LAST)
    before = {"until": "2021-05-31", "health": {}, "designs": [], "lines": {}}
    write_json("data/report/history.json", [before])
    report.main(report_params)
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
