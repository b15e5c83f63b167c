"""Whatever a shop serves as an image becomes upright opaque sRGB, or is refused with a reason."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from bestseller.images.intake import MAX_BYTES, Reject, open_image

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode(image: Image.Image, format_name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_name, **options)
    return file.getvalue()


def picture(size: tuple[int, int] = (60, 90)) -> Image.Image:
    """No two of its eight orientations look alike."""
    image = Image.new("RGB", size, (250, 250, 250))
    image.paste((200, 30, 40), (5, 10, 25, 30))
    image.paste((20, 60, 180), (35, 10, 45, 70))
    return image


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + checksum

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *((data[:4], data[4:]) for data in extra)]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return PNG_SIGNATURE + b"".join(chunk(*pair) for pair in chunks)


def pixels(data: bytes) -> np.ndarray:
    image = open_image(data)
    assert image.mode == "RGB"
    assert not image.getexif()
    return np.asarray(image)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_the_five_formats_are_decoded(format_name: str) -> None:
    found = pixels(encode(picture(), format_name)).astype(int)
    # patches' centres, away from what lossy coding does at edges
    for x, y in ((15, 20), (40, 40), (52, 80)):
        assert np.abs(found[y, x] - picture().getpixel((x, y))).max() <= 8


# How a camera stores an upright picture, after the EXIF standard's table of the first row's and
# first column's visual places.
STORED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_undone(orientation: int) -> None:
    upright = np.asarray(picture())
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](upright)))
    np.testing.assert_array_equal(pixels(encode(stored, "PNG", exif=exif)), upright)


def test_broken_exif_does_not_lose_the_picture() -> None:
    data = encode(picture(), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    np.testing.assert_array_equal(pixels(data), np.asarray(picture()))


def test_sixteen_bit_grey_keeps_its_scale() -> None:
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    found = pixels(encode(Image.fromarray(grey * 257), "PNG"))
    np.testing.assert_array_equal(found, np.repeat(grey[..., None], 3, axis=2))


def test_sixteen_bit_grey_with_a_transparent_value() -> None:
    rows = b"".join(b"\0" + struct.pack(">32H", *[7] * 8, *[257 * 90] * 24) for _ in range(32))
    found = pixels(png(32, 32, 16, 0, rows, b"tRNS" + struct.pack(">H", 7)))
    assert (found[:, 8:] == 90).all()
    assert (found[:, :8] == 90).all()  # the opaque border is all 90


def test_print_colours() -> None:
    inks = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    assert np.abs(pixels(encode(inks, "JPEG"))[16, 16] - np.array([0, 255, 255])).max() <= 2


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    """A profile that calls red what sRGB calls blue turns red into blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"bXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"????", b"bXYZ", 1)
    red = Image.new("RGB", (32, 32), (255, 0, 0))
    found = pixels(encode(red, "PNG", icc_profile=swapped))[0, 0].astype(int)
    assert np.abs(found - (0, 0, 255)).max() <= 4
    plain = pixels(encode(red, "PNG", icc_profile=profile))[0, 0].astype(int)
    assert np.abs(plain - (255, 0, 0)).max() <= 1
    np.testing.assert_array_equal(
        pixels(encode(picture(), "PNG", icc_profile=b"rubbish")), np.asarray(picture())
    )


def test_transparency_shows_the_colour_of_an_opaque_border() -> None:
    image = Image.new("RGBA", (60, 60), (200, 210, 220, 255))
    image.paste((9, 9, 9, 0), (20, 20, 40, 40))
    assert (pixels(encode(image, "PNG")) == (200, 210, 220)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_cut_out_product_stands_on_white(mode: str) -> None:
    image = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
    image.paste((80, 80, 80, 255), (20, 20, 40, 40))
    image.paste((0, 0, 0, 128), (40, 20, 45, 40))
    found = pixels(encode(image.convert(mode), "PNG")).astype(int)
    assert (found[0, 0] == 255).all()
    assert (found[30, 30] == 80).all()
    assert np.abs(found[30, 42] - 127).max() <= 1  # half of black over white


def test_a_transparent_palette_entry_and_a_transparent_colour() -> None:
    palette = picture().quantize(8)
    clear = palette.getpixel((0, 0))
    found = pixels(encode(palette, "PNG", transparency=clear))
    assert (found[0, 0] == 255).all()
    assert tuple(found[20, 15]) == (200, 30, 40)
    found = pixels(encode(picture(), "PNG", transparency=(250, 250, 250)))
    assert (found[0, 0] == 255).all()
    assert tuple(found[20, 15]) == (200, 30, 40)


@pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation(format_name: str) -> None:
    others = [Image.new("RGB", (60, 90), colour) for colour in ("red", "lime")]
    data = encode(picture(), format_name, save_all=True, append_images=others, lossless=True)
    np.testing.assert_array_equal(pixels(data), np.asarray(picture()))


REFUSED = {
    "an error page": (b"<!doctype html><h1>Please enable JavaScript</h1>", "not an image"),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "not an image"),
    "a PostScript program": (b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n", "not an image"),
    "a format outside the list": (encode(picture(), "TIFF"), "not an image"),
    "nothing": (b"", "not an image"),
    "a beacon": (encode(Image.new("RGB", (1, 1)), "GIF"), "too small"),
    "half a JPEG": (encode(picture(), "JPEG")[:-200], "damaged"),
    "half a PNG": (encode(picture(), "PNG")[:-60], "damaged"),
    "a JPEG without its end": (encode(picture(), "JPEG")[:-2], "damaged"),
    "a bomb": (png(60000, 60000, 8, 2, b""), "too many pixels"),
    "a bomb that Pillow only warns of": (png(10000, 10000, 8, 2, b""), "too many pixels"),
    "more pixels than anyone needs": (png(8000, 5001, 8, 2, b""), "too many pixels"),
    "nothing to see": (encode(Image.new("RGBA", (40, 40), (9, 9, 9, 0)), "PNG"), "transparent"),
    "too many bytes": (encode(picture(), "PNG") + bytes(MAX_BYTES), "too many bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(Reject, match=reason):
        open_image(data)


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_damage_anywhere_is_refused_or_survived(format_name: str) -> None:
    """Bytes overwritten and cut off at random never raise anything but Reject."""
    rng = np.random.default_rng(0)
    sound = encode(picture(), format_name)
    for _ in range(60):
        data = bytearray(sound)
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            image = open_image(bytes(data[: rng.integers(len(data) // 2, len(data) + 1)]))
        except Reject as reject:
            assert reject.reason
        else:
            assert image.mode == "RGB"


def test_a_draft_is_smaller_and_looks_the_same() -> None:
    rng = np.random.default_rng(0)
    smooth = Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8))
    data = encode(smooth.resize((2100, 1500), Image.Resampling.BICUBIC), "JPEG", quality=95)
    draft = open_image(data, draft=700)
    assert draft.size == (1050, 750)
    whole = open_image(data).resize(draft.size, Image.Resampling.BOX)
    difference = np.asarray(draft).astype(int) - np.asarray(whole)
    assert np.abs(difference).mean() < 1.5
