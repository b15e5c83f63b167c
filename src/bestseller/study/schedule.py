"""Which items of a study are run, by how many processes, and until when."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bestseller.study.claims import Arm

WAIT_S = 0.2  # seconds between two looks at the running processes
GRACE_S = 20.0  # seconds until a process that was asked to end is killed


@dataclass(frozen=True)
class Job:
    """One process: an item of an arm, or the dataset that its arm needs.

    Attributes:
        arm: whose.
        seed: of the item; None for the dataset.
        command: the process, and where its output goes.
        log: file that its output is appended to.
    """

    arm: Arm
    seed: int | None
    command: list[str]
    log: Path

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.arm.name}, seed {self.seed}" if self.seed is not None else self.arm.dataset


@dataclass
class Running:
    job: Job
    process: subprocess.Popen[bytes]
    started: float


def run_jobs(
    jobs: Iterator[Job | None],
    *,
    at_once: int,
    until: float,
    ended: Callable[[Job, int, float], None],
    environment: dict[str, str],
) -> bool:
    """Run jobs, some at a time, until none is left or the time is up.

    What runs when the time is up is asked to end; its checkpoint stays.

    Args:
        jobs: asked for the next one whenever a place is free; None = the next one must wait.
        at_once: processes.
        until: `time.monotonic` at the end.
        ended: told of each job that ended by itself: its exit status and its wall seconds.
        environment: of the processes.

    Returns:
        whether all jobs were run.
    """
    running: list[Running] = []
    left = True
    try:
        while (left and time.monotonic() < until) or running:
            while left and len(running) < at_once and time.monotonic() < until:
                try:
                    job = next(jobs)
                except StopIteration:
                    left = False
                    break
                if job is None:
                    break
                running.append(_start(job, environment))
            time.sleep(WAIT_S)
            for one in [r for r in running if r.process.poll() is not None]:
                running.remove(one)
                ended(one.job, one.process.returncode, time.monotonic() - one.started)
            if time.monotonic() >= until and running:
                return False
    finally:
        for one in running:
            _stop(one.process)
    return not left


def _start(job: Job, environment: dict[str, str]) -> Running:
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with job.log.open("ab") as log:
        process = subprocess.Popen(
            job.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    return Running(job, process, time.monotonic())


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
