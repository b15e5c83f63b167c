"""Choosing models and candidates: pure functions of tables and arrays."""

import math
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from bestseller.base.errors import BestsellerError

FEWEST = 3  # products of a line from which its own distances count


def best_models(similarity: pd.DataFrame) -> dict[str, list[str]]:
    """Return for each line the models that may propose designs for it.

    These are the model with the highest similarity and every model tied with it, where a tie is an
    interval that reaches the winner's. Where the similarity of a line is unknown for all models,
    nothing tells them apart and all are tied.

    Args:
        similarity: a row per line and model: line, model, similarity, low, high (percent; NaN
            where the classifier does not know the line).

    Returns:
        Sorted lines, each with its sorted models.

    Raises:
        BestsellerError: the table is empty.
    """
    if similarity.empty:
        raise BestsellerError(
            "metrics/similarity.csv: no row for a model of params.yaml; run `dvc repro compare`"
        )
    chosen = {}
    for line, rows in similarity.groupby("line", sort=True):
        known = rows.dropna(subset=["similarity"])
        if known.empty:
            chosen[str(line)] = sorted(rows["model"])
            continue
        ordered = known.sort_values(["similarity", "model"], ascending=[False, True])
        best = ordered.iloc[0]
        tied = (ordered["high"] >= best["low"]) | (ordered["model"] == best["model"])
        chosen[str(line)] = sorted(ordered.loc[tied, "model"])
    return chosen


def recognisable(similarity: np.ndarray, share: float) -> np.ndarray:
    """Tell which candidates are among the given share most recognisable as their line.

    A score speaks about what a product of the line would sell; of an image that is no product of
    the line it says nothing.

    Args:
        similarity: float64 N, percent; NaN where the classifier does not know the line.
        share: 0..1 of the candidates that stay, rounded up.

    Returns:
        bool N. All of them where no similarity is known.
    """
    if np.isnan(similarity).all():
        return np.ones(len(similarity), dtype=bool)
    order = np.argsort(-np.nan_to_num(similarity, nan=-1.0), kind="stable")
    kept = np.zeros(len(similarity), dtype=bool)
    kept[order[: math.ceil(share * len(similarity))]] = True
    return kept


def choose_diverse(
    score: np.ndarray,
    features: np.ndarray,
    count: int,
    *,
    diversity: float,
    scale: float,
    least_distance: float,
    taken: np.ndarray | None = None,
    apart: float = 0.0,
    made_of: Sequence[Hashable] | None = None,
) -> list[int]:
    """Choose a diverse set of high scores, one at a time (maximal marginal relevance).

    The first is the highest score. Each further one has the highest

        (1 - diversity) * normalised score + diversity * min(1, d / scale),

    where d is the distance to the nearest one chosen before and the score is scaled to 0..1 over
    the candidates. After Carbonell and Goldstein (1998), with a distance in the place of one minus
    a similarity. Ties go to the lower index. Candidates that are alike come last: those nearer than
    `apart` to one chosen before, or made of the same as it.

    Args:
        score: float64 N, higher is better.
        features: N x d.
        count: how many to choose.
        diversity: 0..1; 0 = by score alone.
        scale: distance from which two candidates count as wholly different, > 0.
        least_distance: candidates nearer than this to a chosen or taken one are passed over.
        taken: M x d features of what was chosen before, for the least distance alone.
        apart: distance below which two candidates are alike.
        made_of: of each candidate, such as its parents; None = of nothing that another shares.

    Returns:
        Up to `count` indices in the order of choice; fewer where too few differ enough.
    """
    free = np.ones(len(score), dtype=bool)
    if taken is not None and len(taken) and len(score):
        free &= cdist(features, taken).min(axis=1) >= least_distance
    span = np.ptp(score) if len(score) else 0.0
    relative = (score - score.min()) / span if span > 0 else np.zeros(len(score))
    distance = np.full(len(score), np.inf)
    unlike = np.ones(len(score), dtype=bool)
    chosen: list[int] = []
    while free.any() and len(chosen) < count:
        spread = np.minimum(1.0, distance / scale) if chosen else np.zeros(len(score))
        value = (1 - diversity) * relative + diversity * spread if chosen else relative
        sought = free & unlike if (free & unlike).any() else free
        best = int(np.argmax(np.where(sought, value, -np.inf)))
        chosen.append(best)
        distance = np.minimum(distance, cdist(features, features[best : best + 1])[:, 0])
        free &= distance >= least_distance
        free[best] = False
        unlike &= distance >= apart
        if made_of is not None and made_of[best] is not None:
            unlike &= np.array([other != made_of[best] for other in made_of])
    return chosen


def usual_distance(
    features: np.ndarray, clusters: np.ndarray, lines: np.ndarray, percentile: float
) -> dict[str, float]:
    """Return how far the products of a line are from each other: by line, in feature space.

    It is a percentile of the distances from each product to the nearest one of its line. Lines with
    fewer than `FEWEST` such products have that of the products of all lines.

    Args:
        features: N x d, of the products' images.
        clusters: N, the design of each; images of one design are no two products.
        lines: N, text.
        percentile: 0..100.
    """
    nearest: dict[str, np.ndarray] = {}
    for line in np.unique(lines):
        rows = np.flatnonzero(lines == line)
        between = cdist(features[rows], features[rows])
        between[clusters[rows][:, None] == clusters[rows][None, :]] = np.inf
        found = between.min(axis=1)
        nearest[str(line)] = found[np.isfinite(found)]
    every = np.concatenate([*nearest.values(), np.zeros(0)])
    return {
        line: float(np.percentile(own if len(own) >= FEWEST else every, percentile))
        if len(every)
        else 0.0
        for line, own in nearest.items()
    }
