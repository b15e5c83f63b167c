"""Run what changed, several trainings and other independent stages at a time.

`dvc repro` runs one stage after another. Small networks use one core well and several badly. So on
few cores several stages of one thread each (job_threads in params.yaml) end sooner.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from bestseller.base import lockfile
from bestseller.params import Params
from bestseller.planning.plan import Fate
from bestseller.planning.runner import Runner, exit_stopped
from stages import run
from stages.plan import foresee, times_of, whole_number

# What has to be there, with all that it depends on, and then what runs at once, a group's stages
# or its matrix items: the longest first.
PHASES = (
    (("sales", "augment", "centroid", "settings"), ("classifier", "train")),
    ((), ("backtest", "evaluate")),
)
NOT_THERE = (Fate.RUNS, Fate.CACHED)


def main(params: Params, jobs: str) -> None:
    count = whole_number(jobs)
    if told := lockfile.mend(Path.cwd()):
        print(told, flush=True)
    runner = Runner(foresee(params), times_of(params), count)
    try:
        if count > 1 and runner.steps:
            ahead(runner, params, count)
        runner.dvc("repro")
    except KeyboardInterrupt:
        exit_stopped(runner, "parallel", "make repro" if count == 1 else "make demo")


def ahead(runner: Runner, params: Params, jobs: int) -> None:
    """Run what can stand beside each other, several at a time."""
    for before, groups in PHASES:
        if before:
            runner.dvc("repro", *before)
        planned = {step.stage for step in foresee(params) if step.fate in NOT_THERE}
        # the cheapest models stand first in params.yaml
        models = [f"{group}@{item}" for group in groups for item in reversed(params.item_names())]
        wanted = [stage for stage in [*groups, *models] if stage in planned]
        pool = ThreadPoolExecutor(jobs)
        try:
            # Locks are waited for: without that, DVC gives up after three seconds, and a finished
            # training that cannot note its result is lost.
            single = partial(runner.dvc, "--wait-for-lock", "repro", "--single-item")
            list(pool.map(single, wanted))
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            runner.stop()
            raise
        finally:
            pool.shutdown()


if __name__ == "__main__":
    run(main, [("jobs", "items at once, a whole number")])
