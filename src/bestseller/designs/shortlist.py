"""The shortlist: the few designs of each line that are worth a discussion."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from bestseller.base.progress import track
from bestseller.catalogue.product import Product
from bestseller.designs.candidates import sample
from bestseller.designs.design import Choice, Design
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.expected import Expectation
from bestseller.designs.region import Centre, passing
from bestseller.designs.screening import screened
from bestseller.designs.searched import with_searched
from bestseller.designs.selection import choose_diverse, recognisable, usual_distance
from bestseller.designs.walk import budget
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Parents
from bestseller.metrics.novelty import NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE
from bestseller.params import Shortlist
from bestseller.preference.known import KnownImages
from bestseller.preference.scorer import Scorer

COUNTS = (
    "candidates",
    "near_copies",
    "abstained",
    "held_back",
    "rejected",
    "considered",
    "places",
    "chosen",
)


def shortlist(
    models: Mapping[str, Sequence[str]],
    generators: Mapping[str, TrainedGenerator],
    scorer: Scorer,
    naming: Naming,
    settings: Shortlist,
    *,
    expectation: Expectation,
    worth: str,
    places: Mapping[str, int],
    rejected: np.ndarray | None = None,
    centre: Centre | None = None,
) -> Choice:
    """Choose the designs of every line.

    Dropped are candidates that copy a training image, those that are unlike every product, on
    which a score means nothing, those below the floor of picture quality, and the neighbours of
    designs that people have rejected. Of the others the more recognisable share stays; among these
    the choice weighs the logarithm of the score's lower bound against diversity: a high score that
    little is known of is no reason to make a thing. Two designs, of whatever line,
    are never nearer to each other than the distance below which an image is a near-copy; they count
    as wholly different from the median distance of a real design to its nearest other. What lies
    within that median of a rejected design is its neighbour. With `apart`, candidates come last
    that are nearer to a chosen one of the line than its products usually are to each other, or that
    are made of the same two parents in the same order.

    With a search, half of the candidates are drawn; the others are its steps from the best of
    these, see `search`.

    Args:
        models: for each line the names of the models that may propose designs.
        generators: the models by name.
        scorer: what judges a candidate.
        naming: names of products, for the evidence.
        settings: the section ``shortlist`` of params.yaml.
        expectation: of the designs' sales.
        places: how many designs each line may have, see `sharing.share_out`.
        worth: what the score is worth, in the backtest's sentence; stands with every design.
        rejected: uint8 M x S x S x 3, pictures of designs that people have rejected.
        centre: gives distances to c over d_ref; for a search alone.

    Returns:
        Designs by line, then rank (1 = the highest lower end). A line may have fewer than
        its places, or none, where too few candidates pass.
    """
    least, scale = np.percentile(
        scorer.known.novelty.real_distances, [NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE]
    )
    unwanted = scorer.space.features(rejected) if rejected is not None else None
    count, starts = budget(settings.candidates, settings.search)
    draw = partial(screened, screen=settings.parents, draws=settings.draws, expectation=expectation)
    pick = partial(
        choose_diverse,
        diversity=settings.diversity,
        scale=max(float(scale), float(np.finfo(np.float32).tiny)),
        least_distance=float(least),
    )
    usual = usual_between(scorer.known, settings.apart)
    designs: list[Design] = []
    taken: list[np.ndarray] = []
    counts = []
    for line in track(sorted(models), "shortlist", unit="line"):
        candidates = sample(
            [generators[name] for name in models[line]],
            line,
            count,
            settings.seed,
            draw,
        )
        look = partial(_look, line=line, scorer=scorer, expectation=expectation, centre=centre)
        features, judged = look(candidates.images, candidates.parents)
        if starts:
            candidates, features, judged = with_searched(
                candidates,
                features,
                judged,
                generators,
                starts=starts,
                steps=settings.search,
                choose=pick,
                judge=look,
                expectation=expectation,
            )
        refused = _near(features, unwanted, float(scale))
        rows = eligible(judged, refused, settings.recognisable)
        chosen = pick(
            np.log(judged["score_low"].to_numpy()[rows]),
            features[rows],
            places[line],
            taken=np.stack(taken) if taken else None,
            **alike(candidates.parents, rows, usual.get(line, 0.0)),
        )
        in_order = sorted(rows[chosen], key=lambda row: -judged["score_low"].iloc[row])
        for rank, row in enumerate(in_order, start=1):
            taken.append(features[row])
            record = evidence(candidates, int(row), judged.iloc[row], scorer, naming)
            record |= {"rank": rank, "seed": settings.seed, "score_worth": worth}
            designs.append(Design(candidates.images[row], record))
        counts.append(
            {
                "line": line,
                "models": " ".join(models[line]),
                "candidates": len(judged),
                "near_copies": int((judged["novelty"] == "near-copy").sum()),
                "abstained": int(judged["abstains"].sum()),
                "held_back": int((judged["picture"] > 1).sum()),
                "rejected": int(refused.sum()),
                "considered": len(rows),
                "places": places[line],
                "chosen": len(chosen),
            }
        )
    return Choice(designs, pd.DataFrame(counts))


def usual_between(known: KnownImages, apart: float) -> dict[str, float]:
    """Return by line how far two designs of it are to be from each other; {} = apart is off."""
    if not apart:
        return {}
    novelty = known.novelty
    rows = slice(novelty.images)
    lines = known.training["line"].to_numpy()
    return usual_distance(novelty.reference[rows], novelty.clusters[rows], lines, apart)


def alike(parents: Sequence[Parents | None], rows: np.ndarray, usual: float) -> dict[str, Any]:
    """Return what tells `choose_diverse` which candidates are alike; nothing where apart is off.

    Args:
        parents: of the line's candidates.
        rows: those that may be chosen, int64.
        usual: distance between products of the line, 0 = apart is off.
    """
    if not usual:
        return {}
    pairs = [None if (pair := parents[row]) is None else tuple(p.sku for p in pair) for row in rows]
    return {"apart": usual, "made_of": pairs}


def no_choice(products: Iterable[Product]) -> Choice:
    """Return the choice where nothing says what sells: every line without a candidate."""
    lines = sorted({product.line for product in products if product.line})
    counts = dict.fromkeys(COUNTS, 0)
    rows = [{"line": line, "models": "", **counts} for line in lines]
    return Choice([], pd.DataFrame(rows, columns=["line", "models", *COUNTS]))


def _near(features: np.ndarray, unwanted: np.ndarray | None, radius: float) -> np.ndarray:
    """Tell which features are nearer than `radius` to one of the unwanted, bool N."""
    if unwanted is None:
        return np.zeros(len(features), dtype=bool)
    near: np.ndarray = cdist(features, unwanted).min(axis=1) < radius
    return near


def eligible(judged: pd.DataFrame, refused: np.ndarray, share: float) -> np.ndarray:
    """Return the rows that nothing speaks against and that are recognisable, int64.

    Args:
        judged: a row per candidate of a line, from `Scorer.judge`.
        refused: bool N, the neighbours of designs that people have rejected.
        share: of the others, the most similar to the line, that stays.
    """
    sound = np.flatnonzero(passing(judged) & ~refused)
    kept = recognisable(judged["similarity"].to_numpy()[sound], share)
    rows: np.ndarray = sound[kept]
    return rows


def _look(
    images: np.ndarray,
    parents: list[Parents | None],
    *,
    line: str,
    scorer: Scorer,
    expectation: Expectation,
    centre: Centre | None,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the features of images of a line, and what is known of each."""
    features, judged = scorer.judge(images, [line] * len(images))
    expected = expectation.judge(features, line, parents)
    judged = pd.concat([judged.drop(columns="score"), expected], axis=1)
    return features, judged if centre is None else judged.assign(centre=centre(images))
