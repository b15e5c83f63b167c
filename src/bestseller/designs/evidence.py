"""The evidence of one design: everything that lets a person judge it and make it again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bestseller.designs.candidates import Candidates
from bestseller.designs.design import NEAREST, SOURCE_TYPE, design_id
from bestseller.designs.judges import Judges


@dataclass(frozen=True)
class Naming:
    """What products are called: sku to name. A product of the ledger alone goes by its sku."""

    names: Mapping[str, str]

    def __call__(self, sku: str) -> str:
        return self.names.get(sku) or sku


def evidence(  # noqa: PLR0917 (one value per judge, in the order of the pipeline)
    candidates: Candidates,
    row: int,
    feature: np.ndarray,
    judged: pd.Series,
    judges: Judges,
    naming: Naming,
) -> dict[str, Any]:
    """Return the record of one design, ready for JSON; `shortlist` adds its rank and the seed.

    Keys: id, line, score, similarity (percent, null where the classifier does not know the
    line), abstains, best_sellers (nearest first: sku, name, line, units, distance), training
    (nearest training image: sku, name, line, distance, percentile), novelty (class), model,
    model_hash, latent_index, latent, image_sha256 (of the pixels), feature_space,
    digital_source_type.

    Args:
        candidates: the line's candidates.
        row: which of them.
        feature: float32 d, its features.
        judged: its row of `Judges.judge`.
        judges: what judged it.
        naming: names of products.
    """
    origin, latent = candidates.table.iloc[row], candidates.latents[row]
    similarity, trained = float(judged["similarity"]), judges.training.iloc[judged["training_row"]]
    return {
        "id": design_id(origin["model_hash"], candidates.line, latent),
        "line": candidates.line,
        "score": _rounded(judged["score"]),
        "similarity": None if np.isnan(similarity) else _rounded(similarity),
        "abstains": bool(judged["abstains"]),
        "best_sellers": _best_sellers(feature, judges, naming),
        "novelty": str(judged["novelty"]),
        "training": {
            "sku": str(trained["sku"]),
            "name": naming(trained["sku"]),
            "line": str(trained["line"]),
            "distance": _rounded(judged["distance"]),
            "percentile": _rounded(judged["percentile"]),
        },
        "model": str(origin["model"]),
        "model_hash": str(origin["model_hash"]),
        "latent_index": int(origin["latent_index"]),
        "latent": [float(value) for value in latent],
        "image_sha256": hashlib.sha256(candidates.images[row].tobytes()).hexdigest(),
        "feature_space": judges.backbone.name,
        "digital_source_type": SOURCE_TYPE,
    }


def _best_sellers(feature: np.ndarray, judges: Judges, naming: Naming) -> list[dict[str, Any]]:
    rows, distances = judges.ranker.neighbours(feature[None], NEAREST)
    found = zip(rows[0], distances[0], strict=True)
    products = judges.ranker.products
    return [
        {
            "sku": str(products["sku"].iloc[row]),
            "name": naming(products["sku"].iloc[row]),
            "line": str(products["line"].iloc[row]),
            "units": int(products["units"].iloc[row]),
            "distance": _rounded(distance),
        }
        for row, distance in found
        if row >= 0
    ]


def _rounded(value: float) -> float:
    return round(float(value), 6)
