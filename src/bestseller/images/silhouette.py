"""Finds the product in a photo by its edges: two masks, and the background beside it.

The product is what has sharp edges. A threshold on the gradient of the blurred photo gives
outlines; closed and filled they give the product's silhouette. Colour plays no part, which
keeps silver on white and white on grey; a top-hat filter of the gradient drops whatever is wider
than an edge, such as soft shadows, vignettes and studio gradients.
"""

import numpy as np
from scipy import ndimage

from bestseller.images.intake import border_pixels

# Lengths below are pixels of the photo at this longer side. The numbers were tuned on photos of
# 5,516 watches by many shops and hold for one product in front of a plain background.
SIDE = 320
BLUR = 1.0  # standard deviation
EDGE_WIDTH = 13  # anything wider is shading, not an edge
EDGE_MIN = 25.0  # Sobel magnitude over the three channels; a step of one grey level gives about 5
EDGE_SHARE = 0.08  # of the photo's strongest edges
FAINT_SHARE = 0.03  # the same where pale parts, such as cream leather on white, are looked for
NEAR, NEAR_SHARE = 25, 0.25  # the outline is this share of the strongest edge around it
GAP = 3  # half of the widest gap that is closed in an outline
SPECK = 3  # half the width of what is dropped as a line or a speck
PIECE = 0.08  # a part this large, as a share of the largest, belongs to the product
MARGIN = 12  # width of the ground that is added around a photo whose product touches the frame
CLEAR = 2  # pixels beside a mask that may still be the product's
LIGHT = 200  # grey level of each channel from which on a colour is light
LIGHT_STEP = 20  # grey levels from such a ground's colour that belong to it
LIGHT_SHARE = 0.05  # of the border
FREE = 0.03  # share of a side that must be ground for the side to tell the ground's colours


def find_edges(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the edges of a photo, float32 H x W x 3, 0 to 255, its longer side `SIDE`.

    Returns:
        Their strength, float32 H x W, and which are strong for their surroundings, bool H x W.
    """
    blurred = ndimage.gaussian_filter(pixels, (BLUR, BLUR, 0))
    gradient = np.sqrt((_sobel(blurred, 0) ** 2 + _sobel(blurred, 1) ** 2).sum(axis=2))
    edges = gradient - ndimage.grey_opening(gradient, (EDGE_WIDTH, EDGE_WIDTH))
    return edges, edges >= NEAR_SHARE * ndimage.maximum_filter(edges, NEAR)


def silhouette(
    edges: np.ndarray, outline: np.ndarray, share: float, cut: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Mask the product's pieces, at least `PIECE` of the largest.

    Args:
        edges, outline: as of `find_edges`.
        share: of the strongest edges, from which on an edge counts.
        cut: whether the frame may cut the product open.

    Returns:
        Two masks, bool H x W, all False where nothing has an edge: the filled pieces, and the
        part of them that has edges strong for their surroundings. The second ends where the
        product ends; the first may reach into compression noise around it.
    """
    mask = edges > max(EDGE_MIN, share * float(np.percentile(edges, 99.5)))
    mask = ndimage.binary_closing(np.pad(mask, GAP), iterations=GAP)[GAP:-GAP, GAP:-GAP]
    for side in sides(mask) if cut else ():  # close what the frame cuts open
        on = np.flatnonzero(side)
        if len(on):
            side[on[0] : on[-1] + 1] = True
    mask = ndimage.binary_fill_holes(mask)
    mask = np.pad(mask, SPECK, mode="edge")
    mask = ndimage.binary_opening(mask, iterations=SPECK)[SPECK:-SPECK, SPECK:-SPECK]
    mask = pieces(mask, PIECE)
    return mask, mask & outline


def pieces(mask: np.ndarray, share: float) -> np.ndarray:
    """Return the parts of a mask that are at least a share of its largest part."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    kept: np.ndarray = mask & (areas >= share * areas.max())[labels]
    return kept


def framed_silhouette(
    pixels: np.ndarray,
    edges: tuple[np.ndarray, np.ndarray],
    share: float = EDGE_SHARE,
    ground: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mask the product's pieces as `silhouette` does, whole where they touch the frame.

    An edge that lies on the frame shows only against ground beyond it. So where the product
    touches the frame, the photo gets a margin in which the ground goes on and the product ends.

    Args:
        pixels: the photo, its longer side `SIDE`.
        edges: of the photo, as of `find_edges`.
        share: as of `silhouette`.
        ground: its colour where it is known; what differs from it at the frame is the product.
    """
    if ground is None:
        mask, outline = silhouette(*edges, share)
        if not any(side.any() for side in sides(mask)):
            return mask, outline
        product = ndimage.binary_dilation(mask, iterations=CLEAR)
    else:
        product = np.abs(pixels - ground).max(axis=2) > LIGHT_STEP
    border = border_pixels(np.dstack([pixels, product]))
    free = border[border[:, 3] == 0, :3]
    if len(free) == 0:  # then `ground` is None
        return mask, outline
    inside = slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN)
    wider = _with_margin(pixels, product, _commonest(free))
    mask, outline = silhouette(*find_edges(wider), share, cut=False)
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
    wider = np.pad(pixels, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    first, last, inside = slice(0, MARGIN), slice(-MARGIN, None), slice(MARGIN, -MARGIN)
    wider[first, inside], wider[last, inside] = top, bottom
    wider[inside, first], wider[inside, last] = left[:, None], right[:, None]
    wider[first, first], wider[first, last] = (top[0] + left[0]) / 2, (top[-1] + right[0]) / 2
    wider[last, first] = (bottom[0] + left[-1]) / 2
    wider[last, last] = (bottom[-1] + right[-1]) / 2
    return wider


def _sobel(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Sobel derivative along rows (0) or columns (1), each channel for itself."""
    smooth = ndimage.correlate1d(pixels, [1.0, 2.0, 1.0], axis=1 - axis)
    return ndimage.correlate1d(smooth, [-1.0, 0.0, 1.0], axis=axis)


def sides(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the first and last row and column, as views."""
    return mask[0], mask[-1], mask[:, 0], mask[:, -1]
