"""The shortlist: the few designs of each line that are worth a discussion."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from bestseller.base.progress import track
from bestseller.catalogue.product import Product
from bestseller.designs.candidates import sample
from bestseller.designs.design import Choice, Design
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.expected import Expectation
from bestseller.designs.screening import screened
from bestseller.designs.selection import choose_diverse, recognisable
from bestseller.gans import TrainedGenerator
from bestseller.metrics.novelty import NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE
from bestseller.params import Shortlist
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
) -> Choice:
    """Choose the designs of every line.

    Dropped are candidates that copy a training image, those that are unlike every product, on
    which a score means nothing, those below the floor of picture quality, and the neighbours of
    designs that people have rejected. Of the others the more recognisable share stays; among these
    the choice weighs the logarithm of the score's lower bound against diversity: a high score that
    little is known of is no reason to make a thing. Two designs, of whatever line,
    are never nearer to each other than the distance below which an image is a near-copy; they count
    as wholly different from the median distance of a real design to its nearest other. What lies
    within that median of a rejected design is its neighbour.

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

    Returns:
        Designs by line, then rank (1 = the highest lower end). A line may have fewer than
        its places, or none, where too few candidates pass.
    """
    least, scale = np.percentile(
        scorer.known.novelty.real_distances, [NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE]
    )
    unwanted = scorer.space.features(rejected) if rejected is not None else None
    draw = partial(screened, screen=settings.parents, draws=settings.draws, expectation=expectation)
    designs: list[Design] = []
    taken: list[np.ndarray] = []
    counts = []
    for line in track(sorted(models), "shortlist", unit="line"):
        candidates = sample(
            [generators[name] for name in models[line]],
            line,
            settings.candidates,
            settings.seed,
            draw,
        )
        features, judged = scorer.judge(candidates.images, [line] * len(candidates.images))
        expected = expectation.judge(features, line, candidates.parents)
        judged = pd.concat([judged.drop(columns="score"), expected], axis=1)
        refused = _near(features, unwanted, float(scale))
        rows = passing(judged, refused, settings.recognisable)
        chosen = choose_diverse(
            np.log(judged["score_low"].to_numpy()[rows]),
            features[rows],
            count=places[line],
            diversity=settings.diversity,
            scale=max(float(scale), float(np.finfo(np.float32).tiny)),
            least_distance=float(least),
            taken=np.stack(taken) if taken else None,
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


def passing(judged: pd.DataFrame, refused: np.ndarray, share: float) -> np.ndarray:
    """Return the rows that nothing speaks against and that are recognisable, int64.

    Args:
        judged: a row per candidate of a line, from `Scorer.judge`.
        refused: bool N, the neighbours of designs that people have rejected.
        share: of the others, the most similar to the line, that stays.
    """
    dropped = (judged["novelty"] == "near-copy") | judged["abstains"] | refused
    dropped |= judged["picture"] > 1
    sound = np.flatnonzero(~dropped.to_numpy(bool))
    kept = recognisable(judged["similarity"].to_numpy()[sound], share)
    rows: np.ndarray = sound[kept]
    return rows
