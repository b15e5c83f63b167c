"""The place of a product in its image: what differs from the plain ground along the edges."""

import torch
from torch import Tensor
from torch.nn import functional as F

TOLERANCE = 20 / 255  # of values in [-1, 1]: ten grey levels, more than JPEG changes a plain ground
PLAIN_SHARE = 0.5  # of the pixels along the edges that have the ground's colour, if it is plain
SOFT = 64  # sides of an image over the pixels by which a silhouette grows, and by which it softens


@torch.no_grad()
def silhouettes(images: Tensor) -> Tensor:
    """Return 1 where an image shows its product, 0 on its ground, with a soft edge between.

    The ground has the median colour of the outermost pixels. A pixel is the product's if its colour
    differs, or if such pixels lie to its left, to its right, above and below it: so a white dial on
    a white ground is the product's. A silhouette grows by 1/64 of the side before it is softened.
    An image whose edges have no common colour is the product to its edges.

    Args:
        images: float N x 3 x S x S in [-1, 1].

    Returns:
        float N x 1 x S x S, 0..1.
    """
    edges = [images[:, :, 0], images[:, :, -1], images[:, :, :, 0], images[:, :, :, -1]]
    ring = torch.cat(edges, dim=2)
    ground = ring.median(dim=2, keepdim=True).values
    plain = ((ring - ground).abs().amax(dim=1) <= TOLERANCE).float().mean(dim=1) >= PLAIN_SHARE
    away = (images - ground[..., None]).abs().amax(dim=1, keepdim=True)
    differs = (away > TOLERANCE).float()
    inside = torch.maximum(differs, _between(differs, 2) * _between(differs, 3))
    width = 2 * max(1, images.shape[3] // SOFT) + 1
    inside = F.max_pool2d(inside, width, stride=1, padding=width // 2)
    for _ in range(2):
        inside = F.avg_pool2d(inside, width, 1, width // 2, count_include_pad=False)
    return torch.where(plain[:, None, None, None], inside, 1.0)


def changed_inside(images: Tensor, change: Tensor) -> Tensor:
    """Return images plus a change, as far as it falls inside their silhouettes."""
    return images + silhouettes(images) * change


def _between(marks: Tensor, axis: int) -> Tensor:
    """Return 1 from the first to the last mark along an axis, else 0."""
    before = marks.cummax(dim=axis).values
    after = marks.flip(axis).cummax(dim=axis).values.flip(axis)
    return before * after
