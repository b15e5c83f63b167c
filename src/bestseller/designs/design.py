"""A design: its image, its evidence, its name."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NEAREST = 5  # best sellers named with each design
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


@dataclass(frozen=True)
class Design:
    """A shortlisted design: its image, uint8 S x S x 3, and its evidence, see `evidence`."""

    image: np.ndarray
    record: dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """The designs, and a row per line that says how they were found.

    counts: line, models (names, joined by spaces), candidates; of these near_copies, abstained
    (unlike every product), held_back (below the floor of picture quality) and rejected (near a
    design that people rejected), all dropped;
    considered (passed to the choice), places (that the line may fill), chosen.
    """

    designs: list[Design]
    counts: pd.DataFrame


def design_id(model_hash: str, line: str, latent: np.ndarray) -> str:
    """Return the first 12 hex digits of SHA-256 over the model's hash, the line and the latent.

    Args:
        model_hash: hex digest of the weights.
        line: the product line.
        latent: float32 z_dim; hashed as little-endian bytes.
    """
    digest = hashlib.sha256()
    for part in (model_hash.encode(), line.encode(), latent.astype("<f4").tobytes()):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()[:12]
