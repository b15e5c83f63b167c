"""The evidence of one design: everything that lets a person judge it and make it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bestseller.designs.candidates import Candidates, parents_record
from bestseller.designs.design import SOURCE_TYPE, design_id
from bestseller.preference.scorer import Scorer

SCORES = ("score", "score_low", "score_high", "picture_score")


@dataclass(frozen=True)
class Naming:
    """What products are called, sku to name, and their net units in the window, sku to number.

    A product of the ledger alone goes by its sku; one without a row in the ledger sold nothing.
    """

    names: Mapping[str, str]
    units: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, sku: str) -> str:
        return self.names.get(sku) or sku

    def sold(self, sku: str) -> int:
        """Return a product's net units."""
        return int(self.units.get(sku, 0))


def evidence(
    candidates: Candidates,
    row: int,
    judged: pd.Series,
    scorer: Scorer,
    naming: Naming,
) -> dict[str, Any]:
    """Return the record of one design, ready for JSON.

    `shortlist` adds its rank, the seed and how good the score is. `Explainer` adds what explains
    the score, and the best sellers that look like the design.

    Keys: id, line, score, score_low, score_high, picture_score, beyond_seen (see
    `Expectation.judge`), similarity (percent, null where the classifier does not know the
    line), training (nearest training image: sku, name, line, distance, percentile), novelty
    (class), picture (distance from real photos over the largest that is shown, 0..1), parents (of a
    blend alone, the one whose details it has first: sku, name, line, units, share), search (of a
    searched design alone: steps, from: the id of the drawn one that it began at), model,
    model_hash, latent_index (of that one), latent, image_sha256 (of the pixels), feature_space,
    digital_source_type.

    Args:
        candidates: the line's candidates.
        row: which of them.
        judged: its row of `Scorer.judge` with that of `Expectation.judge`.
        scorer: what judged it.
        naming: names of products.
    """
    origin, latent = candidates.table.iloc[row], candidates.latents[row]
    similarity = float(judged["similarity"])
    parents = parents_record(candidates.parents[row])
    for parent in parents.get("parents", []):
        parent |= {"name": naming(parent["sku"]), "units": naming.sold(parent["sku"])}
    search = {}
    if origin["search_steps"]:
        began = design_id(
            origin["model_hash"], candidates.line, candidates.latents[int(origin["start"])]
        )
        search = {"search": {"steps": int(origin["search_steps"]), "from": began}}
    trained = scorer.known.training.iloc[judged["training_row"]]
    return {
        "id": design_id(origin["model_hash"], candidates.line, latent),
        "line": candidates.line,
        **{name: _rounded(judged[name]) for name in SCORES},
        "beyond_seen": bool(judged["beyond_seen"]),
        "similarity": None if np.isnan(similarity) else _rounded(similarity),
        "novelty": str(judged["novelty"]),
        "picture": _rounded(judged["picture"]),
        "training": {
            "sku": str(trained["sku"]),
            "name": naming(trained["sku"]),
            "line": str(trained["line"]),
            "distance": _rounded(judged["distance"]),
            "percentile": _rounded(judged["percentile"]),
        },
        **parents,
        **search,
        "model": str(origin["model"]),
        "model_hash": str(origin["model_hash"]),
        "latent_index": int(origin["latent_index"]),
        "latent": [float(value) for value in latent],
        "image_sha256": hashlib.sha256(candidates.images[row].tobytes()).hexdigest(),
        "feature_space": scorer.space.name,
        "digital_source_type": SOURCE_TYPE,
    }


def _rounded(value: float) -> float:
    return round(float(value), 6)
