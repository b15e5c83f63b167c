"""A stage that is killed, or whose disk fails, at any of its steps: one plain rerun puts it right.

A seeded sample of the points here; `make faults` takes all of them and prints a table.
"""

import os
import random
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from bestseller.centroid.centroids import save_centroids
from bestseller.images.store import ImageSet
from bestseller.params import load_params
from conftest import REPOSITORY, shell

pytestmark = pytest.mark.slow
ALL = os.environ.get("FAULTS") == "all"
SAMPLE = 4  # points of each stage
KINDS = ("kill", "full", "broken")
STAGES = {"settings": [], "augment": [], "train": ["vanilla-plain-0"]}
MEASURED = ("timing",)  # a folder of what differs from run to run
PROGRESS = re.compile(r"[\w -]+: \d+(/\d+)? \w+, ")
TEMPORARY = re.compile(r"\..*\.tmp(\..*)?")


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
    for stage, arguments in STAGES.items():
        shell("python", "-m", f"stages.{stage}", *arguments, cwd=folder)
    return folder


def run(folder: Path, stage: str, at: int, kind: str, log: Path) -> tuple[int, str]:
    """Run a stage with a fault; return its status and what it said on stderr."""
    done = shell(
        *(sys.executable, "-m", f"stages.{stage}", *STAGES[stage]),
        cwd=folder,
        ok=False,
        PYTHONPATH=str(REPOSITORY / "tests/faults"),
        PYTHONDONTWRITEBYTECODE="1",
        DVC_STAGE=f"{stage}@test",
        FAULT_ROOT=str(folder),
        FAULT_AT=str(at),
        FAULT_KIND=kind,
        FAULT_LOG=str(log),
    )
    return done.returncode, done.stderr


def outputs(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "data").rglob("*"), *(folder / "metrics").rglob("*")]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in files
        if path.is_file() and not set(MEASURED) & set(path.parts)
    }


def orphans(folder: Path) -> list[int]:
    """Processes that still work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_the_recorder_sees_what_a_stage_does(checkout: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    status, _ = run(checkout, "augment", 0, "kill", log)
    assert status == 0
    steps = log.read_text()
    assert "os.fsync data/augmented/.images." in steps
    assert "os.rename data/augmented/.index." in steps
    assert "open .scratch/leases/augment@test" in steps


@pytest.mark.parametrize("stage", STAGES)
def test_one_plain_rerun_puts_right_what_any_fault_left(
    stage: str, checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = outputs(checkout)
    status, _ = run(checkout, stage, 0, "kill", tmp_path / "log")
    assert status == 0
    assert outputs(checkout) == expected, "the same bytes each time"
    points = (tmp_path / "log").read_text().splitlines()
    faults = [(at, kind) for at in range(1, len(points) + 1) for kind in KINDS]
    if not ALL:
        faults = random.Random(f"{stage} 2").sample(faults, SAMPLE)
    table = {"killed": 0, "told in one line": 0, "not needed": 0}
    for at, kind in faults:
        status, told = run(checkout, stage, at, kind, tmp_path / "other log")
        where = f"{points[at - 1]}: {kind}: {status}: {told}"
        lines = [line for line in told.splitlines() if line and not PROGRESS.match(line)]
        if kind == "kill":
            assert status == -9, where
            table["killed"] += 1
        elif status:
            assert status == 1, where
            assert len(lines) == 1, where
            assert "Traceback" not in told, where
            table["told in one line"] += 1
        else:
            table["not needed"] += 1
        assert orphans(checkout) == [], where
        shell("python", "-m", f"stages.{stage}", *STAGES[stage], cwd=checkout)
        assert outputs(checkout) == expected, where
        left = [p for p in checkout.rglob("*") if TEMPORARY.fullmatch(p.name)]
        assert left == [], where
    with capsys.disabled():
        if ALL:
            print(f"\n{stage}: {len(points)} points, {len(faults)} faults, {table}, lost 0")
