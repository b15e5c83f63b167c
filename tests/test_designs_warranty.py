"""What is promised of designs: the bound by hand, kept in simulated shops, said on the page."""

import json
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, fisher_exact

from bestseller.params import load_params
from bestseller.preference.designs_warranty import (
    CUTS,
    best_row,
    covered,
    design_promises,
    exchangeable,
    likened,
    most_bad,
)
from bestseller.preference.held_out import held_out_table
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.warranty import BAD_SHARE
from bestseller.report.page import render
from bestseller.report.promised import FEWEST, promised
from bestseller.report.results import Results
from conftest import REPOSITORY
from fake_outputs import read_results, write_outputs

CONFIDENCE = 0.95


@pytest.mark.parametrize(("designs", "products", "bad"), [(5, 20, 1), (12, 30, 4), (3, 2, 0)])
def test_the_bound_is_where_fishers_test_gives_in(designs: int, products: int, bad: int) -> None:
    level = 0.05
    most = most_bad(designs, products, bad, level)

    def p(count: int) -> float:
        table = [[bad, products - bad], [count, designs - count]]
        return float(fisher_exact(table, alternative="less")[1])

    assert p(most) > level
    assert most == designs or p(most + 1) <= level


def test_without_a_product_every_design_may_be_bad() -> None:
    assert most_bad(4, 0, 0, 0.1) == 4


@pytest.mark.parametrize("chance", [0.02, 0.1, 0.4])
def test_the_bound_fails_at_most_so_often_exactly_counted(chance: float) -> None:
    designs, products, level = 15, 40, 0.05
    failed = 0.0
    for bad in range(products + 1):
        most = most_bad(designs, products, bad, level)
        failed += binom.pmf(bad, products, chance) * binom.sf(most, designs, chance)
    assert failed <= level


def test_products_are_likened_that_no_quantile_of_theirs_is_above() -> None:
    designs = np.array([5.0, 4.0, 3.0])
    products = np.array([6.0, 4.5, 3.5, 2.5, 1.0])
    # 6 is above every design; 4.5, 3.5 and 2.5 stand beside 5, 4 and 3
    assert likened(designs, products).tolist() == [False, True, True, True, False]
    # with two designs 4.5 and 3.5 share one, 4, and the highest is left out
    assert likened(np.array([4.0, 3.9]), products).tolist() == [False, False, True, False, False]
    assert likened(np.array([1.0]), np.array([2.0, 3.0])).tolist() == [False, False]
    assert likened(np.array([2.0]), np.array([2.0, 2.0, 1.0])).tolist() == [True, True, False]


def test_of_likened_products_each_stands_beside_a_design_no_worse() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        designs = -np.sort(-rng.normal(rng.normal(), 0.5, rng.integers(1, 30)))
        products = rng.normal(size=rng.integers(1, 60))
        chosen = likened(designs, products)
        theirs = -np.sort(-products[chosen])
        for share in np.linspace(0, 0.999, 40):
            if len(theirs):
                ours = designs[int(share * len(designs))]
                assert theirs[int(share * len(theirs))] <= ours


def simulated(seed: int, shift: float, slope: float) -> tuple[Any, ...]:
    """Products and designs whose chance to be bad falls with the score; designs score higher."""
    rng = np.random.default_rng(seed)
    scores, designs = rng.normal(size=400), rng.normal(shift, 0.6, size=40)
    bad, ours = (
        rng.random(len(values)) < 1 / (1 + np.exp(slope * values)) for values in (scores, designs)
    )
    return scores, bad, designs, ours


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_all_cuts_hold_at_once(shift: float) -> None:
    broken = told = 0
    for seed in range(100):
        scores, bad, designs, ours = simulated(seed, shift, 4.0)
        table = design_promises(scores, bad, designs, CONFIDENCE)
        assert len(table) <= CUTS and (np.diff(table["designs"]) > 0).all()
        inside = covered(scores, designs)
        true = [(ours & inside & (designs >= cut)).sum() for cut in table["cut"]]
        broken += bool((np.array(true) > table["bad"].to_numpy()).any())
        told += best_row(table, 0.2) is not None
    assert broken <= 10, "of 5 to be expected at most; 11 or more has the chance 0.01"
    assert shift == 0 or told > 60, "where designs score high, something is promised"


def test_of_many_designs_each_cut_takes_in_an_equal_part_more() -> None:
    designs = np.random.default_rng(0).permutation(np.linspace(0, 1, 2 * CUTS))
    table = design_promises(np.linspace(0, 2, 300), np.arange(300) < 30, designs, CONFIDENCE)
    assert table["designs"].tolist() == list(range(2, 2 * CUTS + 1, 2))
    above = [int((designs >= cut).sum()) for cut in table["cut"]]
    assert above == table["designs"].tolist()


def test_a_score_that_knows_nothing_promises_nothing() -> None:
    found = []
    for seed in range(100):
        scores, bad, designs, _ = simulated(seed, 1.0, 0.0)
        found.append(best_row(design_promises(scores, bad, designs, CONFIDENCE), 0.2))
    assert sum(row is not None for row in found) <= 5


def test_a_design_beyond_every_product_is_not_covered() -> None:
    scores, bad = np.arange(30.0), np.arange(30) < 10
    assert covered(scores, np.array([29.0, 29.5])).tolist() == [True, False]
    assert design_promises(scores, bad, np.array([40.0]), CONFIDENCE).empty
    assert not covered(scores[:0], np.array([1.0])).any()


def test_designs_are_told_from_products_where_they_score_otherwise() -> None:
    rng = np.random.default_rng(0)
    same = [exchangeable(rng.normal(size=160), rng.normal(size=48)) for _ in range(200)]
    assert np.mean(same) >= 0.9, "of 0.95 to be expected, standard deviation 0.015"
    drawn = rng.normal(size=(48, 20)).max(axis=1)  # each the highest of twenty
    assert not exchangeable(rng.normal(size=160), drawn)
    assert not exchangeable(np.empty(0), drawn) and not exchangeable(drawn, np.empty(0))


def test_held_out_products_are_bad_below_the_fitted_median_of_their_line() -> None:
    rng = np.random.default_rng(1)
    fitted = pd.DataFrame(
        {"sku": [f"f{i}" for i in range(20)], "line": ["a"] * 20, "cluster": range(20)}
    ).assign(units=5, counted=rng.integers(1, 9, 20).astype(float), days=10.0, best_seller=False)
    ranker = fit_ranker(rng.normal(size=(20, 3)).astype(np.float32), fitted)
    median = float((fitted["counted"] / 10).median())
    held = pd.DataFrame(
        {"sku": ["x", "y", "z"], "line": ["a", "a", "new"], "counted": [0.0, 90.0, 5.0]}
    ).assign(days=10.0)
    found = held_out_table(ranker, rng.normal(size=(3, 3)).astype(np.float32), held)
    assert found["sku"].tolist() == ["x", "y"], "no fitted product tells a median of the line new"
    assert found["bad"].tolist() == [True, False] and 0 < median < 9
    assert (found["score"] > 0).all()


# On the page


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    root = tmp_path_factory.mktemp("run")
    write_outputs(root, per_line=24)
    return read_results(root, load_params(REPOSITORY / "params.yaml"))


def held(count: int, bad: float, top: float) -> pd.DataFrame:
    """Held-out products whose bad ones are the lowest."""
    scores = np.linspace(0.1, top, count)
    return pd.DataFrame({"sku": "s", "line": "l", "score": scores, "bad": scores < bad})


def scored(results: Results, scores: np.ndarray) -> Results:
    designs = [
        replace(design, record=design.record | {"picture_score": float(score)})
        for design, score in zip(results.designs, scores, strict=True)
    ]
    return replace(results, designs=designs)


def test_what_is_earned_is_promised_and_follows_the_cut(results: Results) -> None:
    spread = scored(results, np.linspace(0.5, 3, len(results.designs)))
    found = promised(replace(spread, held_out=held(300, 1.0, 3.2)))
    rows = json.loads(found.rows)
    assert found.sentence == rows[found.start]["said"]
    assert found.sentence.startswith("Promised: of the ")
    assert "sure at 95 %, wherever you set the cut" in found.sentence
    assert rows[found.start]["earned"]
    assert [row["cut"] for row in rows] == sorted(row["cut"] for row in rows)
    assert not rows[0]["earned"] and rows[0]["said"].startswith("Not promised"), "all designs"
    page = render(replace(spread, held_out=held(300, 1.0, 3.2)))
    assert found.sentence in unescape(page) and 'id="cut"' in page


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (pd.DataFrame(), "was not observed"),
        (held(FEWEST - 1, 1.0, 3.0), f"only {FEWEST - 1} products"),
        (held(300, 1.0, 0.4), "every design is expected to sell more than all products held back"),
        (held(300, 1.0, 9.0), "the designs were drawn and chosen for high expected sales"),
        (held(300, 9.0, 3.2), "at no cut is it sure at 95 % that at most one in five"),
    ],
)
def test_where_nothing_is_promised_the_page_says_why(
    results: Results, table: pd.DataFrame, told: str
) -> None:
    spread = scored(results, np.linspace(0.5, 3, len(results.designs)))
    found = promised(replace(spread, held_out=table))
    assert found.sentence.startswith("No promise is made: ") and told in found.sentence
    assert "Promised" not in found.rows.replace("Not promised", "")
    page = render(replace(spread, held_out=table))
    assert told in unescape(page)
    assert ('id="cut"' in page) == (found.last >= 0)


def test_designs_beyond_all_products_are_told_apart(results: Results) -> None:
    spread = scored(results, np.linspace(0.5, 3, len(results.designs)))
    found = promised(replace(spread, held_out=held(300, 1.0, 2.8)))
    beyond = sum(d.record["picture_score"] > 2.8 for d in spread.designs)
    assert f"{beyond} designs beyond all held back" in found.sentence
    assert found.most == pytest.approx(2.8)


def test_the_stage_reads_what_the_backtest_left() -> None:
    from stages import backtest, report

    assert BAD_SHARE == 1 / 5, "one in five, as the page says"
    assert report.HELD_OUT == backtest.PREFERENCE / "held_out.parquet"
