"""Photos that still show the same product: what a detector of foreign images must let through."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.images.augment import augment
from bestseller.images.split import TRAIN
from bestseller.images.store import FRONT, ImageSet
from bestseller.metrics.yardstick import blurred, compressed, noisy, shifted
from bestseller.params import Augment

Images = NDArray[np.uint8]
MOST = 128  # images of each kind: enough for a quantile of 1 %
CHANGES: Mapping[str, Callable[[Images], Images]] = {
    "blur 0.5 px": lambda images: blurred(images, 0.5),
    "JPEG 75": lambda images: compressed(images, 75),
    "noise of 3 grey levels": lambda images: noisy(images, 3),
    "shift by 1 px": lambda images: shifted(images, 1, 1),
}


def mild_changes(images: Images, settings: Augment) -> dict[str, Images]:
    """Change photos as a camera, a file format or the augmentation does.

    Args:
        images: uint8 N x S x S x 3; of more than 128 an even choice is taken.
        settings: the section ``augment`` of params.yaml; all chosen images get its changes.

    Returns:
        by kind, uint8 M x S x S x 3; ``augmented`` is left out where every change is off.
    """
    chosen = images[np.unique(np.linspace(0, len(images) - 1, min(MOST, len(images))).astype(int))]
    found = {kind: change(chosen) for kind, change in CHANGES.items()}
    if settings.flip or settings.zoom or settings.brightness or settings.channel_shift:
        index = pd.DataFrame({"sku": [str(row) for row in range(len(chosen))]})
        index = index.assign(line="", category="", view=FRONT, sha256="", cluster=0, split=TRAIN)
        every = settings.model_copy(update={"share": 1.0})
        found["augmented"] = augment(ImageSet(chosen, index), every, "mild changes").images
    return found
