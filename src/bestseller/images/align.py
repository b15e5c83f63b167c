"""Find the product in a shop photo and bring all products to the same size and place."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from bestseller.images.intake import Reject, border_pixels
from bestseller.images.morphology import bounding_box, grown
from bestseller.images.objects import parted
from bestseller.images.pale import (
    HALO,
    fainter_silhouette,
    has_pale_part,
    is_reflection,
    joined,
)
from bestseller.images.silhouette import (
    CLEAR,
    EDGE_MIN,
    LIGHT,
    SIDE,
    Edges,
    find_edges,
    framed_silhouette,
    light_ground,
    sides,
)

FULL_SIDE = 0.55  # share of a side of the frame on the product; a cut strap covers up to half
FULL_BORDER = 0.85  # share of the whole border from which on the frame is full
UNEVEN_STEP = 12  # grey levels from the ground's colour that a studio's white stays within
UNEVEN = 0.1  # share of the ground at the border beyond that step, beside a side that is full
UNEVEN_TRUSTED = 0.03  # the same where the ground's colour is an assumption
TOUCHING, UNEVEN_TOUCHED = 0.15, 0.25  # the same for a border of which this share is covered
BESIDE = 0.2  # share of the two sides beside such clothes that may be covered all the same
SHADED_EDGES = 0.005  # share of the border beside the product with edges; shades have none
DARK_SHADE = 0.05  # share of it that is darker than a studio's shades
BORDER_STEP = 40  # grey levels from the border's colour that count as another colour
MOTLEY_BORDER = 0.24  # share of the remaining border in other colours: no plain background
MIN_BOX = 0.02  # share of the frame's area
MAX_ENLARGEMENT = 2.0
INSET_RIM = 6  # pixels at `SIDE`: the rim of a photo set into another, where its edge is blurred
INSET_STEP = 20  # grey levels between such a photo's ground and what it was set into
MIN_INSET = 100  # pixels at `SIDE`, its sides

FILLS, SEVERAL, WIDE = "fills the frame", "several objects", "too wide"
SMALL, NOTHING = "product too small", "no product"
MOTLEY = "no plain background"


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


def align(
    photo: Image.Image, size: int, fill: float, max_aspect: float = 0.0, pairs: bool = False
) -> Image.Image:
    """Cut the product out as a square: centred, its longer side `fill` of the square's side.

    What the photo does not cover is filled with the background's colour.

    Args:
        photo: RGB.
        size: side of the result, pixels.
        fill: share of the side, in (0, 1].
        max_aspect: largest width of a product over its height; 0 = any.
        pairs: whether several objects side by side are one product.

    Raises:
        Quarantine: see `find_product`; or the product would be enlarged more than twice.
    """
    return place(photo, find_product(photo, max_aspect, pairs), size, fill)


def place(photo: Image.Image, product: Product, size: int, fill: float) -> Image.Image:
    """Cut a product out of an RGB photo as `align` does.

    Raises:
        Quarantine: the product would be enlarged more than twice.
    """
    left, top, right, bottom = product.box
    longest = max(right - left, bottom - top)
    if fill * size > MAX_ENLARGEMENT * longest:
        raise Quarantine(SMALL)
    side = longest / fill
    x, y = (left + right - side) / 2, (top + bottom - side) / 2
    x0, y0 = int(np.floor(x)), int(np.floor(y))
    x1, y1 = int(np.ceil(x + side)), int(np.ceil(y + side))
    canvas = Image.new("RGB", (x1 - x0, y1 - y0), product.background)
    canvas.paste(photo, (-x0, -y0))
    window = (x - x0, y - y0, x - x0 + side, y - y0 + side)
    return canvas.resize((size, size), Image.Resampling.LANCZOS, box=window)


def find_product(
    photo: Image.Image, max_aspect: float = 0.0, pairs: bool = False, *, inset: bool = False
) -> Product:
    """Find the one product of an RGB photo; it may touch the frame, also nearly fill it.

    Raises:
        Quarantine: the photo has no product, several side by side, one on a scene instead of a
            background, one that is tiny, or one wider than `max_aspect`; or the product cannot
            be told from the frame because hardly any background is left.
    """
    # `inset` says that the photo was set into another one; that is looked for once.
    small = photo.resize(working_size(photo), Image.Resampling.BICUBIC, reducing_gap=2.0)
    pixels = np.asarray(small)
    try:
        mask, outline, background = _look(pixels, None, pairs)
    except Quarantine as refusal:  # or a product that covers so much that the rest seems to be it
        ground = light_ground(pixels)
        if ground is None:
            raise
        try:
            mask, outline, background = _look(pixels, ground, pairs)
        except Quarantine:
            raise refusal from None
    box = scaled(bounding_box(outline, HALO), mask, photo)
    if not inset and _is_inset(pixels, mask, background):
        left, top, right, bottom = (round(edge) for edge in box)
        inner = photo.crop((left, top, right, bottom))
        found = find_product(inner, max_aspect, pairs, inset=True)
        a, b, c, d = found.box
        return Product((left + a, top + b, left + c, top + d), found.background)
    check_box(box, photo, max_aspect)
    return Product(box, background)


def _is_inset(pixels: np.ndarray, mask: np.ndarray, background: tuple[int, int, int]) -> bool:
    """Tell whether a mask is a photo that was set into a frame of nearly the same colour.

    Shops pad photos on off-white with white. A product with as straight edges differs more.
    """
    left, top, right, bottom = bounding_box(mask, INSET_RIM)
    inner = mask[top:bottom, left:right]
    if min(inner.shape, default=0) < MIN_INSET or not inner.all():
        return False
    rim = border_pixels(pixels[top:bottom, left:right])
    steps = np.abs(rim - np.array(background)).max(axis=1)
    return bool(_share(steps, INSET_STEP) < UNEVEN)


def _look(
    pixels: np.ndarray, ground: np.ndarray | None, pairs: bool
) -> tuple[np.ndarray, np.ndarray, tuple[int, int, int]]:
    """Return the product's mask and outline, and the background's colour, or refuse the photo."""
    edges = find_edges(pixels)
    mask, outline = framed_silhouette(pixels, edges, ground=ground)
    if not outline.any():
        raise Quarantine(NOTHING)
    background = _background(pixels, edges, mask, ground)
    if not pairs and parted(mask, pixels):
        whole = joined(pixels, edges, mask, ground)
        if whole is None:
            raise Quarantine(SEVERAL)
        return *whole, _background(pixels, edges, whole[0], ground)
    fainter = fainter_silhouette(pixels, edges, outline, ground)
    if fainter is None:
        return mask, outline, background
    pale = has_pale_part(outline, fainter[1])
    if pale and is_reflection(pixels, outline, fainter[1], background):
        pale = False
    if pale and (pairs or not parted(fainter[0], pixels)):
        try:
            return *fainter, _background(pixels, edges, fainter[0], ground)
        except Quarantine:  # what was added is no part of the product
            pass
    return mask, outline, background


def working_size(photo: Image.Image) -> tuple[int, int]:
    """Return width and height of the photo at a longer side of `SIDE`."""
    scale = SIDE / max(photo.size)
    return max(1, round(photo.width * scale)), max(1, round(photo.height * scale))


def _background(
    pixels: np.ndarray, edges: Edges, mask: np.ndarray, ground: np.ndarray | None
) -> tuple[int, int, int]:
    """Return the colour of the ground at the frame; refuse a frame that shows no ground.

    What is left of the border must be even where its colour was taken for the ground's on trust.
    """
    border = border_pixels(pixels)
    beside = border[~border_pixels(mask[..., None])[:, 0]]
    if len(beside) < (1 - FULL_BORDER) * len(border):
        raise Quarantine(FILLS)
    background = np.median(beside, axis=0)
    steps = np.abs(beside.T - background[:, None]).max(axis=0)
    # A product may fill much of the frame before a studio's ground; in a scene both go together.
    uneven = _share(steps, UNEVEN_STEP)
    full = max(side.mean() for side in sides(mask)) > FULL_SIDE
    touching = len(beside) < (1 - TOUCHING) * len(border)
    limit = UNEVEN if full else UNEVEN_TOUCHED if touching else 1.0
    if uneven > (limit if ground is None else UNEVEN_TRUSTED) and not (
        ground is None and _is_shaded_light(edges, mask, background, steps)
    ):
        raise Quarantine(FILLS)
    if _share(steps, BORDER_STEP) > MOTLEY_BORDER:
        raise Quarantine(MOTLEY)
    red, green, blue = (int(value) for value in background)
    return red, green, blue


def _is_shaded_light(
    edges: Edges, mask: np.ndarray, background: np.ndarray, steps: np.ndarray
) -> bool:
    """Tell whether the border beside a mask is a light studio ground, uneven by soft shades alone.

    Clothes on a model, cut by the frame, fill two sides of it before such a ground and leave the
    other two free; scenes have edges at the frame.
    """
    if background.min() < LIGHT or _share(steps, BORDER_STEP) > DARK_SHADE:
        return False
    top, bottom, left, right = (side.mean() for side in sides(mask))
    if min(max(top, bottom), max(left, right)) > BESIDE:
        return False
    away = ~border_pixels(grown(mask, CLEAR + HALO)[..., None])[:, 0]
    return _share(border_pixels(edges.strength[..., None])[away, 0], EDGE_MIN) <= SHADED_EDGES


def _share(steps: np.ndarray, limit: float) -> float:
    return float((steps > limit).mean())


def scaled(
    box: tuple[int, int, int, int], mask: np.ndarray, photo: Image.Image
) -> tuple[float, float, float, float]:
    """Return a box of the mask in pixels of the photo."""
    x, y = photo.width / mask.shape[1], photo.height / mask.shape[0]
    return box[0] * x, box[1] * y, box[2] * x, box[3] * y


def check_box(
    box: tuple[float, float, float, float], photo: Image.Image, max_aspect: float
) -> None:
    """Refuse a product by its size.

    Raises:
        Quarantine: it is wider than `max_aspect`, or tiny.
    """
    width, height = box[2] - box[0], box[3] - box[1]
    if max_aspect and width > max_aspect * height:
        raise Quarantine(WIDE)
    if width * height < MIN_BOX * photo.width * photo.height:
        raise Quarantine(SMALL)
