"""Decodes the bytes of a file, which may be anything, into a picture, or says why it cannot.

What shops serve as images is hostile by accident or by intent: error pages named ``.jpg``,
decompression bombs, truncated downloads, print colours, pictures lying on their side. Content
types and file names are ignored; the first bytes choose the one decoder that is tried, and sizes
are checked in the header, before any pixel is decoded. A large photo is made smaller while it is
decoded, or right after, before its colours are converted.
"""

import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms, ImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import register_heif_opener

from bestseller.base.errors import out_of_means
from bestseller.catalogue.formats import MEND, image_format, refused_format
from bestseller.images.png import without_text

register_heif_opener()
DECODERS = {  # by the extension that the first bytes tell
    "avif": "AVIF",
    "bmp": "BMP",
    "gif": "GIF",
    "heic": "HEIF",
    "jp2": "JPEG2000",
    "jpg": "JPEG",
    "png": "PNG",
    "tif": "TIFF",
    "webp": "WEBP",
}
MAX_BYTES = 192 * 2**20
MAX_PIXELS = 64_000_000  # decoded whole: 256 MB in RGBA
MAX_SCALED_PIXELS = 160_000_000  # of a JPEG that is decoded line by line at a part of its size
ROOM = 4 * MAX_PIXELS  # bytes that the decoding of a photo may take
STRIP = 64  # rows of a 16-bit picture that are converted at a time
MIN_SIDE = 16  # pixels; beacons and icons are smaller
MIN_OPAQUE_BORDER = 0.1  # share of the border that must be opaque to tell the background's colour
WHITE = (255, 255, 255)
SRGB = ImageCms.createProfile("sRGB")
ORIENTATION = 0x0112  # EXIF tag
SUBFILE_TYPE, DNG_VERSION = 254, 50706  # TIFF tags
REDUCED = 1  # bit of the subfile type: a small version of another image in the file
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
MODES_16_BIT = ("I", "I;16", "I;16L", "I;16B", "I;16N")
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

    Transparent parts show the background that the opaque border suggests, else white. Arguments
    and errors are those of `open_picture`; a wholly transparent image is refused too.
    """
    picture = open_picture(data, draft=draft)
    return flatten(picture) if picture.mode == "RGBA" else picture


def open_picture(data: bytes, *, draft: int | None = None) -> Image.Image:
    """Decode an image file: upright, in sRGB; RGBA where it has transparency, else RGB.

    Args:
        data: the whole file.
        draft: pixels; a picture may be made smaller by a whole number as long as both sides stay
            at least as long, which saves most of the time and memory of a large one.

    Raises:
        Reject: more than `MAX_BYTES`, a format that is not read, more pixels than allowed, a
            side under 16 pixels, truncated or damaged.
    """
    if len(data) > MAX_BYTES:
        raise Reject("too many bytes")
    image, orientation, profile = _decode(data, draft)
    colours = _to_srgb(image, profile)
    upright = Image.new(colours.mode, colours.size)  # without the file's metadata
    upright.paste(colours)
    return upright.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else upright


def _decode(data: bytes, draft: int | None) -> tuple[Image.Image, int, bytes | None]:
    """Return the image in mode L, RGB, CMYK or RGBA, its EXIF orientation, its ICC profile."""
    extension = image_format(data)
    if extension is None:
        raise Reject(refused_format(data) or "not an image")
    if extension == "avif" and data[8:12] != b"avis":  # Pillow goes by the major brand alone
        data = data[:8] + b"avif" + data[12:]
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # a global that any library may have switched on
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata; what matters is an exception below
            image = Image.open(io.BytesIO(data), formats=(DECODERS[extension],))
            _check(image, draft)
            plain = _to_8_bit(_load(image, data, draft))
            factor = min(plain.size) // draft if draft else 1
            small = plain.reduce(factor) if factor > 1 else plain
            return small, _orientation(image), image.info.get("icc_profile")
    except Reject:
        raise
    except Image.DecompressionBombError as error:
        raise Reject("too many pixels") from error
    except Exception as error:  # a decoder may raise anything on hostile bytes
        if out_of_means(error) and _is_short_of_memory():
            raise
        bare = without_text(data) if extension == "png" else data
        if len(bare) < len(data):
            return _decode(bare, draft)
        raise Reject("damaged") from error


def _is_short_of_memory() -> bool:
    """Tell a machine without memory from a file that asks for more than any has."""
    try:
        bytearray(ROOM)
    except MemoryError:
        return True
    return False


def _check(image: Image.Image, draft: int | None) -> None:
    """Refuse an image by its header."""
    # A progressive JPEG is held whole before any part of it can be scaled.
    scaled = draft and image.format in ("JPEG", "MPO") and "progressive" not in image.info
    if image.width * image.height > (MAX_SCALED_PIXELS if scaled else MAX_PIXELS):
        raise Reject("too many pixels")
    if min(image.size) < MIN_SIDE:
        raise Reject("too small")
    if isinstance(image, TiffImageFile) and (
        DNG_VERSION in image.tag_v2 or image.tag_v2.get(SUBFILE_TYPE, 0) & REDUCED
    ):
        raise Reject(f"camera raw is not read: {MEND}")
    if image.mode not in (*MODES, *MODES_16_BIT):
        raise Reject(f"{image.format} in mode {image.mode} is not read: {MEND}")


def _load(image: Image.Image, data: bytes, draft: int | None) -> Image.Image:
    """Decode the pixels, at a part of the size where the format allows it."""
    if draft and image.format in ("JPEG", "MPO"):
        image.draft(None, (draft, draft))
    if isinstance(image, Jpeg2KImageFile):
        levels = (min(image.size) // draft).bit_length() - 1 if draft else 0
        try:
            image.reduce = max(levels, 0)
            image.load()
        except OSError:  # the file may have fewer resolutions
            image = Image.open(io.BytesIO(data), formats=("JPEG2000",))
        return image.copy()
    image.load()
    return image


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # broken metadata leaves a good picture as it is
        return 1


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Return the image in mode L, RGB, CMYK or RGBA; RGBA where it has any transparency."""
    if image.mode.startswith("I"):  # 16-bit grey
        values, clear = np.asarray(image), image.info.get("transparency")
        grey = _in_strips(values, lambda strip: strip.clip(0, 65535) >> 8)
        if clear is None:
            return grey
        alpha = _in_strips(values, lambda strip: np.where(strip == clear, 0, 255))
        return Image.merge("RGBA", (grey, grey, grey, alpha))
    if image.format == "BMP" and image.mode == "RGBA" and not image.getchannel("A").getbbox():
        return image.convert("RGB")  # many writers leave the fourth byte of a pixel empty
    if "A" in image.mode.upper() or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("L", "RGB", "CMYK"):
        return image
    return image.convert("RGB")


def _in_strips(values: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    """Return the image in mode L that `change` makes of values H x W, without large copies."""
    changed = np.empty(values.shape, dtype=np.uint8)
    for row in range(0, len(values), STRIP):
        changed[row : row + STRIP] = change(values[row : row + STRIP])
    return Image.fromarray(changed)


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


def flatten(image: Image.Image, colour: tuple[int, int, int] | None = None) -> Image.Image:
    """Put an RGBA image on a colour: mode RGB.

    Args:
        image: RGBA.
        colour: 8 bits a channel; None = what the opaque part of the border suggests, else white.

    Raises:
        Reject: the image is wholly transparent.
    """
    pixels = np.asarray(image)
    if not pixels[..., 3].any():
        raise Reject("wholly transparent")
    if colour is None:
        border = border_pixels(pixels)
        opaque = border[border[:, 3] >= 250, :3]
        known = len(opaque) >= MIN_OPAQUE_BORDER * len(border)
        red, green, blue = np.median(opaque, axis=0).astype(int) if known else WHITE
        colour = int(red), int(green), int(blue)
    canvas = Image.new("RGB", image.size, colour)
    canvas.paste(image, mask=image.getchannel("A"))
    return canvas


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
