"""Precision, recall, density and coverage against the published implementation's numbers."""

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.metrics import distances
from bestseller.metrics.prdc import Prdc, precision_recall_density_coverage


def tables() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.RandomState(0)
    return rng.randn(1000, 16), rng.randn(1000, 16) * 0.9 + 0.1


def test_reference_numbers() -> None:
    found = precision_recall_density_coverage(*tables(), k=5)
    assert found.precision == pytest.approx(0.955)
    assert found.recall == pytest.approx(0.74)
    assert found.density == pytest.approx(1.4614)
    assert found.coverage == pytest.approx(0.976)


def test_hand_worked_on_a_line() -> None:
    # k = 1: real balls reach 1, 1, 8; generated balls 0.5, 0.5, 19.5.
    real, fake = np.array([[0.0], [1.0], [9.0]]), np.array([[0.5], [0.0], [20.0]])
    found = precision_recall_density_coverage(real, fake, k=1)
    assert found == Prdc(precision=2 / 3, recall=1.0, density=(2 + 1 + 0) / 3, coverage=2 / 3)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = tables()
    whole = precision_recall_density_coverage(real, fake[:700])
    monkeypatch.setattr(distances, "BLOCK_VALUES", 30_000)
    assert precision_recall_density_coverage(real, fake[:700]) == whole


def test_too_few_images_are_named() -> None:
    real, fake = tables()
    with pytest.raises(BestsellerError, match="generated features: 5 images are too few"):
        precision_recall_density_coverage(real, fake[:5])
