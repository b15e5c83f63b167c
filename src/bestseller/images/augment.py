"""Augmentation: replaces a share of the images by changed versions."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from PIL import Image

from bestseller.base.errors import BestsellerError
from bestseller.base.progress import track
from bestseller.images.split import TEST, draw
from bestseller.images.store import ImageSet
from bestseller.params import Augment

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def augment(originals: ImageSet, params: Augment, name: str = "augment") -> ImageSet:
    """Replace `params.share` of the training and validation images; test images stay.

    Each chosen image gets flip, zoom, brightness and channel shift, each with probability 1/2 and
    at least one of them. What happens to an image depends on the seed and its sku and view alone.

    Args:
        originals: the images.
        params: the share, the largest changes and the seed; a change of size 0 is switched off.
        name: of the progress bar.

    Returns:
        As many images in the same order, and a column augmented (bool) in the index.

    Raises:
        BestsellerError: images are to be augmented but every change is switched off.
    """
    changes = _changes(params)
    chosen = choose(originals.index, params.share, params.seed)
    images = np.array(originals.images)
    names = (originals.index["sku"] + "/" + originals.index["view"]).to_list()
    for i in track(np.flatnonzero(chosen).tolist(), name, unit="img"):
        rng = np.random.default_rng(draw(params.seed, f"change/{names[i]}"))
        images[i] = _change(images[i], changes, rng)
    return ImageSet(images, originals.index.assign(augmented=chosen))


def fresh(params: Augment) -> Change:
    """Return what changes a share of the images each time they are shown, as Keras's generator.

    It maps an original, uint8 H x W x 3, and a generator of random numbers to the image as shown:
    with probability `params.share` an augmented version, else the original.

    Raises:
        BestsellerError: images are to be augmented but every change is switched off.
    """
    changes = _changes(params)

    def change(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return _change(image, changes, rng) if rng.random() < params.share else image

    return change


def choose(index: pd.DataFrame, share: float, seed: int) -> np.ndarray:
    """Choose round(share x n) of the n images outside the test part, evenly over part and line.

    Systematic sampling: in an order that is random within each line of each part, every
    1/share-th image is taken, so that each stratum is within one image of its share.

    Returns:
        bool N.
    """
    names = index["sku"] + "/" + index["view"]
    order = pd.DataFrame(
        {
            "split": index["split"].to_numpy(),
            "line": index["line"].to_numpy(),
            "draw": [draw(seed, f"choose/{name}") for name in names],
        }
    )
    order = order[order["split"] != TEST].sort_values(["split", "line", "draw"])
    steps = np.floor(np.arange(len(order) + 1) * share + 0.5)
    chosen = np.zeros(len(index), dtype=bool)
    chosen[order.index[np.diff(steps) > 0]] = True
    return chosen


def _change(image: np.ndarray, changes: list[Change], rng: np.random.Generator) -> np.ndarray:
    used = rng.random(len(changes)) < 0.5
    if not used.any():
        used[rng.integers(len(changes))] = True
    for change, use in zip(changes, used, strict=True):
        if use:
            image = change(image, rng)
    return image


def _changes(params: Augment) -> list[Change]:
    changes: list[Change] = []
    if params.flip:
        changes.append(flip)
    if params.zoom:
        changes.append(partial(zoom, largest=params.zoom))
    if params.brightness:
        changes.append(partial(brightness, largest=params.brightness))
    if params.channel_shift:
        changes.append(partial(channel_shift, largest=params.channel_shift))
    if params.share > 0 and not changes:
        raise BestsellerError(
            f"params.yaml: augment.share: {params.share} but flip, zoom, brightness and "
            "channel_shift are all off; switch one on or set share: 0"
        )
    return changes


def flip(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirror an image, uint8 H x W x 3, left-right; `rng` is not used."""
    return image[:, ::-1]


def zoom(image: np.ndarray, rng: np.random.Generator, largest: float) -> np.ndarray:
    """Zoom about the centre by a factor from U(1 - largest, 1 + largest).

    Where the zoom shows places outside the image, the outermost pixels are repeated.
    """
    height, width = image.shape[:2]
    factor = rng.uniform(1 - largest, 1 + largest)
    pad = int(np.ceil(max(height, width) * (1 / (1 - largest) - 1) / 2))
    padded = np.pad(image, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    x, y = pad + width / 2, pad + height / 2
    half_width, half_height = width / factor / 2, height / factor / 2
    box = (x - half_width, y - half_height, x + half_width, y + half_height)
    resized = Image.fromarray(padded).resize((width, height), Image.Resampling.BICUBIC, box=box)
    return np.asarray(resized)


def brightness(image: np.ndarray, rng: np.random.Generator, largest: float) -> np.ndarray:
    """Add one value from U(-largest, largest), as a share of full scale, to all channels."""
    return _add(image, rng.uniform(-largest, largest))


def channel_shift(image: np.ndarray, rng: np.random.Generator, largest: float) -> np.ndarray:
    """Add a value from U(-largest, largest), as a share of full scale, to each channel."""
    return _add(image, rng.uniform(-largest, largest, size=3))


def _add(image: np.ndarray, value: float | np.ndarray) -> np.ndarray:
    return np.rint(image + 255 * np.asarray(value)).clip(0, 255).astype(np.uint8)
