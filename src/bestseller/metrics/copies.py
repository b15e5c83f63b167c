"""The copy test: is an image a copy of a training image, by features or by pixels?

Every space has a test, and one test finds copies that another misses. An image's suspicion is the
smallest of its ratios over their thresholds, over all spaces. The limit of the suspicion is its 1 %
quantile over held-out photos, so that all tests together flag about 1 % of new images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bestseller.metrics.distances import Array
from bestseller.metrics.neighbours import Neighbours, lowest_share
from bestseller.metrics.novelty import NoveltyTest
from bestseller.metrics.pixels import NAME, PixelTest
from bestseller.metrics.statistics import Interval, clopper_pearson

Near = Mapping[str, Neighbours]  # by space


@dataclass(frozen=True)
class CopyTest:
    """Tests in feature spaces and one on pixels, and the limit of all together.

    Attributes:
        spaces: by label, the test in that feature space.
        pixels: the test on pixels.
        limit: a suspicion below it is flagged.
        size: share of new images expected below it.
    """

    spaces: dict[str, NoveltyTest]
    pixels: PixelTest
    limit: float
    size: float

    @classmethod
    def fit(
        cls,
        spaces: Mapping[str, NoveltyTest],
        pixels: PixelTest,
        held_out: Array,
        features: Mapping[str, Array],
    ) -> "CopyTest":
        """Calibrate the tests together.

        Args:
            spaces, pixels: fitted tests.
            held_out: uint8 M x S x S x 3, the photos that they were calibrated on.
            features: by space, of these photos.
        """
        start = cls(dict(spaces), pixels, 0.0, 0.0)
        limit, size = lowest_share(start.suspicion(start.neighbours(held_out, features)))
        return cls(dict(spaces), pixels, limit, size)

    def neighbours(self, images: Array, features: Mapping[str, Array]) -> dict[str, Neighbours]:
        """Return each image's nearest training image in every space.

        Args:
            images: uint8 N x S x S x 3.
            features: by space, of these images, N x d.
        """
        found = {name: test.neighbours(features[name]) for name, test in self.spaces.items()}
        return found | {NAME: self.pixels.neighbours(images)}

    def suspicion(self, near: Near) -> Array:
        """Return the smallest ratio over its threshold of each image, >= 0."""
        return self._shares(near).min(axis=0)

    def flagged(self, near: Near) -> Array:
        """Tell for each image whether it is taken for a copy."""
        return self.suspicion(near) < self.limit

    def rate(self, near: Near, confidence: float) -> Interval:
        """Return the share of flagged images with its Clopper-Pearson interval."""
        flagged = self.flagged(near)
        return clopper_pearson(int(flagged.sum()), len(flagged), confidence)

    def values(self, near: Near, confidence: float) -> dict[str, Any]:
        """Sum up how near images are to the training images.

        Returns:
            near_copy_rate of all tests together with its interval and the rate expected of new
            images; of each space its own rate; of each feature space the medians of the neighbour
            ratio and of the distance's percentile.
        """
        rate = self.rate(near, confidence)
        values: dict[str, Any] = {
            "near_copy_rate": rate.value,
            "near_copy_rate_low": rate.low,
            "near_copy_rate_high": rate.high,
            "near_copy_expected": self.size,
        }
        for name, flagged in self._alone(near).items():
            values[f"near_copy_rate_{name}"] = float(np.mean(flagged))
        for name, test in self.spaces.items():
            found = near[name]
            values[f"nearest_ratio_median_{name}"] = float(np.median(found.ratio))
            percentile = float(np.median(test.percentiles(found.distance)))
            values[f"nearest_percentile_median_{name}"] = percentile
        return values

    def most_suspicious(self, near: Near, count: int) -> list["Suspect"]:
        """Return the images that look most like copies in any space, the worst first."""
        shares, names = self._shares(near), [*self.spaces, NAME]
        worst = shares.argmin(axis=0)
        chosen = np.argsort(shares.min(axis=0), kind="stable")[:count]
        return [
            Suspect(
                int(image),
                int(near[names[worst[image]]].index[image]),
                names[worst[image]],
                float(shares[worst[image], image]),
            )
            for image in chosen
        ]

    def _shares(self, near: Near) -> Array:
        thresholds = {name: test.threshold for name, test in self.spaces.items()}
        thresholds[NAME] = self.pixels.threshold
        least = np.finfo(np.float64).tiny  # of a threshold: held-out photos may hold a copy
        return np.stack([near[name].ratio / max(t, least) for name, t in thresholds.items()])

    def _alone(self, near: Near) -> dict[str, Array]:
        """Return by space what its own test flags."""
        found = {name: test.flagged(near[name]) for name, test in self.spaces.items()}
        return found | {NAME: self.pixels.flagged(near[NAME])}


@dataclass(frozen=True)
class Suspect:
    """A generated image next to the training image that it may be a copy of.

    image: row of the image; neighbour: row of the training image; space: where the image is the
    most suspicious; share: of its ratio in the threshold there, below 1 = flagged there.
    """

    image: int
    neighbour: int
    space: str
    share: float
