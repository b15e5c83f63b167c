"""The out-of-distribution detector: finds images that are unlike all training images."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bestseller.classifier.neighbours import nearest

NEIGHBOURS = 5
ABSTAINED = (
    0.01  # share of real images that a detector may lose; two detectors lose up to twice that
)
LEAST_DEVIATION = 0.01  # of a feature, as a share of its block's mean deviation


class OutOfDistributionDetector:
    """Abstain where the k-th nearest training image is farther than held-out real images' is.

    Deep nearest neighbours (Sun et al. 2022), with two changes. Features are standardised by the
    training images, since it is the features that hardly vary among real products which show that
    something is no product. And the features may come in blocks, such as the stages of a network,
    which count alike: noise can resemble products in the last block, but never in the first ones.

    Attributes:
        bank: float32 N x d, features of the training images, as given.
        threshold: the largest distance that is accepted, in deviations of the training images.
        k: which neighbour.
        blocks: sizes of the blocks, d in sum.
    """

    def __init__(
        self, bank: NDArray[np.float32], threshold: float, k: int, blocks: Sequence[int]
    ) -> None:
        if sum(blocks) != bank.shape[1]:
            raise ValueError(f"blocks of {sum(blocks)} features in all, but {bank.shape[1]} given")
        self.bank, self.threshold, self.k, self.blocks = bank, threshold, k, list(blocks)
        wide = bank.astype(np.float64)
        self._mean, deviation = wide.mean(axis=0), wide.std(axis=0)
        self._scale = np.empty_like(deviation)
        for end, size in zip(np.cumsum(blocks), blocks, strict=True):
            block = deviation[end - size : end]
            least = LEAST_DEVIATION * block.mean() or 1.0
            self._scale[end - size : end] = np.maximum(block, least) * math.sqrt(size)
        self._known = self._standardise(bank)

    @classmethod
    def fit(
        cls,
        bank: NDArray[np.float32],
        held_out: NDArray[np.float32],
        blocks: Sequence[int] = (),
        abstained: float = ABSTAINED,
        mild: Sequence[NDArray[np.float32]] = (),
    ) -> Self:
        """Fit the threshold on real images that the model has not seen.

        The threshold is the split-conformal quantile: a further real image of the same kind is
        abstained on with a probability of at most `abstained`, whatever the distribution, as
        long as there are at least 1 / abstained - 1 held-out images. With fewer no quantile is
        far enough out, and the largest held-out distance is taken.

        A photo that was compressed, or mirrored as for training, shows the same product. So the
        quantile is taken of the held-out images and of each kind of mild change apart, and the
        largest counts: no kind loses more than `abstained`.

        Args:
            bank: float32 N x d, features of the training images.
            held_out: float32 M x d, features of held-out real images, M >= 1.
            blocks: sizes of the blocks of features; none = a single block.
            abstained: 0..1, the share of real images that may be lost.
            mild: features of held-out images after a mild change, a table for each kind of it.
        """
        k = min(NEIGHBOURS, len(bank))
        detector = cls(bank, math.inf, k, blocks or [bank.shape[1]])
        kinds = [kind for kind in (held_out, *mild) if len(kind)]
        detector.threshold = max(
            _quantile(detector.distances(kind), 1 - abstained) for kind in kinds
        )
        return detector

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the distance of each feature vector to its k-th nearest in the bank, float64 N."""
        return nearest(self._standardise(features), self._known, self.k)[1][:, -1]

    def abstains(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell for which feature vectors the model should say nothing."""
        return self.distances(features) > self.threshold

    def settings(self) -> dict[str, Any]:
        """Return what is needed beside the bank to rebuild the detector."""
        return {"threshold": self.threshold, "k": self.k, "blocks": self.blocks}

    def _standardise(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        return (features.astype(np.float64) - self._mean) / self._scale


def _quantile(values: NDArray[np.float64], share: float) -> float:
    """Return the split-conformal quantile: a further value is below it with at least `share`."""
    rank = min(math.ceil((len(values) + 1) * share), len(values))
    return float(np.sort(values)[rank - 1])
