"""Reference images, which no generator made: real, degraded (the ladder) and random ones."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.metrics.yardstick import LADDER

REAL, COPIES, NOISE = "real-held-out", "real-training", "uniform-noise"
SHOWN = (REAL, *(rung.name for rung in LADDER))  # beside the models in plots
WORDS = {
    REAL: "real photos, held out",
    COPIES: "copies: the training photos",
    NOISE: "uniform noise",
} | {rung.name: rung.words for rung in LADDER}


@dataclass(frozen=True)
class ReferenceSet:
    """Images to be measured.

    Attributes:
        name: in tables.
        images: uint8 N x S x S x 3.
        lines: of each.
        degraded: image i was made from held-out photo i.
    """

    name: str
    images: np.ndarray
    lines: list[str]
    degraded: bool = False


def reference_images(images: ImageSet, seed: int) -> Iterator[ReferenceSet]:
    """Yield every reference.

    ``real-held-out``: real images that no generator has seen, what a perfect one would make; they
    are measured against the training images. ``real-training``: the training images, what a perfect
    copier would make. The rungs of the ladder: the held-out images, each degraded in one way.
    ``uniform-noise``: uniform pixels, as many.
    """
    train, test = split(images)
    pixels, lines = np.asarray(test.images), test.index["line"].tolist()
    yield ReferenceSet(REAL, pixels, lines)
    yield ReferenceSet(COPIES, np.asarray(train.images), train.index["line"].tolist())
    for rung in LADDER:
        yield ReferenceSet(rung.name, rung.apply(pixels), lines, degraded=True)
    noise = np.random.default_rng(seed).integers(0, 256, pixels.shape, dtype=np.uint8)
    yield ReferenceSet(NOISE, noise, lines)
