"""One picture of a product, as the settings say, becomes one square image."""

import numpy as np
from PIL import Image, ImageColor

from bestseller.images.align import (
    MAX_ENLARGEMENT,
    NOTHING,
    SEVERAL,
    SMALL,
    Product,
    Quarantine,
    align,
    check_box,
    place,
    scaled,
    working_size,
)
from bestseller.images.intake import flatten, open_picture
from bestseller.images.morphology import bounding_box, closed, filled, pieces
from bestseller.images.objects import parted
from bestseller.images.silhouette import FAINT_GAP, PIECE, SIDE
from bestseller.params import Images

SOLID = 64  # alpha of 255 from which on a pixel is the product's; soft shadows are below
SPECK_PIECE = 0.01  # a part of a cut-out smaller than this share of the largest is dirt
LOOP = 3.0  # times the links of a chain: all with what they enclose; the letters of a word less
WHOLE = 0.97  # share of the picture that is solid: its corners are rounded, nothing is cut out
EMPTY_RANGE = 3  # grey levels; all of a picture within so few shows nothing
NOT_CUT_OUT = "no transparent background"
EMPTY = "empty picture"


def take_in(data: bytes, settings: Images) -> np.ndarray:
    """Decode and align one photo: uint8 S x S x 3.

    Raises:
        Reject: the bytes are no sound picture, or do not show one whole product (Quarantine).
    """
    return np.asarray(frame(open_picture(data, draft=2 * SIDE), settings))


def frame(picture: Image.Image, settings: Images) -> Image.Image:
    """Bring a picture to the settings' size and place: RGB, square.

    With ``align: none`` the picture is the product to its edges. Otherwise the product is found:
    by the alpha channel where it cuts one out (``alpha``; ``auto`` where there is one), else by
    its edges on a plain background (``product``).

    Args:
        picture: RGB or RGBA.
        settings: the images section of params.yaml.

    Raises:
        Reject: the picture is wholly transparent.
        Quarantine: it does not show one product, or too small.
    """
    matte = ImageColor.getrgb(settings.matte)[:3]
    opaque = flatten(picture, matte) if picture.mode == "RGBA" else picture
    if settings.align == "none":
        return _whole(opaque, settings.size, settings.fit, matte)
    pairs = settings.several == "take"
    if settings.align in ("alpha", "auto"):
        mask = cut_out(picture)
        if mask is not None:
            box = _box(picture, mask, settings.max_aspect, pairs)
            return place(opaque, Product(box, matte), settings.size, settings.fill)
        if settings.align == "alpha":
            raise Quarantine(NOT_CUT_OUT)
    if picture.mode == "RGBA":
        opaque = flatten(picture)
    return align(opaque, settings.size, settings.fill, settings.max_aspect, pairs)


def cut_out(picture: Image.Image) -> np.ndarray | None:
    """Return what a picture's alpha channel cuts out: bool H x W, its longer side 320 pixels.

    None where there is no alpha channel, or nothing but the corners is transparent.
    """
    if picture.mode != "RGBA":
        return None
    alpha = picture.getchannel("A").resize(working_size(picture), Image.Resampling.BOX)
    solid = np.asarray(alpha) >= SOLID
    return None if solid.mean() > WHOLE else pieces(solid, SPECK_PIECE)[0]


def _box(
    picture: Image.Image, mask: np.ndarray, max_aspect: float, pairs: bool
) -> tuple[float, float, float, float]:
    """Return the box of a cut-out in pixels of the picture; refuse what is not one product."""
    if not mask.any():
        raise Quarantine(NOTHING)
    if not pairs and _is_parted(picture, mask):
        raise Quarantine(SEVERAL)
    box = scaled(bounding_box(mask, halo=0), mask, picture)
    check_box(box, picture, max_aspect)
    return box


def _is_parted(picture: Image.Image, mask: np.ndarray) -> bool:
    """Tell whether a cut-out is of several objects; the links of a chain are one."""
    whole = filled(mask)
    if pieces(whole, PIECE)[1] == 1:
        return False
    small = np.asarray(flatten(picture.resize(working_size(picture), Image.Resampling.BOX)))
    if not parted(whole, small):
        return False
    lines = closed(mask, FAINT_GAP)
    loop = filled(lines)
    return int(loop.sum()) < LOOP * int(lines.sum()) or parted(loop, small)


def _whole(picture: Image.Image, size: int, fit: str, matte: tuple[int, ...]) -> Image.Image:
    """Fit a whole RGB picture into the square (`pad`), or cut its middle out (`crop`)."""
    if size > MAX_ENLARGEMENT * (max if fit == "pad" else min)(picture.size):
        raise Quarantine(SMALL)
    low, high = np.transpose(picture.getextrema())
    if (high - low).max() <= EMPTY_RANGE:
        raise Quarantine(EMPTY)
    if fit == "crop":
        side = min(picture.size)
        left, top = (picture.width - side) / 2, (picture.height - side) / 2
        window = (left, top, left + side, top + side)
        return picture.resize((size, size), Image.Resampling.LANCZOS, box=window)
    scale = size / max(picture.size)
    inside = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    canvas = Image.new("RGB", (size, size), matte)
    corner = (size - inside[0]) // 2, (size - inside[1]) // 2
    canvas.paste(picture.resize(inside, Image.Resampling.LANCZOS), corner)
    return canvas
