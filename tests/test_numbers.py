"""Numbers at their ends: dead and broken networks, equal pictures, sales that tell nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bestseller.base.errors import BestsellerError
from bestseller.classifier.sellers import sales_history
from bestseller.gans.gan import Shape
from bestseller.metrics.frechet import Gaussian
from bestseller.metrics.kernel_distance import projections
from bestseller.metrics.prdc import Prdc, precision_recall_density_coverage
from bestseller.metrics.sliced_wasserstein import mind
from bestseller.preference.belief import Belief
from bestseller.preference.ranker import LARGEST, SalesRanker, fit_ranker
from bestseller.preference.ridge import Ridge
from bestseller.sales import units_per_product
from ledgers import cleaned
from stages import preprocess
from test_gans import GANS, draws, small
from test_image_set import draw_watch, encode, params_with, write_catalogue
from test_preference_ranker import make_products
from test_trainer import make_trainer, weighted_by_gradients, weights

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# --- training ----------------------------------------------------------------------------------


def test_weights_that_are_no_numbers_stop_the_training_with_the_mend(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    network: Any = trainer.gan.discriminator
    torch.nn.init.constant_(next(network.parameters()), float("nan"))
    with pytest.raises(BestsellerError, match=r"train\.dcgan: .*not finite.*lower lr"):
        trainer.train()


@pytest.mark.parametrize("name", sorted(GANS))
def test_a_dead_discriminator_pushes_nowhere(name: str) -> None:
    """All its weights are 0: the losses are numbers, and no gradient reaches the pictures."""
    torch.manual_seed(0)
    gan = GANS[name](small(name), Shape(32, 10, 3))
    with torch.no_grad():
        for parameter in gan.discriminator.parameters():
            parameter.zero_()
    index = torch.arange(4) % 3
    fake = gan.generator(torch.randn(4, 10), index)
    fake.retain_grad()
    d_loss, _ = gan.discriminator_loss(torch.rand(4, 3, 32, 32), fake.detach(), index, draws(0))
    g_loss, _ = gan.generator_loss(fake, index)
    g_loss.backward()
    assert torch.isfinite(d_loss) and torch.isfinite(g_loss)
    assert fake.grad is not None and not fake.grad.any()


def test_with_a_dead_discriminator_the_constraint_weighs_nothing(tmp_path: Path) -> None:
    """Its weight is a share of the adversarial gradient, which is 0; nothing is divided by it."""
    trainer = make_trainer(tmp_path, constraint=weighted_by_gradients())
    network: Any = trainer.gan.discriminator
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
        parameter.register_hook(torch.zeros_like)
    before = {n: p.detach().clone() for n, p in trainer.gan.generator.named_parameters()}
    assert torch.isfinite(weights(trainer.train())).all()
    curves = trainer.monitor.curves()
    assert (curves["centroid_ratio"] == 0).all() and (curves["centroid_outside"] == 1).all()
    for name, parameter in trainer.gan.generator.named_parameters():
        assert torch.equal(parameter, before[name]), name


# --- pictures ----------------------------------------------------------------------------------

ONES, SPREAD = np.ones((30, 8)), np.random.default_rng(0).normal(size=(40, 8))


def test_distances_of_pictures_that_are_all_alike_by_hand() -> None:
    for equal in (ONES, np.zeros((30, 8))):
        assert projections(equal, equal).estimate.value == pytest.approx(0, abs=1e-12)
        assert Gaussian.of(equal).distance(Gaussian.of(equal)) == 0
        assert mind(equal, equal).value == 0
    centred = SPREAD - SPREAD.mean(axis=0)
    shift = Gaussian.of(ONES).distance(Gaussian.of(centred))
    assert shift == pytest.approx(8 + SPREAD.var(axis=0, ddof=1).sum())  # |mean|^2 + trace
    assert mind(ONES, np.zeros((30, 8))).value == pytest.approx(3 * 8)  # 3 |mu|^2


def test_neighbourhoods_of_pictures_that_are_all_alike_are_empty() -> None:
    nothing = Prdc(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    assert precision_recall_density_coverage(ONES, ONES) == nothing
    one_picture = precision_recall_density_coverage(SPREAD, np.repeat(SPREAD[:1], 30, axis=0))
    held = one_picture.coverage * len(SPREAD)  # the balls that hold it, its own among them
    assert one_picture.precision == 1 and one_picture.recall == 0
    assert 1 <= held < len(SPREAD) and one_picture.density == pytest.approx(held / 5)


@pytest.mark.parametrize(
    ("pictures", "told"),
    [
        ([1], "no line has two designs"),
        ([1, 2], "no line has two designs"),
        ([1, 2] * 3, "no line has two designs"),
        ([None] * 6, "6 of 6 photos refused"),
    ],
)
def test_too_few_different_pictures_are_told_in_one_line(
    pictures: list[int | None], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blank = draw_watch(1).point(lambda _: 255)
    files = [encode(blank if seed is None else draw_watch(seed)) for seed in pictures]
    lines = ("ring", "pendant")
    write_catalogue(tmp_path, {f"p{i}": (lines[i % 2], file) for i, file in enumerate(files)})
    with pytest.raises(BestsellerError, match=told) as caught:
        preprocess.main(params_with())
    assert "\n" not in str(caught.value)
    assert not Path("data/processed/images.npy").exists()


# --- sales -------------------------------------------------------------------------------------


def test_large_weights_leave_scores_that_are_numbers() -> None:
    """Sales that tell nothing may choose them; features far from 0 turn them into exp(1000)."""
    _, products = make_products(40, 0)
    features = np.random.default_rng(5).normal(1e3, 1, (40, 16)).astype(np.float32)
    for size in (1.0, -1.0, 50.0):
        fitted = Ridge(np.full(16, size), np.full(16, 1e-3), 1e3, 0.0, 0.7)
        ranker, lines = SalesRanker(products, features, fitted), list(products["line"])
        scores = ranker.score(features, lines)
        assert np.isfinite(scores).all() and (scores > 0).all()
        inside = np.abs(features.astype(np.float64) @ fitted.weights - 16e3 * size) < LARGEST / 2
        order = np.argsort((features.astype(np.float64) @ fitted.weights)[inside])
        assert (np.diff(np.log(scores[inside])[order]) >= 0)[
            np.diff(products["line"].to_numpy()[inside][order] == "small") == 0
        ].all()
        belief = Belief.of(ranker)
        variance = belief.variance(features, lines)
        assert np.isfinite(variance).all()
        low, high = belief.interval(scores, variance, 0.9)
        assert (low > 0).all() and np.isfinite(high).all()


def test_ordinary_scores_are_untouched() -> None:
    features, products = make_products(40, 0)
    ranker = fit_ranker(features, products)
    rates = features.astype(np.float64) @ ranker.fitted.weights
    assert np.array_equal(ranker.log_rate(features), rates)
    means = pd.Series(np.exp(rates)).groupby(products["line"]).mean()
    expected = np.exp(rates) / means[products["line"]].to_numpy()
    assert np.array_equal(ranker.score(features, list(products["line"])), expected)


def history(ledger: str) -> pd.DataFrame:
    """What the ranker learns of a ledger of MUG-1, FERN-1 and TOTE-1, all of one line."""
    cleaned_ledger = cleaned(f"sku,date,units\n{ledger}")
    skus = ["FERN-1", "MUG-1", "TOTE-1"]
    units = units_per_product(cleaned_ledger.clean, skus, cleaned_ledger.until)
    index = pd.DataFrame({"sku": skus, "line": "line", "cluster": range(3), "split": "train"})
    return sales_history(units, index, ["MUG-1"])


def test_one_day_of_sales_is_learned_from_as_one_day() -> None:
    found = history("MUG-1,2024-05-01,9\nFERN-1,2024-05-01,1\nTOTE-1,2024-05-01,3\n")
    assert found["days"].tolist() == [1, 1, 1] and found["counted"].tolist() == [0, 8, 2]
    features = np.eye(3, dtype=np.float32)
    scores = fit_ranker(features, found).score(features, ["line"] * 3)
    assert np.isfinite(scores).all() and (scores > 0).all()
    assert scores.mean() == pytest.approx(1)


def test_one_day_on_which_each_sold_once_has_no_order() -> None:
    once = history("MUG-1,2024-05-01,1\nFERN-1,2024-05-01,1\n")
    with pytest.raises(BestsellerError, match="no line has two products of which one sold twice"):
        fit_ranker(np.eye(2, dtype=np.float32), once)


def test_sales_that_all_came_back_are_none() -> None:
    back = "MUG-1,2024-05-01,4\nMUG-1,2024-05-02,-4\nFERN-1,2024-05-02,2\n"
    assert history(back)["sku"].tolist() == ["FERN-1"]


def test_a_line_that_comes_is_compared_with_all_and_one_that_goes_changes_no_other() -> None:
    features, products = make_products(60, 0)
    ranker = fit_ranker(features, products)
    scores = ranker.score(features, ["new"] * 60)
    rates = np.exp(ranker.log_rate(features))
    np.testing.assert_allclose(scores, rates / rates.mean())
    assert ranker.line_rate(["new"])[0] == products["counted"].sum() / products["days"].sum()
    left = (products["line"] == "large").to_numpy()
    without = SalesRanker(products[left], features[left], ranker.fitted)
    large = ["large"] * int(left.sum())
    assert np.array_equal(without.score(features[left], large), ranker.score(features[left], large))
