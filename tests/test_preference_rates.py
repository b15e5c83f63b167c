"""The regression of sales rates within lines, and the ridge that holds its weights small."""

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import approx_fprime, check_grad, minimize

from bestseller.preference.rates import (
    Sales,
    centred_in_lines,
    expected_units,
    fit_dispersion,
    information,
    rate_loss,
)
from bestseller.preference.ridge import fit_ridge, fit_weights, make_folds


def sales(units: object, days: object, groups: object) -> Sales:
    return Sales(np.array(units, float), np.array(days, float), np.array(groups, np.int64))


def some_sales(n: int, seed: int) -> Sales:
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 3, n)
    return sales(rng.poisson(4, n), rng.uniform(1, 9, n), np.append(groups[:-1], 7))


def test_the_level_of_a_line_is_the_best_one() -> None:
    """Without dispersion the products of a line sell on average what they sold."""
    sold, scores = some_sales(30, 0), np.random.default_rng(1).normal(size=30)
    mean = expected_units(scores, sold, 1e-9)
    np.testing.assert_allclose(sold.in_line(mean), sold.in_line(sold.units), rtol=1e-6)
    for dispersion in (0.1, 5.0):  # in general no other level is likelier
        mean = expected_units(scores, sold, dispersion)
        for line in range(3):
            rows = sold.lines == line
            likelihood = [
                stats.nbinom.logpmf(
                    sold.units[rows], 1 / dispersion, 1 / (1 + dispersion * factor * mean[rows])
                ).sum()
                for factor in (0.98, 1.0, 1.02)
            ]
            assert likelihood[1] > max(likelihood[0], likelihood[2])


def test_the_loss_is_the_negative_binomial_likelihood() -> None:
    sold, rng = some_sales(12, 2), np.random.default_rng(3)
    known = sold.in_line(sold.units)[sold.lines] > 0
    differences = []
    for scores in rng.normal(size=(2, 12)):
        mean = expected_units(scores, sold, 0.7)[known]
        exact = -stats.nbinom.logpmf(sold.units[known], 1 / 0.7, 1 / (1 + 0.7 * mean)).sum()
        differences.append(exact - rate_loss(scores, sold, 0.7)[0])
    assert differences[0] == pytest.approx(differences[1])  # a constant of the sales


def test_the_gradient_and_the_curvature_of_the_loss() -> None:
    sold, rng = some_sales(12, 4), np.random.default_rng(5)
    x, w = rng.normal(size=(12, 3)), rng.normal(size=3)
    error = check_grad(
        lambda s: rate_loss(s, sold, 0.4)[0], lambda s: rate_loss(s, sold, 0.4)[1], x @ w
    )
    assert error < 1e-5
    numeric = approx_fprime(w, lambda v: x.T @ rate_loss(x @ v, sold, 0.4)[1], 1e-6)
    known = information(x @ w, sold, 0.4)
    centred = centred_in_lines(x, known, sold)
    np.testing.assert_allclose(centred.T @ (known[:, None] * centred), numeric, atol=1e-4)


def test_what_a_line_has_in_common_cancels() -> None:
    rng = np.random.default_rng(1)
    scores, units, groups = rng.normal(size=6), rng.poisson(5, 6), [0, 0, 0, 1, 1, 1]
    shifted = scores + np.array([5, 5, 5, -300, -300, -300])
    assert rate_loss(scores, sales(units, [10] * 6, groups), 0.5)[0] == pytest.approx(
        rate_loss(shifted, sales(units, [70] * 6, groups), 0.5)[0]
    )


def test_products_without_a_rival_or_a_sale_say_nothing() -> None:
    sold = sales([5, 0, 0], [1, 1, 1], [0, 1, 1])
    loss, gradient = rate_loss(np.array([1.0, 2.0, 3.0]), sold, 0.5)
    assert np.isfinite(loss) and np.abs(gradient).max() < 1e-9 and not sold.informs.any()
    assert np.abs(centred_in_lines(np.ones((3, 2)), np.zeros(3), sold)).max() == 1  # no weight


@pytest.mark.parametrize("truth", [0.0, 0.5, 3.0])
def test_the_dispersion_is_recovered(truth: float) -> None:
    rng = np.random.default_rng(6)
    n, groups = 3000, np.arange(3000) % 4
    mean = rng.uniform(0.5, 20, n)
    luck = rng.gamma(1 / truth, truth, n) if truth else 1.0
    sold = sales(rng.poisson(mean * luck * (1 + groups)), mean, groups)
    assert fit_dispersion(np.zeros(n), sold) == pytest.approx(truth, rel=0.12, abs=0.01)


def test_the_fit_is_the_minimum_of_the_loss() -> None:
    """Against an independent minimiser, also where the data are separable."""
    rng = np.random.default_rng(7)
    x, sold = rng.normal(size=(9, 4)), sales([9, 0, 0, 0, 3, 0, 0, 5, 1], np.ones(9), [0] * 9)
    penalty = np.array([1e-2, 1e-2, 0.3, np.inf])

    def objective(w: np.ndarray) -> float:
        w = np.append(w, 0.0)
        return rate_loss(x @ w, sold, 0.2)[0] + 0.5 * float(penalty[:3] @ w[:3] ** 2)

    best = minimize(objective, np.zeros(3), tol=1e-10)
    found = fit_weights(x, sold, penalty, 0.2)
    assert objective(found[:3]) <= best.fun + 1e-6 and found[3] == 0
    np.testing.assert_allclose(found[:3], best.x, atol=1e-2)


def test_the_fit_recovers_the_rates_of_poisson_sales() -> None:
    rng = np.random.default_rng(2)
    n, truth = 600, np.array([0.8, -0.5, 0.0])
    features, groups = rng.normal(size=(n, 3)), rng.integers(0, 3, n)
    days = rng.uniform(50, 400, n)
    units = rng.poisson(0.05 * days * np.exp(features @ truth) * (1 + groups))
    found = fit_weights(features, sales(units, days, groups), np.full(3, 1e-6), 1e-3)
    np.testing.assert_allclose(found, truth, atol=0.05)


Market = tuple[np.ndarray, Sales, np.ndarray]


def market(n: int, d: int, seed: int, luck: float, effect: float) -> Market:
    """Return features, sales in six lines and the true scores; luck is its log's deviation."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * np.exp(-8 * np.arange(d) / d)
    scores = x @ rng.normal(size=d)
    scores *= effect / max(scores.std(), 1e-9)
    groups, days = rng.integers(0, 6, n), rng.uniform(5, 700, n)
    mean = 0.02 * days * np.exp(scores + rng.normal(0, luck, n) + rng.normal(size=6)[groups])
    return x, sales(rng.poisson(mean), days, groups), scores


def test_what_was_chosen_tells_how_much_there_is_to_learn() -> None:
    for effect, luck, variance, dispersion in ((0.0, 0.0, 0.04, 0.1), (0.8, 0.0, 3.0, 0.1)):
        x, sold, _ = market(400, 20, 0, luck, effect)
        found = fit_ridge(x, sold, make_folds(np.arange(400), 5, seed=0), [20])
        assert found.dispersion < dispersion
        assert found.variance < variance if effect == 0 else 0.1 < found.variance <= variance


def test_lucky_hits_do_not_drown_the_rest() -> None:
    """Where sales scatter beyond chance, a fit that takes them for Poisson's learns less."""
    learned = []
    for seed in range(3):
        x, sold, scores = market(800, 60, seed, 1.5, 0.5)
        known = np.arange(800) < 600
        folds = make_folds(np.arange(600), 5, seed=0)
        found = fit_ridge(x[known], sold.select(known), folds, [60])
        poisson = fit_weights(x[known], sold.select(known), found.penalty, 1e-6)
        ranks = [
            stats.spearmanr(x[~known] @ w, scores[~known])[0] for w in (found.weights, poisson)
        ]
        learned.append(ranks)
        assert 1.0 < found.dispersion < 6.0  # exp(1.5^2) - 1 = 8.5, of which hits are seldom seen
    better, worse = np.mean(learned, axis=0)
    assert better > worse + 0.05


@pytest.mark.parametrize("told_by", [0, 1])
def test_two_blocks_are_held_small_each_by_its_own_measure(told_by: int) -> None:
    """A block that tells nothing costs next to nothing beside one that does, however large."""
    x, sold, scores = market(500, 8, 1, 0.0, 0.7)
    noise = np.random.default_rng(2).normal(size=(500, 100))
    blocks = [x, noise] if told_by == 0 else [noise, x]
    known, folds = np.arange(500) < 400, make_folds(np.arange(400), 5, seed=0)
    both, sizes = np.concatenate(blocks, axis=1), [block.shape[1] for block in blocks]
    found = fit_ridge(both[known], sold.select(known), folds, sizes)
    assert found.share <= 0.35 if told_by == 0 else found.share >= 0.65
    rank = stats.spearmanr(both[~known] @ found.weights, scores[~known])[0]
    alone = fit_ridge(x[known], sold.select(known), folds, [8])
    assert rank > stats.spearmanr(x[~known] @ alone.weights, scores[~known])[0] - 0.05
    one = fit_ridge(both[known], sold.select(known), folds, [108])
    assert rank >= stats.spearmanr(both[~known] @ one.weights, scores[~known])[0] - 0.01


def test_thousands_of_products_take_seconds() -> None:
    x, sold, scores = market(5000, 256, 3, 1.0, 0.5)
    start = time.process_time()
    found = fit_ridge(x, sold, make_folds(np.arange(5000), 5, seed=0), [256])
    assert time.process_time() - start < 30  # 3 on a quiet core
    assert stats.spearmanr(x @ found.weights, scores)[0] > 0.8


def test_near_duplicates_share_a_fold() -> None:
    clusters = np.array([5, 5, 9, 2, 9, 7, 5])
    folds = pd.Series(make_folds(clusters, 2, seed=0))
    assert folds.groupby(clusters).nunique().max() == 1
    assert sorted(folds.groupby(clusters).first()) == [0, 0, 1, 1]
