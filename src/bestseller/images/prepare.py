"""From original photos to one aligned image set: take in, align, cluster, split."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import pandas as pd

from bestseller.errors import BestsellerError
from bestseller.images.align import SIDE, Quarantine, align
from bestseller.images.duplicates import find_clusters, find_placeholders
from bestseller.images.intake import Reject, open_image
from bestseller.images.split import split_designs
from bestseller.images.store import ImageSet
from bestseller.params import Images
from bestseller.progress import track

PLACEHOLDER = "placeholder: other products show the same picture"


class Photo(NamedTuple):
    """An original photo of a product."""

    sku: str
    line: str
    category: str
    view: str
    sha256: str
    url: str


class Refused(NamedTuple):
    """A photo that is not used, and why."""

    sku: str
    url: str
    reason: str


@dataclass(frozen=True)
class Prepared:
    """What `prepare` makes.

    Attributes:
        images: the aligned images with their clusters and splits.
        refused: photos left out, in the order given.
        summary: flat counts and shares.
    """

    images: ImageSet
    refused: list[Refused]
    summary: dict[str, float]


def take_in(data: bytes, settings: Images) -> np.ndarray:
    """Decode and align one photo: uint8 S x S x 3.

    Raises:
        Reject: the bytes are no sound picture, or do not show one whole product (Quarantine).
    """
    photo = open_image(data, draft=2 * SIDE)
    return np.asarray(align(photo, settings.size, settings.fill, settings.max_aspect))


def _outcome(job: tuple[bytes, Images]) -> np.ndarray | tuple[str, bool]:
    """Return the image, or the reason for refusing it and whether it is a quarantine."""
    try:
        return take_in(*job)
    except Reject as reject:
        return str(reject), isinstance(reject, Quarantine)


def prepare(
    photos: Sequence[Photo], read: Callable[[str], bytes], settings: Images, workers: int
) -> Prepared:
    """Take in every photo; cluster near-duplicates; split by design.

    Args:
        photos: in the order of the result.
        read: returns the bytes of the photo with a sha256.
        settings: the images section of params.yaml.
        workers: processes that decode and align; the result does not depend on it.

    Raises:
        BestsellerError: no photo is left, more are refused than allowed, or all are of one line.
    """
    placeholders = find_placeholders(
        ((photo.sha256, photo.sku, photo.line) for photo in photos), read
    )
    sound = [photo for photo in photos if photo.sha256 not in placeholders]
    images, kept, refused, counts = [], [], [], Counter({"placeholders": 0})
    for photo in photos:
        if photo.sha256 in placeholders:
            refused.append(Refused(photo.sku, photo.url, PLACEHOLDER))
            counts["placeholders"] += 1
    outcomes = _take_in_all(((read(photo.sha256), settings) for photo in sound), workers)
    for photo, outcome in zip(sound, track(outcomes, "preprocess", len(sound), "img"), strict=True):
        if isinstance(outcome, np.ndarray):
            images.append(outcome)
            kept.append(photo)
        else:
            reason, quarantined = outcome
            refused.append(Refused(photo.sku, photo.url, reason))
            counts["quarantined" if quarantined else "rejected"] += 1
    _check(kept, refused, len(photos), settings)

    index = pd.DataFrame(kept).drop(columns="url")
    stack = np.stack(images)
    index["cluster"] = find_clusters(stack, settings.duplicate_rmse, index["sku"].tolist())
    index["split"] = split_designs(index, settings.split, settings.seed)
    summary = {
        "photos": len(photos),
        "images": len(kept),
        "lines": index["line"].nunique(),
        "clusters": index["cluster"].nunique(),
        "images_in_shared_clusters": int(index["cluster"].duplicated(keep=False).sum()),
        "refused_share": round(len(refused) / len(photos), 6),
        **{name: counts[name] for name in ("placeholders", "rejected", "quarantined")},
        **{name: int((index["split"] == name).sum()) for name in ("train", "validation", "test")},
    }
    return Prepared(ImageSet(stack, index), refused, summary)


def _take_in_all(
    jobs: Iterable[tuple[bytes, Images]], workers: int
) -> Iterable[np.ndarray | tuple[str, bool]]:
    """Yield the outcomes in order; a few photos at a time are in memory."""
    with ExitStack() as stack:
        if workers == 1:
            yield from map(_outcome, jobs)
            return
        pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
        batch: list[tuple[bytes, Images]] = []
        for job in jobs:
            batch.append(job)
            if len(batch) == 64 * workers:
                yield from pool.map(_outcome, batch, chunksize=16)
                batch = []
        yield from pool.map(_outcome, batch, chunksize=16)


def _check(kept: list[Photo], refused: list[Refused], total: int, settings: Images) -> None:
    if total == 0:
        raise BestsellerError(
            f"data/raw/catalogue.jsonl: no product has a photo of view {settings.view!r}; "
            "set images.view: all in params.yaml or mend the shop's pages"
        )
    if len(refused) > settings.max_reject_share * total:
        reason, times = Counter(row.reason for row in refused).most_common(1)[0]
        raise BestsellerError(
            f"data/raw/images.zip: {len(refused)} of {total} photos refused, most often "
            f"{reason!r} ({times}); mend them or raise images.max_reject_share "
            f"(now {settings.max_reject_share})"
        )
    if not kept:
        raise BestsellerError("data/raw/images.zip: every photo was refused; mend the photos")
    lines = {photo.line for photo in kept}
    if len(lines) == 1:
        raise BestsellerError(
            f"data/raw/catalogue.jsonl: all images are of the line {lines.pop()!r}; similarity "
            "tells lines apart and needs two: widen the crawl or mend the products' lines"
        )
