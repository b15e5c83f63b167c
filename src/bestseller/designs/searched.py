"""Candidates of a line and what a search from the best of them ends at."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.designs.candidates import Candidates
from bestseller.designs.expected import Expectation
from bestseller.designs.region import passing
from bestseller.designs.search import search
from bestseller.designs.walk import Found, Judge, Task
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn

Search = Callable[[Task], Found]
# Chooses so many of the candidates: of their log lower bounds, features and a number
Choose = Callable[[NDArray[np.float64], NDArray[np.float32], int], list[int]]


def with_searched(
    candidates: Candidates,
    features: NDArray[np.float32],
    judged: pd.DataFrame,
    generators: Mapping[str, TrainedGenerator],
    *,
    starts: int,
    steps: int,
    choose: Choose,
    judge: Judge,
    expectation: Expectation,
    by: Search = search,
) -> tuple[Candidates, NDArray[np.float32], pd.DataFrame]:
    """Search from the best candidates of each model; return all candidates, drawn ones first.

    Args:
        candidates: as drawn.
        features: float32 N x d, of their images.
        judged: a row of each, as `judge` gives it.
        generators: the models by name.
        starts: of each model.
        steps: of the search.
        choose: the candidates that it starts from.
        judge: gives features and rows of new images.
        expectation: of sales.
        by: how it is searched.

    Returns:
        The candidates with the ends of the search behind them, their features, their rows.
    """
    parts, models = [(candidates, features, judged)], candidates.table["model"].to_numpy(object)
    sound, low = passing(judged), np.log(judged["score_low"].to_numpy())
    for name in dict.fromkeys(models):
        own = np.flatnonzero(models == name)
        able = own[sound[own]]
        if not len(able):
            continue
        first = able[choose(low[able], features[able], starts)]
        latents = np.stack([candidates.latents[row] for row in own])
        task = Task(
            generators[name],
            candidates.line,
            Drawn(latents, [candidates.parents[row] for row in own]),
            features[own],
            judged.iloc[own].reset_index(drop=True),
            np.searchsorted(own, first),
            steps,
            judge,
            expectation,
        )
        found = by(task)
        if len(found.steps):
            parts.append((_of(candidates, found, own), found.features, found.judged))
    return (
        Candidates(
            candidates.line,
            np.concatenate([part.images for part, _, _ in parts]),
            [latent for part, _, _ in parts for latent in part.latents],
            [pair for part, _, _ in parts for pair in part.parents],
            pd.concat([part.table for part, _, _ in parts], ignore_index=True),
        ),
        np.concatenate([seen for _, seen, _ in parts]),
        pd.concat([table for _, _, table in parts], ignore_index=True),
    )


def _of(candidates: Candidates, found: Found, own: NDArray[np.int64]) -> Candidates:
    """Return what a search found as candidates that name what they began at."""
    began = own[found.starts]
    table = candidates.table.iloc[began].assign(search_steps=found.steps, start=began)
    latents, pairs = list(found.drawn.latents), found.drawn.parents
    return Candidates(candidates.line, found.images, latents, pairs, table)
