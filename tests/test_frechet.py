"""Frechet distance against closed forms and published or high-precision numbers."""

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.metrics.frechet import (
    Gaussian,
    frechet_distance,
    frechet_distance_from_features,
)


def normal_tables(seed: int, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(seed)
    return rng.randn(rows, columns), rng.randn(rows, columns)


def test_unit_covariances_give_the_squared_distance_of_the_means() -> None:
    eye = np.eye(2048)
    assert frechet_distance(np.zeros(2048), eye, np.ones(2048), eye) == pytest.approx(
        2048, rel=1e-12
    )


def test_scaled_unit_covariances() -> None:
    eye, mean = np.eye(64), np.zeros(64)
    assert frechet_distance(mean, 4 * eye, mean, 9 * eye) == pytest.approx(
        64 * (3 - 2) ** 2, rel=1e-12
    )


def test_diagonal_covariances() -> None:
    a = np.arange(1, 11) / 10
    b = a[::-1] ** 2
    found = frechet_distance(np.zeros(10), np.diag(a), np.zeros(10), np.diag(b))
    assert found == pytest.approx(2.742183697498232, rel=1e-14)
    assert found == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum(), rel=1e-13)


def test_two_by_two_covariances_that_do_not_commute() -> None:
    s1, s2 = np.array([[2, 0.5], [0.5, 1]]), np.array([[1, -0.3], [-0.3, 3]])
    found = frechet_distance([1, 2], s1, [3, -1], s2)
    root = np.sqrt(np.trace(s1 @ s2) + 2 * np.sqrt(np.linalg.det(s1) * np.linalg.det(s2)))
    assert found == pytest.approx(13.929311854967775, rel=1e-14)
    assert found == pytest.approx(4 + 9 + 3 + 4 - 2 * root, rel=1e-13)


@pytest.mark.parametrize(
    ("seed", "rows", "columns", "expected"),
    [
        (1, 4, 4, 4.7538376175),
        (2023, 1024, 64, 2.2164077432),
        (2023, 32768, 256, 1.0144363585),
        (2023, 64, 256, 312.6840701734),
    ],
)
def test_reference_numbers_of_features(seed: int, rows: int, columns: int, expected: float) -> None:
    found = frechet_distance_from_features(*normal_tables(seed, rows, columns))
    assert found == pytest.approx(expected, abs=1e-10)


def test_twelve_orders_of_magnitude_against_sixty_digits() -> None:
    rng = np.random.RandomState(7)
    scale = np.diag(10 ** -np.linspace(0, 6, 24))
    a, b = rng.randn(60, 24) @ scale, rng.randn(60, 24) @ scale + 1e-3
    assert frechet_distance_from_features(a, b) == pytest.approx(0.0679714074060838434, rel=1e-14)
    moments = (a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    assert frechet_distance(*moments) == pytest.approx(0.0679714074060838434, rel=1e-9)


@pytest.mark.parametrize("shape", [(20, 48), (48, 48), (200, 48)])
def test_features_and_moments_agree(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=shape), rng.normal(0.2, 1.3, size=(70, 48))
    moments = (a.mean(0), np.cov(a, rowvar=False), b.mean(0), np.cov(b, rowvar=False))
    # Below full rank the moments hold zeros only to rounding, whose root is about 1e-8.
    assert frechet_distance(*moments) == pytest.approx(
        frechet_distance_from_features(a, b), rel=2e-7
    )


def test_dead_features_change_nothing() -> None:
    a, b = normal_tables(5, 300, 16)
    dead_a, dead_b = (np.insert(table, 7, 0.25, axis=1) for table in (a, b))
    alive = frechet_distance_from_features(a, b)
    assert frechet_distance_from_features(dead_a, dead_b) == pytest.approx(alive, rel=1e-12)
    moments = [
        moment
        for table in (dead_a, dead_b)
        for moment in (table.mean(0), np.cov(table, rowvar=False))
    ]
    assert frechet_distance(*moments) == pytest.approx(alive, rel=1e-9)


def test_symmetric_zero_on_itself_and_blind_to_rotation() -> None:
    a, b = normal_tables(11, 150, 24)
    b = b * 1.5 + 0.1
    distance = frechet_distance_from_features(a, b)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
    assert frechet_distance_from_features(b, a) == pytest.approx(distance, rel=1e-12)
    assert frechet_distance_from_features(a, a[::-1]) == pytest.approx(0, abs=1e-11)
    assert frechet_distance_from_features(a @ rotation, b @ rotation) == pytest.approx(
        distance, rel=1e-12
    )


def test_single_precision_features_are_summed_in_double() -> None:
    a, b = (table.astype(np.float32) + 1000 for table in normal_tables(2, 400, 32))
    exact = frechet_distance_from_features(a.astype(np.float64), b.astype(np.float64))
    assert frechet_distance_from_features(a, b) == exact


def test_bad_features_are_named() -> None:
    good = np.zeros((5, 3))
    with pytest.raises(BestsellerError, match="1 images are too few"):
        frechet_distance_from_features(good, good[:1])
    with pytest.raises(BestsellerError, match="not finite"):
        frechet_distance_from_features(good, np.full((5, 3), np.nan))


def test_the_limit_takes_the_bias_of_few_images_away() -> None:
    # The truth is that of the population that the images are drawn from.
    rng = np.random.default_rng(0)
    scale = np.linspace(1, 64, 64) ** -0.7
    real = rng.normal(size=(2000, 64)) * scale
    moments = real.mean(axis=0), np.cov(real, rowvar=False)
    truth = frechet_distance(*moments, np.full(64, 0.02), np.diag(scale**2))
    found = [
        Gaussian.of(real).distance_and_limit(0.02 + rng.normal(size=(400, 64)) * scale)
        for _ in range(40)
    ]
    at_400, limit = np.mean(found, axis=0)
    assert at_400 > 2 * truth
    assert limit == pytest.approx(truth, abs=0.1 * at_400)


def test_few_images_prefer_the_shrunk_model_and_the_limit_does_not() -> None:
    rng = np.random.default_rng(1)
    real = Gaussian.of(rng.normal(size=(4000, 64)))
    same, shrunk = (
        np.mean(
            [real.distance_and_limit(scale * rng.normal(size=(100, 64))) for _ in range(20)], axis=0
        )
        for scale in (1.0, 0.88)
    )
    assert same[0] > shrunk[0] + 0.2
    assert same[1] < shrunk[1] - 0.2


def test_the_limit_does_not_depend_on_the_order_of_lines() -> None:
    rng = np.random.default_rng(2)
    lines = np.concatenate([rng.normal(shift, 1, size=(200, 8)) for shift in (0, 5)])
    real = Gaussian.of(lines)
    assert real.distance_and_limit(lines)[1] == pytest.approx(0, abs=0.2)
