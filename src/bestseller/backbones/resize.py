"""The resize in the definition of FID: bilinear as in TensorFlow 1.

Output pixel i reads the input at i x (input side / output side). Other libraries add half a pixel,
to centre the grid, and may antialias; this resize does neither. On noisy images the results differ
much.
"""

import torch
from torch import Tensor


def resize_tensorflow1(images: Tensor, side: int) -> Tensor:
    """Resize images, float N x C x H x W, to `side` x `side`."""
    rows, columns = (_operator(size, side).to(images) for size in images.shape[2:])
    return rows @ images @ columns.T


def _operator(size: int, side: int) -> Tensor:
    """Return the matrix, `side` x `size`, that resizes one axis; a row has at most two weights."""
    places = torch.arange(side, dtype=torch.float64) * size / side
    low = places.floor().long()
    high = (low + 1).clamp(max=size - 1)
    share = places - low
    matrix = torch.zeros(side, size, dtype=torch.float64)
    each = torch.arange(side)
    matrix[each, low] += 1 - share
    matrix[each, high] += share
    return matrix
