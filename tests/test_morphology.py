"""Masks are handled as SciPy handles them, and edges found as its filters find them."""

import numpy as np
import pytest
from scipy import ndimage

from bestseller.images import morphology, silhouette
from bestseller.images.morphology import bounding_box


def blobs(seed: int, share: float, shape: tuple[int, int] = (57, 83)) -> np.ndarray:
    """A random mask with parts, holes, lines and specks, also at the frame."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.0 + seed % 3)
    mask: np.ndarray = noise > np.quantile(noise, 1 - share)
    return mask


MASKS = [blobs(seed, share) for seed in range(6) for share in (0.1, 0.5, 0.9)]
MASKS += [np.zeros((20, 30), dtype=bool), np.ones((20, 30), dtype=bool)]


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_masks_grow_and_shrink_by_steps(steps: int) -> None:
    for mask in MASKS:
        grown = ndimage.binary_dilation(mask, iterations=steps)
        np.testing.assert_array_equal(morphology.grown(mask, steps), grown)
        shrunk = ndimage.binary_erosion(mask, iterations=steps)
        np.testing.assert_array_equal(morphology.shrunk(mask, steps), shrunk)


@pytest.mark.parametrize("steps", [1, 3])
def test_gaps_close_and_specks_go(steps: int) -> None:
    inside = slice(steps, -steps), slice(steps, -steps)
    for mask in MASKS:
        closed = ndimage.binary_closing(np.pad(mask, steps), iterations=steps)[inside]
        np.testing.assert_array_equal(morphology.closed(mask, steps), closed)
        opened = ndimage.binary_opening(np.pad(mask, steps, mode="edge"), iterations=steps)[inside]
        np.testing.assert_array_equal(morphology.opened(mask, steps), opened)


def test_holes_are_filled() -> None:
    for mask in MASKS:
        filled = ndimage.binary_fill_holes(mask)
        np.testing.assert_array_equal(morphology.filled(mask), filled)


@pytest.mark.parametrize("share", [0.0, 0.08, 0.5, 1.0])
def test_small_pieces_go(share: float) -> None:
    for mask in MASKS:
        labels, count = ndimage.label(mask)
        areas = ndimage.sum_labels(mask, labels, range(1, count + 1)) if count else np.zeros(0)
        large = [i + 1 for i, area in enumerate(areas) if area >= share * max(areas)]
        kept, number = morphology.pieces(mask, share)
        np.testing.assert_array_equal(kept, np.isin(labels, large))
        assert number == len(large)


def test_masks_that_are_given_stay_as_they_are() -> None:
    for mask in MASKS:
        before = mask.copy()
        morphology.filled(mask)
        morphology.pieces(mask, 0.5)
        morphology.closed(mask, 3)
        morphology.opened(mask, 3)
        np.testing.assert_array_equal(mask, before)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("contrast", [255, 12])
def test_edges_are_those_of_scipys_filters(kind: type, contrast: int) -> None:
    rng = np.random.default_rng(contrast)
    drawn = ndimage.gaussian_filter(rng.uniform(0, contrast, (90, 120, 3)), (2, 2, 0))
    pixels = (contrast * (drawn > contrast / 2) + rng.uniform(0, contrast / 4, drawn.shape)) / 2
    pixels = pixels.astype(kind)
    blurred = ndimage.gaussian_filter(pixels.astype(np.float64), (1, 1, 0))
    slopes = [ndimage.sobel(plane, axis) for plane in np.moveaxis(blurred, 2, 0) for axis in (0, 1)]
    gradient = np.sqrt(np.square(slopes).sum(axis=0))
    expected = gradient - ndimage.grey_opening(gradient, (13, 13))

    edges = silhouette.find_edges(pixels)
    np.testing.assert_allclose(edges.strength, expected, atol=0.01)
    around = 0.25 * ndimage.maximum_filter(edges.strength, 25)
    np.testing.assert_array_equal(edges.outline, edges.strength >= around)
    limit = max(25.0, 0.08 * float(np.percentile(edges.strength, 99.5)))
    certain = np.abs(edges.strength - limit) > 1e-3
    np.testing.assert_array_equal(edges.strong()[certain], (edges.strength > limit)[certain])


def test_a_box_is_the_masks_less_the_halo() -> None:
    mask = np.zeros((40, 50), dtype=bool)
    mask[10:20, 0:31] = True
    assert bounding_box(mask, 0) == (0, 10, 31, 20)
    assert bounding_box(mask, 2) == (0, 12, 29, 18)  # the frame cuts it on the left
