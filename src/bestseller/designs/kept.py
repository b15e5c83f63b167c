"""What became of the designs that people kept: are they, or designs like them, in the list?"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from bestseller.designs.design import Design
from bestseller.designs.feedback import Feedback, sized
from bestseller.designs.verdicts import SUFFIX

SAME, LIKE, GONE = "same", "like", "gone"


def follow(
    feedback: Feedback,
    designs: Sequence[Design],
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    radius: float,
) -> list[dict[str, Any]]:
    """Say of each kept design what became of it, ready for JSON.

    Args:
        feedback: of earlier runs.
        designs: of this one.
        features: gives those of uint8 images N x S x S x 3.
        radius: two designs nearer than this are alike.

    Returns:
        Of each, by line and file: file, line, note, score (as it was then), now (``same``: the
        design itself is in the list; ``like``: one like it is; ``gone``: none is), design (id of
        that one, or empty), distance (to the nearest of this run's designs, null without one).
    """
    table = feedback.table[feedback.table["file"].isin(feedback.kept)]
    if table.empty:
        return []
    ids = [str(design.record["id"]) for design in designs]
    pictures = [feedback.kept[str(name)] for name in table["file"]]
    if designs:
        images = np.stack([design.image for design in designs])
        kept = features(sized(pictures, images.shape[1]))
        distances = cdist(kept, features(images))
    else:
        distances = np.full((len(table), 1), np.inf)
    found = []
    for row, near in zip(table.to_dict("records"), distances, strict=True):
        best = int(near.argmin())
        own = str(row["file"]).removesuffix(SUFFIX)
        now = SAME if own in ids else LIKE if near[best] < radius else GONE
        found.append(
            {key: row[key] for key in ("file", "line", "note", "score")}
            | {
                "now": now,
                "design": {SAME: own, LIKE: ids[best] if ids else "", GONE: ""}[now],
                "distance": round(float(near[best]), 6) if designs else None,
            }
        )
    return sorted(found, key=lambda row: (row["line"], row["file"]))
