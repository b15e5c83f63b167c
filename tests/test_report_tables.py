"""Tables, charts, sheets and the way numbers are written."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bestseller.comparison.references import COPIES
from bestseller.metrics.registry import columns_of
from bestseller.params import Params
from bestseller.report import charts, tables, words
from bestseller.report.results import Results
from bestseller.report.side_by_side import line_sheets
from fake_outputs import read_results


@pytest.fixture
def results(report_folder: Path, report_params: Params) -> Results:
    return read_results(report_folder, report_params)


def measured(results: Results, **values: list[float]) -> Results:
    """The results with metrics in two spaces."""
    columns = columns_of({"features": ["lite2", "lite2_4_5"]})
    return replace(results, columns=columns, models=results.models.assign(**values))


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
