"""What one request to a served model may ask for."""

from typing import Any

import numpy as np

from bestseller.base.errors import BestsellerError

MAX_ROWS = 256  # images of a request
MAX_BODY_MB = 64  # of base64 in a request; a proxy in front bounds what is read at all
MAX_SEED = 2**63 - 1  # what the signature's type holds


def check_rows(rows: int) -> None:
    """Refuse a request with too many rows.

    Raises:
        BestsellerError: more than `MAX_ROWS`.
    """
    if rows > MAX_ROWS:
        raise BestsellerError(f"{rows} rows: more than {MAX_ROWS}; ask in several requests")


def check_body(images: list[Any]) -> None:
    """Refuse images that are no text, or in all too large, before any is decoded.

    Raises:
        BestsellerError: a row is no text, or the rows hold more than `MAX_BODY_MB`.
    """
    for row, image in enumerate(images):
        if not isinstance(image, str):
            raise BestsellerError(f"row {row}: no image in base64 (no text)")
    if (size := sum(map(len, images))) > MAX_BODY_MB * 2**20:
        raise BestsellerError(
            f"{size / 2**20:.0f} MB of images: more than {MAX_BODY_MB}; ask in several requests"
        )


def checked_seed(row: int, seed: Any) -> int:
    """Return a row's seed as a whole number.

    Raises:
        BestsellerError: it is none from 0 to `MAX_SEED`.
    """
    try:
        number = int(seed)
        whole = number == float(seed) or number == seed
    except (TypeError, ValueError, OverflowError):
        number, whole = -1, False
    if not whole or not 0 <= number <= MAX_SEED:
        raise BestsellerError(f"row {row}: seed {seed!r}: no whole number from 0 to {MAX_SEED}")
    return number


def checked_truncation(value: Any) -> float:
    """Return the bound of the normal numbers, infinite where none is wanted.

    Args:
        value: a number above 0; 0 or None for none.

    Raises:
        BestsellerError: it is negative or no finite number.
    """
    try:
        number = float(0.0 if value is None else value)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not np.isfinite(number) or number < 0:
        raise BestsellerError(f"truncation {value!r}: no number of 0 or above")
    return number or np.inf
