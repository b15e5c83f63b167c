"""Intervals and tests against enumerations, tables and repeated sampling."""

from itertools import product

import numpy as np
import pytest

from bestseller.metrics import statistics as st


def test_mean_interval_of_a_table() -> None:
    # t(0.975, 4) = 2.776445; mean 3, standard deviation sqrt(2.5).
    found = st.mean_interval([1, 2, 3, 4, 5], 0.95)
    half = 2.7764451051977987 * np.sqrt(2.5 / 5)
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half))


def test_normal_interval() -> None:
    found = st.normal_interval(st.Estimate(10.0, 2.0), 0.95)
    assert (found.low, found.high) == pytest.approx((10 - 3.919928, 10 + 3.919928), abs=1e-6)


def test_clopper_pearson_closed_forms() -> None:
    none = st.clopper_pearson(0, 20, 0.95)
    assert (none.low, none.high) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))
    every = st.clopper_pearson(20, 20, 0.95)
    assert (every.low, every.high) == pytest.approx((0.025 ** (1 / 20), 1))
    # Clopper and Pearson's own chart, 3 of 10.
    some = st.clopper_pearson(3, 10, 0.95)
    assert (some.low, some.high) == pytest.approx((0.0667, 0.6525), abs=1e-4)


def test_bootstrap_covers_the_mean_of_skewed_items() -> None:
    rng = np.random.default_rng(0)
    inside = sum(
        st.bootstrap_interval(rng.exponential(size=60), 0.9, resamples=400, seed=i).covers(1.0)
        for i in range(200)
    )
    assert 0.83 <= inside / 200 <= 0.95
    assert st.bootstrap_interval([2, 2, 2], 0.95) == st.Interval(2, 2, 2)


def test_stratified_mean_weighs_lines_alike() -> None:
    found = st.stratified_mean([1, 3, 10, 10, 10, 14], ["a", "a", "b", "b", "b", "b"])
    assert found.value == pytest.approx((2 + 11) / 2)
    assert found.standard_error == pytest.approx(np.sqrt(2 / 2 + 4 / 4) / 2)


@pytest.mark.parametrize("count", [2, 5, 9])
def test_sign_flip_p_equals_enumeration(count: int) -> None:
    x = np.random.default_rng(count).normal(0.4, 1, size=count)
    means = [abs(np.mean(x * np.array(signs))) for signs in product((1, -1), repeat=count)]
    expected = np.mean(np.array(means) >= abs(x.mean()) - 1e-12)
    assert st.sign_flip_test(x) == pytest.approx(expected)


def test_sign_flip_limits() -> None:
    assert st.sign_flip_test([1, 1, 1, 1, 1]) == pytest.approx(st.smallest_p(5)) == 0.0625
    assert st.sign_flip_test([0.3]) == st.sign_flip_test([0, 0, 0]) == 1.0
    assert st.sign_flip_test(np.full(20, 1.0)) < 1e-4


def test_paired_difference_drops_what_the_pairs_share() -> None:
    shared = np.array([0, 100, -50, 20, 70, -10], dtype=float)
    found = st.paired_difference(shared + np.tile([1, 2], 3), shared, 0.95)
    assert found.interval.value == pytest.approx(1.5)
    assert found.interval.low > 0.9
    assert (found.pairs, found.p) == (6, 2 / 64)


def test_holm_by_hand() -> None:
    assert st.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert st.holm([0.9, 0.8]).tolist() == [1.0, 1.0]
