"""Photos of a study's datasets: out of an archive into an image set of one line."""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.base.files import sha256_file
from bestseller.base.progress import track
from bestseller.images.duplicates import find_clusters
from bestseller.images.prepare import Job, intake
from bestseller.images.split import split_designs
from bestseller.images.store import FRONT, ImageSet
from bestseller.images.taken import Outcome
from bestseller.params import Images
from bestseller.study.claims import Dataset

LINE = "all"  # of every photo: an archive of pictures tells no lines
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


def archive_of(name: str, dataset: Dataset, root: Path, given: Path | None) -> Path:
    """Return the path of a dataset's archive.

    Args:
        name: of the dataset in claims.yaml.
        dataset: tells the archive.
        root: folder that its path is relative to.
        given: on the command line; it wins.

    Raises:
        BestsellerError: there is no such file.
    """
    path = given or root / dataset.archive
    if not path.is_file():
        raise BestsellerError(
            f"{path}: not found; set datasets.{name}.archive in studies/claims.yaml, or say where "
            "the photos are: make study ARCHIVE=<path>"
        )
    return path


def take_photos(archive: Path, dataset: Dataset, settings: Images) -> ImageSet:
    """Take in a dataset's pictures as the stage preprocess does: align, cluster, split.

    Args:
        archive: tar file.
        dataset: its hash, and how many pictures are taken.
        settings: the section images of its params.

    Raises:
        BestsellerError: the archive is another one, is damaged, or holds too few pictures; or too
            many are refused.
    """
    found = sha256_file(archive)
    if found != dataset.sha256:
        raise BestsellerError(
            f"{archive}: its SHA-256 is {found}, not {dataset.sha256}: rows made from it would be "
            "of other photos; state the new hash in studies/claims.yaml if that is meant"
        )
    outcomes: Iterable[Outcome]
    images: list[Outcome] = []
    rows: list[dict[str, str]] = []
    try:
        with tarfile.open(archive) as opened:
            members = sorted(filter(_is_picture, opened.getmembers()), key=lambda m: m.name)
            chosen = drawn(members, dataset.photos, archive)
            with intake(os.cpu_count() or 1) as taken_in:
                outcomes = taken_in(_jobs(opened, chosen, settings, rows), len(chosen))
                for outcome in track(outcomes, "study: photos", len(chosen), "img"):
                    images.append(outcome)
    except (tarfile.TarError, EOFError) as error:
        raise BestsellerError(f"{archive}: no whole tar file ({error}); copy it again") from error
    sound = [row for row, image in enumerate(images) if isinstance(image, np.ndarray)]
    refused = 1 - len(sound) / len(chosen)
    if refused > settings.max_reject_share:
        raise BestsellerError(
            f"{archive}: {refused:.0%} of the pictures are refused, more than "
            f"images.max_reject_share allows ({settings.max_reject_share:.0%}); raise it in "
            "studies/claims.yaml"
        )
    index = pd.DataFrame([rows[row] for row in sound])
    index = index.assign(line=LINE, category=LINE, view=FRONT)
    stack = np.stack([images[row] for row in sound])
    index["cluster"] = find_clusters(stack, settings.duplicate_rmse, index["sku"].tolist())
    index["split"] = split_designs(index, settings.split, settings.seed)
    return ImageSet(stack, index)


def _jobs(
    archive: tarfile.TarFile,
    members: list[tarfile.TarInfo],
    settings: Images,
    rows: list[dict[str, str]],
) -> Iterator[Job]:
    """Read the members; add a row of the index for each to `rows`."""
    for member in members:
        stored = archive.extractfile(member)
        assert stored is not None
        data = stored.read()
        rows.append({"sku": member.name, "sha256": hashlib.sha256(data).hexdigest()})
        yield data, settings


def drawn(members: list[tarfile.TarInfo], count: int, archive: Path) -> list[tarfile.TarInfo]:
    """Return `count` of the pictures, drawn by seed 0; all of them for 0."""
    if count > len(members) or not members:
        raise BestsellerError(
            f"{archive}: holds {len(members)} pictures, and {count or 'some'} are wanted; mend "
            "datasets in studies/claims.yaml"
        )
    order = np.random.default_rng(0).permutation(len(members))
    return [members[row] for row in sorted(order[: count or len(members)])]


def _is_picture(member: tarfile.TarInfo) -> bool:
    path = PurePosixPath(member.name)
    hidden = path.name.startswith(".")
    return member.isfile() and not hidden and path.suffix.lower() in PICTURES
