"""Run what changed, trainings and what stands beside them several at a time.

`dvc repro` runs one stage after another. Small networks use one core well and several badly, so on
few cores several stages of one thread each (job_threads in params.yaml) are done sooner.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bestseller.base import lockfile
from bestseller.base.errors import BestsellerError
from bestseller.base.processes import tied
from bestseller.params import Params
from bestseller.retraining.repository import DVC
from stages import run

# What has to be there, with all that it depends on, and then what runs at once, a group's stages
# or its matrix items: the longest first.
PHASES = (
    (("sales", "augment", "centroid", "settings"), ("classifier", "train")),
    ((), ("backtest", "evaluate")),
)


def main(params: Params, jobs: str) -> None:
    if not jobs.isdigit() or int(jobs) < 1:
        raise BestsellerError(f"{jobs!r} jobs: give a whole number of 1 or more, such as 2")
    # the stages that DVC starts are to find this environment's python
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if told := lockfile.mend(Path.cwd()):
        print(told, flush=True)
    for before, groups in PHASES:
        if before:
            repro(*before)
        planned = changed(groups)
        # the cheapest models stand first in params.yaml
        models = [f"{group}@{item}" for group in groups for item in reversed(params.item_names())]
        with ThreadPoolExecutor(int(jobs)) as pool:
            wanted = [stage for stage in [*groups, *models] if stage in planned]
            list(pool.map(repro_one, wanted))
    repro()


def repro(*stages: str) -> None:
    """Run stages with all that they depend on, or everything."""
    if subprocess.run(tied([*DVC, "repro", *stages]), check=False).returncode:
        raise BestsellerError("`dvc repro` failed; what is done stays done: mend it and run again")


def changed(stages: tuple[str, ...]) -> set[str]:
    """Return which of the stages and matrix items have to run."""
    command = [*DVC, "repro", "--dry", *stages]
    planned = subprocess.run(command, capture_output=True, text=True, check=False)
    if planned.returncode:
        raise BestsellerError(f"`{' '.join(['dvc', *command[4:]])}`: {planned.stderr.strip()}")
    return set(re.findall(r"^Running stage '([^']+)'", planned.stdout, re.MULTILINE))


def repro_one(stage: str) -> None:
    """Run one stage, its output line by line among that of the others.

    Locks are waited for: without that, DVC gives up after three seconds, and a finished training
    that cannot note its result is lost.
    """
    command = [*DVC, "--wait-for-lock", "repro", "--single-item", stage]
    with subprocess.Popen(
        tied(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                print(line, end="", flush=True)
    if process.returncode:
        raise BestsellerError(f"{stage} failed; what is done stays done: mend it and run again")


if __name__ == "__main__":
    run(main, [("jobs", "items at once, a whole number")])
