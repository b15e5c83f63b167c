"""KID against brute force, a published implementation's number, and repeated sampling."""

import numpy as np
import pytest
import torch

from bestseller.metrics import distances
from bestseller.metrics.kernel_distance import kid, kid_difference
from bestseller.metrics.statistics import Estimate


def brute_force(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(u: np.ndarray, v: np.ndarray) -> float:
        return float((u @ v / len(u) + 1) ** 3)

    m, n = len(x), len(y)
    xx = sum(kernel(x[i], x[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    yy = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    xy = sum(kernel(u, v) for u in x for v in y) / (m * n)
    return xx + yy - 2 * xy


def test_reference_number() -> None:
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(2000, 64, dtype=torch.float64, generator=generator)
    b = torch.randn(2000, 64, dtype=torch.float64, generator=generator) * 1.1 + 0.1
    found = kid(a.numpy(), b.numpy())
    assert found.value == pytest.approx(0.03565406390449288, rel=1e-10)
    # A mean over 100 subsets of 1,000 images of the same tables gives 0.0358647.
    assert abs(found.value - 0.03586473044801068) < 2 * found.standard_error


def test_equals_brute_force_for_unequal_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(13, 5)), rng.normal(0.5, 1, size=(9, 5))
    assert kid(x, y).value == pytest.approx(brute_force(x, y), rel=1e-12)
    whole = kid(x, y)
    monkeypatch.setattr(distances, "BLOCK_VALUES", 20)
    blocked = kid(x, y)
    assert blocked.value == pytest.approx(whole.value, rel=1e-12)
    assert blocked.standard_error == pytest.approx(whole.standard_error, rel=1e-12)


def test_unbiased_for_equal_distributions() -> None:
    rng = np.random.default_rng(2)
    draws = [kid(rng.normal(size=(40, 8)), rng.normal(size=(60, 8))).value for _ in range(200)]
    assert abs(np.mean(draws)) < 3 * np.std(draws) / np.sqrt(len(draws))
    assert min(draws) < 0


def test_the_standard_error_covers() -> None:
    # Truth for N(0, I) against N(m, I), d = 4, from one large sample of each.
    rng = np.random.default_rng(3)
    truth = kid(rng.normal(size=(6000, 4)), rng.normal(0.4, 1, size=(6000, 4)))
    inside = 0
    for _ in range(300):
        found = kid(rng.normal(size=(150, 4)), rng.normal(0.4, 1, size=(200, 4)))
        inside += abs(found.value - truth.value) < 1.96 * found.standard_error
    assert 0.90 <= inside / 300 <= 0.99


def test_the_difference_is_that_of_two_brute_force_kids() -> None:
    rng = np.random.default_rng(4)
    real, a, b = rng.normal(size=(9, 5)), rng.normal(0.5, 1, (12, 5)), rng.normal(0, 2, (12, 5))
    found = kid_difference(real, a, b)
    assert found.first == kid(a, real)
    assert found.second == kid(b, real)
    assert found.difference.value == pytest.approx(
        brute_force(a, real) - brute_force(b, real), rel=1e-12
    )


def test_the_difference_s_error_is_what_leaving_out_rows_gives() -> None:
    """The delete-one jackknife over pairs and over real images, float64 brute force, estimates the
    same two variances without any formula."""
    rng = np.random.default_rng(5)
    real, a = rng.normal(size=(40, 3)), rng.normal(0.4, 1, (40, 3))
    b = 0.8 * a + rng.normal(0.3, 0.5, (40, 3))

    def gap(r: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
        return brute_force(x, r) - brute_force(y, r)

    rows = [np.delete(np.arange(40), i) for i in range(40)]
    of_pairs = np.var([gap(real, a[k], b[k]) for k in rows]) * 39
    of_real = np.var([gap(real[k], a, b) for k in rows]) * 39
    found = kid_difference(real, a, b).difference
    assert found.standard_error == pytest.approx(np.sqrt(of_pairs + of_real), rel=0.1)


def test_equal_models_do_not_differ_and_pairs_must_be_pairs() -> None:
    rng = np.random.default_rng(6)
    real, a = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    assert kid_difference(real, a, a).difference == Estimate(0.0, 0.0)
    with pytest.raises(ValueError, match="30 and 29 images are no pairs"):
        kid_difference(real, a, a[1:])


@pytest.mark.parametrize("paired", [False, True])
def test_the_interval_of_a_difference_covers(paired: bool) -> None:
    """Two models with and without latents in common; the truth from one large sample of each."""

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        z = rng.normal(size=(n, 4))
        other = z if paired else rng.normal(size=(n, 4))
        return z + 0.4, 1.2 * other + 0.2

    rng = np.random.default_rng(7)
    truth = kid_difference(rng.normal(size=(6000, 4)), *draw(rng, 6000)).difference
    inside, alone = 0, []
    for _ in range(300):
        found = kid_difference(rng.normal(size=(100, 4)), *draw(rng, 150))
        inside += abs(found.difference.value - truth.value) < 1.96 * found.difference.standard_error
        errors = np.hypot(found.first.standard_error, found.second.standard_error)
        alone.append(found.difference.standard_error / errors)
    assert 0.90 <= inside / 300 <= 0.99
    assert np.mean(alone) < 1, "what both share cancels"
