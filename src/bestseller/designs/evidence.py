"""The evidence of one design: everything that lets a person judge it and make it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bestseller.designs.candidates import Candidates, parents_record
from bestseller.designs.design import NEAREST, SOURCE_TYPE, design_id
from bestseller.preference.scorer import Scorer


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


def evidence(  # noqa: PLR0917 (one value per judge, in the order of the pipeline)
    candidates: Candidates,
    row: int,
    feature: np.ndarray,
    judged: pd.Series,
    scorer: Scorer,
    naming: Naming,
) -> dict[str, Any]:
    """Return the record of one design, ready for JSON; `shortlist` adds its rank, the seed
    and what the score is worth, `Explainer` why the score is what it is.

    Keys: id, line, score, similarity (percent, null where the classifier does not know the
    line), best_sellers (nearest first: sku, name, line, units, distance), training
    (nearest training image: sku, name, line, distance, percentile), novelty (class), picture
    (distance from real photos over the largest that is shown, 0..1), parents (of a blend alone,
    the larger share first: sku, name, line, units, share), model, model_hash, latent_index,
    latent, image_sha256 (of the pixels), feature_space, digital_source_type.

    Args:
        candidates: the line's candidates.
        row: which of them.
        feature: float32 d, its features.
        judged: its row of `Scorer.judge`.
        scorer: what judged it.
        naming: names of products.
    """
    origin, latent = candidates.table.iloc[row], candidates.latents[row]
    similarity = float(judged["similarity"])
    parents = parents_record(candidates.parents[row])
    for parent in parents.get("parents", []):
        parent |= {"name": naming(parent["sku"]), "units": naming.sold(parent["sku"])}
    trained = scorer.known.training.iloc[judged["training_row"]]
    return {
        "id": design_id(origin["model_hash"], candidates.line, latent),
        "line": candidates.line,
        "score": _rounded(judged["score"]),
        "similarity": None if np.isnan(similarity) else _rounded(similarity),
        "best_sellers": [
            seller | {"name": naming(seller["sku"])}
            for seller in scorer.neighbours(feature[None], NEAREST)[0]
        ],
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
