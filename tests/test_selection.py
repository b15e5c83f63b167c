"""The choice of models and designs, worked by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestseller.base.errors import BestsellerError
from bestseller.designs.selection import (
    best_models,
    choose_diverse,
    recognisable,
    usual_distance,
)


def test_a_model_is_tied_when_its_interval_reaches_the_best_ones() -> None:
    rows = [
        ("A", "best", 60.0, 55.0, 65.0),
        ("A", "tied", 50.0, 44.0, 55.0),
        ("A", "beaten", 50.0, 46.0, 54.0),
        ("B", "best", np.nan, np.nan, np.nan),
        ("B", "tied", np.nan, np.nan, np.nan),
    ]
    table = pd.DataFrame(rows, columns=["line", "model", "similarity", "low", "high"])
    assert best_models(table) == {"A": ["best", "tied"], "B": ["best", "tied"]}


def test_without_an_interval_the_best_model_stands_alone() -> None:
    rows = [("A", "x", 60.0, np.nan, np.nan), ("A", "y", 59.0, np.nan, np.nan)]
    table = pd.DataFrame(rows, columns=["line", "model", "similarity", "low", "high"])
    assert best_models(table) == {"A": ["x"]}
    with pytest.raises(BestsellerError, match=r"similarity\.csv"):
        best_models(table.iloc[:0])


def test_the_recognisable_share_is_the_most_similar() -> None:
    similarity = np.array([10.0, 90.0, 50.0, 70.0, 30.0])
    assert np.flatnonzero(recognisable(similarity, 0.6)).tolist() == [1, 2, 3]
    assert recognisable(similarity, 1.0).all()
    assert recognisable(np.full(5, np.nan), 0.2).all()


def test_choice_by_hand() -> None:
    score = np.array([1.0, 0.9, 0.0, 0.6])
    features = np.array([[0.0], [0.5], [9.0], [2.0]])

    def choose(diversity: float, **more: Any) -> list[int]:
        given = {"count": 3, "diversity": diversity, "scale": 2.0, "least_distance": 0.1} | more
        return choose_diverse(score, features, **given)

    assert choose(0.0) == [0, 1, 3]  # by score alone
    # second: 0.5 x 0.9 + 0.5 x 0.25 = 0.575; 0.5 x 0 + 0.5 = 0.5; 0.5 x 0.6 + 0.5 = 0.8 wins.
    # third: 0.575 (its nearest is row 0) beats 0.5
    assert choose(0.5) == [0, 3, 1]
    assert choose(1.0) == [0, 2, 3]  # rows 2 and 3 are equally different; the lower index first
    assert choose(0.0, least_distance=0.6) == [0, 3, 2]  # row 1 is a near-duplicate of row 0
    assert choose(0.0, taken=np.array([[0.05]])) == [1, 3, 2]  # so is row 0 of a taken one
    assert choose(0.0, count=9) == [0, 1, 3, 2]


def test_what_is_alike_comes_last() -> None:
    score = np.array([1.0, 0.9, 0.8, 0.1])
    features = np.array([[0.0], [0.5], [1.0], [9.0]])

    def choose(count: int = 4, **more: Any) -> list[int]:
        given = {"diversity": 0.0, "scale": 2.0, "least_distance": 0.1} | more
        return choose_diverse(score, features, count, **given)

    assert choose() == [0, 1, 2, 3]
    # 1 is nearer than 0.8 to 0, 2 and 3 are not; then 1 is all that is left, and takes the place
    assert choose(apart=0.8) == [0, 2, 3, 1]
    assert choose(2, apart=5.0) == [0, 3]
    # 2 is made of what 0 is made of; the other way round is another design, and so is nothing
    assert choose(made_of=[("a", "b"), ("b", "a"), ("a", "b"), None]) == [0, 1, 3, 2]
    assert choose(made_of=[None] * 4) == [0, 1, 2, 3]
    # what is nearer than the least distance stays out, whatever is left
    assert choose(apart=5.0, least_distance=0.8) == [0, 3, 2]


def test_how_far_products_of_a_line_are_from_each_other() -> None:
    # line A: 0, 1, 3 (and a second image of the design at 3): nearest others 1, 1, 2, 2.1;
    # line B: 10, 14: nearest others 4, 4, too few to count alone; line C: one product, none
    features = np.array([0.0, 1.0, 3.0, 3.1, 10.0, 14.0, 20.0])[:, None]
    clusters = np.array([0, 1, 2, 2, 3, 4, 5])
    lines = np.array(["A"] * 4 + ["B"] * 2 + ["C"])
    found = usual_distance(features, clusters, lines, 50)
    every = np.median([1, 1, 2, 2.1, 4, 4])
    assert found == pytest.approx({"A": 1.5, "B": every, "C": every})
    assert usual_distance(features[:1], clusters[:1], lines[:1], 50) == {"A": 0.0}


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 12), st.floats(0, 2))
def test_no_two_chosen_are_near(seed: int, diversity: float, count: int, least: float) -> None:
    rng = np.random.default_rng(seed)
    score, features = rng.normal(size=20), rng.normal(size=(20, 3))
    chosen = choose_diverse(
        score, features, count=count, diversity=diversity, scale=1.0, least_distance=least
    )
    assert len(set(chosen)) == len(chosen) <= count
    assert chosen[0] == score.argmax()
    for i, a in enumerate(chosen):
        for b in chosen[:i]:
            assert np.linalg.norm(features[a] - features[b]) >= least - 1e-9
    left = set(range(20)) - set(chosen)
    if len(chosen) < count:  # only because nothing was far enough
        near = [min(np.linalg.norm(features[r] - features[c]) for c in chosen) for r in left]
        assert all(distance < least + 1e-9 for distance in near)
