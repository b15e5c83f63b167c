"""What every search has: where it begins, what it finds, how many images it may make."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.designs.expected import Expectation
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parents

Pictures = NDArray[np.uint8]
# features of images and what is known of them, by their parents; `region` says which columns
Judge = Callable[[Pictures, list[Parents | None]], tuple[NDArray[np.float32], pd.DataFrame]]

SHARE = 0.5  # of the candidates, that are steps of the search; the others are drawn


@dataclass(frozen=True)
class Task:
    """What a search is given: its starts, its steps, and what scores its images.

    Attributes:
        generator: the model.
        line: of all its candidates.
        drawn: their N latents with their parents.
        features: float32 N x d, of their images.
        judged: N rows: novelty, abstains, picture, centre, score_low.
        starts: int64 M, the rows from which the search goes.
        steps: that are tried.
        judge: gives features and such rows of new images.
        expectation: of sales.
    """

    generator: TrainedGenerator
    line: str
    drawn: Drawn
    features: NDArray[np.float32]
    judged: pd.DataFrame
    starts: NDArray[np.int64]
    steps: int
    judge: Judge
    expectation: Expectation


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        drawn: the latents with their parents, M.
        images: uint8 M x S x S x 3.
        features: float32 M x d, in the score's space.
        judged: a row each.
        starts: int64 M, the drawn candidate that each began at.
        steps: int64 M, of the search, >= 1.
    """

    drawn: Drawn
    images: NDArray[np.uint8]
    features: NDArray[np.float32]
    judged: pd.DataFrame
    starts: NDArray[np.int64]
    steps: NDArray[np.int64]


def budget(candidates: int, steps: int) -> tuple[int, int]:
    """Return how many images are drawn and from how many of them a search of `steps` starts.

    Drawn images and steps together are the candidates, or fewer by a rest, so that a search makes
    no more images than a draw; a start at least.
    """
    if not steps:
        return candidates, 0
    starts = max(1, int(SHARE * candidates / steps))
    return max(1, candidates - starts * steps), starts


def joined(parts: list[Found], drawn: Drawn, judged: pd.DataFrame) -> Found:
    """Return what several steps found as one; `drawn` and `judged` give its shapes where none did.

    Args:
        parts: in their order.
        drawn: latents of the same model.
        judged: rows of the same columns.
    """
    if not parts:
        latents, none = drawn.latents[:0], np.empty(0, np.int64)
        images, features = np.empty((0, 0, 0, 3), np.uint8), np.empty((0, 0), np.float32)
        return Found(Drawn(latents, []), images, features, judged.iloc[:0], none, none)
    return Found(
        Drawn(
            np.concatenate([part.drawn.latents for part in parts]),
            [pair for part in parts for pair in part.drawn.parents],
        ),
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.features for part in parts]),
        pd.concat([part.judged for part in parts], ignore_index=True),
        np.concatenate([part.starts for part in parts]),
        np.concatenate([part.steps for part in parts]),
    )
