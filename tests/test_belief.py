"""What a score leaves open: posterior variance, interval, coverage, prior and shrinkage."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import polygamma
from scipy.stats import nbinom

from bestseller.base.errors import BestsellerError
from bestseller.designs.expected import Expectation
from bestseller.designs.screening import screened
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parent, Parents
from bestseller.preference.belief import Belief, believed
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.rates import Sales, rate_loss
from bestseller.preference.scorer import Scorer

LINES = ["A", "B"]
PHI = 0.3


def sold(
    n: int, seed: int, dispersion: float = 0.0, weight: float = 1.0
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Products of two lines whose log sales rate is their first feature, and their true rates."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 3)).astype(np.float32)
    days = rng.integers(50, 200, n).astype(float)
    own = rng.gamma(1 / dispersion, dispersion, n) if dispersion else np.ones(n)
    rate = 0.1 * np.exp(weight * features[:, 0]) * own
    counted = rng.poisson(rate * days).astype(float)
    products = pd.DataFrame(
        {
            "sku": [f"{i:03d}" for i in range(n)],
            "line": [LINES[i % 2] for i in range(n)],
            "cluster": range(n),
            "units": counted + 1,
            "counted": counted,
            "days": days,
            "best_seller": True,
            "rate": rate,
        }
    )
    return features, products


def test_the_variance_is_the_inverse_curvature_of_the_posterior() -> None:
    features, products = sold(60, seed=1, dispersion=PHI)
    ranker = fit_ranker(features, products)
    fitted = ranker.fitted
    groups = pd.factorize(products["line"])[0].astype(np.int64)
    sales = Sales(products["counted"].to_numpy(), products["days"].to_numpy(), groups)

    def loss(weights: NDArray[np.float64]) -> float:
        scores = features.astype(np.float64) @ weights
        prior = 0.5 * float(fitted.penalty @ weights**2)
        return rate_loss(scores, sales, fitted.dispersion)[0] + prior

    step, curvature = 1e-3, np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            ends = [
                a * b * loss(fitted.weights + step * (a * np.eye(3)[i] + b * np.eye(3)[j]))
                for a in (1, -1)
                for b in (1, -1)
            ]
            curvature[i, j] = sum(ends) / (4 * step**2)
    belief = Belief.of(ranker)
    covariance = belief.root.T @ belief.root
    assert covariance == pytest.approx(np.linalg.inv(curvature), rel=0.1, abs=1e-4)
    far = belief.variance(np.array([[9, 0, 0], [1, 0, 0]], np.float32), ["A", "A"])
    assert far[0] > far[1] > 0


def test_a_line_of_few_products_is_less_sure() -> None:
    features, products = sold(60, seed=2, dispersion=PHI)
    products.loc[:1, "line"] = "few"
    belief = Belief.of(fit_ranker(features, products))
    middle = np.zeros((1, 3), np.float32)
    assert belief.variance(middle, ["few"])[0] > belief.variance(middle, ["A"])[0] + 0.4 * PHI


def test_the_interval_of_a_usual_product_is_the_gamma_distributions() -> None:
    features, products = sold(200, seed=3, dispersion=PHI)
    belief = Belief.of(fit_ranker(features, products))
    phi = belief.ranker.fitted.dispersion
    drawn = np.random.default_rng(0).gamma(1 / phi, phi, 200_000)
    usual = np.array([belief.usual])
    low, high = belief.interval(np.array([2.0]), usual, 0.9)
    assert [low[0], high[0]] == pytest.approx(2 * np.quantile(drawn, [0.05, 0.95]), rel=0.02)
    spread = float(polygamma(1, 1 / phi))
    wide = belief.interval(np.array([2.0]), usual + 3 * spread, 0.9)
    middle = np.exp(np.log(drawn).mean())  # the log's deviation is doubled about its mean
    assert wide[0][0] == pytest.approx(2 * middle * (low[0] / 2 / middle) ** 2, rel=0.01)
    assert wide[1][0] == pytest.approx(2 * middle * (high[0] / 2 / middle) ** 2, rel=0.01)


def test_intervals_cover_the_true_rates_and_the_units_of_new_products() -> None:
    true, counts = [], []
    for seed in range(3):
        features, products = sold(400, seed=10 + seed, dispersion=PHI)
        ranker = fit_ranker(features[:200], products[:200])
        belief, new = Belief.of(ranker), products[200:]
        lines = list(new["line"])
        variance = belief.variance(features[200:], lines)
        low, high = belief.interval(ranker.score(features[200:], lines), variance, 0.95)
        average = products[:200].groupby("line")["rate"].mean().loc[lines].to_numpy()
        relative = new["rate"].to_numpy() / average
        true.append((relative >= low) & (relative <= high))
        counts.append(belief.coverage(features[200:], new, 0.95))
    assert 0.93 < np.mean(true) < 0.97
    assert 0.93 < np.mean(counts) < 0.97


def test_coverage_counts_an_edge_in_part_and_knows_no_line_that_sold_nothing() -> None:
    features, products = sold(60, seed=4, dispersion=PHI)
    products.loc[products["line"] == "B", "counted"] = 0.0
    belief = Belief.of(fit_ranker(features, products))
    new = pd.DataFrame({"line": ["A", "A", "B"], "counted": [0.0, 1e6, 1.0], "days": [2.0, 9, 9]})
    shares = belief.coverage(np.zeros((3, 3), np.float32), new, 0.5)
    assert 0 < shares[0] < 1  # 0 units has more than a quarter of the chances
    assert shares[1] == 0 and np.isnan(shares[2])
    sure = nbinom.cdf(0, 1 / PHI, 1 / (1 + PHI * 0.2))
    assert shares[0] == pytest.approx(0.5 / sure, abs=0.15)


def test_two_readings_meet_where_their_precisions_put_them() -> None:
    zeros = np.zeros(4)
    spread = np.array([0.1, 0.3, 0.0, np.inf])
    log, share = believed(zeros + 1.0, zeros + 0.1, zeros, spread)
    assert log == pytest.approx([0.5, 0.75, 0.0, 1.0])
    assert share == pytest.approx([0.5, 0.75, 0.0, 1.0])
    weights = np.array([1 / 0.1, 1 / 0.3])  # each reading counts by the inverse of its variance
    drawn, _ = believed(zeros[:1] + 1.0, zeros[:1] + 0.1, zeros[:1] + 3.0, spread[1:2])
    assert drawn[0] == pytest.approx(weights @ [1.0, 3.0] / weights.sum())
    # of many draws those that were seen as 1, without a formula
    rng = np.random.default_rng(0)
    value = rng.normal(0, np.sqrt(0.3), 400_000)
    seen = value + rng.normal(0, np.sqrt(0.1), len(value))
    near = np.abs(seen - 1) < 0.02
    assert value[near].mean() == pytest.approx(0.75, abs=0.02)


def test_a_lucky_week_is_no_record() -> None:
    features, products = sold(80, seed=5, dispersion=PHI)
    products.loc[0, ["counted", "days"]] = [3.0, 1.0]  # thirty times the average pace
    belief = Belief.of(fit_ranker(features, products))
    rate = products["counted"] / products["days"]
    raw = (rate / rate.groupby(products["line"]).transform("mean"))[products["line"] == "A"]
    assert raw.max() > 3 * belief.reached("A")
    assert belief.sales()[0] < 0.4 * raw.max()
    assert belief.reached("A") == belief.sales()[::2].max()


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    features, products = sold(80, seed=6, dispersion=PHI)
    ranker = fit_ranker(features, products)
    known = SimpleNamespace(
        training=products[["sku", "line"]],
        novelty=SimpleNamespace(reference=np.concatenate([features, -features])),
    )
    scorer = SimpleNamespace(ranker=ranker, known=known)
    return Expectation.of(cast(Scorer, scorer), 0.95)


def pair(first: int, second: int, share: float) -> Parents:
    names = [LINES[row % 2] for row in (first, second)]
    return (
        Parent(f"{first:03d}", names[0], share),
        Parent(f"{second:03d}", names[1], 1 - share),
    )


def test_a_blend_is_drawn_to_its_parents_and_another_design_to_its_line(
    expectation: Expectation,
) -> None:
    ranker = expectation.scorer.ranker
    logs = ranker.log_rate(ranker.bank)
    best, worst = int(logs.argmax()), int(logs.argmin())
    mean, spread, doubt = expectation.prior("A", [pair(best, worst, 0.6), None])
    assert mean[0] == pytest.approx(0.6 * logs[best] + 0.4 * logs[worst])
    lots = np.where(np.random.default_rng(0).uniform(size=100_000) < 0.6, logs[best], logs[worst])
    assert spread[0] == pytest.approx(lots.var(), rel=0.02)
    assert mean[1] == pytest.approx(logs[::2].mean()) and doubt[1] == 0 < doubt[0]
    assert spread[1] == pytest.approx((logs[::2].var() + logs[1::2].var()) / 2, rel=0.05)

    image = np.array([[3.0, 0, 0]] * 3, np.float32)
    alike = pair(best, best, 0.6)
    table = expectation.judge(image, "A", [pair(best, worst, 0.6), None, alike])
    assert table["picture_score"].to_numpy() == pytest.approx(ranker.score(image, ["A"] * 3))
    assert (table["score"][:2] < table["picture_score"][:2]).all()
    parent = ranker.score(ranker.bank[[best]], ["A"])[0]
    assert table["score"][2] == pytest.approx(parent)  # equal parents: the picture adds nothing
    assert (table["score_low"] < table["score"]).all()
    assert (table["score"] < table["score_high"]).all()
    reached = expectation.belief.reached("A")
    assert table["beyond_seen"].tolist() == (table["score"] > reached).tolist()
    far = expectation.judge(np.array([[30.0, 0, 0]], np.float32), "A", [None])
    assert far["beyond_seen"].all()


def test_an_unknown_parent_is_an_error_of_one_line(expectation: Expectation) -> None:
    stranger = (Parent("999", "A", 0.5), Parent("001", "B", 0.5))
    with pytest.raises(BestsellerError, match=r"'999'.*known\.parquet"):
        expectation.prior("A", [stranger])


class Pairs:
    """A generator whose latents are the numbers of random pairs of products."""

    sales = False

    def draw(self, lines: list[str], seed: int) -> Drawn:
        rng = np.random.default_rng(seed)
        rows = rng.integers(0, 80, (len(lines), 2))
        rows[:, 1] = (rows[:, 0] + 1 + rows[:, 1] % 79) % 80
        parents = [pair(int(a), int(b), 0.55) for a, b in rows]
        return Drawn(rows.astype(np.float32), list[Parents | None](parents))


class Normal(Pairs):
    """A generator without parents."""

    def draw(self, lines: list[str], seed: int) -> Drawn:
        return Drawn(super().draw(lines, seed).latents, [None] * len(lines))


def kept(expectation: Expectation, screen: Any, model: Pairs) -> tuple[Drawn, Any]:
    return screened(
        cast(TrainedGenerator, model),
        "A",
        20,
        3,
        screen=screen,
        draws=8,
        expectation=expectation,
    )


def test_parents_are_screened_before_an_image_is_made(expectation: Expectation) -> None:
    whole = Pairs().draw(["A"] * 160, 3)
    prior, _, doubt = expectation.prior("A", whole.parents)
    low = expectation.belief.interval(np.exp(prior), doubt, 0.95)[0]
    sales = expectation.parents_sales(whole.parents)
    for screen, value in (("score", low), ("sales", sales)):
        found, places = kept(expectation, screen, Pairs())
        assert (np.diff(places) > 0).all() and len(places) == 20
        assert (found.latents == whole.latents[places]).all()
        assert found.parents == [whole.parents[place] for place in places]
        others = np.setdiff1d(np.arange(160), places)
        if screen == "score":
            assert value[places].min() >= value[others].max()
        else:
            assert value[places].mean() > 1.2 * value[others].mean()
            assert value[places].min() < np.quantile(value, 0.7)  # chances, not a cut
    plain, places = kept(expectation, "drawn", Pairs())
    assert (plain.latents == whole.latents[:20]).all() and places.tolist() == list(range(20))
    without, places = kept(expectation, "score", Normal())
    assert without.parents == [None] * 20 and places.tolist() == list(range(20))
    with pytest.raises(BestsellerError, match="without parents"):
        expectation.parents_sales([None])


def test_products_are_drawn_in_proportion_to_what_they_sell(expectation: Expectation) -> None:
    skus = expectation.scorer.ranker.products["sku"]
    own = dict(zip(skus, expectation.belief.sales(), strict=True))
    both = expectation.parents_sales([pair(3, 8, 0.55)])
    assert both[0] == pytest.approx(0.55 * own["003"] + 0.45 * own["008"])
