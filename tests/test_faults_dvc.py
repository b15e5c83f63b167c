"""DVC and a retraining that are killed, or whose disk fails, at any of their steps.

The stages are shell commands of a toy; what is tested is who runs them. `make faults` takes more
points than the suite, and prints a table.
"""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bestseller.base import lockfile
from bestseller.base.files import read_json
from conftest import shell
from faults.forks import Forks
from test_faults import KINDS, TEMPORARY, drawn, orphans
from toy_retraining import CODE, COMMAND, git, make_promoted, news

pytestmark = pytest.mark.slow
ASKED = os.environ.get("FAULTS", "")
SAMPLE = 3
NEW = ("more watches", "one two")  # catalogue and ledger
FILES = ("data/raw/catalogue", "data/sales/ledger", "data/processed/catalogue")
GENERATORS = ("data/models/toy", "data/champion")
FAULTS = Path(__file__).parent / "faults"  # whose sitecustomize.py every Python imports
AT_REST = {"lock", "holder"}  # of the retraining's folder


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    with Forks() as started:
        yield started


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose first retraining promoted a model."""
    return make_promoted(tmp_path_factory.mktemp("first") / "toy", {})


class Toy:
    """Copies of the first checkout, in each of which there is news and one process fails."""

    def __init__(self, forks: Forks, first: Path, scratch: Path) -> None:
        self.forks, self.first, self.scratch = forks, first, scratch
        self.number = 0

    def copy(self) -> Path:
        self.number += 1
        folder = shutil.copytree(self.first, self.scratch / f"toy{self.number}", symlinks=True)
        news(folder, *NEW, promote=True)
        return folder

    def run(
        self, folder: Path, at: int, kind: str, inside: str, *command: str
    ) -> tuple[int, str, list[str]]:
        """Run a command in which a process fails; return status, what it told, and the points."""
        log = self.scratch / "log"
        log.unlink(missing_ok=True)
        status, told = self.forks.run(
            folder,
            *command,
            told=self.scratch / "told",
            PYTHONPATH=os.pathsep.join([CODE["PYTHONPATH"], *map(str, (FAULTS, FAULTS.parent))]),
            PYTHONDONTWRITEBYTECODE="1",
            PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # its `python`
            FAULT_ROOT=str(folder),
            FAULT_AT=str(at),
            FAULT_KIND=kind,
            FAULT_LOG=str(log),
            FAULT_IN=inside,
        )
        return status, told, log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def toy(forks: Forks, first: Path, tmp_path: Path) -> Toy:
    return Toy(forks, first, tmp_path)


def left_over(folder: Path) -> list[Path]:
    """What the next command leaves: temporaries, locks of DVC's and git's."""
    for path in folder.rglob(".*.tmp"):
        os.utime(path, (0, 0))  # as if a minute had passed, in which DVC may write into its own
    lockfile.mend(folder)
    names = ("rwlock", "index.lock", "HEAD.lock")
    found = [p for p in folder.rglob("*") if TEMPORARY.fullmatch(p.name) or p.name in names]
    # DVC knows a lock of a process that is gone
    return [p for p in found if p.name != "rwlock" or lockfile._is_left_over(p)]


def report(
    name: str, points: list[str], came: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if ASKED:
        with capsys.disabled():
            total = sum(came.values())
            print(f"\n{name}: {len(points)} points, {total} faults, {dict(came)}, lost 0")


def number_of(points: list[str]) -> int:
    return len(points) * len(KINDS) if ASKED == "all" else int(ASKED or SAMPLE)


def test_dvc_goes_on_after_a_fault_in_it(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    """As `make repro` does: dvc.lock is mended, and DVC runs again."""

    def changed() -> Path:
        folder = toy.copy()
        for path in ("catalogue", "ledger"):
            (folder / f"data/source/{path}.json").write_text('{"sha256": "new"}')
        return folder

    def state(folder: Path) -> dict[str, str]:
        found = {name: (folder / name).read_text() for name in FILES}
        names = lockfile.entries((folder / "dvc.lock").read_text())
        return found | {"stages": str(names)}

    untouched = changed()
    status, told, points = toy.run(untouched, 0, "kill", "dvc", "dvc", "repro")
    assert status == 0, told
    assert any("dvc.lock" in point for point in points)
    assert any(".dvc/cache" in point for point in points)
    expected = state(untouched)
    came: Counter[str] = Counter()
    for at, kind in drawn(points, number_of(points), "dvc"):
        folder = changed()
        status, told, _ = toy.run(folder, at, kind, "dvc", "dvc", "repro")
        where = f"{points[at - 1]}: {kind}: {status}: {told}"
        assert kind != "kill" or status == -9, where
        came["killed" if status == -9 else "told" if status else "not needed"] += 1
        assert orphans(folder) == [], where
        lockfile.mend(folder)
        status, told, _ = toy.run(folder, 0, "kill", "dvc", "dvc", "repro")
        assert status == 0, f"{where}; and then: {told}"
        assert state(folder) == expected, where
        assert shell("dvc", "status", cwd=folder).stdout.strip().endswith("up to date."), where
        assert left_over(folder) == [], where
        shutil.rmtree(folder)
    report("dvc repro", points, came, capsys)


@pytest.mark.parametrize("inside", ["toy_retraining", "dvc"])
def test_the_next_retraining_finishes_what_a_fault_stopped(
    inside: str, toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    """One commit, one champion, nothing left, whichever step of it or of its DVCs fails."""
    script = COMMAND[1]
    folder = toy.copy()
    status, told, points = toy.run(folder, 0, "kill", inside, script)
    assert status == 10, told
    came: Counter[str] = Counter()
    for at, kind in drawn(points, number_of(points), inside):
        folder = toy.copy()
        base = git(folder, "rev-parse", "HEAD")
        status, told, _ = toy.run(folder, at, kind, inside, script)
        where = f"{inside}: {points[at - 1]}: {kind}: {status}: {told}"
        assert "Traceback" not in told, where
        assert kind != "kill" or inside == "dvc" or status == -9, where
        assert status in (-9, 1, 10), where
        came[{-9: "killed", 1: "told", 10: "not needed"}[status]] += 1
        assert orphans(folder) == [], where
        finished(folder, base, where)
        shutil.rmtree(folder)
    report(f"retraining, in {inside}", points, came, capsys)


def retrain_until_done(folder: Path) -> int:
    """Retrain until nothing is new; return how many runs finished something."""
    for finished in range(3):
        done = shell(*COMMAND, cwd=folder, ok=False, **CODE)
        if done.returncode == 0:
            return finished
        assert done.returncode == 10, done.stdout[-3000:] + done.stderr[-3000:]
    raise AssertionError("it never ends")


def finished(folder: Path, base: str, where: str) -> None:
    """One plain rerun finishes what a fault stopped, and nothing is doubled or left.

    Args:
        folder: the checkout.
        base: its commit before.
        where: the fault, for the error.
    """
    again = retrain_until_done(folder)
    assert again <= 1, f"{where}: one plain rerun"
    assert git(folder, "rev-list", "--count", f"{base}..HEAD") == "1", where
    champion = read_json(folder / "data/champion/champion.json")
    run = git(folder, "log", "-1", "--format=%(trailers:key=Retrain-Run,valueonly)")
    assert champion["run"] == run, where
    whole = "".join(NEW)
    for name in GENERATORS:
        assert (folder / name / "generator.safetensors").read_text() == whole, where
    last = read_json(folder / "data/report/index.html")
    assert last["run"] == run, where
    assert last["drift"] == {"warnings": ["the ledger was one"]}, where
    assert git(folder, "status", "--porcelain") == "", where
    assert {path.name for path in (folder / ".scratch/retrain").iterdir()} <= AT_REST, where
    assert "up to date" in shell("dvc", "status", cwd=folder).stdout, where
    assert left_over(folder) == [], where
