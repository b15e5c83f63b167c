"""Closed-form diversity against brute force over all pairs."""

from itertools import combinations

import numpy as np
import pytest
import torch

from bestseller.metrics.diversity import (
    PairwiseSpread,
    mean_squared_distance,
    mean_squared_distance_from_sums,
)


def embedding(rows: int = 90, columns: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, 1.0, size=(rows, columns))


def brute_force(g: np.ndarray) -> float:
    return float(np.mean([np.square(a - b).sum() for a, b in combinations(g, 2)]))


def test_closed_form_equals_all_pairs() -> None:
    g = embedding()
    sums = torch.as_tensor(g.sum(axis=0))
    assert mean_squared_distance(g).value == pytest.approx(brute_force(g), rel=1e-12)
    assert mean_squared_distance_from_sums(sums, float((g**2).sum()), len(g)) == pytest.approx(
        brute_force(g), rel=1e-12
    )


def test_streamed_batches_equal_all_pairs() -> None:
    g = embedding()
    spread = PairwiseSpread()
    for batch in torch.as_tensor(g).split(17):
        spread.add(batch)
    assert spread.over_all().value == pytest.approx(brute_force(g), rel=1e-12)
    assert spread.over_all().standard_error == pytest.approx(
        mean_squared_distance(g).standard_error, rel=0.4
    )


def test_standard_error_matches_repeated_draws() -> None:
    draws = [embedding(rows=200, seed=seed) for seed in range(300)]
    found = [mean_squared_distance(g) for g in draws]
    spread = np.std([estimate.value for estimate in found], ddof=1)
    assert np.mean([estimate.standard_error for estimate in found]) == pytest.approx(
        spread, rel=0.12
    )


def test_jackknife_matches_repeated_draws() -> None:
    found = []
    for seed in range(200):
        streamed = PairwiseSpread()
        streamed.add(torch.as_tensor(embedding(rows=130, seed=seed)))
        found.append(streamed.over_all())
    spread = np.std([estimate.value for estimate in found], ddof=1)
    squares = np.mean([estimate.standard_error**2 for estimate in found])
    assert np.sqrt(squares) == pytest.approx(spread, rel=0.15)


def test_sampled_pairs_are_distinct_pairs_of_the_batch() -> None:
    g = embedding(rows=20)
    spread = PairwiseSpread(neighbours=50)
    spread.add(torch.as_tensor(g))
    value, count = spread.over_pairs(1000)
    assert count == 20 * 9  # shifts 1..9: each unordered pair at most once
    all_but_opposite = [
        np.square(g[i] - g[j]).sum() for i, j in combinations(range(20), 2) if (j - i) % 20 != 10
    ]
    assert value == pytest.approx(np.mean(all_but_opposite), rel=1e-12)
    first, ten = spread.over_pairs(10)
    assert ten == 10
    assert first == pytest.approx(np.mean([np.square(g[i] - g[i - 1]).sum() for i in range(10)]))


def test_sampled_pairs_estimate_all_pairs() -> None:
    g = embedding(rows=3000)
    spread = PairwiseSpread(neighbours=2)
    for batch in torch.as_tensor(g).split(50):
        spread.add(batch)
    value, count = spread.over_pairs(5000)
    assert count == 5000
    assert value == pytest.approx(mean_squared_distance(g).value, rel=0.02)
