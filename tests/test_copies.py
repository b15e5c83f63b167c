"""The copy test finds copies that somebody degraded, and takes few new designs for copies."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import hypergeom

from bestseller.metrics.copies import CopyTest
from bestseller.metrics.neighbours import lowest_share
from bestseller.metrics.novelty import NoveltyTest
from bestseller.metrics.pixels import NAME, PixelTest, small
from bestseller.metrics.yardstick import blurred, noisy, shifted
from watches import watches

PLANTED = 60


def most_below(new: int, calibrated: int) -> int:
    """How many of `new` photos lie below the least of `calibrated` like ones, at 99 % confidence.

    k or more do where the k smallest of all are new: the chance of it, without replacement, is the
    hypergeometric one of drawing k new ones in a row, whatever the photos are.
    """
    return next(
        k - 1 for k in range(1, new + 1) if hypergeom(new + calibrated, new, k).pmf(k) < 0.01
    )


def relit(images: np.ndarray, factor: float) -> np.ndarray:
    return np.rint(images * factor).clip(0, 255).astype(np.uint8)


def doubled(images: np.ndarray) -> np.ndarray:
    """Each image at 80 % with the next one shining through."""
    return np.rint(0.8 * images + 0.2 * np.roll(images, 1, axis=0)).astype(np.uint8)


def moved(images: np.ndarray) -> np.ndarray:
    """Each image mirrored and shifted by 1 or 2 px both ways."""
    ways = np.random.default_rng(1).choice([-2, -1, 1, 2], (len(images), 2)).tolist()
    mirrored = images[:, :, ::-1]
    return np.concatenate([shifted(mirrored[i : i + 1], *way) for i, way in enumerate(ways)])


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "blur 0.7 px": lambda images: blurred(images, 0.7),
    "blur 1 px": lambda images: blurred(images, 1.0),
    "noise 12": lambda images: noisy(images, 12),
    "brighter by 8 %": lambda images: relit(images, 1.08),
    "blend 80:20": doubled,
    "mirrored and shifted": moved,
}


@pytest.fixture(scope="module")
def shop() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photos of the embedded shop at 64 px: for training, for the calibration, and new ones."""
    photos = watches(520)
    return photos[:280], photos[280:420], photos[420:]


@pytest.fixture(scope="module")
def fitted(shop: tuple[np.ndarray, np.ndarray, np.ndarray]) -> PixelTest:
    train, held_out, _ = shop
    return PixelTest.fit(train, np.arange(len(train)), held_out)


@pytest.mark.slow
@pytest.mark.parametrize("kind", COPIES)
def test_degraded_copies_of_products_are_found(
    kind: str, shop: tuple[np.ndarray, np.ndarray, np.ndarray], fitted: PixelTest
) -> None:
    rows = np.linspace(0, len(shop[0]) - 1, PLANTED).astype(int)
    near = fitted.neighbours(COPIES[kind](shop[0][rows]))
    assert fitted.flagged(near).mean() >= 0.9
    assert (near.index == rows).mean() >= 0.9


@pytest.mark.slow
def test_new_products_are_not_taken_for_copies(
    shop: tuple[np.ndarray, np.ndarray, np.ndarray], fitted: PixelTest
) -> None:
    assert fitted.size_of_test == pytest.approx(1 / 141)
    rate = fitted.rate(fitted.neighbours(shop[2]), 0.95)
    assert rate.value <= most_below(new=100, calibrated=140) / 100


def test_small_pictures_are_means_of_cells_about_the_mean_grey() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    cells = image.astype(float).reshape(2, 16, 4, 16, 4, 3).mean(axis=(2, 4)).reshape(2, -1)
    expected = cells - cells.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(small(image, 64, 0.0), expected, atol=1e-3)
    moved_by = small(shifted(image, 1, -2), 64, 0.0)
    np.testing.assert_allclose(small(image, 64, 0.0, 1, -2), moved_by, atol=1e-3)


def test_the_share_below_a_threshold_is_that_of_ranks() -> None:
    values = np.random.default_rng(0).permutation(np.arange(199.0))
    assert lowest_share(values) == (1.0, 0.01)
    assert lowest_share(values[:50]) == (values[:50].min(), 1 / 51)


def test_a_copy_in_one_space_is_a_copy() -> None:
    """Noise images whose features say nothing: pixels alone find the copy, and the reverse."""
    rng = np.random.default_rng(2)
    train, held_out, new = (rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8) for _ in "abc")
    known, unseen, features = (rng.normal(size=(60, 8)) for _ in "abc")
    space = NoveltyTest.fit(known, np.arange(60), unseen)
    pixels = PixelTest.fit(train, np.arange(60), held_out)
    test = CopyTest.fit({"a": space}, pixels, held_out, {"a": unseen})
    assert test.size == pytest.approx(1 / 61)
    new[3] = train[7]
    features[5] = known[9] + 1e-4
    near = test.neighbours(new, {"a": features})
    flagged = test.flagged(near)
    assert flagged[3] and flagged[5]
    values = test.values(near, 0.95)
    assert values["near_copy_rate"] == flagged.mean()
    assert flagged.sum() <= 2 + most_below(new=58, calibrated=60)
    assert values["near_copy_rate_low"] < flagged.mean() < values["near_copy_rate_high"]
    assert min(values["near_copy_rate_a"], values[f"near_copy_rate_{NAME}"]) >= 1 / 60
    worst = test.most_suspicious(near, 10)
    assert {(s.image, s.neighbour, s.space) for s in worst[:2]} == {(3, 7, NAME), (5, 9, "a")}
    assert len({suspect.image for suspect in worst}) == 10 and worst[0].share < 1
