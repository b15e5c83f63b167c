"""Finds the model nearest to the real photos, and the models that are tied with it.

All models draw the same latents for the same lines and are held against the same photos, so their
kernel distances are compared pair by pair. A model is farther than the leader only where every
metric space says so with an interval that excludes 0; whatever is not farther is tied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from bestseller.base.files import atomic_path, reading
from bestseller.metrics.kernel_distance import Projections, projected_difference
from bestseller.metrics.registry import space_title
from bestseller.metrics.statistics import normal_interval

KIDS = "kid.safetensors"  # name of a model's file in its folder of data/evaluation
Kids = Mapping[str, Projections]  # by metric space, the main one first


@dataclass(frozen=True)
class Nearest:
    """The leader (lowest kernel distance in the main space), the models tied with it, and why."""

    leader: str
    tied: list[str]
    sentence: str

    @property
    def models(self) -> list[str]:
        """The leader and those tied with it."""
        return [self.leader, *self.tied]


def nearest_models(kids: Mapping[str, Kids], confidence: float) -> Nearest:
    """Compare the models in every space.

    Args:
        kids: by model, its projections in each space; the main space comes first.
        confidence: of each interval.
    """
    spaces = list(next(iter(kids.values())))
    leader = min(kids, key=lambda name: kids[name][spaces[0]].estimate.value)
    tied = [
        name for name in kids if name != leader and not _farther(kids, name, leader, confidence)
    ]
    named = " and ".join(space_title(space) for space in spaces)
    if len(kids) == 1:
        said = f"{leader} is the only model."
    elif tied:
        said = (
            f"No model is called best: {leader} has the lowest KID in {space_title(spaces[0])}, "
            f"and {', '.join(tied)} cannot be told from it in every space ({named}): tied."
        )
    else:
        said = (
            f"The model nearest to the real photos is {leader}: in every space ({named}) its KID "
            "is lower than that of each other model, by paired intervals that exclude 0."
        )
    return Nearest(leader, tied, said)


def _farther(kids: Mapping[str, Kids], name: str, leader: str, confidence: float) -> bool:
    pairs = ((kids[name][space], kids[leader][space]) for space in kids[leader])
    return all(
        normal_interval(projected_difference(one, best), confidence).low > 0 for one, best in pairs
    )


def save_kids(path: Path, kids: Kids) -> None:
    """Write the projections of one model as safetensors, float64."""
    arrays = {
        f"{space}.{part}": np.ascontiguousarray(getattr(found, part))
        for space, found in kids.items()
        for part in ("first", "second")
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary)


def load_kids(path: Path, spaces: Sequence[str], made_by: str) -> dict[str, Projections]:
    """Read what `save_kids` wrote, in the order of `spaces`.

    Raises:
        BestsellerError: the file is missing or damaged.
    """
    with reading(path, made_by):
        arrays = load_file(path)
        return {s: Projections(arrays[f"{s}.first"], arrays[f"{s}.second"]) for s in spaces}
