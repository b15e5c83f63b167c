"""The shortlist: the few designs of each line that are worth a discussion."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bestseller.designs.candidates import sample
from bestseller.designs.design import Choice, Design
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.judges import Judges
from bestseller.designs.selection import choose_diverse, recognisable
from bestseller.gans import TrainedGenerator
from bestseller.metrics.novelty import NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE
from bestseller.params import Shortlist
from bestseller.progress import track


def shortlist(
    models: Mapping[str, Sequence[str]],
    generators: Mapping[str, TrainedGenerator],
    judges: Judges,
    naming: Naming,
    settings: Shortlist,
) -> Choice:
    """Choose the designs of every line.

    Candidates that copy a training image are dropped; of the others the more recognisable share
    stays; among these the choice weighs the logarithm of the score against diversity. Two
    designs, of whatever line, are never nearer to each other than the distance below which an
    image is a near-copy; they count as wholly different from the median distance of a real design
    to its nearest other.

    Args:
        models: for each line the names of the models that may propose designs.
        generators: the models by name.
        judges: what scores a candidate.
        naming: names of products, for the evidence.
        settings: the section ``shortlist`` of params.yaml.

    Returns:
        Designs by line, then rank (1 = chosen first). A line may have fewer than
        `settings.per_line`, or none, where too few candidates pass.
    """
    least, scale = np.percentile(
        judges.novelty.real_distances, [NEAR_COPY_PERCENTILE, NOVEL_PERCENTILE]
    )
    designs: list[Design] = []
    taken: list[np.ndarray] = []
    counts = []
    for line in track(sorted(models), "shortlist", unit="line"):
        candidates = sample(
            [generators[name] for name in models[line]],
            line,
            settings.candidates,
            settings.seed,
        )
        features, judged = judges.judge(candidates)
        rows = _passing(judged, settings.recognisable)
        chosen = choose_diverse(
            np.log(judged["score"].to_numpy()[rows]),
            features[rows],
            count=settings.per_line,
            diversity=settings.diversity,
            scale=max(float(scale), float(np.finfo(np.float32).tiny)),
            least_distance=float(least),
            taken=np.stack(taken) if taken else None,
        )
        for rank, row in enumerate(rows[chosen], start=1):
            taken.append(features[row])
            record = evidence(candidates, int(row), features[row], judged.iloc[row], judges, naming)
            record |= {"rank": rank, "seed": settings.seed}
            designs.append(Design(candidates.images[row], record))
        counts.append(
            {
                "line": line,
                "models": " ".join(models[line]),
                "candidates": len(judged),
                "near_copies": int((judged["novelty"] == "near-copy").sum()),
                "abstained": int(judged["abstains"].sum()),
                "considered": len(rows),
                "chosen": len(chosen),
            }
        )
    return Choice(designs, pd.DataFrame(counts))


def _passing(judged: pd.DataFrame, share: float) -> np.ndarray:
    """Return the rows that are no near-copies and recognisable, int64."""
    new = np.flatnonzero((judged["novelty"] != "near-copy").to_numpy())
    part = judged.iloc[new]
    kept = recognisable(part["similarity"].to_numpy(), part["abstains"].to_numpy(), share)
    rows: np.ndarray = new[kept]
    return rows
