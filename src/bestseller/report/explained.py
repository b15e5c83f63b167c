"""What explains a design, for people: where its score comes from, and its looks in words."""

from typing import Any

import numpy as np
from PIL import Image

from bestseller.designs.design import Design
from bestseller.designs.export import XMP
from bestseller.report.pictures import encode_array
from bestseller.report.words import joined

ADDS, TAKES = (0.05, 0.45, 0.34), (0.78, 0.32, 0.05)  # RGB of what raises and lowers the score
STRONGEST = 0.75  # opacity of the part that counts most
SUBJECTS = {
    "line": "its line's average product",
    "best_sellers": "the best sellers most like it",
}


def explained(design: Design) -> dict[str, Any]:
    """Return what a card shows beside the evidence.

    Returns:
        heat: data URI of the design in grey under its occlusion map, ``heat_alt`` in words; looks:
        a sentence for each comparison.
    """
    parts = np.array(design.record["occlusion"], np.float64)
    return {
        "heat": encode_array(heat(design.image, parts), XMP),
        "heat_alt": _where(parts),
        "looks": [
            f"Against {subject}: {joined([part['word'] for part in found])}."
            for key, subject in SUBJECTS.items()
            if (found := design.record["departs"][key])
        ],
    }


def heat(image: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Lay an occlusion map over an image: green where it raises the score, red where it lowers it.

    Args:
        image: uint8 S x S x 3.
        parts: k x k, above 0 = raises the score.

    Returns:
        uint8 S x S x 3.
    """
    side = len(image)
    largest = float(np.abs(parts).max()) or 1.0
    sheet = Image.fromarray((parts / largest).astype(np.float32))
    value = np.asarray(sheet.resize((side, side), Image.Resampling.BICUBIC))[..., None]
    grey = np.repeat(image.mean(axis=2, keepdims=True) / 255, 3, axis=2)
    opacity = STRONGEST * np.clip(np.abs(value), 0, 1)
    mixed = (1 - opacity) * grey + opacity * np.where(value > 0, ADDS, TAKES)
    return np.asarray(np.clip(np.rint(255 * mixed), 0, 255).astype(np.uint8))


def _where(parts: np.ndarray) -> str:
    """Say where the part is that raises the score most, and the one that lowers it most."""
    told = []
    for sign, verb in ((1, "raises"), (-1, "lowers")):
        row, column = np.unravel_index(int((sign * parts).argmax()), parts.shape)
        if sign * parts[row, column] > 0:
            place = _place(float(row), float(column), len(parts))
            told.append(f"what is {place} {verb} the expected sales most")
    return joined(told) if told else "no part changes the expected sales"


def _place(row: float, column: float, cells: int) -> str:
    third = 3 / cells
    down = ("at the top", "in the middle", "at the bottom")[int((row + 0.5) * third)]
    across = ("left", "", "right")[int((column + 0.5) * third)]
    return f"{down} {across}".strip()
