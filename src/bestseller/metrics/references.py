"""Images that no generator made; measured like a model's they are the floor and the ceiling."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from bestseller.images.store import ImageSet
from bestseller.metrics.quality import split

BLUR = 1 / 32  # standard deviation of the blur, as a share of the image's side

REAL, COPIES, BLURRED, NOISE = "real-held-out", "real-training", "blurred", "noise"
OF_HELD_OUT = (REAL, BLURRED)  # made from held-out images, so not to be measured against them


def reference_images(images: ImageSet, seed: int) -> Iterator[tuple[str, np.ndarray, list[str]]]:
    """Yield (name, uint8 N x S x S x 3, the line of each image) of every reference.

    ``real-held-out``: real images that no generator has seen, what a perfect one would make.
    ``real-training``: the training images, what a perfect copier would make.
    ``blurred``: the held-out images, blurred. ``noise``: uniform pixels, as many.
    """
    train, test = split(images)
    pixels, lines = np.asarray(test.images), test.index["line"].tolist()
    yield REAL, pixels, lines
    yield COPIES, np.asarray(train.images), train.index["line"].tolist()
    blur = ImageFilter.GaussianBlur(BLUR * pixels.shape[1])
    yield BLURRED, np.stack([np.asarray(Image.fromarray(p).filter(blur)) for p in pixels]), lines
    noise = np.random.default_rng(seed).integers(0, 256, pixels.shape, dtype=np.uint8)
    yield NOISE, noise, lines
