"""Image formats, told by their first bytes: names and content types lie."""

import re

MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "avif"),
)
HEAD_BYTES = 12  # as many tell every format


def image_format(data: bytes) -> str | None:
    """Return the file extension of an image by its first bytes, None for anything else."""
    return next((ext for magic, ext in MAGIC if magic.match(data)), None)
