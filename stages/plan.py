"""Say which stages would run, which come back from DVC's cache, and how long it takes."""

from collections.abc import Callable
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.params import PARAMS_FILE, Params
from bestseller.params.bare import bare_values
from bestseller.planning.plan import Fate, Step
from bestseller.planning.plan import plan as outlook
from bestseller.planning.times import Times, in_words, remaining
from stages import TIMES, WORKSPACE, run

WORDS = {
    Fate.RUNS: "runs",
    Fate.FOLLOWS: "runs if what it reads comes out otherwise",
    Fate.CACHED: "comes back from DVC's cache",
}


def main(params: Params, jobs: str) -> None:
    """Print the stages that something becomes of, a line each, and the time in all."""
    steps, times = foresee(params), times_of(params)
    shown = [step for step in steps if step.fate is not Fate.SAME]
    if not shown:
        print("Nothing would run: all is up to date.")
        return
    for step in shown:
        took = "" if step.fate is Fate.CACHED else in_words(times.seconds(step.stage))
        print(f"{step.stage:28} {WORDS[step.fate]:42} {took}".rstrip())
    least, most = (in_words(s) for s in remaining(steps, times, whole_number(jobs)))
    span = most if least == most else f"{least} to {most.removeprefix('about ')}"
    counts = {fate: sum(step.fate is fate for step in steps) for fate in WORDS}
    print(
        f"{counts[Fate.RUNS]} run, {counts[Fate.FOLLOWS]} may follow, {counts[Fate.CACHED]} come "
        f"back, {len(steps) - len(shown)} stay: {span} with {jobs} at once"
    )
    if guessed := len(set(times.guessed)):
        print(
            f"{guessed} have not run here yet: theirs are another machine's times, scaled by a "
            "short calibration of this one"
        )


def foresee(params: Params) -> list[Step]:
    """Return what would become of each stage."""
    from dvc.exceptions import DvcException  # noqa: PLC0415 (slow import)

    if bare := bare_values(PARAMS_FILE):
        raise BestsellerError(bare[0])
    try:
        return outlook(Path(), {"settings": settings_of(params)}, params.item_names())
    except DvcException as error:
        raise BestsellerError(f"dvc.yaml: {error}") from error


def settings_of(params: Params) -> Callable[[Path], None]:
    """Return what writes the files of the stage `settings` into a folder."""
    from stages.settings import write  # noqa: PLC0415

    return lambda folder: write(params, folder)


def times_of(params: Params) -> Times:
    """Return how long the stages take here."""
    return Times(WORKSPACE / TIMES, params, Path("data/models"))


def whole_number(jobs: str) -> int:
    """Return the number of jobs.

    Raises:
        BestsellerError: it is no whole number of 1 or more.
    """
    if not jobs.isdigit() or int(jobs) < 1:
        raise BestsellerError(f"{jobs!r} jobs: give a whole number of 1 or more, such as 2")
    return int(jobs)


if __name__ == "__main__":
    run(main, [("jobs", "items at once, a whole number")])
