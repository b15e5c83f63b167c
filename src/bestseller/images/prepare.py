"""Turns original photos into one aligned image set: decode, align, cluster, split."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bestseller.base.engine import engine
from bestseller.base.errors import BestsellerError
from bestseller.base.memory import keep_freed_memory
from bestseller.base.progress import Progress
from bestseller.images.align import FILLS, SEVERAL, Quarantine
from bestseller.images.duplicates import find_clusters, find_placeholders
from bestseller.images.frame import take_in
from bestseller.images.intake import Reject
from bestseller.images.split import split_designs
from bestseller.images.store import ImageSet
from bestseller.images.taken import Outcome, Refusal, Taken, open_taken
from bestseller.params import Images

REJECTED, QUARANTINED, PLACEHOLDER = "rejected", "quarantined", "placeholder"
SHARED = "other products show the same picture"  # why a placeholder is one
HABIT = 0.2  # share of a line's photos refused for one reason above which a setting is advised
FEW = 128  # photos that are taken in before other processes have started
SHARD = 16  # photos that a process takes in at a time
PROPOSALS = {  # what helps where a reason is a habit
    FILLS: "set images.align: none in params.yaml if the picture is the product to its edges",
    SEVERAL: "set images.several: take in params.yaml if they are sold as pairs or sets",
}

Job = tuple[bytes, Images]


class Photo(NamedTuple):
    """An original photo of a product."""

    sku: str
    line: str
    category: str
    view: str
    sha256: str
    url: str


class Refused(NamedTuple):
    """A row of rejects.csv: a photo that was tried and is not used, and why."""

    sku: str
    url: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Prepared:
    """What `prepare` makes.

    Attributes:
        images: the aligned images with their clusters and splits.
        refused: photos that were tried and left out, in the order given.
        summary: flat counts and shares.
        advice: settings that fit lines many of whose photos are refused for one reason.
    """

    images: ImageSet
    refused: list[Refused]
    summary: dict[str, float]
    advice: list[str]


def _outcome(job: Job) -> Outcome:
    try:
        return take_in(*job)
    except Quarantine as quarantine:
        return Refusal(QUARANTINED, str(quarantine))
    except Reject as reject:
        return Refusal(REJECTED, str(reject))


def prepare(
    photos: Sequence[Photo],
    read: Callable[[str], bytes],
    settings: Images,
    workers: int,
    *,
    keep: Callable[[list[Refused]], None] | None = None,
    cache: Path | None = None,
) -> Prepared:
    """Take in one photo of each product and view; cluster near-duplicates; split by design.

    The photos of a product that show one view are tried in turn until one is sound.

    Args:
        photos: in the order of the result; a product's own in the order in which they are tried.
        read: returns the bytes of the photo with a sha256.
        settings: the images section of params.yaml.
        workers: processes that decode and align; the result does not depend on it.
        keep: gets the refused photos before they are judged, so that they can be read where they
            are too many.
        cache: folder of what earlier runs made of photos, see `taken`; the result does not depend
            on it.

    Raises:
        BestsellerError: no photo is left, or more are refused than allowed.
    """
    with open_taken(cache, settings) as taken:
        found, refused = _first_sound(photos, read, settings, workers, taken)
    if keep:
        keep(refused)
    kept, tried = list(found), len(found) + len(refused)
    advice = _advice(photos, kept, refused)
    _check(kept, refused, tried, settings, advice)

    index = pd.DataFrame(kept).drop(columns="url")
    stack = np.empty((len(found), settings.size, settings.size, 3), dtype=np.uint8)
    for row, photo in enumerate(kept):
        stack[row] = found.pop(photo)  # or all images would be in memory twice
    index["cluster"] = find_clusters(stack, settings.duplicate_rmse, index["sku"].tolist())
    index["split"] = split_designs(index, settings.split, settings.seed)
    kinds = Counter(row.kind for row in refused)
    summary = {
        "photos": tried,
        "images": len(kept),
        "lines": index["line"].nunique(),
        "clusters": index["cluster"].nunique(),
        "images_in_shared_clusters": int(index["cluster"].duplicated(keep=False).sum()),
        "refused_share": round(len(refused) / tried, 6),
        "placeholders": kinds[PLACEHOLDER],
        **{kind: kinds[kind] for kind in (REJECTED, QUARANTINED)},
        **{name: int((index["split"] == name).sum()) for name in ("train", "validation", "test")},
    }
    return Prepared(ImageSet(stack, index), refused, summary, advice)


def _first_sound(
    photos: Sequence[Photo],
    read: Callable[[str], bytes],
    settings: Images,
    workers: int,
    taken: Taken,
) -> tuple[dict[Photo, np.ndarray], list[Refused]]:
    """Find the first sound photo of each product and view.

    All first photos are tried, then the second ones where the first was refused, and so on.

    Returns:
        The aligned images, and the photos that were tried in vain; both in the order of `photos`
        by product and view.
    """
    placeholders = find_placeholders(((p.sha256, p.sku, p.line) for p in photos), read)
    choices = _choices(photos)
    outcomes: dict[Photo, Outcome] = {}
    waiting, turn = choices, 0
    with Progress("preprocess", len(choices), "img") as progress, intake(workers) as taken_in:
        while waiting:
            tried = [choice[turn] for choice in waiting]
            outcomes |= {p: Refusal(PLACEHOLDER, SHARED) for p in tried if p.sha256 in placeholders}
            new = []
            for photo in tried:
                if photo in outcomes:
                    continue
                if (known := taken.get(photo.sha256)) is None:
                    new.append(photo)
                else:
                    outcomes[photo] = known
                    progress.update(isinstance(known, np.ndarray))
            jobs = ((read(photo.sha256), settings) for photo in new)
            for photo, outcome in zip(new, taken_in(jobs, len(new)), strict=True):
                outcomes[photo] = outcome
                taken.put(photo.sha256, outcome)
                progress.update(isinstance(outcome, np.ndarray))
            refused = [choice for choice in waiting if isinstance(outcomes[choice[turn]], Refusal)]
            turn += 1
            waiting = [choice for choice in refused if len(choice) > turn]
    found: dict[Photo, np.ndarray] = {}
    rows: list[Refused] = []
    for photo in chain.from_iterable(choices):
        result = outcomes.get(photo)
        if isinstance(result, Refusal):
            rows.append(Refused(photo.sku, photo.url, *result))
        elif result is not None:
            found[photo] = result
    return found, rows


def _choices(photos: Sequence[Photo]) -> list[list[Photo]]:
    """Return the photos of each product and view; a file that stands twice counts once."""
    choices: dict[tuple[str, str], dict[str, Photo]] = {}
    for photo in photos:
        choices.setdefault((photo.sku, photo.view), {}).setdefault(photo.sha256, photo)
    return [list(choice.values()) for choice in choices.values()]


@contextmanager
def intake(workers: int) -> Iterator[Callable[[Iterator[Job], int], Iterable[Outcome]]]:
    """Yield what takes in photos, given their number, in order; a few at a time are in memory.

    It gets jobs (bytes and settings) and gives for each the image, uint8 S x S x 3, or why the
    photo is refused.
    """
    keep_freed_memory()
    with engine(workers) as computer:

        def taken_in(jobs: Iterator[Job], count: int) -> Iterable[Outcome]:
            if count < FEW:
                return map(_outcome, jobs)
            return chain.from_iterable(computer.map(_outcomes, None, _shards(jobs)))

        yield taken_in


def _shards(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    while shard := list(islice(jobs, SHARD)):
        yield shard


def _outcomes(_: None, jobs: list[Job]) -> list[Outcome]:
    return [_outcome(job) for job in jobs]


def _advice(photos: Sequence[Photo], kept: list[Photo], refused: list[Refused]) -> list[str]:
    """Return a sentence for each reason that many photos of a line are refused for."""
    lines = {photo.sku: photo.line for photo in photos}
    tried = Counter([photo.line for photo in kept] + [lines[row.sku] for row in refused])
    told = []
    for reason, proposal in PROPOSALS.items():
        hit = Counter(lines[row.sku] for row in refused if row.reason == reason)
        habits = [line for line, times in hit.most_common() if times > HABIT * tried[line]]
        if habits:
            times, of = sum(hit[line] for line in habits), sum(tried[line] for line in habits)
            more = f" and {len(habits) - 1} other lines" if len(habits) > 1 else ""
            told.append(
                f"{times} of {of} photos of the line {habits[0]!r}{more}: {reason}; {proposal}"
            )
    return told


def _check(
    kept: list[Photo], refused: list[Refused], tried: int, settings: Images, advice: list[str]
) -> None:
    if tried == 0:
        raise BestsellerError(
            f"data/raw/catalogue.jsonl: no product has a photo of view {settings.view!r}; "
            "set images.view: all in params.yaml or mend the shop's pages"
        )
    if len(refused) > settings.max_reject_share * tried:
        reason, times = Counter(row.reason for row in refused).most_common(1)[0]
        raise BestsellerError(
            f"data/raw/images.zip: {len(refused)} of {tried} photos refused, most often "
            f"{reason!r} ({times}); mend them or raise images.max_reject_share "
            f"(now {settings.max_reject_share}){''.join(f'; {told}' for told in advice)}"
        )
    if not kept:
        raise BestsellerError("data/raw/images.zip: every photo was refused; mend the photos")
