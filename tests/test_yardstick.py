"""The ladder of degraded photos, and where a model stands on it."""

import numpy as np
import pytest

from bestseller.metrics.kernel_distance import (
    Projections,
    kid,
    kid_difference,
    projected_difference,
)
from bestseller.metrics.kernel_distance import projections as projected
from bestseller.metrics.statistics import Interval
from bestseller.metrics.yardstick import (
    LADDER,
    blur_equivalent,
    blur_words,
    blurred,
    compressed,
    noisy,
    shifted,
)


def kernel(x: np.ndarray, y: np.ndarray) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def test_paired_rows_are_left_out_of_the_distance() -> None:
    """Worked pair by pair, as the U-statistic over pairs is defined."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(6, 3))
    x = y + 0.1 * rng.normal(size=(6, 3))
    terms = [
        kernel(x[i], x[j]) + kernel(y[i], y[j]) - kernel(x[i], y[j]) - kernel(x[j], y[i])
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    found = projected(x, y, paired=True)
    assert found.estimate.value == pytest.approx(np.mean(terms))
    assert projected(x, y).estimate == kid(x, y)
    with pytest.raises(ValueError, match="no pairs"):
        projected(x, y[:5], paired=True)


def test_equal_images_are_no_distance_apart() -> None:
    y = np.random.default_rng(1).normal(size=(80, 5))
    assert projected(y, y, paired=True).estimate.value == pytest.approx(0.0, abs=1e-12)


def test_projections_give_the_paired_difference() -> None:
    rng = np.random.default_rng(2)
    real, first = rng.normal(size=(40, 4)), rng.normal(0.2, 1, size=(50, 4))
    second = first + rng.normal(0.1, 0.1, size=(50, 4))
    found = projected_difference(projected(first, real), projected(second, real))
    expected = kid_difference(real, first, second).difference
    assert found.value == pytest.approx(expected.value)
    assert found.standard_error == pytest.approx(expected.standard_error)


def flat(value: float, spread: float = 0.0, seed: int = 0) -> Projections:
    """Projections whose distance is `value` and whose images vary by `spread`."""
    first, second = np.random.default_rng(seed).normal(0, spread, (2, 200))
    return Projections(first - first.mean() + value, second - second.mean())


RUNGS = {0.5: flat(0.04), 1.0: flat(0.64), 2.0: flat(1.44)}  # roots 0.2, 0.8, 1.2


@pytest.mark.parametrize(
    ("distance", "blur"),
    [(-0.1, 0.0), (0.01, 0.25), (0.04, 0.5), (0.25, 0.75), (1.0, 1.5), (1.44, 2.0), (9.0, 2.0)],
)
def test_the_root_of_the_distance_is_interpolated(distance: float, blur: float) -> None:
    found = blur_equivalent(flat(distance), RUNGS, 0.95)
    assert found.value == pytest.approx(blur, abs=1e-6)
    assert found.low <= found.value <= found.high


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """KID of images that are blurred, as it were, by 0.75: features moved by half of the rungs'."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(60):
        photos = rng.normal(size=(150, 8))
        rungs = {px: projected(photos + px, photos, paired=True) for px in (0.5, 1.0, 2.0)}
        model = projected(rng.normal(0.75, 1.0, size=(200, 8)), photos)
        found = blur_equivalent(model, rungs, 0.95)
        hits += found.low <= 0.75 <= found.high
        assert 0.4 < found.value < 1.1
    assert hits >= 50


def test_more_images_narrow_the_interval() -> None:
    wide, narrow = (blur_equivalent(flat(0.25, s, 1), RUNGS, 0.95) for s in (1.0, 0.1))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_words_say_what_lies_beyond_the_ladder() -> None:
    assert blur_words(Interval(0.75, 0.6, 0.9)) == (
        "as far from real photos as real photos blurred by 0.75 px (0.60 to 0.90)"
    )
    assert blur_words(Interval(1.8, 1.5, 2.0)).endswith("by 1.80 px (1.50 to more than 2)")
    assert blur_words(Interval(2.0, 2.0, 2.0)) == (
        "farther from real photos than real photos blurred by 2 px"
    )
    assert "interval: from 1.70 px on" in blur_words(Interval(2.0, 1.7, 2.0))
    assert blur_words(Interval(0.0, 0.0, 0.2)).startswith("as near to real photos as real photos")


def test_the_rungs_do_what_they_are_called() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(60, 200, (4, 32, 32, 3), dtype=np.uint8)
    assert [rung.name for rung in LADDER] == [
        *("blurred-0.5px", "blurred-1px", "blurred-2px", "noisy-3", "noisy-8", "noisy-20"),
        *("jpeg-75", "jpeg-30", "shifted-1px"),
    ]
    for rung in LADDER:
        found = rung.apply(images)
        assert found.shape == images.shape and found.dtype == np.uint8
        assert (found == rung.apply(images)).all() and (found != images).any(), rung.name
    noise = noisy(images, 8).astype(float) - images
    assert noise.std() == pytest.approx(8, rel=0.05)
    np.testing.assert_array_equal(shifted(images, 1, 2)[:, 1:, 2:], images[:, :-1, :-2])
    np.testing.assert_array_equal(shifted(images, -1, 0)[:, :-1], images[:, 1:])
    spread = [blurred(images, sigma).std() for sigma in (0.5, 1.0, 2.0)]
    assert images.std() > spread[0] > spread[1] > spread[2]
    errors = [np.abs(compressed(images, q).astype(float) - images).mean() for q in (75, 30)]
    assert errors[0] < errors[1]
