"""Pale products on pale grounds are found whole; shadows, reflections and noise are not."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from bestseller.images.align import Quarantine, find_product

Box = tuple[float, float, float, float]
SIZE = 480
SHIRT = [(0.36, 0), (0.64, 0), (0.8, 0.1), (1, 0.42), (0.86, 0.52), (0.76, 0.38), (0.77, 1)]
SHIRT += [(0.23, 1), (0.24, 0.38), (0.14, 0.52), (0, 0.42), (0.2, 0.1)]
RING_BOX, SHIRT_BOX = (140, 120, 340, 320), (90, 90, 390, 380)


def drawn(box: Box, part: str) -> Image.Image:
    """Draw where a thing is: L, 255 = thing."""
    left, top, right, bottom = (4 * edge for edge in box)
    place = Image.new("L", (4 * SIZE, 4 * SIZE))
    draw = ImageDraw.Draw(place)
    if part == "shirt":
        draw.polygon([(left + x * (right - left), top + y * (bottom - top)) for x, y in SHIRT], 255)
    else:
        draw.ellipse((left, top, right, bottom), outline=255, width=64)
    return place.resize((SIZE, SIZE), Image.Resampling.BOX)


def blend(pixels: np.ndarray, colour: float, place: Image.Image) -> np.ndarray:
    alpha = np.asarray(place)[..., None] / 255
    return pixels * (1 - alpha) + colour * alpha


def photo(pixels: np.ndarray, quality: int = 88) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def shirt(pixels: np.ndarray, white: float) -> np.ndarray:
    """Put a shirt with a dark label and buttons on a ground."""
    pixels = blend(pixels, white, drawn(SHIRT_BOX, "shirt"))
    pixels[130:148, 225:255] = 60
    for y in range(170, 370, 50):
        pixels[y : y + 6, 237:243] = 150
    return pixels


@pytest.mark.parametrize("quality", [60, 90])
@pytest.mark.parametrize(("ground", "white"), [(255, 251), (255, 248), (238, 242), (224, 229)])
def test_a_white_shirt_is_found_whole(ground: int, white: int, quality: int) -> None:
    pixels = shirt(np.full((SIZE, SIZE, 3), float(ground)), white)
    found = find_product(photo(pixels, quality)).box
    assert found == pytest.approx(SHIRT_BOX, abs=0.025 * SIZE)


def test_on_a_ground_that_darkens_to_its_corners() -> None:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    ground = np.repeat((240 - 60 * (x**2 + y**2))[..., None], 3, axis=2)
    assert find_product(photo(shirt(ground, 250))).box == pytest.approx(SHIRT_BOX, abs=12)


@pytest.mark.parametrize("noise", [0.0, 1.0, 3.0])
def test_noise_is_no_pale_part(noise: float) -> None:
    random = np.random.default_rng(0)
    ground = 235 + random.normal(0, noise, (SIZE, SIZE, 3))
    with pytest.raises(Quarantine, match="no product"):
        find_product(photo(ground))
    ring = blend(ground, 60, drawn(RING_BOX, "ring"))
    assert find_product(photo(ring)).box == pytest.approx(RING_BOX, abs=8)


@pytest.mark.parametrize("thing", ["ring", "shirt"])
def test_a_reflection_below_is_not_the_products(thing: str) -> None:
    box = RING_BOX if thing == "ring" else (90, 20, 390, 310)
    place = drawn(box, thing)
    image = np.asarray(place)[box[1] : box[3]][::-1].astype(float)
    below = np.zeros((SIZE, SIZE))
    rows = min(100, SIZE - box[3])
    below[box[3] : box[3] + rows] = image[:rows] * np.linspace(0.15, 0, rows)[:, None]
    pixels = np.full((SIZE, SIZE, 3), 252.0)
    for at in (Image.fromarray(below.astype(np.uint8)), place):
        pixels = blend(pixels, 70, at)
    assert find_product(photo(pixels)).box == pytest.approx(box, abs=8)


def test_a_soft_shadow_is_not_the_products() -> None:
    place = drawn(RING_BOX, "ring")
    shadow = Image.new("L", (SIZE, SIZE))
    ImageDraw.Draw(shadow).ellipse((120, 310, 360, 345), fill=60)
    pixels = blend(np.full((SIZE, SIZE, 3), 250.0), 0, shadow.filter(ImageFilter.GaussianBlur(14)))
    assert find_product(photo(blend(pixels, 70, place))).box == pytest.approx(RING_BOX, abs=8)
