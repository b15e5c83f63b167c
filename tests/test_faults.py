"""A stage that is killed, or whose disk fails, at any of its steps: one plain rerun puts it right.

A seeded sample of the points of three stages here. `make faults` takes all points of these and,
with FAULTS=all, those of every stage of a finished tiny pipeline, and prints a table; FAULTS=20
draws 20 faults of each stage, over all kinds of steps.
"""

import os
import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from ruamel.yaml import YAML

from bestseller.base.files import remove
from bestseller.centroid.centroids import save_centroids
from bestseller.images.store import ImageSet
from bestseller.params import load_params
from conftest import REPOSITORY, clone_of_the_working_tree, shell
from faults.forks import Forks

pytestmark = pytest.mark.slow
ASKED = os.environ.get("FAULTS", "")
SAMPLE = 4  # faults of each stage
KINDS = ("kill", "full", "broken")
MEASURED = ("timing",)  # a folder of what differs from run to run
ENDS_S = 10.0  # that a process which was told to end may take on a busy machine
PROGRESS = re.compile(r"[\w: -]+: \d+(/\d+)? \w+, ")
TEMPORARY = re.compile(r"\..*\.tmp(\..*)?")


@dataclass(frozen=True)
class Stage:
    """A stage as DVC runs it.

    Attributes:
        name: of its module in stages/.
        arguments: of its command line.
        removed: outputs that DVC takes away before it runs.
    """

    name: str
    arguments: Sequence[str] = ()
    removed: Sequence[str] = ()


ITEM = "vanilla-plain-0"
STAGES = {
    "settings": Stage("settings", [], ["data/settings"]),
    "augment": Stage("augment", [], ["data/augmented/images.npy", "data/augmented/index.parquet"]),
    "train": Stage(
        "train",
        [ITEM],
        [f"data/models/{ITEM}", f"data/timing/{ITEM}.json", f"metrics/train/{ITEM}.csv"],
    ),
}


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as started:
        yield started


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the inputs of the stages, and their outputs from an untouched run."""
    folder = tmp_path_factory.mktemp("faults") / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("src", "stages", "profiles"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    shutil.copy(REPOSITORY / "params.yaml", folder)
    shutil.copy(REPOSITORY / "tests/tiny.yaml", folder / "profiles")
    shell("python", "-m", "stages.profile", "tiny", cwd=folder)
    size = load_params(folder / "params.yaml").images.size
    row = np.arange(24)
    index = pd.DataFrame(
        {
            "sku": [f"sku-{i}" for i in row],
            "line": [("Datejust", "Daytona")[i % 2] for i in row],
            "category": "Classic",
            "view": "front",
            "sha256": [f"{i:064x}" for i in row],
            "cluster": row,
            "split": [("train", "train", "validation", "test")[i % 4] for i in row],
        }
    )
    images = np.random.default_rng(0).integers(0, 256, (24, size, size, 3), dtype=np.uint8)
    ImageSet(images, index).save(folder / "data/processed")
    save_centroids(folder / "data/centroid/vanilla-plain.safetensors", None, {})
    for stage in STAGES.values():
        shell("python", "-m", f"stages.{stage.name}", *stage.arguments, cwd=folder)
    return folder


class Campaign:
    """Faults of one stage in a checkout in which all has run.

    Args:
        forks: runs it.
        folder: the checkout.
        stage: the stage.
        scratch: a folder for logs.
    """

    def __init__(self, forks: Forks, folder: Path, stage: Stage, scratch: Path) -> None:
        self.forks, self.folder, self.stage, self.scratch = forks, folder, stage, scratch
        self.expected = outputs(folder)

    def run(self, at: int = 0, kind: str = "kill") -> tuple[int, str]:
        """Run the stage as DVC does, with a fault; return its status and what it told."""
        for name in self.stage.removed:
            remove(self.folder / name)
        (self.scratch / "log").unlink(missing_ok=True)
        return self.forks.run(
            self.folder,
            f"stages.{self.stage.name}",
            *self.stage.arguments,
            told=self.scratch / "told",
            PYTHONDONTWRITEBYTECODE="1",
            DVC_STAGE=f"{self.stage.name}@test",
            FAULT_ROOT=str(self.folder),
            FAULT_AT=str(at),
            FAULT_KIND=kind,
            FAULT_LOG=str(self.scratch / "log"),
        )

    def points(self) -> list[str]:
        """Return the steps of a run without faults, which gives the same bytes each time."""
        for _ in range(2):  # the first one makes the folders of .scratch
            status, told = self.run()
            assert status == 0, told
            assert changed(self.expected, outputs(self.folder)) == set(), "the same bytes each time"
        return (self.scratch / "log").read_text().splitlines()

    def try_one(self, at: int, kind: str, where: str) -> str:
        """Run the stage with a fault and then as it is; return what came of the fault."""
        status, told = self.run(at, kind)
        where = f"{where}: {kind}: {status}: {told}"
        lines = [line for line in told.splitlines() if line and not PROGRESS.match(line)]
        if kind == "kill":
            assert status == -9, where
            came = "killed"
        elif status:
            assert status == 1, where
            assert len(lines) == 1, where
            assert "Traceback" not in told, where
            came = "told in one line"
        else:
            came = "not needed"
        assert orphans(self.folder) == [], where
        status, told = self.run()
        assert status == 0, f"{where}; and then: {told}"
        assert changed(self.expected, outputs(self.folder)) == set(), where
        left = [p for p in self.folder.rglob("*") if TEMPORARY.fullmatch(p.name)]
        assert left == [], where
        return came


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "data").rglob("*"), *(folder / "metrics").rglob("*")]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.is_file()
        and not set(MEASURED) & set(path.parts)
        and not TEMPORARY.fullmatch(path.name)
    }


def changed(before: dict[str, bytes], now: dict[str, bytes]) -> set[str]:
    return {path for path in before.keys() | now.keys() if before.get(path) != now.get(path)}


def orphans(folder: Path) -> list[int]:
    """Processes that still work in a folder, once those that were told to end had time to."""
    end = time.monotonic() + ENDS_S
    while (found := _working(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _working(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def drawn(points: Sequence[str], number: int, seed: str) -> list[tuple[int, str]]:
    """Draw faults: of every kind of step one, before any kind has a second.

    A kind of step is what is done in which folder; a fault is a point, from 1, and what happens.
    """
    faults = [(at, kind) for at in range(1, len(points) + 1) for kind in KINDS]
    random.Random(seed).shuffle(faults)
    seen: Counter[tuple[str, str]] = Counter()
    ranks = []
    for at, kind in faults:
        step = (points[at - 1].rpartition("/")[0], kind)
        ranks.append(seen[step])
        seen[step] += 1
    order = sorted(range(len(faults)), key=lambda i: ranks[i])
    return [faults[i] for i in order[:number]]


def test_every_kind_of_step_is_drawn_before_a_second_of_any() -> None:
    points = ["open data/a/x", "open data/a/y", "os.fsync data/a/x", "open data/b/x"]
    found = drawn(points, 9, "seed")
    steps = {(points[at - 1].rpartition("/")[0], kind) for at, kind in found}
    assert len(steps) == 9
    assert sorted(drawn(points, 99, "seed")) == [
        (at, k) for at in (1, 2, 3, 4) for k in sorted(KINDS)
    ]


def test_the_recorder_sees_what_a_stage_does(checkout: Path, forks: Forks, tmp_path: Path) -> None:
    steps = "\n".join(Campaign(forks, checkout, STAGES["augment"], tmp_path).points())
    assert "os.fsync data/augmented/.images." in steps
    assert "os.rename data/augmented/.index." in steps
    assert "open .scratch/leases/augment@test" in steps


@pytest.mark.parametrize("stage", STAGES)
def test_one_plain_rerun_puts_right_what_any_fault_left(
    stage: str, checkout: Path, forks: Forks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table(Campaign(forks, checkout, STAGES[stage], tmp_path), ASKED or str(SAMPLE), capsys)


def table(campaign: Campaign, asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Try faults of a stage, and print what came of them where more than the suite's were asked."""
    points = campaign.points()
    number = len(points) * len(KINDS) if asked == "all" else int(asked)
    stage = campaign.stage
    name = " ".join([stage.name, *stage.arguments])
    faults = drawn(points, number, f"{name} 2")
    came = Counter(campaign.try_one(at, kind, points[at - 1]) for at, kind in faults)
    if ASKED:
        with capsys.disabled():
            print(f"\n{name}: {len(points)} points, {len(faults)} faults, {dict(came)}, lost 0")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the working tree in which the whole pipeline has run with tiny settings."""
    if made := os.environ.get("FAULTS_IN"):
        return Path(made)
    folder = tmp_path_factory.mktemp("tiny") / "clone"
    clone_of_the_working_tree(folder)
    shell("python", "-m", "stages.profile", "tiny", cwd=folder)
    shell("python", "-m", "stages.refresh", cwd=folder)
    shell("dvc", "repro", cwd=folder)
    return folder


def stages_of(folder: Path) -> list[Stage]:
    """Return the stages of a checkout's dvc.lock, of each matrix the first two items."""
    kept = YAML(typ="safe").load(folder / "dvc.yaml")["stages"]
    items = {"", *load_params(folder / "params.yaml").item_names()}
    seen: Counter[str] = Counter()
    found = []
    for name, entry in YAML(typ="safe").load(folder / "dvc.lock")["stages"].items():
        (base, _, item), words = name.partition("@"), entry["cmd"].split()
        if item not in items:
            continue  # of other settings
        seen[base] += 1
        declared = [o for key in ("outs", "plots", "metrics") for o in kept[base].get(key, [])]
        persistent = {
            next(iter(out))
            for out in declared
            if isinstance(out, dict) and next(iter(out.values())).get("persist")
        }
        if seen[base] <= 2:
            removed = [out["path"] for out in entry["outs"] if out["path"] not in persistent]
            found.append(Stage(base, words[3:], removed))
    return found


@pytest.mark.skipif(not ASKED, reason="takes an hour: `make faults`")
def test_every_stage_of_the_pipeline(
    tiny: Path, forks: Forks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    only = os.environ.get("FAULTS_ONLY", "").split()
    for stage in stages_of(tiny):
        if not only or stage.name in only:
            table(Campaign(forks, tiny, stage, tmp_path), ASKED, capsys)
