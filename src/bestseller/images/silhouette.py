"""Finds the product in a photo by its edges: two masks, and the background beside it.

The product is what has sharp edges. A threshold on the gradient of the blurred photo gives
outlines; closed and filled they give the product's silhouette. Colour plays no part, which
keeps silver on white and white on grey; a top-hat filter of the gradient drops whatever is wider
than an edge, such as soft shadows, vignettes and studio gradients.

Faint edges show pale parts, such as white cotton on white. They count from what the ground's own
noise leaves, where they are sharper than a shadow and stronger than the rings that compression
makes around strong ones.
"""

from typing import NamedTuple

import cv2
import numpy as np

from bestseller.images.intake import border_pixels
from bestseller.images.morphology import closed, filled, grown, opened, pieces

# Lengths below are pixels of the photo at this longer side. The numbers were tuned on photos of
# 5,516 watches by many shops and hold for one product in front of a plain background.
SIDE = 320
BLUR = cv2.getGaussianKernel(9, 1.0)  # standard deviation 1
EDGE_WIDTH = 13  # anything wider is shading, not an edge
EDGE_MIN = 25.0  # Sobel magnitude over the three channels; a step of one grey level gives about 5
FAINT_MIN = 9.0  # the same for faint edges on a ground without noise
NOISE_SHARE, NOISE_TIMES = 0.75, 2.2  # faint edges surpass so many times this share's strength
SHARP = 0.7  # share of a faint edge's gradient that is no wider than an edge; shadows have less
EDGE_TOP = 0.005  # share of the pixels that counts as the photo's strongest edges
EDGE_SHARE = 0.08  # of the photo's strongest edges
FAINT_SHARE = 0.05  # of the strongest edge around a faint one; compression makes rings below it
NEAR, NEAR_SHARE = 25, 0.25  # the outline is this share of the strongest edge around it
GAP = 3  # half of the widest gap that is closed in an outline
FAINT_GAP, WIDE_GAP = 6, 8  # the same for faint and strong edges that seem to be several objects'
SPECK = 3  # half the width of what is dropped as a line or a speck
PIECE = 0.08  # a part this large, as a share of the largest, belongs to the product
MARGIN = 12  # width of the ground that is added around a photo whose product touches the frame
CLEAR = 2  # pixels beside a mask that may still be the product's
LIGHT = 200  # grey level of each channel from which on a colour is light
LIGHT_STEP = 20  # grey levels from such a ground's colour that belong to it
LIGHT_SHARE = 0.05  # of the border
FREE = 0.03  # share of a side that must be ground for the side to tell the ground's colours
MIRRORED = cv2.BORDER_REFLECT  # the picture beyond its frame


class Edges(NamedTuple):
    """The edges of a photo.

    Attributes:
        strength: Sobel magnitude over the three channels, float32 H x W.
        outline: which are strong for their surroundings, bool H x W.
        least: strength from which on a faint edge is no shadow's and no ring, float32 H x W.
        strongest: the strength that `EDGE_TOP` of the pixels surpass, or less where it is so small
            that `EDGE_MIN` is the larger for every share.
        noise: the strength that `NOISE_SHARE` of the frame's border stays below.
    """

    strength: np.ndarray
    outline: np.ndarray
    least: np.ndarray
    strongest: float
    noise: float

    def strong(self) -> np.ndarray:
        """Return which are stronger than `EDGE_SHARE` of the strongest, bool H x W."""
        return self.strength > max(EDGE_MIN, EDGE_SHARE * self.strongest)

    def faint(self) -> np.ndarray:
        """Return which are sharp and stronger than the ground's noise, bool H x W."""
        floor = min(max(FAINT_MIN, NOISE_TIMES * self.noise), EDGE_MIN)
        return self.strength > np.maximum(self.least, np.float32(floor))


def find_edges(pixels: np.ndarray) -> Edges:
    """Find the edges of a photo, uint8 or float32 H x W x 3, 0 to 255, its longer side `SIDE`."""
    blurred = cv2.sepFilter2D(pixels, cv2.CV_32F, BLUR, BLUR, borderType=MIRRORED)
    across = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, borderType=MIRRORED)
    down = cv2.Sobel(blurred, cv2.CV_32F, 0, 1, borderType=MIRRORED)
    np.multiply(across, across, out=across)
    np.multiply(down, down, out=down)
    squares = cv2.transform(cv2.add(across, down, dst=across), np.ones((1, 3)))
    gradient = cv2.sqrt(squares, dst=squares)
    wide = np.ones((EDGE_WIDTH, EDGE_WIDTH), dtype=np.uint8)
    strength = gradient - cv2.morphologyEx(gradient, cv2.MORPH_OPEN, wide)
    around = cv2.dilate(strength, np.ones((NEAR, NEAR), dtype=np.uint8))
    border = border_pixels(strength[..., None])[:, 0]
    rank = int(NOISE_SHARE * (len(border) - 1))
    noise = float(np.partition(border, rank)[rank])
    outline = strength >= NEAR_SHARE * around
    np.multiply(gradient, SHARP, out=gradient)
    np.multiply(around, FAINT_SHARE, out=around)
    return Edges(strength, outline, cv2.max(gradient, around), _strongest(strength), noise)


def _strongest(strength: np.ndarray) -> float:
    """Return ``np.percentile(strength, 100 * (1 - EDGE_TOP))``, or 0 where `EDGE_SHARE` of it is
    below `EDGE_MIN`; so only the few strong edges are sorted."""
    high = strength[strength >= EDGE_MIN / EDGE_SHARE]
    place = (1 - EDGE_TOP) * (strength.size - 1) - (strength.size - high.size)
    if place < 0:
        return 0.0
    lower = int(place)
    upper = min(lower + 1, high.size - 1)
    high.partition((lower, upper))
    return float(high[lower] + (place - lower) * (high[upper] - high[lower]))


def silhouette(
    edges: Edges, faint: bool, cut: bool = True, gap: int = GAP
) -> tuple[np.ndarray, np.ndarray]:
    """Mask the product's pieces, at least `PIECE` of the largest.

    Args:
        edges: of the photo.
        faint: whether faint edges count, or only strong ones.
        cut: whether the frame may cut the product open.
        gap: half of the widest gap that is closed in an outline.

    Returns:
        Two masks, bool H x W, all False where nothing has an edge: the filled pieces, and the
        part of them that has edges strong for their surroundings. The second ends where the
        product ends; the first may reach into compression noise around it.
    """
    mask, _ = pieces(shapes(edges.faint() if faint else edges.strong(), cut, gap), PIECE)
    return mask, mask & edges.outline


def shapes(strong: np.ndarray, cut: bool = True, gap: int = GAP) -> np.ndarray:
    """Close and fill the outlines that edges, bool H x W, draw; `silhouette` keeps the large."""
    mask = closed(strong, gap)
    for side in sides(mask) if cut else ():  # close what the frame cuts open
        on = np.flatnonzero(side)
        if len(on):
            side[on[0] : on[-1] + 1] = True
    return opened(filled(mask), SPECK)


def framed_silhouette(
    pixels: np.ndarray,
    edges: Edges,
    faint: bool = False,
    ground: np.ndarray | None = None,
    gap: int = GAP,
) -> tuple[np.ndarray, np.ndarray]:
    """Mask the product's pieces as `silhouette` does, whole where they touch the frame.

    An edge that lies on the frame shows only against ground beyond it. So where the product
    touches the frame, the photo gets a margin in which the ground goes on and the product ends.

    Args:
        pixels: the photo, its longer side `SIDE`.
        edges: of the photo.
        faint: as of `silhouette`.
        ground: its colour where it is known; what differs from it at the frame is the product.
        gap: as of `silhouette`.
    """
    if ground is None:
        mask, outline = silhouette(edges, faint, gap=gap)
        if not any(side.any() for side in sides(mask)):
            return mask, outline
        product = grown(mask, CLEAR)
    else:
        product = np.abs(pixels - ground).max(axis=2) > LIGHT_STEP
    free = border_pixels(pixels)[~border_pixels(product[..., None])[:, 0]]
    if len(free) == 0:  # then `ground` is None
        return mask, outline
    inside = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    wider = _with_margin(pixels, product, _commonest(free))
    widened = find_edges(wider)._replace(noise=edges.noise)  # the margin itself has none
    mask, outline = silhouette(widened, faint, cut=False, gap=gap)
    return mask[inside], outline[inside]


def light_ground(pixels: np.ndarray) -> np.ndarray | None:
    """Return the commonest light colour of the frame's border, if it is common enough to be even.

    It is what a product that covers most of the border leaves of a studio's white.

    Returns:
        Float32 of 3 channels; None where less than `LIGHT_SHARE` of the border has such a colour.
    """
    border = border_pixels(pixels)
    light = border[border.min(axis=1) >= LIGHT]
    if len(light) == 0:
        return None
    colour = _commonest(light)
    near = np.abs(border - colour).max(axis=1) <= LIGHT_STEP
    return colour if near.mean() >= LIGHT_SHARE else None


def _commonest(colours: np.ndarray) -> np.ndarray:
    """Return the median of the commonest of some colours, n x 3, told apart by 16 levels."""
    codes = (colours.astype(np.int64) // 16) @ np.array([256, 16, 1])
    commonest: np.ndarray = np.median(colours[codes == np.bincount(codes).argmax()], axis=0)
    return commonest


def _with_margin(pixels: np.ndarray, product: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Widen a photo by `MARGIN` of its ground on all sides; `common` is the ground's colour."""

    def ground(line: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Return the colours along a side, the product's replaced by those beside it."""
        at = np.flatnonzero(~taken)
        if len(at) < FREE * len(taken):
            return np.broadcast_to(common, line.shape)
        whole = np.arange(len(taken))
        return np.stack([np.interp(whole, at, channel[at]) for channel in line.T], axis=1)

    top, bottom = ground(pixels[0], product[0]), ground(pixels[-1], product[-1])
    left, right = ground(pixels[:, 0], product[:, 0]), ground(pixels[:, -1], product[:, -1])
    margin = (MARGIN, MARGIN)
    wider = np.pad(pixels.astype(np.float32), (margin, margin, (0, 0)), mode="edge")
    first, last, inside = slice(0, MARGIN), slice(-MARGIN, None), slice(MARGIN, -MARGIN)
    wider[first, inside], wider[last, inside] = top, bottom
    wider[inside, first], wider[inside, last] = left[:, None], right[:, None]
    wider[first, first], wider[first, last] = (top[0] + left[0]) / 2, (top[-1] + right[0]) / 2
    wider[last, first] = (bottom[0] + left[-1]) / 2
    wider[last, last] = (bottom[-1] + right[-1]) / 2
    return wider


def sides(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the first and last row and column, as views."""
    return mask[0], mask[-1], mask[:, 0], mask[:, -1]
