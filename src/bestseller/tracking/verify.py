"""Whether the pipeline's outputs are, byte for byte, what dvc.lock says.

DVC does not read an object of its cache again if its file is read-only, nor a workspace file whose
time and size it knows. So it does not notice a disk that loses bits.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bestseller.base.progress import track


class Damage(NamedTuple):
    """An output that is not what the lock says; `place` is the file or folder that differs."""

    stage: str
    output: str
    place: str
    problem: str


def find_damage(stages: Mapping[str, Mapping[str, Any]], root: Path, cache: Path) -> list[Damage]:
    """Hash every output in the workspace and in DVC's cache anew.

    Args:
        stages: entries of dvc.lock by stage, see `lock.pipeline_stages`.
        root: the checkout.
        cache: folder of the cache's MD5 objects, such as ``.dvc/cache/files/md5``.

    Returns:
        What differs or is missing. An output that the workspace lacks may still be in the cache,
        and the other way round: both are told.
    """
    outputs = [(stage, out) for stage, entry in stages.items() for out in entry.get("outs", [])]
    found = []
    for stage, out in track(outputs, "verify", unit="output"):
        path, wanted = root / out["path"], str(out["md5"])
        if not path.exists():
            found.append(Damage(stage, out["path"], str(path), "missing; run `dvc checkout`"))
        elif dvc_md5(path) != wanted:
            found.append(Damage(stage, out["path"], str(path), "not what dvc.lock says"))
        for object_path, digest in _objects(cache, wanted):
            if object_path.exists() and _md5(object_path) != digest:
                problem = "damaged in the cache; remove it and run `dvc pull` or `dvc repro -f`"
                found.append(Damage(stage, out["path"], str(object_path), problem))
    return found


def dvc_md5(path: Path) -> str:
    """Return DVC's MD5 of a file, or of a folder: that of its sorted listing, with ``.dir``."""
    if path.is_file():
        return _md5(path)
    files = [file for file in path.rglob("*") if file.is_file()]
    listing = [{"md5": _md5(f), "relpath": f.relative_to(path).as_posix()} for f in files]
    listing.sort(key=lambda entry: entry["relpath"])
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def _objects(cache: Path, digest: str) -> Iterator[tuple[Path, str]]:
    """Yield the cache's objects of an output: its file, or a folder's listing and files."""
    path = cache / digest[:2] / digest[2:]
    yield path, digest.removesuffix(".dir")
    if digest.endswith(".dir") and path.exists():
        try:
            entries = json.loads(path.read_bytes())
        except ValueError:
            return  # the listing itself is told as damaged
        for entry in entries:
            yield cache / entry["md5"][:2] / entry["md5"][2:], entry["md5"]


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
