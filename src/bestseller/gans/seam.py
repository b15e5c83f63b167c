"""The seam along which the middle of one product is set into another product.

The middle is what lies inside a closed seam around the centre of the outer product. The seam runs
where the two images differ least: the minimum error boundary cut of Efros & Freeman 2001 ("Image
quilting", section 2.1), here in polar coordinates and closed. As in Kwatra et al. 2003
("Graphcut textures", section 3.1), a difference counts less on an edge of the images, where an eye
does not see it: the rim of a dial, the neckline of a shirt.
"""

from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

from bestseller.gans.silhouette import silhouettes

ANGLES = 64
# Radii of the seam, shares of half the product's smaller extent: a smaller middle makes designs
# that are near to the outer product, a larger one such that are near to the inner one.
RADII = 24
INNERMOST, OUTERMOST = 0.6, 0.8
STEEP = 1  # most radii that the seam moves from one angle to the next
PIXELS = 64  # of the side that the next two speak of
EDGES = 0.03  # gradient, of values in [-1, 1] a pixel, that halves the weight of a difference
SOFT = 0.75  # pixels over which one image passes into the other


@torch.no_grad()
def middles(outer: Tensor, inner: Tensor) -> Tensor:
    """Return 1 inside the best seam of each pair of images, 0 outside, softly between.

    Args:
        outer, inner: float N x 3 x S x S in [-1, 1]; of the same kind of product, each in the
            middle of its image.

    Returns:
        float N x 1 x S x S, 0..1.
    """
    centre, extent = _extents(silhouettes(outer))  # N x 2 (x, y) and N, the image is -1..1
    angles = torch.arange(ANGLES, device=outer.device) * (2 * pi / ANGLES)
    radii = torch.linspace(INNERMOST, OUTERMOST, RADII, device=outer.device)
    rays = torch.stack([angles.cos(), angles.sin()], dim=1)
    reach = extent[:, None, None, None] * radii[:, None] * rays[:, None]
    places = centre[:, None, None] + reach  # N x ANGLES x RADII x 2
    cost = F.grid_sample(_visible(outer, inner), places, align_corners=False)[:, 0]
    return _inside(radii[_closed_path(cost)] * extent[:, None], centre, outer.shape[3])


def _inside(seam: Tensor, centre: Tensor, side: int) -> Tensor:
    """Return 1 inside seams given by their distances from the centre at each angle, else 0."""
    axis = (torch.arange(side, device=seam.device) + 0.5) * (2 / side) - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    x, y = x - centre[:, 0, None, None], y - centre[:, 1, None, None]
    turn = torch.remainder(torch.atan2(y, x) / (2 * pi), 1) * ANGLES
    before = turn.long() % ANGLES
    ends = [seam.gather(1, (at % ANGLES).flatten(1)).view_as(x) for at in (before, before + 1)]
    away = torch.lerp(ends[0], ends[1], turn.frac()) - torch.hypot(x, y)
    return torch.sigmoid(away * (PIXELS / 2) / (SOFT / 2))[:, None]


def _extents(silhouettes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the centre of each product, N x 2 (x, y), and half its smaller extent, N."""
    side = silhouettes.shape[3]
    found = []
    for axis in (2, 3):
        marks = (silhouettes.amax(dim=axis)[:, 0] > 0.5).float()  # N x S
        ends = torch.stack([marks.argmax(dim=1), side - marks.flip(1).argmax(dim=1)], dim=1)
        found.append(ends * (2 / side) - 1)
    ends = torch.stack(found, dim=2)  # N x 2 (first, last) x 2 (x, y)
    return ends.mean(dim=1), ((ends[:, 1] - ends[:, 0]) / 2).amin(dim=1)


def _visible(outer: Tensor, inner: Tensor) -> Tensor:
    """Return how much a seam would be seen at each pixel, N x 1 x S x S."""
    differs = (outer - inner).square().mean(dim=1, keepdim=True)
    return differs / (1 + (_gradient(outer) + _gradient(inner)) / EDGES)


def _gradient(images: Tensor) -> Tensor:
    """Return the length of the gradient of each image's grey values, N x 1 x S x S."""
    grey = F.pad(images.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = (grey[..., 1:-1, 2:] - grey[..., 1:-1, :-2]) / 2
    down = (grey[..., 2:, 1:-1] - grey[..., :-2, 1:-1]) / 2
    return torch.hypot(across, down) * (images.shape[3] / PIXELS)


def _closed_path(cost: Tensor) -> Tensor:
    """Return the radius of the cheapest closed path at each angle, int N x ANGLES.

    Dynamic programming once for each radius at which the path may start and must end.
    """
    radii = cost.shape[2]
    starts = torch.eye(radii, device=cost.device, dtype=torch.bool)
    total = torch.where(starts, cost[:, 0, None], torch.inf)  # N x starts x RADII
    moves = []
    for angle in range(1, cost.shape[1] + 1):
        padded = F.pad(total, (STEEP, STEEP), value=torch.inf).unfold(2, 2 * STEEP + 1, 1)
        best, move = padded.min(dim=3)
        moves.append((move - STEEP).to(torch.int8))  # there are many
        total = best + (cost[:, angle, None] if angle < cost.shape[1] else 0)
    start = total.diagonal(dim1=1, dim2=2).argmin(dim=1)
    images = torch.arange(len(cost), device=cost.device)
    path, at = [], start
    for move in reversed(moves):
        at = at + move[images, start, at]
        path.append(at)
    return torch.stack(path[::-1], dim=1)
