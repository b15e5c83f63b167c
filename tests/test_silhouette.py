"""Silhouettes of products: drawn shapes whose outlines are known."""

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation, binary_fill_holes

from bestseller.gans.silhouette import silhouettes

SIDE = 64
ROWS, COLUMNS = np.mgrid[:SIDE, :SIDE]


def of(image: np.ndarray) -> np.ndarray:
    signed = torch.from_numpy(image[None]).permute(0, 3, 1, 2).float() / 127.5 - 1
    found: np.ndarray = silhouettes(signed)[0, 0].numpy()
    return found


def watch(ground: int, dial: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a dial of one grey in a dark ring, and where both are."""
    image = np.full((SIDE, SIDE, 3), ground, np.uint8)
    far = np.hypot(ROWS - 31.5, COLUMNS - 31.5)
    image[far < 20], image[far < 16] = (40, 30, 60), dial
    return image, far < 20


@pytest.mark.parametrize(("ground", "dial"), [(255, 255), (255, 90), (128, 128), (0, 200)])
def test_a_dial_of_the_colour_of_the_ground_is_the_product(ground: int, dial: int) -> None:
    image, product = watch(ground, dial)
    found = of(image)
    np.testing.assert_allclose(found[product], 1, atol=0.2)
    assert (found[binary_dilation(product, iterations=5)] > 0).mean() > 0.8
    assert (found[~binary_dilation(product, iterations=6)] == 0).all()
    inner = ~binary_dilation(~product, iterations=3)
    assert (found[inner] == 1).all()


def test_filled_as_by_a_flood_where_shapes_bulge_everywhere() -> None:
    random = np.random.default_rng(0)
    for _ in range(10):
        image = np.full((SIDE, SIDE, 3), 250, np.uint8)
        height, width = random.integers(8, 26, 2)
        far = ((ROWS - 31) / height) ** 2 + ((COLUMNS - 31) / width) ** 2
        image[(far < 1) & (far > 0.7)] = 20
        filled = binary_fill_holes((image < 240).any(axis=2))
        hard = of(image) > 0.5
        assert (hard & ~binary_dilation(filled, iterations=2)).sum() == 0
        assert (filled & ~hard).sum() == 0


def test_a_strap_that_leaves_the_image_is_part_of_the_product() -> None:
    image, _ = watch(255, 255)
    image[:, 24:40] = np.minimum(image[:, 24:40], 60)
    found = of(image)
    assert (found[:, 26:38] == 1).all()
    assert (found[:8, :18] == 0).all() and (found[:8, 46:] == 0).all(), "corners are ground"


def test_noise_as_of_jpeg_is_ground() -> None:
    image, product = watch(245, 80)
    noisy = np.clip(image + np.random.default_rng(0).normal(0, 2, image.shape), 0, 255)
    found = of(noisy.astype(np.uint8))
    assert (found[~binary_dilation(product, iterations=6)] == 0).all()


def test_a_picture_that_fills_its_frame_is_the_product_to_its_edges() -> None:
    random = np.random.default_rng(0)
    fabric = random.integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    assert (of(fabric) == 1).all()
    assert (of(np.full((SIDE, SIDE, 3), 90, np.uint8)) == 0).all(), "an empty picture has none"
