"""From the bytes of a file that may be anything to an RGB picture, or a reason why not.

What shops serve as images is hostile by accident or by intent: error pages named ``.jpg``,
decompression bombs, truncated downloads, print colours, pictures lying on their side. Content
types and file names are ignored; only five decoders are ever tried, and sizes are checked in the
header, before any pixel is decoded.
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageCms, ImageFile, UnidentifiedImageError

FORMATS = ("AVIF", "GIF", "JPEG", "PNG", "WEBP")
MAX_BYTES = 20 * 2**20
MAX_PIXELS = 40_000_000
MIN_SIDE = 16  # pixels; beacons and icons are smaller
MIN_OPAQUE_BORDER = 0.1  # share of the border that must be opaque to tell the background's colour
WHITE = (255, 255, 255)
SRGB = ImageCms.createProfile("sRGB")
ORIENTATION = 0x0112  # EXIF tag
UPRIGHT = {  # EXIF orientation: what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Reject(Exception):
    """An image that cannot be used; `reason` is a short fixed phrase, fit for counting."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def open_image(data: bytes, *, draft: int | None = None) -> Image.Image:
    """Decode an image file: mode RGB, upright, in sRGB, opaque, the first frame of an animation.

    Transparent parts show the background that the opaque border suggests, else white.

    Args:
        data: the whole file.
        draft: pixels; a JPEG larger than this on both sides may be decoded at 1/2, 1/4 or 1/8 of
            its size as long as both sides stay at least as long, which saves most of the time.

    Raises:
        Reject: more than 20 MiB, none of the five formats, more than 40 million pixels, a side
            under 16 pixels, truncated or damaged, or wholly transparent.
    """
    if len(data) > MAX_BYTES:
        raise Reject("too many bytes")
    image, orientation, profile = _decode(data, draft)
    upright = Image.new("RGB", image.size)  # without the file's metadata
    upright.paste(_opaque(_to_srgb(image, profile)))
    return upright.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else upright


def _decode(data: bytes, draft: int | None) -> tuple[Image.Image, int, bytes | None]:
    """Return the image in mode L, RGB, CMYK or RGBA, its EXIF orientation, its ICC profile."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # a global that any library may have switched on
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata; what matters is an exception below
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > MAX_PIXELS:
                raise Reject("too many pixels")
            if min(image.size) < MIN_SIDE:
                raise Reject("too small")
            if draft is not None and image.format in ("JPEG", "MPO"):
                image.draft(None, (draft, draft))
            image.load()
            return _to_8_bit(image), _orientation(image), image.info.get("icc_profile")
    except Reject:
        raise
    except Image.DecompressionBombError as error:
        raise Reject("too many pixels") from error
    except UnidentifiedImageError as error:
        raise Reject("not an image") from error
    except Exception as error:  # a decoder may raise anything on hostile bytes
        raise Reject("damaged") from error


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken metadata leaves a good picture as it is
        return 1


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Return the image in mode L, RGB, CMYK or RGBA; RGBA where it has any transparency."""
    if image.mode.startswith("I"):  # 16-bit grey
        values = np.asarray(image).astype(np.int64)
        grey = Image.fromarray(((values + 128) // 257).clip(0, 255).astype(np.uint8))
        clear = image.info.get("transparency")
        if clear is None:
            return grey
        alpha = Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))
        return Image.merge("RGBA", (grey, grey, grey, alpha))
    if "A" in image.mode.upper() or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert the colours to sRGB by the embedded profile, keeping alpha.

    Without a profile, or with one that is damaged or made for another mode, colours are taken as
    sRGB, as browsers do.
    """
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    colours = image.convert("RGB") if alpha else image
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(colours, source, SRGB, outputMode="RGB")
            colours = converted or colours
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass
    colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours


def _opaque(image: Image.Image) -> Image.Image:
    """Put an RGBA image on its background, estimated from the opaque part of its border."""
    if image.mode != "RGBA":
        return image
    pixels = np.asarray(image)
    if not pixels[..., 3].any():
        raise Reject("wholly transparent")
    border = border_pixels(pixels)
    opaque = border[border[:, 3] >= 250, :3]
    known = len(opaque) >= MIN_OPAQUE_BORDER * len(border)
    colour = tuple(int(value) for value in np.median(opaque, axis=0)) if known else WHITE
    canvas = Image.new("RGBA", image.size, (*colour, 255))
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


def border_pixels(pixels: np.ndarray, share: float = 0.01) -> np.ndarray:
    """Return the pixels of the frame's border, n x C, from an image H x W x C.

    Args:
        pixels: the image.
        share: width of the border as a share of the shorter side; at least one pixel.
    """
    height, width, channels = pixels.shape
    k = max(1, round(share * min(height, width)))
    rows = pixels[:k], pixels[-k:]
    columns = pixels[k:-k, :k], pixels[k:-k, -k:]
    return np.concatenate([part.reshape(-1, channels) for part in (*rows, *columns)])
