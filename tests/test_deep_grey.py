"""16-bit grey pictures: the bytes of the formula, without copies of many times their size."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image

from bestseller.images.intake import STRIP, _to_8_bit


def deep(height: int, width: int, mode: str, clear: int | None) -> tuple[np.ndarray, Image.Image]:
    values = np.random.default_rng(0).integers(0, 70_000, (height, width))
    kind = np.int32 if mode == "I" else np.uint16
    values = values.clip(0, 65_535 if mode != "I" else 70_000).astype(kind)
    image = Image.fromarray(values)
    if clear is not None:
        image.info["transparency"] = clear
    assert image.mode == mode
    return values, image


@pytest.mark.parametrize("mode", ["I;16", "I"])
@pytest.mark.parametrize("height", [1, STRIP, STRIP + 1, 3 * STRIP - 1])
def test_it_is_the_upper_byte(mode: str, height: int) -> None:
    values, image = deep(height, 17, mode, None)
    expected = (values.clip(0, 65535) >> 8).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(_to_8_bit(image)), expected)


def test_its_transparent_grey_is_transparent() -> None:
    values, image = deep(2 * STRIP, 16, "I;16", 0)
    values[5, 5] = 0
    image = Image.fromarray(values)
    image.info["transparency"] = 0
    made = np.asarray(_to_8_bit(image))
    np.testing.assert_array_equal(made[..., 3], np.where(values == 0, 0, 255))
    np.testing.assert_array_equal(made[..., 1], values >> 8)


def test_memory_is_a_few_bytes_a_pixel() -> None:
    _, image = deep(2_000, 1_000, "I;16", 7)
    tracemalloc.start()
    _to_8_bit(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * 2_000 * 1_000, "np.where of the whole alone takes eight bytes a pixel"
