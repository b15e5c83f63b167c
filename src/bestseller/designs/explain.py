"""Explains a chosen design: its looks, and the parts that carry its score."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bestseller.base.progress import track
from bestseller.designs.design import Choice, Design
from bestseller.designs.looks import Looks
from bestseller.designs.occlusion import occlusion_map
from bestseller.designs.sellers import BestSellers
from bestseller.preference.scorer import Scorer


@dataclass(frozen=True)
class Explainer:
    """What explains a design.

    Attributes:
        scorer: what judged it.
        looks: of the real products.
        sellers: the best sellers of the real products.
        cells: of the occlusion map along a side.
    """

    scorer: Scorer
    looks: Looks
    sellers: BestSellers
    cells: int

    def explain(self, choice: Choice) -> Choice:
        """Return the choice with further keys in the evidence of each design.

        best_sellers: see `BestSellers.nearest`. departs: see `Looks.departures`. occlusion: rows of
        `occlusion_map`, of the picture's own score, without what its parents or its line add.
        """
        return Choice(
            [self._explained(d) for d in track(choice.designs, "explain", unit="design")],
            choice.counts,
        )

    def _explained(self, design: Design) -> Design:
        line = design.record["line"]
        sellers = self.sellers.nearest(design.image)
        parts = occlusion_map(design.image, self._log_score, self.cells)
        added = {
            "best_sellers": sellers,
            "departs": self.looks.departures(
                design.image, line, [seller["sku"] for seller in sellers]
            ),
            "occlusion": [[round(float(value), 4) for value in row] for row in parts],
        }
        return Design(design.image, design.record | added)

    def _log_score(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        return self.scorer.ranker.log_rate(self.scorer.space.features(images))
