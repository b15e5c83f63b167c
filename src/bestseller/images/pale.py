"""What strong edges leave out of a product: pale parts, and what joins pieces of its outline."""

import numpy as np

from bestseller.images.morphology import bounding_box, closed, pieces
from bestseller.images.objects import parted
from bestseller.images.silhouette import (
    FAINT_GAP,
    GAP,
    PIECE,
    WIDE_GAP,
    Edges,
    framed_silhouette,
    shapes,
    sides,
)

HALO = 2  # pixels at `SIDE`: how far blur and threshold push an outline outwards
PALE_PART = 500  # pixels at `SIDE`: what fainter edges add to a product's box; a shadow adds less
ENCLOSED = 1.5  # times what wider gaps close: with what it encloses; words enclose little
JOINED = 1.2  # times the silhouette by strong edges: faint ones that join its parts add as much
PALE_STEP = 6  # pixels at `SIDE` by which such a part makes the box longer
MIRRORED_ALIKE = 0.7  # cosine of a reflection and what it mirrors, as steps from the ground
MIRRORED_WEIGHT = 0.15  # of a reflection's squares, as a share of those of what it mirrors


def joined(
    pixels: np.ndarray, edges: Edges, mask: np.ndarray, ground: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Mask and outline a product whose mask by strong edges is parted because they have gaps.

    Fainter edges and wider gaps count if they add what would be inside one product.

    Returns:
        Both as `silhouette` returns them; None where the mask is of several objects.
    """
    for faint, gap in ((True, GAP), (True, FAINT_GAP), (False, WIDE_GAP)):
        whole = framed_silhouette(pixels, edges, faint, ground, gap)
        area = int(whole[0].sum())
        if area < JOINED * int(mask.sum()) or parted(whole[0], pixels):
            continue
        if gap == GAP:
            return whole
        lines = closed(edges.faint() if faint else edges.strong(), gap) & whole[0]
        everywhere = all(side.any() for side in sides(whole[0]))
        if not everywhere and area >= ENCLOSED * int(lines.sum()):
            return whole
    return None


def fainter_silhouette(
    pixels: np.ndarray, edges: Edges, outline: np.ndarray, ground: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Mask and outline a product by fainter edges too.

    Returns:
        As of `framed_silhouette`; None where it is told at less cost that `has_pale_part` is false.
    """
    left, top, right, bottom = bounding_box(outline, HALO)
    step = HALO + PALE_STEP - 1
    near = slice(max(0, top - step), bottom + step), slice(max(0, left - step), right + step)
    faint = edges.faint()
    if np.count_nonzero(faint) == np.count_nonzero(faint[near]):
        return None
    drawn = shapes(faint)
    if not has_pale_part(outline, drawn & edges.outline):
        return None
    mask, _ = pieces(drawn, PIECE)
    if ground is None and not any(side.any() for side in sides(mask)):
        return mask, mask & edges.outline
    return framed_silhouette(pixels, edges, True, ground)


def has_pale_part(outline: np.ndarray, fainter: np.ndarray) -> bool:
    """Tell whether fainter edges show a part of the product that the strong ones leave out, such
    as a white strap on white."""
    left, top, right, bottom = bounding_box(outline, HALO)
    a, b, c, d = bounding_box(fainter, HALO)
    added = fainter.copy()
    added[top:bottom, left:right] = False
    longer = max(left - a, top - b, c - right, d - bottom) >= PALE_STEP
    return longer and int(added.sum()) >= PALE_PART


def is_reflection(
    pixels: np.ndarray, outline: np.ndarray, fainter: np.ndarray, background: tuple[int, int, int]
) -> bool:
    """Tell whether fainter edges add nothing but the product's weak mirror image below it."""
    left, top, right, bottom = bounding_box(outline, HALO)
    a, b, c, low = bounding_box(fainter, HALO)
    rows = min(low - bottom, bottom - top)
    if rows < PALE_STEP or max(left - a, top - b, c - right) >= PALE_STEP:
        return False
    steps = pixels[bottom - rows : bottom + rows, left:right].astype(np.float32) - background
    above, below = steps[:rows][::-1], steps[rows:]
    weight, weaker = np.square(above).sum(), np.square(below).sum()
    alike = (above * below).sum() >= MIRRORED_ALIKE * np.sqrt(weight * weaker)
    return bool(alike and weaker <= MIRRORED_WEIGHT * weight)
