"""Which part of a picture carries its score: each part is blurred away in turn.

This is occlusion (Zeiler and Fergus 2014) with a blur in the place of a grey patch (Fong and
Vedaldi 2017), since a patch would be an object that no product has.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

BLUR = 0.125  # standard deviation of the blur over the picture's side


def occlusion_map(
    image: NDArray[np.uint8],
    log_score: Callable[[NDArray[np.uint8]], NDArray[np.float64]],
    cells: int,
) -> NDArray[np.float64]:
    """Return what each cell of a picture adds to the logarithm of its score.

    0.1 means that the score would be about a tenth lower were the cell blurred away; below 0, that
    it would be higher. The parts do not add up to the score.

    Args:
        image: uint8 S x S x 3.
        log_score: of images N x S x S x 3, float64 N.
        cells: along a side, at most S.

    Returns:
        float64 cells x cells.
    """
    side = len(image)
    blurred = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(BLUR * side)))
    edges = np.linspace(0, side, cells + 1).round().astype(int)
    tried = [image]
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            changed = image.copy()
            changed[top:bottom, left:right] = blurred[top:bottom, left:right]
            tried.append(changed)
    found = log_score(np.stack(tried))
    return (found[0] - found[1:]).reshape(cells, cells)
