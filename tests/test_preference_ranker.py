"""The sales ranker and its backtest."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bestseller.base.errors import BestsellerError
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.metrics.statistics import Interval
from bestseller.preference.backtest import Backtest, lift, pair_auc, run_backtest, spearman
from bestseller.preference.ranker import SalesRanker, fit_ranker, load_ranker
from bestseller.preference.ridge import Ridge

# --- the ranker --------------------------------------------------------------------------------


def make_products(n: int, seed: int) -> tuple[np.ndarray, pd.DataFrame]:
    """Return features (float32 n x 16) and sales that follow two of them, in two lines."""
    rng = np.random.default_rng(seed)
    features = np.maximum(rng.normal(0.5, 1, (n, 16)), 0).astype(np.float32)
    log_rate = features[:, 0] - 0.8 * features[:, 1]
    days = rng.uniform(100, 900, n).round()
    line = np.where(np.arange(n) % 3 == 0, "small", "large")
    rate = np.where(line == "small", 0.004, 0.02) * np.exp(log_rate)
    counted = rng.poisson(rate * days).astype(float)
    products = pd.DataFrame(
        {
            "sku": [f"{i:04d}" for i in range(n)],
            "line": line,
            "cluster": np.arange(n),
            "units": (counted + 1).astype(int),
            "counted": counted,
            "days": days,
            "best_seller": counted > np.quantile(counted, 0.8),
            "log_rate": log_rate,
        }
    )
    return features, products


@pytest.fixture(scope="module")
def fitted() -> SalesRanker:
    features, products = make_products(400, 0)
    detector = OutOfDistributionDetector.fit(features[:300], features[300:])
    return fit_ranker(features, products, seed=0, detector=detector)


@pytest.fixture(scope="module")
def held_out() -> tuple[np.ndarray, pd.DataFrame]:
    return make_products(200, 1)


def test_the_score_orders_new_products_by_their_true_rate(
    fitted: SalesRanker, held_out: tuple[np.ndarray, pd.DataFrame]
) -> None:
    features, products = held_out
    score = fitted.score(features, list(products["line"]))
    assert stats.spearmanr(score, products["log_rate"]).statistic > 0.95
    observed = stats.spearmanr(products["counted"] / products["days"], products["log_rate"])
    assert stats.spearmanr(score, products["log_rate"]).statistic > observed.statistic
    twin = fitted.neighbour_score(features, list(products["line"]))
    assert stats.spearmanr(twin, products["log_rate"]).statistic > 0.5


def test_the_score_is_relative_to_the_line(fitted: SalesRanker) -> None:
    lines = fitted.products["line"]
    score = fitted.score(fitted.bank, list(lines))
    assert list(pd.Series(score).groupby(lines).mean()) == pytest.approx([1, 1])
    rates = fitted.line_rate(["small", "large", "none"])
    assert rates[1] / rates[0] == pytest.approx(5, rel=0.15) and rates[0] < rates[2] < rates[1]
    per_day = score * fitted.line_rate(list(lines))
    expected = float((per_day * fitted.products["days"]).sum())
    assert expected == pytest.approx(fitted.products["counted"].sum(), rel=0.05)


def test_the_neighbour_score_by_hand() -> None:
    products = pd.DataFrame(
        {
            "sku": ["a", "b", "c", "d"],
            "line": ["L", "L", "L", "M"],
            "units": [10, 5, 1, 50],
            "counted": [9.0, 4.0, 0.0, 49.0],
            "days": [100.0, 100.0, 60.0, 10.0],
            "best_seller": [True, False, False, True],
        }
    )
    bank = np.array([[0.0], [1.0], [5.0], [0.0]], np.float32)
    ranker = SalesRanker(products, bank, Ridge(np.zeros(1), np.ones(1), 1.0, 0.0, 1.0))
    query = np.array([[0.4]], np.float32)
    rate = 13 / 260  # of line L: units after the first, over days
    assert ranker.neighbour_score(query, ["L"], k=2)[0] == pytest.approx(14 / (200 * rate + 1))
    assert ranker.neighbour_score(query, ["unheard"], k=2)[0] == 1.0
    rows, distances = ranker.neighbours(np.array([[0.4]], np.float32), k=5)
    assert rows.tolist() == [[0, 3]]  # only best sellers, of any line
    assert distances[0].tolist() == pytest.approx([0.4, 0.4])
    with pytest.raises(ValueError, match="no detector"):
        ranker.abstains(query)


def test_a_ranker_comes_back_from_its_files(
    fitted: SalesRanker, held_out: tuple[np.ndarray, pd.DataFrame], tmp_path: Path
) -> None:
    features, products = held_out
    lines = list(products["line"])
    fitted.save(tmp_path / "a")
    again = load_ranker(tmp_path / "a")
    np.testing.assert_array_equal(again.score(features, lines), fitted.score(features, lines))
    np.testing.assert_array_equal(again.abstains(features), fitted.abstains(features))
    pd.testing.assert_frame_equal(again.products, fitted.products)
    again.save(tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_missing_or_mixed_files_are_told_in_one_line(fitted: SalesRanker, tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match="dvc repro backtest"):
        load_ranker(tmp_path)
    fitted.save(tmp_path)
    fitted.products.head(3).to_parquet(tmp_path / "products.parquet")
    with pytest.raises(BestsellerError, match="3 products but 400 feature vectors"):
        load_ranker(tmp_path)


def test_sales_without_an_order_are_told_in_one_line() -> None:
    features, products = make_products(20, 0)
    with pytest.raises(BestsellerError, match="no line has two products"):
        fit_ranker(features, products.assign(counted=0.0))
    with pytest.raises(BestsellerError, match="no line has two products"):
        fit_ranker(features, products.assign(line=products["sku"]))


# --- the backtest ------------------------------------------------------------------------------

ALL = np.arange(6)[None, :]


def test_the_measures_by_hand() -> None:
    observed, score = np.array([1.0, 2, 3, 4, 5, 6]), np.array([1.0, 3, 2, 4, 4, 6])
    # 15 pairs: one wrong (2, 3), one tie (4, 5).
    assert pair_auc(score, observed, [ALL])[0] == pytest.approx(13.5 / 15)
    assert spearman(score, observed, [ALL])[0] == pytest.approx(
        stats.spearmanr(score, observed).statistic
    )
    days = np.full(6, 2.0)
    assert lift(score, observed, days, [ALL])[0] == pytest.approx(6 / 3.5)
    assert lift(np.zeros(6), observed, days, [ALL])[0] == pytest.approx(1)
    assert spearman(np.zeros(6), observed, [ALL])[0] == 0
    odd = np.arange(6) % 2 == 1  # (2, 4, 6): one tie; its mirror (1, 3, 5): all right
    matched = odd[:, None] == odd[None, :]
    assert pair_auc(score, observed, [ALL], matched)[0] == pytest.approx(6 / 6)
    assert np.isnan(pair_auc(score, observed, [ALL], np.eye(6, dtype=bool))).all()
    two_lines = [ALL[:, :2], ALL[:, 2:]]
    assert pair_auc(score, observed, two_lines)[0] == pytest.approx((1 + 5.5) / 7)
    assert spearman(score, observed, two_lines)[0] == pytest.approx(
        (1 + 3 * stats.spearmanr(score[2:], observed[2:]).statistic) / 4
    )


def test_resamples_agree_with_measuring_the_repeated_products() -> None:
    rng = np.random.default_rng(5)
    score, observed = rng.normal(size=8).round(1), rng.poisson(3, 8).astype(float)
    draws = rng.integers(0, 8, (20, 8))
    for row, auc, rho in zip(
        draws, pair_auc(score, observed, [draws]), spearman(score, observed, [draws]), strict=True
    ):
        s, y = score[row], observed[row]
        above = y[:, None] > y[None, :]
        right = (s[:, None] > s[None, :]) + 0.5 * (s[:, None] == s[None, :])
        assert auc == pytest.approx((above * right).sum() / above.sum())
        assert rho == pytest.approx(stats.spearmanr(s, y).statistic)


def backtest(shuffled: bool) -> Backtest:
    features, products = make_products(300, 2)
    held_features, held = make_products(300, 3)
    if shuffled:
        rng = np.random.default_rng(0)
        for table in (products, held):
            columns = table[["counted", "days"]].to_numpy()
            table[["counted", "days"]] = columns[rng.permutation(300)]
    ranker, lines = fit_ranker(features, products), list(held["line"])
    within = {
        "score": ranker.score(held_features, lines),
        "line_mean": np.ones(300),
        "third_feature": held_features[:, 2].astype(float),
    }
    overall = {name: score * ranker.line_rate(lines) for name, score in within.items()}
    baselines, alike = ["line_mean", "third_feature"], np.ones((300, 300), bool)
    return run_backtest(held, within, overall, baselines, alike, confidence=0.95, resamples=400)


def test_a_good_score_clears_the_baselines() -> None:
    found = backtest(shuffled=False)
    assert found.beats_baselines() and not found.sentence().startswith("WARNING")
    assert found.intervals["score", "pair_auc"].low > 0.6
    assert found.intervals["score", "top_decile_lift"].low > 1.3
    line_mean = found.intervals["line_mean", "pair_auc"]
    assert (line_mean.low, line_mean.value, line_mean.high) == (0.5, 0.5, 0.5)
    overall = found.intervals["line_mean", "spearman_overall"]
    assert overall.value > 0.2  # the lines differ, and the line's mean knows that
    assert found.intervals["score", "spearman_overall"].low > overall.high


def test_a_score_of_shuffled_sales_is_warned_about() -> None:
    found = backtest(shuffled=True)
    assert not found.beats_baselines()
    assert found.sentence().startswith("WARNING: ") and "\n" not in found.sentence()
    assert found.intervals["score", "spearman_within_line"].covers(0)


def test_a_line_counts_from_five_held_out_products_on() -> None:
    _, held = make_products(9, 0)
    rows = held.assign(line=["five"] * 5 + ["four"] * 4)
    scores = {"score": np.arange(9.0)}
    found = run_backtest(rows, scores, scores, [], np.ones((9, 9), bool), confidence=0.9)
    assert (found.products, found.lines) == (9, 1)
    alone = {"score": np.arange(5.0)}
    alike = np.ones((5, 5), bool)
    five = run_backtest(rows.head(5), alone, alone, [], alike, confidence=0.9)
    assert five.intervals["score", "pair_auc"] == found.intervals["score", "pair_auc"]


def test_the_backtest_needs_products_and_the_score() -> None:
    _, held = make_products(9, 0)
    for within in ({"score": np.ones(4)}, {"other": np.ones(9)}):
        with pytest.raises(ValueError, match="are needed"):
            rows = held.head(len(next(iter(within.values()))))
            run_backtest(rows, within, within, [], np.ones((9, 9), bool), confidence=0.9)


def test_the_score_beats_the_baselines_only_where_it_beats_each() -> None:
    ahead, even = Interval(0.1, 0.05, 0.15), Interval(0.02, -0.03, 0.07)

    def told(**leads: Interval) -> Backtest:
        by_name = {(name, "pair_auc"): lead for name, lead in leads.items()}
        return Backtest({}, by_name | {("colour", "lift"): even}, 10, 1)

    assert told(colour=ahead, line=ahead).beats_baselines()
    for leads in ({"colour": ahead, "line": even}, {"colour": even, "line": ahead}, {}):
        assert not told(**leads).beats_baselines()
    assert told(colour=ahead, line=even).best_baseline() == "line"
