"""Find the product in a shop photo and bring all products to the same size and place.

The product is what has sharp edges. A threshold on the gradient of the blurred photo gives
outlines; closed and filled they give the product's silhouette. Colour plays no part, which
keeps silver on white and white on grey; a top-hat filter of the gradient drops whatever is wider
than an edge, such as soft shadows, vignettes and studio gradients.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from bestseller.images.intake import Reject, border_pixels

# Lengths below are pixels of the photo at this longer side. The numbers were tuned on photos of
# 5,516 watches by many shops and hold for one product in front of a plain background.
SIDE = 320
BLUR = 1.0  # standard deviation
EDGE_WIDTH = 13  # anything wider is shading, not an edge
EDGE_MIN = 25.0  # Sobel magnitude over the three channels; a step of one grey level gives about 5
EDGE_SHARE = 0.08  # of the photo's strongest edges
NEAR, NEAR_SHARE = 25, 0.25  # the outline is this share of the strongest edge around it
GAP = 3  # half of the widest gap that is closed in an outline
SPECK = 3  # half the width of what is dropped as a line or a speck
HALO = 2  # how far blur and threshold push an outline outwards
PIECE = 0.08  # a part this large, as a share of the largest, belongs to the product

VALLEY = 0.7  # columns this much emptier than both sides part two objects
LOBE = 0.2  # such a side must be this high, as a share of the highest column
FULL_SIDE = 0.55  # share of a side of the frame on the product; a cut strap covers up to half
BORDER_STEP = 40  # grey levels from the border's colour that count as another colour
MOTLEY_BORDER = 0.24  # share of the remaining border in other colours: no plain background
MIN_BOX = 0.02  # share of the frame's area
MAX_ENLARGEMENT = 2.0


class Quarantine(Reject):
    """A sound picture that does not show one product, whole, on a plain background."""


@dataclass(frozen=True)
class Product:
    """Where the product is in a photo.

    Attributes:
        box: left, top, right, bottom in pixels of the photo, edges of the pixels' area.
        background: median colour of the frame's border beside the product, 8 bits a channel.
    """

    box: tuple[float, float, float, float]
    background: tuple[int, int, int]


def align(photo: Image.Image, size: int, fill: float, max_aspect: float) -> Image.Image:
    """Cut the product out as a square: centred, its longer side `fill` of the square's side.

    What the photo does not cover is filled with the background's colour.

    Args:
        photo: RGB.
        size: side of the result, pixels.
        fill: share of the side, in (0, 1].
        max_aspect: largest width of a product over its height.

    Raises:
        Quarantine: see `find_product`; or the product would be enlarged more than twice.
    """
    product = find_product(photo, max_aspect)
    left, top, right, bottom = product.box
    longest = max(right - left, bottom - top)
    if fill * size > MAX_ENLARGEMENT * longest:
        raise Quarantine("product too small")
    side = longest / fill
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    x1, y1 = int(np.ceil(x + side)), int(np.ceil(y + side))
    canvas = Image.new("RGB", (x1 - x0, y1 - y0), product.background)
    canvas.paste(photo, (-x0, -y0))
    window = (x - x0, y - y0, x - x0 + side, y - y0 + side)
    return canvas.resize((size, size), Image.Resampling.LANCZOS, box=window)


def find_product(photo: Image.Image, max_aspect: float) -> Product:
    """Find the one product of an RGB photo.

    Raises:
        Quarantine: the photo has no product, several side by side, one cut by the frame or on a
            scene instead of a background, one that is tiny, or one wider than `max_aspect`.
    """
    scale = SIDE / max(photo.size)
    shape = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    small = photo.resize(shape, Image.Resampling.BICUBIC, reducing_gap=2.0)
    pixels = np.asarray(small, dtype=np.float32)
    mask, outline = silhouette(pixels)
    left, top, right, bottom = _box(outline)

    if max(side.mean() for side in _sides(mask)) > FULL_SIDE:
        raise Quarantine("fills the frame")
    border = border_pixels(np.dstack([pixels, mask]))
    beside = border[border[:, 3] == 0, :3]
    background = np.median(beside, axis=0)
    if (np.abs(beside - background).max(axis=1) > BORDER_STEP).mean() > MOTLEY_BORDER:
        raise Quarantine("no plain background")
    if _side_by_side(mask):
        raise Quarantine("several objects")
    if (right - left) > max_aspect * (bottom - top):
        raise Quarantine("too wide")
    if (right - left) * (bottom - top) < MIN_BOX * mask.size:
        raise Quarantine("product too small")
    x, y = photo.width / shape[0], photo.height / shape[1]
    red, green, blue = (int(value) for value in background)
    return Product((left * x, top * y, right * x, bottom * y), (red, green, blue))


def silhouette(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mask the product's pieces, at least `PIECE` of the largest, in float32 H x W x 3, 0 to 255.

    Returns:
        Two masks, bool H x W, all False where nothing has an edge: the filled pieces, and the
        part of them that has edges strong for their surroundings. The second ends where the
        product ends; the first may reach into compression noise around it.
    """
    blurred = ndimage.gaussian_filter(pixels, (BLUR, BLUR, 0))
    gradient = np.sqrt((_sobel(blurred, 0) ** 2 + _sobel(blurred, 1) ** 2).sum(axis=2))
    edges = gradient - ndimage.grey_opening(gradient, (EDGE_WIDTH, EDGE_WIDTH))
    outline = edges >= NEAR_SHARE * ndimage.maximum_filter(edges, NEAR)
    mask = edges > max(EDGE_MIN, EDGE_SHARE * float(np.percentile(edges, 99.5)))
    mask = ndimage.binary_closing(np.pad(mask, GAP), iterations=GAP)[GAP:-GAP, GAP:-GAP]
    for side in _sides(mask):  # close what the frame cuts open
        on = np.flatnonzero(side)
        if len(on):
            side[on[0] : on[-1] + 1] = True
    mask = ndimage.binary_fill_holes(mask)
    mask = np.pad(mask, SPECK, mode="edge")
    mask = ndimage.binary_opening(mask, iterations=SPECK)[SPECK:-SPECK, SPECK:-SPECK]
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask, mask
    areas = np.bincount(labels.ravel())
    areas[0] = 0  # the background
    mask &= (areas >= PIECE * areas.max())[labels]
    return mask, mask & outline


def _sobel(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Sobel derivative along rows (0) or columns (1), each channel for itself."""
    smooth = ndimage.correlate1d(pixels, [1.0, 2.0, 1.0], axis=1 - axis)
    return ndimage.correlate1d(smooth, [-1.0, 0.0, 1.0], axis=axis)


def _sides(mask: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the first and last row and column, as views."""
    return mask[0], mask[-1], mask[:, 0], mask[:, -1]


def _box(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Bounding box of the mask, less the halo except where it touches the frame."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        raise Quarantine("no product")

    def extent(on: np.ndarray, length: int) -> tuple[float, float]:
        first, last = int(on[0]), int(on[-1]) + 1
        return first + HALO if first > 0 else 0, last - HALO if last < length else length

    (top, bottom), (left, right) = extent(rows, mask.shape[0]), extent(columns, mask.shape[1])
    return left, top, right, bottom


def _side_by_side(mask: np.ndarray) -> bool:
    """Tell whether the columns of a mask have a deep valley between two high parts."""
    profile = ndimage.uniform_filter1d(mask.sum(axis=0, dtype=np.float64), 9, mode="constant")
    before = np.maximum.accumulate(profile)
    after = np.maximum.accumulate(profile[::-1])[::-1]
    lower = np.minimum(before, after)
    valley = (lower >= LOBE * profile.max()) & (profile < VALLEY * lower)
    return bool(valley.any())
