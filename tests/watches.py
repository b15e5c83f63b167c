"""Photos of the embedded shop, framed as the pipeline frames them."""

import numpy as np

from bestseller.demo.render import render
from bestseller.demo.world import make_products
from bestseller.images.align import align

SCALE, SEED = 0.12, 7  # 665 designs
PHOTO, FILL, MAX_ASPECT = 128, 0.9, 1.25


def watches(count: int, size: int = 64) -> np.ndarray:
    """Return one photo each of `count` designs of all lines, in random order.

    uint8 N x size x size x 3.
    """
    products = make_products(SCALE, SEED, 1)
    chosen = np.random.default_rng(0).permutation(len(products))[:count]
    photos = (render(products[i].watch, PHOTO, shot=products[i].shot) for i in chosen)
    return np.stack([np.asarray(align(photo, size, FILL, MAX_ASPECT)) for photo in photos])
