"""Run what is missing of studies/claims.yaml within a time, and add its rows to the table.

Each row of studies/claims.csv is one training, measured. If a call is stopped, the next one
continues from the last checkpoint. No row is made again with the same settings and code. `make
study MINUTES=120 JOBS=2 ARCHIVE=<path of the photos> ONLY=<budget>`.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, remove
from bestseller.params import Params
from bestseller.study.claims import FILE, Arm, arms_of, in_order, read_claims
from bestseller.study.code import code_version
from bestseller.study.photos import archive_of
from bestseller.study.schedule import Job, run_jobs
from bestseller.study.table import FILE as TABLE
from bestseller.study.table import append_row, only_one, read_rows, stands
from stages import run
from stages.study_item import PREPARE, RESULT, SCRATCH, data_folder, item_folder

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = [ROOT / f"stages/{name}.py" for name in ("study_item", "train", "centroid", "augment")]
LOCK, LOGS, PICTURES = SCRATCH / "lock", SCRATCH / "logs", SCRATCH / "pictures"


class Study:
    """The items that are wanted, and what became of them in this call."""

    def __init__(self, archive: Path | None, only: str) -> None:
        claims = read_claims()
        self.archive = archive
        self.code = code_version(SCRIPTS, ROOT / "src")
        same = set(claims.same_code)
        self.codes = same if self.code in same else {self.code}
        arms = arms_of(claims)
        wanted = only.split(",") if only else list(claims.budgets)
        for name in wanted:
            if name not in {arm.budget for arm in arms} | {arm.name for arm in arms}:
                known = ", ".join(claims.budgets)
                raise BestsellerError(
                    f"{FILE}: has no budget or arm {name!r}; known budgets: {known}"
                )
        chosen = [arm for arm in arms if arm.budget in wanted or arm.name in wanted]
        self.items = list(in_order(chosen))
        self.broken: dict[str, str] = {}  # by hash of the data, why they cannot be had
        self.failed = self.done = 0

    def missing(self) -> list[tuple[Arm, int]]:
        """Return the items without a row."""
        table = read_rows()
        return [(a, s) for a, s in self.items if not stands(table, a.key, s, self.codes)]

    def take_up(self) -> None:
        """Add the rows of items that were measured when the last call was stopped."""
        for arm, seed in self.missing():
            if (item_folder(arm, seed) / RESULT).exists():
                self.add_row(arm, seed)

    def add_row(self, arm: Arm, seed: int) -> None:
        """Add an item's row and remove its folder; what it draws is kept, to be looked at."""
        folder = item_folder(arm, seed)
        identity = {"budget": arm.budget, "variant": arm.variant, "seed": seed}
        identity |= {"settings": arm.key, "code": self.code, "dataset": arm.dataset}
        append_row(identity | read_json(folder / RESULT, "make study"))
        samples = folder / "data/models" / arm.item(seed).name / "samples.png"
        if samples.exists():
            PICTURES.mkdir(exist_ok=True)
            samples.replace(PICTURES / f"{arm.budget}-{arm.variant}-{seed}.png")
        remove(folder)
        self.done += 1

    def jobs(self) -> Iterator[Job | None]:
        """Yield the next process, items in order, each dataset before its first one; None = wait.

        The items after a dataset's first one wait with it, also those of other data.
        """
        for arm, seed in self.missing():
            if arm.data_key in self.broken:
                continue
            if not data_folder(arm).exists():
                try:
                    if arm.source.archive:
                        archive_of(arm.dataset, arm.source, Path(), self.archive)
                except BestsellerError as error:
                    self.broken[arm.data_key] = str(error)
                    print(f"study: {arm.dataset}: {error}", file=sys.stderr, flush=True)
                    continue
                yield self.job(arm, None)
                while not data_folder(arm).exists() and arm.data_key not in self.broken:
                    yield None
                if arm.data_key in self.broken:
                    continue
            yield self.job(arm, seed)

    def job(self, arm: Arm, seed: int | None) -> Job:
        """Return the process of an item, or of its dataset for no seed."""
        what = PREPARE if seed is None else str(seed)
        command = [sys.executable, "-m", "stages.study_item", arm.name, what]
        if self.archive:
            command += ["--archive", str(self.archive)]
        name = arm.dataset if seed is None else f"{arm.budget}-{arm.variant}-{seed}"
        return Job(arm, seed, command, LOGS / f"{name}.log")

    def ended(self, job: Job, status: int, seconds: float) -> None:
        """Take note of a process that ended by itself."""
        if status == 0:
            if job.seed is not None:
                self.add_row(job.arm, job.seed)
            print(f"study: {job.name}: {seconds:.0f} s", flush=True)
            return
        self.failed += 1
        told = job.log.read_text(errors="replace").strip().splitlines()
        reason = told[-1].removeprefix("study_item: ") if told else f"exit status {status}"
        print(f"study: {job.name}: {reason} ({job.log})", file=sys.stderr, flush=True)
        if job.seed is None:
            self.broken[job.arm.data_key] = reason


def main(
    params: Params, minutes: str | None, jobs: str | None, archive: str | None, only: str | None
) -> None:
    """Run what is missing; see the module."""
    del params
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the trainings end with it
    until = time.monotonic() + 60 * positive("MINUTES", minutes or "120")
    at_once = int(positive("JOBS", jobs or "2"))
    with only_one(LOCK):
        study = Study(Path(archive).resolve() if archive else None, only or "")
        study.take_up()
        missing = len(study.missing())
        print(f"study: {len(study.items) - missing} of {len(study.items)} rows stand", flush=True)
        environment = os.environ | {"OMP_NUM_THREADS": "1", "BESTSELLER_LIVE": "0"}
        run_jobs(
            study.jobs(),
            at_once=at_once,
            until=until,
            ended=study.ended,
            environment=environment,
        )
        left = len(study.missing())
    print(f"study: {study.done} rows added, {left} of {len(study.items)} missing; {TABLE}")
    if study.failed or (study.broken and not study.done and missing):
        raise SystemExit(1)


def positive(name: str, text: str) -> float:
    """Read a number of the command line.

    Raises:
        BestsellerError: it is none above 0.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise BestsellerError(f"{name}={text}: no number above 0")
    return value


if __name__ == "__main__":
    run(
        main,
        [
            ("--minutes", "until which it runs (120)"),
            ("--jobs", "trainings at a time, of a thread each (2)"),
            ("--archive", "path of the photos, in the place of the one in studies/claims.yaml"),
            ("--only", "budgets, or arms such as small/dcgan-plain, with commas between them"),
        ],
    )
