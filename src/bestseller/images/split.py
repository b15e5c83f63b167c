"""The split into train, validation and test by design; new designs hardly change it."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from bestseller.images.store import ImageSet

TRAIN, VALIDATION, TEST = "train", "validation", "test"


def draw(seed: int, name: str) -> int:
    """Return a 64-bit integer that looks random and depends on `seed` and `name` alone."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def split_designs(index: pd.DataFrame, parts: Sequence[int], seed: int) -> np.ndarray:
    """Assign each image to train, validation or test; a cluster is never divided.

    Within a line the clusters are ordered by a hash of the seed and the cluster's smallest sku,
    and cut in the proportion of `parts`, so that one new design moves at most two others. A
    cluster with images of several lines counts for the one with the fewest clusters. The first
    cluster of a line trains, the second tests, the third validates: a line of one design is
    learnt but cannot be tested.

    Args:
        index: columns sku, line, cluster.
        parts: proportions of train, validation and test, positive.
        seed: of the hash.

    Returns:
        str N, in the order of `index`.
    """
    clusters_of_line = index.groupby("line")["cluster"].nunique()
    ranked = index.assign(size=index["line"].map(clusters_of_line)).sort_values(["size", "line"])
    designs = ranked.groupby("cluster").agg(line=("line", "first"), sku=("sku", "min"))
    designs["draw"] = [draw(seed, sku) for sku in designs["sku"]]
    part: dict[int, str] = {}
    for _, line in designs.sort_values(["line", "draw"]).groupby("line"):
        train, test = _cuts(len(line), parts)
        for position, cluster in enumerate(line.index):
            part[cluster] = TRAIN if position < train else TEST if position < test else VALIDATION
    return index["cluster"].map(part).to_numpy(dtype=object).astype(str)


def _cuts(count: int, parts: Sequence[int]) -> tuple[int, int]:
    """Return where training ends and where testing ends in an order of `count` clusters.

    Rounding the cumulated proportions moves each cut by at most one when `count` grows by one.
    """
    train, validation, test = parts
    whole = train + validation + test
    first = (2 * count * train + whole) // (2 * whole)
    second = (2 * count * (train + test) + whole) // (2 * whole)
    first = max(1, min(first, count - 2))
    second = max(first + 1, min(second, count - 1))
    return first, second


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return the images that generators learn from (train, validation), and the held-out ones."""
    held_out = (images.index["split"] == TEST).to_numpy()
    return images.select(~held_out), images.select(held_out)
