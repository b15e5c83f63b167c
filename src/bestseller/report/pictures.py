"""Pictures inside the page: WebP data URIs, the only image source that its policy allows."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

WIDEST = 1600  # pixels; sample grids beyond it are scaled down
PHOTO_QUALITY, GRID_QUALITY = 92, 85  # WebP: about 2 kB for an image of 64 x 64


@dataclass(frozen=True)
class EmbeddedPicture:
    """An encoded picture: its data URI, its size in pixels, what it shows."""

    uri: str
    width: int
    height: int
    alt: str


def encode(image: Image.Image, quality: int = PHOTO_QUALITY, xmp: str = "") -> str:
    """Return a picture as a WebP data URI; `xmp` is embedded, such as the synthetic mark."""
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=quality, method=6, xmp=xmp.encode())
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def encode_array(image: np.ndarray, xmp: str = "") -> str:
    """Return a uint8 H x W x 3 image as a WebP data URI."""
    return encode(Image.fromarray(np.asarray(image)), PHOTO_QUALITY, xmp)


def figure(image: Image.Image, alt: str) -> EmbeddedPicture:
    """Return a large picture, scaled down to at most 1,600 pixels of width."""
    if image.width > WIDEST:
        height = max(1, round(image.height * WIDEST / image.width))
        image = image.convert("RGB").resize((WIDEST, height), Image.Resampling.LANCZOS)
    return EmbeddedPicture(encode(image, GRID_QUALITY), image.width, image.height, alt)
