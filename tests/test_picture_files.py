"""A sound picture is read whatever else its file holds."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from bestseller.images.intake import Reject, open_picture
from bestseller.images.png import without_text
from test_intake import encode, picture

TITLE = b"XML:com.adobe.xmp\0"
MEGABYTES = zlib.compress(b" " * 3_000_000)  # more than Pillow unpacks
HEAD = 33  # bytes of the signature and the header


def chunk(name: bytes, data: bytes, add: int = 0) -> bytes:
    checksum = zlib.crc32(name + data) + add
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum % 2**32)


NOTES = {
    "a history that is packed": chunk(b"zTXt", TITLE + b"\0" + MEGABYTES),
    "an international one": chunk(b"iTXt", TITLE + b"\1\0\0\0" + MEGABYTES),
    "a wrong sum": chunk(b"tEXt", b"Author\0nobody", add=1),
}


@pytest.mark.parametrize("at_end", [False, True])
@pytest.mark.parametrize("name", NOTES)
def test_the_text_of_a_png_does_not_lose_the_picture(name: str, at_end: bool) -> None:
    data = encode(picture(), "PNG")
    place = len(data) - 12 if at_end else HEAD
    noted = data[:place] + NOTES[name] + data[place:]
    assert without_text(noted) == data
    np.testing.assert_array_equal(open_picture(noted), np.asarray(picture()))


def test_damage_in_a_png_with_text_is_told() -> None:
    data = encode(picture(), "PNG")
    noted = data[:HEAD] + NOTES["a wrong sum"] + data[HEAD:]
    inside = noted.index(b"IDAT") + 20
    flipped = noted[:inside] + bytes([noted[inside] ^ 255]) + noted[inside + 1 :]
    for damaged in (noted[:inside], flipped, noted[: HEAD + 9]):
        with pytest.raises(Reject, match="damaged"):
            open_picture(damaged)


def test_what_has_no_text_stays() -> None:
    data = encode(picture(), "PNG")
    for same in (data, data[:50], b"", encode(picture(), "JPEG")):
        assert without_text(same) == same


def bmp(alpha: int) -> bytes:
    """Encode 32 bits a pixel with a mask for alpha, which Pillow does not write."""
    pixels = np.asarray(picture())[::-1, :, ::-1]
    rows = np.dstack([pixels, np.full(pixels.shape[:2], alpha, np.uint8)]).tobytes()
    height, width = pixels.shape[:2]
    info = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    return b"BM" + struct.pack("<IHHI", 122 + len(rows), 0, 0, 122) + info + masks + rows


def test_an_empty_fourth_byte_of_a_bmp_is_not_transparency() -> None:
    np.testing.assert_array_equal(open_picture(bmp(0)), np.asarray(picture()))
    assert open_picture(bmp(128)).mode == "RGBA"
    assert open_picture(bmp(255)).convert("RGB").tobytes() == picture().tobytes()
    assert Image.open(io.BytesIO(bmp(0))).mode == "RGBA"
