"""Image formats, told by their first bytes: names and content types lie."""

import re

HEAD_BYTES = 512  # as many tell every format
MEND = "save it as JPEG or PNG"

_READ = (
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "jp2"),
    # What follows the file's size is reserved; then the size of one of the known headers.
    (re.compile(rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "bmp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "tif"),
)
_DRAWN = (  # instructions for drawing, not pixels
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|<!--|<!DOCTYPE svg|<svg)", re.IGNORECASE), "SVG"),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript"),
    (re.compile(rb"%PDF-"), "PDF"),
)
_OTHER = (
    (re.compile(rb"8BPS"), "Photoshop's PSD"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n"), "JPEG XL"),
    (re.compile(rb"II\*\0.{4}CR|.{4}ftypcrx", re.DOTALL), "camera raw"),
    (re.compile(rb"IIR[OS]|MMOR|IIU\0|FUJIFILMCCD-RAW"), "camera raw"),
    (re.compile(rb"\0\0[\x01\x02]\0[^\0]\0"), "ICO"),
    (re.compile(rb"\x76\x2f\x31\x01"), "OpenEXR"),
    (re.compile(rb"P[1-6]\s+(?:#|\d)|P7\n|P[fF]\n"), "PPM"),
    (re.compile(rb"II\xbc\x01"), "JPEG XR"),
    (re.compile(rb"gimp xcf "), "GIMP's XCF"),
    (re.compile(rb"DDS \x7c\0\0\0"), "DDS"),
    (re.compile(rb"icns.{4}[A-Za-z#0-9 ]{4}", re.DOTALL), "ICNS"),
    (re.compile(rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]"), "PCX"),
    (re.compile(rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]"), "SGI"),
    (re.compile(rb"qoif"), "QOI"),
)
# ISO/IEC 14496-12, 4.3: a file type box names a major brand and compatible ones. HEIF's own
# brands, such as mif1, leave the coding open: it is AV1 where another brand says so.
_AVIF = frozenset([b"avif", b"avis"])
_HEIF = frozenset(
    [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"]
)


def image_format(data: bytes) -> str | None:
    """Return the file extension of an image that is read, by its first bytes; None for others."""
    if brands := _brands(data):
        return "avif" if _AVIF & brands else "heic" if _HEIF & brands else None
    if any(magic.match(data) for magic, _ in _OTHER):
        return None
    return next((ext for magic, ext in _READ if magic.match(data)), None)


def refused_format(data: bytes) -> str | None:
    """Return why an image of a format that is not read is refused, and the mend.

    Args:
        data: at least the first `HEAD_BYTES` of the file.

    Returns:
        One phrase that names the format; None for what is read and for what is no image.
    """
    if image_format(data):
        return None
    if name := next((name for magic, name in _OTHER if magic.match(data)), None):
        return f"{name} is not read: {MEND}"
    for magic, name in _DRAWN:
        if magic.match(data) and (name != "SVG" or b"<svg" in data[:HEAD_BYTES]):
            return f"{name} is not an image of pixels: {MEND}"
    return None


def _brands(data: bytes) -> set[bytes]:
    """Return the brands of a file type box; empty where there is none."""
    if data[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(data[:4], "big"), HEAD_BYTES, len(data))
    return {data[8:12], *(data[at : at + 4] for at in range(16, size, 4))}
