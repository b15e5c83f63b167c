"""How long stages take: from their last run here, else from another machine's by a calibration."""

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.params import Item, Params
from bestseller.planning.plan import Fate, Step

# Run at once by `make demo`, several at a time; see stages.parallel.
TOGETHER = ("train", "classifier", "backtest", "evaluate")
CACHED_S = 1.0  # of a stage whose former outputs come back
# What foresight runs of a past day, beside a training of its model; by it a plan tells its time.
OF_FORESIGHT = ("sales", "preprocess", "augment", "centroid", "classifier", "backtest", "shortlist")
# Seconds on two shared cores of an AMD EPYC without bfloat16, with the demo's settings; `train` and
# `evaluate` for a model without its own.
REFERENCE = {
    "check": 5, "scrape": 60, "sales": 15, "preprocess": 60, "augment": 5, "backbone": 60,
    "centroid": 15, "settings": 3, "classifier": 600, "backtest": 120, "evaluate": 60,
    "compare": 120, "shortlist": 150, "foresight": 5, "report": 40, "track": 15, "train": 600,
    "train@vanilla-plain": 96, "train@dcgan-plain": 558, "train@dcgan-centroid": 679,
    "train@d2gan-plain": 975, "train@pggan-plain": 846, "train@blend-plain": 217,
}  # fmt: skip
REFERENCE_CALIBRATION_S = 0.14  # CPU seconds of `calibrate` there


def calibrate() -> float:
    """Return the CPU seconds of a fixed piece of work on one thread, the least of three tries.

    It is matrix products as of a small convolution: half a second in all, also on a busy machine.
    """
    rng = np.random.default_rng(0)
    a = rng.standard_normal((384, 1152)).astype(np.float32)
    b = rng.standard_normal((1152, 2048)).astype(np.float32)
    took = []
    with threadpool_limits(1):
        for _ in range(3):
            begun = time.thread_time()
            for _ in range(6):
                np.maximum(a @ b, 0).sum()
            took.append(time.thread_time() - begun)
    return max(min(took), 1e-3)


class Times:
    """Seconds that stages take.

    Args:
        folder: of the notes that stages leave, a file for each.
        params: today's settings.
        models: folder of the trained models, whose settings tell by how much a training has grown.

    Attributes:
        guessed: the stages asked about so far that have not run here.
    """

    def __init__(self, folder: Path, params: Params, models: Path) -> None:
        self.folder, self.params, self.models = folder, params, models
        self.guessed: list[str] = []
        self._factor = 0.0

    def seconds(self, stage: str) -> float:
        """Return the seconds that one run of a stage takes, about."""
        base, _, item = stage.partition("@")
        wanted = self.params.foresight
        if (
            base == "foresight" and wanted.as_of
        ):  # its last run here may have been one of another day
            parts = (*OF_FORESIGHT, f"train@{wanted.model}-{wanted.seed}")
            return sum(self.seconds(part) for part in parts)
        noted = self._noted(stage)
        if noted is not None:
            return noted * (self._growth(item) if base == "train" else 1.0)
        self.guessed.append(stage)
        siblings = [self._noted(p.stem) for p in self.folder.glob(f"{base}@*.json")]
        if item and base != "train" and (known := [s for s in siblings if s is not None]):
            return sum(known) / len(known)
        self._factor = self._factor or calibrate() / REFERENCE_CALIBRATION_S
        reference = REFERENCE.get(f"{base}@{item.rpartition('-')[0]}", REFERENCE.get(base, 60))
        return reference * self._factor

    def _noted(self, stage: str) -> float | None:
        try:
            seconds = float(read_json(self.folder / f"{stage}.json")["seconds"])
        except (BestsellerError, KeyError, TypeError, ValueError):
            return None
        return seconds if 0 <= seconds < math.inf else None  # the clock was set back meanwhile

    def _growth(self, item: str) -> float:
        """Return by how much a training is longer than when its model was last made here."""
        try:
            before: Mapping[str, Any] = read_json(self.models / item / "generator.json")["settings"]
        except (BestsellerError, KeyError, TypeError):
            return 1.0
        now = getattr(self.params.train, Item.parse(item).gan).model_dump()
        powers = {"epochs": 1.0, "width": 2.0}
        factor = 1.0
        for key, power in powers.items():
            if before.get(key) and now.get(key):
                factor *= (now[key] / before[key]) ** power
        return factor


def remaining(steps: Sequence[Step], times: Times, jobs: int) -> tuple[float, float]:
    """Return the seconds that a run takes at least and at most.

    At least: without the stages that run only if one before them leaves something else. Stages
    that stand beside each other share `jobs` processes.
    """
    least = [step for step in steps if step.fate is not Fate.FOLLOWS]
    return _span(least, times, jobs), _span(steps, times, jobs)


def _span(steps: Sequence[Step], times: Times, jobs: int) -> float:
    alone = 0.0
    together: list[float] = []
    for step in steps:
        if step.fate is Fate.SAME:
            continue
        took = CACHED_S if step.fate is Fate.CACHED else times.seconds(step.stage)
        if step.stage.partition("@")[0] in TOGETHER:
            together.append(took)
        else:
            alone += took
    if not together:
        return alone
    return alone + max(*together, sum(together) / jobs)


def in_words(seconds: float) -> str:
    """Return a duration for people, such as ``about 9 min``."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min"
    return f"about {seconds / 3600:.1f} h"
