"""MIND against a published implementation's number, closed forms and repeated sampling."""

import numpy as np
import pytest
import torch

from bestseller.metrics.sliced_wasserstein import mind, orthonormal_directions, sliced_wasserstein


def normal(seed: int, mean: float, rows: int = 4000, columns: int = 64) -> np.ndarray:
    drawn = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    return (drawn + mean).numpy()


def test_reference_number() -> None:
    # The reference draws 2,000 directions from this generator and computes in single precision.
    directions = torch.randn(2000, 64, generator=torch.Generator().manual_seed(2020))
    directions /= directions.norm(dim=1, keepdim=True)
    found = sliced_wasserstein(normal(11, 0.0), normal(22, 1.0), directions.numpy())
    assert found.value == pytest.approx(184.91300582885742, rel=1e-6)


def test_a_shift_counts_three_times_its_squared_length() -> None:
    a = normal(1, 0.0, rows=500, columns=24)
    shift = np.linspace(0, 2, 24)
    assert mind(a, a + shift).value == pytest.approx(3 * np.square(shift).sum(), rel=1e-5)
    assert mind(normal(11, 0.0), normal(22, 1.0)).value == pytest.approx(192, rel=0.03)


def test_zero_on_itself_in_any_order_and_symmetric() -> None:
    a, b = normal(3, 0.0, 300, 8), normal(4, 0.5, 200, 8)
    assert mind(a, a[::-1]).value == 0.0
    assert mind(a, b).value == pytest.approx(mind(b, a).value, rel=1e-12)
    assert mind(a, b).standard_error == pytest.approx(mind(b, a).standard_error, rel=1e-9)


def test_unequal_numbers_equal_repeated_rows() -> None:
    a, b = normal(5, 0.0, 6, 4), normal(6, 1.0, 4, 4)
    directions = orthonormal_directions(4, 8, seed=0)
    expected = sliced_wasserstein(np.repeat(a, 2, axis=0), np.repeat(b, 3, axis=0), directions)
    found = sliced_wasserstein(a, b, directions)
    assert found.value == pytest.approx(expected.value, rel=1e-12)


def test_directions_are_whole_bases() -> None:
    directions = orthonormal_directions(5, 12, seed=1)
    assert directions.shape == (15, 5)
    for basis in directions.reshape(3, 5, 5):
        assert basis @ basis.T == pytest.approx(np.eye(5), abs=1e-12)


def test_the_standard_error_by_hand() -> None:
    """Each of two points moves by 1, so that both potentials change by 2 a unit, 4 between them.

    Values 4 apart have the variance 8, the mean of two of them 4, and the sum of both sides 8.
    """
    found = sliced_wasserstein([[0.0], [2.0]], [[1.0], [3.0]], [[1.0]])
    assert found.value == pytest.approx(3 * 1.0)
    assert found.standard_error == pytest.approx(3 * 8**0.5)


@pytest.mark.slow
def test_the_standard_error_matches_repeated_draws() -> None:
    rng = np.random.default_rng(0)
    found = [
        mind(rng.normal(size=(150, 4)), rng.normal(0.7, 1.2, size=(200, 4))) for _ in range(150)
    ]
    spread = np.std([estimate.value for estimate in found], ddof=1)
    errors = [estimate.standard_error for estimate in found]
    assert np.mean(errors) == pytest.approx(spread, rel=0.2)
