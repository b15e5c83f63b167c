"""DVC's runs with their progress: which stage of how many, and how long it still takes."""

import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.planning.plan import Fate, Step
from bestseller.planning.times import Times, in_words, remaining
from bestseller.retraining.repository import Repository, dvc_process

STARTS = re.compile(r"^Running stage '([^']+)'")
PASSES = re.compile(r"^Stage '([^']+)' (is cached|didn't change)")
PUSH = "Use `dvc push` to send your updates to remote storage."
STOP_S = 5.0  # seconds that a stopped DVC has to end by itself


class Runner:
    """Runs DVC, several at a time where asked, and says how far all of it is.

    Args:
        steps: the plan; stages that do not change are not counted.
        times: how long stages take.
        jobs: processes at once.
    """

    def __init__(self, steps: Sequence[Step], times: Times, jobs: int) -> None:
        self.steps = [step for step in steps if step.fate is not Fate.SAME]
        self.times, self.jobs, self.stopped = times, jobs, False
        self._begun: dict[str, float] = {}  # seconds of the clock, by stage
        self._passed: set[str] = set()  # stages that did not have to run
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []

    def dvc(self, *arguments: str) -> None:
        """Run one DVC with its output on ours, line by line.

        Raises:
            BestsellerError: it failed.
        """
        with dvc_process(Path.cwd(), *arguments) as process:
            self._processes.append(process)
            assert process.stdout is not None
            for line in process.stdout:
                self._tell(line)
        if process.returncode and not self.stopped:
            what = arguments[-1] if "--single-item" in arguments else "`dvc repro`"
            raise BestsellerError(f"{what} failed; what is done stays done: mend it and run again")

    def stop(self) -> None:
        """End every DVC that still runs, and print no more of their output."""
        self.stopped = True
        until = time.monotonic() + STOP_S
        while time.monotonic() < until and any(p.poll() is None for p in self._processes):
            time.sleep(0.1)
        for process in self._processes:
            if process.poll() is None:
                process.terminate()

    def _tell(self, line: str) -> None:
        if self.stopped or not line.strip() or (PUSH in line and not has_remote()):
            return
        with self._lock:
            if found := STARTS.match(line):
                self._begun[found[1]] = time.monotonic()
                line = f"{self.progress(found[1])}: {line}"
            elif found := PASSES.match(line):
                self._passed.add(found[1])
            print(line, end="", flush=True)

    def progress(self, stage: str) -> str:
        """Say where the run stands as `stage` starts: ``stage 7 of 28, about 9 min left``."""
        names = [step.stage for step in self.steps]
        if stage not in names:  # the plan did not foresee it
            return "one more stage"
        done = [name for name in names if name in self._begun or name in self._passed]
        left = [step for step in self.steps if step.stage not in done]
        now = time.monotonic()
        running = [
            max(0.0, self.times.seconds(name) - (now - begun))
            for name, begun in self._begun.items()
            if name in names and now - begun < self.times.seconds(name)
        ]
        least, most = remaining(left, self.times, self.jobs)
        begun_s = max(running, default=0.0)
        low, high = in_words(least + begun_s), in_words(most + begun_s)
        time_left = high if low == high else f"{low} to {high.removeprefix('about ')}"
        return f"stage {len(done)} of {len(names)}, {time_left} left"


def has_remote() -> bool:
    """Tell whether outputs can be sent anywhere."""
    return Repository(Path.cwd()).has_remote()


def stopped_line(target: str) -> str:
    """Return what is said after Ctrl-C."""
    return (
        f"stopped; what is done stays done: `{target}` goes on from there, `make restore` brings "
        "the last outputs back"
    )


def exit_stopped(runner: Runner, name: str, target: str) -> None:
    """End after Ctrl-C, in one line."""
    runner.stop()
    print(f"\n{name}: {stopped_line(target)}", file=sys.stderr)
    raise SystemExit(130)
