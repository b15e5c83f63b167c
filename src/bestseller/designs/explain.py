"""Why a chosen design stands where it stands: its score's interval, its looks, its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestseller.base.progress import track
from bestseller.designs.design import Choice, Design
from bestseller.designs.looks import Looks
from bestseller.designs.occlusion import occlusion_map
from bestseller.designs.uncertainty import ScoreUncertainty
from bestseller.preference.scorer import Scorer


@dataclass(frozen=True)
class Explainer:
    """What explains a design.

    Attributes:
        scorer: what judged it.
        uncertainty: of the scorer's ranker.
        looks: of the real products.
        confidence: of the score's interval.
        cells: of the occlusion map along a side.
    """

    scorer: Scorer
    uncertainty: ScoreUncertainty
    looks: Looks
    confidence: float
    cells: int

    def explain(self, choice: Choice) -> Choice:
        """Return the choice with further keys in the evidence of each design.

        score_low, score_high: the interval of the score over the products it was learned from.
        departs: see `Looks.departures`. occlusion: rows of `occlusion_map`.
        """
        return Choice(
            [self._explained(d) for d in track(choice.designs, "explain", unit="design")],
            choice.counts,
        )

    def _explained(self, design: Design) -> Design:
        line = design.record["line"]
        features = self.scorer.space.features(design.image[None])
        low, high = self.uncertainty.interval(features, line, self.confidence)
        sellers: Sequence[str] = [seller["sku"] for seller in design.record["best_sellers"]]
        parts = occlusion_map(design.image, self._log_score, self.cells)
        added = {
            "score_low": round(float(low[0]), 6),
            "score_high": round(float(high[0]), 6),
            "departs": self.looks.departures(design.image, line, sellers),
            "occlusion": [[round(float(value), 4) for value in row] for row in parts],
        }
        return Design(design.image, design.record | added)

    def _log_score(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return self.scorer.ranker.log_rate(self.scorer.space.features(images))
