"""Which stages a run of the pipeline would run, told before anything runs.

`dvc repro --dry` compares with the files that are there now, so it names only the first stages of a
chain. Here the stages after a stage that runs are uncertain. If DVC's run cache has the stage, its
outputs are known, and the stages after it are looked up with these outputs.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.stage import PipelineStage
from dvc.stage.cache import _get_cache_hash
from dvc.stage.serialize import to_single_stage_lockfile

from bestseller.base.lockfile import LOCK_FILE, cached_object, left_over
from bestseller.params import read_yaml
from bestseller.tracking.verify import dvc_md5

MISSING = "missing"  # in the place of a digest
CONSTANT = "check"  # the stage that leaves the same bytes every time

Foresee = Callable[[Path], None]


class Fate(StrEnum):
    """What becomes of a stage."""

    RUNS = "runs"  # what it reads has changed, and no former run read the same
    FOLLOWS = "follows"  # it runs if a stage before it leaves something else than last time
    CACHED = "cached"  # a former run's outputs come back
    SAME = "same"  # nothing it reads has changed


class Step(NamedTuple):
    """A stage in the order of the run, such as ``train@dcgan-plain-0``, and its fate."""

    stage: str
    fate: Fate


def plan(folder: Path, foreseen: Mapping[str, Foresee], items: Collection[str] = ()) -> list[Step]:
    """Tell what `dvc repro` would do. Nothing is written but DVC's own memory of hashes.

    Args:
        folder: the checkout.
        foreseen: for stages so cheap that a plan runs them, by their names: what writes the stage's
            only output, a folder, to a path.
        items: names of the matrix items; outputs of others, which the first stage tidies away, are
            not counted as there. Empty = all count.

    Returns:
        All stages in DVC's order.

    Raises:
        dvc.exceptions.DvcException: dvc.yaml or dvc.lock cannot be read.
    """
    with Repo(str(folder)) as repo:
        outlook = _Outlook(repo, foreseen, items)
        order = plan_repro(get_active_graph(repo.index.graph))
        return [
            Step(stage.name, outlook.fate(stage))
            for stage in order
            if isinstance(stage, PipelineStage)
        ]


class _Outlook:
    """The workspace as it will be after the stages asked about so far."""

    def __init__(self, repo: Repo, foreseen: Mapping[str, Foresee], items: Collection[str]) -> None:
        self.repo, self.root, self.foreseen = repo, Path(repo.root_dir), foreseen
        self.cache = Path(repo.cache.local.path)
        # what changes, by the path of the output: its files' digests, None where nobody can know
        self.changed: dict[str, dict[str, str] | None] = {}
        lock = self.root / LOCK_FILE
        if items and lock.exists():
            stages = read_yaml(lock).get("stages") or {}
            for path in left_over(stages, self.root, items, self.cache):
                self.changed[path] = {}

    def fate(self, stage: PipelineStage) -> Fate:
        """Tell a stage's fate, and note what becomes of its outputs."""
        digests = {dep: self._digest(dep) for dep in _files(stage)}
        moved = stage.changed_stage() or any(
            dep.workspace_status() for dep in stage.deps if isinstance(dep, ParamsDependency)
        )
        moved = moved or any(
            digest is not None and digest != dep.hash_info.value for dep, digest in digests.items()
        )
        uncertain = any(digest is None for digest in digests.values())
        if uncertain and not moved:
            return self._note(stage, Fate.FOLLOWS)
        if not moved and not any(out.workspace_status() for out in stage.outs):
            return Fate.SAME
        outs = None
        if not moved:
            outs = {out.def_path: out.hash_info.value for out in stage.outs}
        elif not uncertain:
            outs = self._of_former_run(stage, digests)
        if outs is not None and all(self._kept(digest) for digest in outs.values()):
            for path, digest in outs.items():
                self._becomes(path, digest)
            return Fate.CACHED
        return self._note(stage, Fate.RUNS)

    def _note(self, stage: PipelineStage, fate: Fate) -> Fate:
        if stage.name == CONSTANT:
            return fate
        for out in stage.outs:
            self.changed[out.def_path] = None
        if stage.name in self.foreseen:
            (out,) = stage.outs
            with TemporaryDirectory() as folder:
                self.foreseen[stage.name](Path(folder) / "out")
                self.changed[out.def_path] = files_under(Path(folder) / "out")
        return fate

    def _digest(self, dep: Any) -> str | None:
        """Return the MD5 that a dependency will have, None where that is uncertain."""
        path = str(dep.def_path)
        touching = {p: v for p, v in self.changed.items() if _overlap(p, path)}
        if any(value is None for value in touching.values()):
            return None
        if not touching:
            return str(dep.get_hash().value) if dep.exists else MISSING
        files = {f"{path}/{name}".rstrip("/"): d for name, d in self._now(path).items()}
        for changed, found in touching.items():
            files = {name: d for name, d in files.items() if not _inside(name, changed)}
            files |= {f"{changed}/{name}".rstrip("/"): d for name, d in (found or {}).items()}
        mine = {name: d for name, d in files.items() if _inside(name, path)}
        if set(mine) == {path}:
            return mine[path]
        return folder_md5({name[len(path) + 1 :]: d for name, d in mine.items()})

    def _now(self, path: str) -> dict[str, str]:
        return files_under(self.root / path)

    def _becomes(self, path: str, digest: str) -> None:
        """Note the digest that an output will have."""
        if not digest.endswith(".dir"):
            self.changed[path] = {"": digest}
            return
        listing = json.loads(self._object(digest).read_bytes())
        self.changed[path] = {entry["relpath"]: entry["md5"] for entry in listing}

    def _of_former_run(
        self, stage: PipelineStage, digests: Mapping[Any, str | None]
    ) -> dict[str, str] | None:
        """Return the outputs of a run that read the same, by DVC's run cache."""
        for dep in stage.deps:
            if isinstance(dep, ParamsDependency):
                dep.save()
            else:
                dep.hash_info = type(dep.hash_info)("md5", digests[dep])
                dep.meta = type(dep.meta)(isexec=dep.meta.isexec)  # the old one has its MD5
        kept = [out.use_cache or out.is_metric or out.is_plot for out in stage.outs]
        if MISSING in digests.values() or not all(kept) or any(o.persist for o in stage.outs):
            return None
        key = _get_cache_hash(to_single_stage_lockfile(stage), key=True)
        runs = Path(self.repo.stage_cache._get_cache_dir(key))
        entries = sorted(runs.iterdir(), key=lambda e: e.stat().st_mtime) if runs.exists() else []
        outs = read_yaml(entries[-1])["outs"] if entries else None
        return {out["path"]: out["md5"] for out in outs} if outs else None

    def _kept(self, digest: str | None) -> bool:
        return bool(digest) and self._object(str(digest)).exists()

    def _object(self, digest: str) -> Path:
        return cached_object(self.cache, digest)


def _files(stage: PipelineStage) -> Iterable[Any]:
    return [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _overlap(one: str, other: str) -> bool:
    return _inside(one, other) or _inside(other, one)


def files_under(path: Path) -> dict[str, str]:
    """Return the MD5 of each file in a folder by its path there, of a file by the empty path."""
    if path.is_file():
        return {"": dvc_md5(path)}
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else []
    return {file.relative_to(path).as_posix(): dvc_md5(file) for file in files}


def folder_md5(files: Mapping[str, str]) -> str:
    """Return DVC's MD5 of a folder that holds these files, by their paths in it."""
    listing = [{"md5": digest, "relpath": name} for name, digest in sorted(files.items())]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"
