"""Run what changed, the items of the train and evaluate matrices several at a time.

`dvc repro` runs one stage after another. Trainings of small networks use one core well and several
badly, so on few cores several of one thread each (item_threads in params.yaml) are done sooner.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bestseller.errors import BestsellerError
from bestseller.params import Params
from stages import run

# What must be there before each matrix; DVC is asked for these with all that they depend on.
GROUPS = {"train": ("augment", "centroid"), "evaluate": ("classifier",)}
DVC = (sys.executable, "-P", "-m", "dvc")  # -P: our metrics/ is no module of DVC's


def main(params: Params, jobs: str) -> None:
    del params
    # the stages that DVC starts are to find this environment's python
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    if not jobs.isdigit() or int(jobs) < 1:
        raise BestsellerError(f"{jobs!r} jobs: give a whole number of 1 or more, such as 2")
    for group, before in GROUPS.items():
        repro(*before)
        with ThreadPoolExecutor(int(jobs)) as pool:
            # The last ones first: the axes of params.yaml begin with the cheapest.
            list(pool.map(repro_item, reversed(changed_items(group))))
    repro()


def repro(*stages: str) -> None:
    """Run stages with all that they depend on, or everything."""
    if subprocess.run([*DVC, "repro", *stages], check=False).returncode:
        raise BestsellerError("`dvc repro` failed; what is done stays done: mend it and run again")


def changed_items(group: str) -> list[str]:
    """Return the items of a matrix that have to run, by the names of their stages."""
    planned = subprocess.run(
        [*DVC, "repro", "--dry", group], capture_output=True, text=True, check=False
    )
    if planned.returncode:
        raise BestsellerError(f"`dvc repro --dry {group}`: {planned.stderr.strip()}")
    return re.findall(rf"^Running stage '({group}@[^']+)'", planned.stdout, re.MULTILINE)


def repro_item(stage: str) -> None:
    """Run one item, its output line by line among that of the others.

    Locks are waited for: without that, DVC gives up after three seconds, and a finished training
    that cannot note its result is lost.
    """
    command = [*DVC, "--wait-for-lock", "repro", "--single-item", stage]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                print(line, end="", flush=True)
    if process.returncode:
        raise BestsellerError(f"{stage} failed; what is done stays done: mend it and run again")


if __name__ == "__main__":
    run(main, [("jobs", "items at once, a whole number")])
