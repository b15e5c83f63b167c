"""Whatever a shop serves as an image becomes upright opaque sRGB, or is refused with a reason."""

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from bestseller.catalogue.formats import HEAD_BYTES, image_format, refused_format
from bestseller.images import intake
from bestseller.images.intake import Reject, open_image, open_picture
from conftest import REPOSITORY

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


FORMATS = {
    "AVIF": "avif",
    "BMP": "bmp",
    "GIF": "gif",
    "HEIF": "heic",
    "JPEG": "jpg",
    "JPEG2000": "jp2",
    "PNG": "png",
    "TIFF": "tif",
    "WEBP": "webp",
}


@pytest.mark.parametrize("format_name", FORMATS)
def test_every_format_is_told_and_decoded(format_name: str) -> None:
    data = encode(picture(), format_name)
    assert image_format(data[:HEAD_BYTES]) == FORMATS[format_name]
    assert refused_format(data[:HEAD_BYTES]) is None
    found = pixels(data).astype(int)
    # patches' centres, away from what lossy coding does at edges
    for x, y in ((15, 20), (40, 40), (52, 80)):
        assert np.abs(found[y, x] - picture().getpixel((x, y))).max() <= 8


@pytest.mark.parametrize("brand", [b"avif", b"mif1", b"msf1", b"miaf", b"MA1B"])
def test_avif_of_every_brand(brand: bytes) -> None:
    """Encoders may name a general brand first; the coding is among the compatible ones."""
    data = encode(picture(), "AVIF")
    assert b"avif" in data[16:32]
    pixels(data[:8] + brand + data[12:])


def test_the_first_picture_of_an_avif_sequence() -> None:
    others = [Image.new("RGB", (60, 90), colour) for colour in ("red", "lime")]
    data = encode(picture(), "AVIF", save_all=True, append_images=others)
    assert data[8:12] == b"avis"
    assert np.abs(pixels(data)[20, 15].astype(int) - (200, 30, 40)).max() <= 8


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_heic_of_every_brand(brand: bytes) -> None:
    data = encode(picture(), "HEIF")
    assert image_format(data[:8] + brand + data[12:]) == "heic"
    pixels(data[:8] + brand + data[12:])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
def test_studios_tiffs(mode: str, compression: str) -> None:
    if compression == "jpeg" and mode == "RGBA":
        pytest.skip("not a combination of the format")
    image = picture().convert(mode)
    found = pixels(encode(image, "TIFF", compression=compression)).astype(int)
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(found - expected)[[20, 40, 80], [15, 40, 52]].max() <= 8


def test_a_tiffs_orientation_is_undone() -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[6](np.asarray(picture()))))
    data = encode(stored, "TIFF", tiffinfo={0x0112: 6})
    np.testing.assert_array_equal(pixels(data), np.asarray(picture()))


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


def jpeg_header(width: int, height: int, frame: int) -> bytes:
    """A JPEG of three channels that ends behind its header; `frame` is the marker of its coding."""
    sizes = struct.pack(">BHHB", 8, height, width, 3) + bytes([1, 17, 0, 2, 17, 0, 3, 17, 0])
    return (
        b"\xff\xd8"
        + struct.pack(">BBH", 0xFF, frame, 2 + len(sizes))
        + sizes
        + b"\xff\xda\0\x0c"
        + bytes(10)
    )


REFUSED = {
    "an error page": (b"<!doctype html><h1>Please enable JavaScript</h1>", "not an image"),
    "a drawing": (b'<svg xmlns="http://www.w3.org/2000/svg"></svg>', "not an image"),
    "a PostScript program": (b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n", "not an image"),
    "a format outside the list": (encode(picture(), "TGA"), "not an image"),
    "nothing": (b"", "not an image"),
    "a beacon": (encode(Image.new("RGB", (1, 1)), "GIF"), "too small"),
    "half a JPEG": (encode(picture(), "JPEG")[:-200], "damaged"),
    "half a PNG": (encode(picture(), "PNG")[:-60], "damaged"),
    "a JPEG without its end": (encode(picture(), "JPEG")[:-2], "damaged"),
    "a bomb": (png(60000, 60000, 8, 2, b""), "too many pixels"),
    "a bomb that Pillow only warns of": (png(10000, 10000, 8, 2, b""), "too many pixels"),
    "more pixels than anyone needs": (png(8000, 8001, 8, 2, b""), "too many pixels"),
    "a progressive bomb": (jpeg_header(12000, 12000, 0xC2), "too many pixels"),
    "a JPEG bomb": (jpeg_header(60000, 60000, 0xC0), "too many pixels"),
    "nothing to see": (encode(Image.new("RGBA", (40, 40), (9, 9, 9, 0)), "PNG"), "transparent"),
}
NAMED = {
    "Photoshop's PSD": b"8BPS\0\1" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "camera raw": b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
    "ICO": b"\0\0\1\0\1\0" + bytes(40),
    "SVG": b'<?xml version="1.0"?>\n<!-- made by hand --><svg xmlns="x"></svg>',
    "PDF": b"%PDF-1.7\n" + bytes(40),
    "PostScript": b"%!PS-Adobe-3.0",
    "JPEG XR": b"II\xbc\x01" + bytes(40),
    "GIMP's XCF": b"gimp xcf v011\0" + bytes(40),
    "QOI": b"qoif" + bytes(40),
    **{name: encode(picture(), name) for name in ("PPM", "PCX", "SGI", "DDS", "ICNS")},
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_not_read_is_named_with_the_mend(name: str) -> None:
    reason = refused_format(NAMED[name])
    assert reason is not None
    assert reason.startswith(f"{name} is not ")
    assert reason.endswith(": save it as JPEG or PNG")
    assert image_format(NAMED[name]) is None
    with pytest.raises(Reject) as error:
        open_image(NAMED[name])
    assert error.value.reason == reason


@pytest.mark.parametrize("data", [b"", b"<!doctype html><html>", b"PK\3\4", b"BM" + bytes(30)])
def test_what_is_no_image_has_no_format(data: bytes) -> None:
    assert image_format(data) is None
    assert refused_format(data) is None


def test_a_raw_photo_in_a_tiff_is_named_and_not_taken_for_its_thumbnail() -> None:
    for tags in ({254: 1}, {50706: b"\1\4\0\0"}):
        data = encode(picture(), "TIFF", tiffinfo=tags)
        with pytest.raises(Reject, match="camera raw is not read: save it as JPEG or PNG"):
            open_image(data)


def test_too_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(picture(), "PNG")
    monkeypatch.setattr(intake, "MAX_BYTES", len(data) - 1)
    with pytest.raises(Reject, match="too many bytes"):
        open_image(data)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_reason(name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(Reject, match=reason):
        open_image(data)


@pytest.mark.parametrize("format_name", FORMATS)
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


STUDIO = """
import resource, sys
from bestseller.images.intake import open_picture
data, first = (open(name, "rb").read() for name in sys.argv[1:])
open_picture(first)
held = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = held()
print(open_picture(data, draft=640).size, (held() - before) // 1024)
"""


@pytest.mark.parametrize(
    ("format_name", "options", "size", "most_mb"),
    [
        ("JPEG", {}, (1024, 683), 40),
        ("JPEG", {"progressive": True}, (1024, 683), 190),
        ("PNG", {"compress_level": 1}, (1024, 683), 400),
    ],
)
def test_a_studio_photo_of_45_megapixels_is_scaled_while_decoding(
    format_name: str,
    options: dict[str, object],
    size: tuple[int, int],
    most_mb: int,
    tmp_path: Path,
) -> None:
    """Its 134 MB of pixels are never held where the format allows it."""
    small = Image.effect_mandelbrot((683, 512), (-2, -1.5, 1, 1.5), 50).convert("RGB")
    photo = small.resize((8192, 5464), Image.Resampling.NEAREST)
    (tmp_path / "photo").write_bytes(encode(photo, format_name, **options))
    (tmp_path / "first").write_bytes(encode(picture(), format_name))
    command = [sys.executable, "-c", STUDIO, "photo", "first"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    shape, mb = done.stdout.rsplit(" ", 1)
    assert shape == str(size)
    assert int(mb) <= most_mb


def test_a_cut_out_keeps_its_alpha_and_is_made_smaller_without_fringes() -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))  # black where nothing is seen
    image.paste((200, 30, 40, 255), (101, 101, 301, 301))
    found = open_picture(encode(image, "PNG"), draft=100)
    assert (found.mode, found.size) == ("RGBA", (100, 100))
    pixels_ = np.asarray(found)
    seen = pixels_[..., 3] > 0
    assert np.abs(pixels_[seen][:, :3].astype(int) - (200, 30, 40)).max() <= 8  # alpha in 8 bits
    assert 0 < pixels_[50, 25, 3] < 255
