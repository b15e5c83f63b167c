"""What is promised above a cut of the score: exact for small numbers, true where it may be."""

from itertools import combinations

import numpy as np
import pytest
from scipy.special import comb

from bestseller.preference.warranty import (
    Promise,
    best_promise,
    count_bounds,
    promises,
    sentence,
)


@pytest.mark.parametrize(("held_out", "new", "confidence"), [(4, 3, 0.8), (6, 5, 0.9), (3, 7, 0.7)])
def test_all_bounds_hold_at_once_in_every_order(held_out: int, new: int, confidence: float) -> None:
    bounds = count_bounds(held_out, new, confidence)
    assert bounds[-1] == new and (np.diff(bounds) >= 0).all()
    orders = list(combinations(range(held_out + new), held_out))
    broken = 0
    for places in orders:
        before = [place - rank for rank, place in enumerate(places)]  # C_0, C_1, ...
        broken += any(c > b for c, b in zip(before, bounds, strict=False))
    assert broken / len(orders) <= 1 - confidence + 1e-9
    assert bounds[0] < new  # and they say something


def test_a_single_held_out_product_by_hand() -> None:
    # its place among 1 + 9 is uniform: at least 9 before it with the chance 1 / 10
    assert count_bounds(1, 9, 0.85).tolist() == [8, 9]
    assert count_bounds(1, 9, 0.95).tolist() == [9, 9]


def test_the_first_bound_is_near_that_of_the_first_of_all() -> None:
    # P(C_0 >= c) = (m! / (m - c)!) (n + m - c)! / (n + m)!: all c first places are new ones
    n, m, c = 20, 10, 5
    chance = comb(m, c, exact=True) / comb(n + m, c, exact=True)
    alone = [k for k in range(m + 1) if comb(m, k) / comb(n + m, k) > 0.1][-1]
    assert chance < 0.002
    assert alone <= count_bounds(n, m, 0.9)[0] < c


def test_promises_by_hand() -> None:
    scores = np.array([0.9, 0.5, 0.1])
    bad = np.array([False, True, True])
    new = np.array([0.8, 0.7, 0.5, 0.3])
    bounds = count_bounds(3, 4, 0.5)
    table = promises(scores, bad, new, 0.5)
    assert table["cut"].tolist() == [0.8, 0.7, 0.5, 0.3]
    assert table["products"].tolist() == [1, 2, 3, 4]
    first, second = int(bounds[0]), int(bounds[1])  # none is above 0.7, one from 0.5 on
    expected = [min(1, first), min(2, first), min(3, second), min(4, second)]
    expected = [min(e, expected[i - 1] + 1 if i else 1) for i, e in enumerate(expected)]
    assert table["bad"].tolist() == expected
    assert best_promise(table, -0.1) is None
    assert best_promise(table, 1.0) == Promise(0.3, 4, expected[3])


def test_a_promise_is_kept_at_whatever_cut_is_chosen() -> None:
    rng = np.random.default_rng(0)
    broken = promised = told = 0
    for _ in range(200):
        score = rng.normal(size=260)
        bad = score + rng.normal(0, 0.3, 260) < 0
        table = promises(score[:160], bad[:160], score[160:], 0.9)
        true = [(bad[160:] & (score[160:] >= cut)).sum() for cut in table["cut"]]
        broken += bool((np.array(true) > table["bad"]).any())
        found = best_promise(table, 0.2)
        told += found is not None
        promised += 0 if found is None else found.products
    assert broken / 200 <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / 200)
    assert told > 190 and promised / told > 25  # of about 50 good ones


def test_a_score_that_knows_nothing_promises_nothing() -> None:
    rng = np.random.default_rng(1)
    found = [
        best_promise(
            promises(rng.normal(size=100), rng.random(100) < 0.5, rng.normal(size=60), 0.95), 0.2
        )
        for _ in range(100)
    ]
    assert sum(f is not None for f in found) <= 2
    assert sentence(None, 0.2, 0.95).startswith("No promise is made")
    assert "at most 3" in sentence(Promise(1.5, 20, 3), 0.2, 0.95)
