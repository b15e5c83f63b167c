"""Which pictures are fit to be shown: the floor of picture quality."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bestseller.classifier.detector import ABSTAINED, OutOfDistributionDetector

Features = NDArray[np.float32]
FLOOR_BLUR = 1.0  # pixels: a picture that looks worse than most photos blurred so is held back


class PictureFloor:
    """How far a picture lies from the real photos, as a share of what is still shown.

    The distance is that to the k-th nearest training photo in the layers of the score's space, each
    feature in deviations of the training photos: the layers in the middle of a network see blur,
    speckle and grids as the eye does. The floor lies at the median of real photos that were blurred
    by 1 px, but never so near that it would hold back more than 1 % of untouched real photos.

    Attributes:
        detector: measures the distance; its threshold is the floor.
    """

    def __init__(self, bank: Features, threshold: float, k: int, blocks: Sequence[int]) -> None:
        self.detector = OutOfDistributionDetector(bank, threshold, k, blocks)

    @classmethod
    def fit(cls, bank: Features, held_out: Features, blurred: Features) -> Self:
        """Calibrate on real photos.

        Args:
            bank: float32 N x d, features of the training photos.
            held_out: float32 M x d, of photos that are no training photos, M >= 1.
            blurred: of the same, blurred by `FLOOR_BLUR`.
        """
        detector = OutOfDistributionDetector.fit(bank, held_out, abstained=ABSTAINED)
        least = float(np.finfo(np.float64).tiny)  # where all photos are alike
        threshold = max(detector.threshold, float(np.median(detector.distances(blurred))), least)
        return cls(bank, threshold, detector.k, detector.blocks)

    def shares(self, features: Features) -> NDArray[np.float64]:
        """Return each picture's distance over the floor, >= 0; above 1 it is held back."""
        return self.detector.distances(features) / self.detector.threshold

    def holds_back(self, features: Features) -> NDArray[np.bool_]:
        """Tell which pictures are not fit to be shown."""
        return self.detector.abstains(features)

    def settings(self) -> dict[str, Any]:
        """Return what is needed beside the training photos' features to rebuild the floor."""
        return self.detector.settings()
