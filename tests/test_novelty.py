"""The ratio test keeps its size on new images and finds copies."""

from itertools import pairwise

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.metrics import distances
from bestseller.metrics.novelty import NoveltyTest, nearest

D = 32


def images(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw images from 40 clumps, as a catalogue's lines are."""
    clumps = np.random.default_rng(99).normal(0, 1.5, size=(40, D))
    return clumps[rng.integers(40, size=count)] + rng.normal(size=(count, D))


def fitted(train: np.ndarray, held_out: np.ndarray) -> NoveltyTest:
    return NoveltyTest.fit(train, np.arange(len(train)), held_out)


def test_nearest_equals_brute_force(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(30, 4)), rng.normal(size=(50, 4))
    monkeypatch.setattr(distances, "BLOCK_VALUES", 200)
    index, distance = nearest(a, b)
    full = np.linalg.norm(a[:, None] - b, axis=2)
    assert (index == full.argmin(axis=1)).all()
    assert distance == pytest.approx(full.min(axis=1))


def test_hand_worked_ratio_passes_over_the_same_design() -> None:
    train = np.array([[0.0, 0.0], [0.1, 0.0], [4.0, 0.0]])
    test = NoveltyTest.fit(train, ["a", "a", "b"], np.array([[2.0, 1.0]]))
    found = test.neighbours(np.array([[1.0, 0.0], [3.5, 0.0]]))
    assert found.index.tolist() == [1, 2]
    assert found.distance == pytest.approx([0.9, 0.5])
    assert found.ratio == pytest.approx([0.9 / 3.0, 0.5 / 3.4])
    # Real designs to their nearest other design: 4.0, 3.9 and 3.9.
    assert test.percentiles(np.array([3.8, 3.95, 5.0])) == pytest.approx([0, 200 / 3, 100])


def test_a_flipped_copy_is_found_and_named_by_its_original() -> None:
    rng = np.random.default_rng(4)
    train, mirror = images(rng, 300), images(rng, 300)  # features of an image and of its mirror
    test = NoveltyTest.fit(train, np.arange(300), images(rng, 200), flipped=mirror)
    found = test.neighbours(mirror[[7, 250]] + 1e-3)
    assert found.index.tolist() == [7, 250]
    assert test.classes(found) == ["near-copy", "near-copy"]


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1.0, 1.15, 0.85])
def test_size_without_copies_under_underfit_and_shrinkage(scale: float) -> None:
    rng = np.random.default_rng(5)
    test = fitted(images(rng, 1500), images(rng, 3000))
    mean = test.reference.mean(axis=0)
    fake = mean + scale * (images(rng, 6000) - mean)
    rate = test.rate(test.neighbours(fake), 0.95)
    assert test.size == pytest.approx(0.01, abs=1e-3)
    assert 0.005 <= rate.value <= 0.015


@pytest.mark.slow
def test_power_for_three_percent_of_copies() -> None:
    rng = np.random.default_rng(6)
    train = images(rng, 800)
    test = fitted(train, images(rng, 1000))
    found = 0
    for _ in range(40):
        fake = images(rng, 1000)
        fake[:30] = train[rng.choice(800, 30)] + rng.normal(0, 0.15, size=(30, D))
        found += test.rate(test.neighbours(fake), 0.95).low > test.size
    assert found >= 38


def test_classes_follow_the_documented_thresholds() -> None:
    rng = np.random.default_rng(8)
    train = images(rng, 400)
    test = fitted(train, images(rng, 300))
    far = train[:3] + 100.0
    between = images(rng, 500)
    assert test.classes(test.neighbours(far)) == ["novel"] * 3
    assert test.classes(test.neighbours(train[:3])) == ["near-copy"] * 3
    found = test.neighbours(between)
    percentile = test.percentiles(found.distance)
    for name, p, ratio in zip(test.classes(found), percentile, found.ratio, strict=True):
        copied = ratio < test.threshold or p < 1
        assert name == ("near-copy" if copied else "novel" if p >= 50 else "variation")
    assert all(a <= b for a, b in pairwise(test.real_distances))


def test_one_design_is_refused() -> None:
    with pytest.raises(BestsellerError, match="one design"):
        NoveltyTest.fit(np.eye(3), ["a", "a", "a"], np.ones((2, 3)))
