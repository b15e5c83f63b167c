"""Everything that is measured on the images of one model against the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bestseller.backbones import FeatureSpace
from bestseller.errors import BestsellerError
from bestseller.images.store import ImageSet
from bestseller.metrics.distances import Array
from bestseller.metrics.features import FeatureCache
from bestseller.metrics.frechet import Gaussian
from bestseller.metrics.kid import kid
from bestseller.metrics.mind import mind
from bestseller.metrics.novelty import Neighbours, NoveltyTest
from bestseller.metrics.prdc import precision_recall_density_coverage
from bestseller.metrics.statistics import stratified_mean

Values = dict[str, Any]
FID_IMAGES = 50_000  # the number of generated images that FID is defined with
INFINITY = "_infinity"  # ends the name of a distance extrapolated to infinitely many images
HELD_OUT = "test"  # the part of the images that no generator has seen


@dataclass(frozen=True)
class RealFeatures:
    """The real images in the metrics' feature space.

    Attributes:
        space: name of the feature space, such as ``resnet18_catalogue``.
        train: features of the images that the generators learned from, N x d.
        test: features of the held-out images, M x d.
        novelty: the test for copies of training images, mirrored or not.
    """

    space: str
    train: Array
    test: Array
    novelty: NoveltyTest

    @classmethod
    def extract(
        cls, space: FeatureSpace, images: ImageSet, cache: FeatureCache, precision: str = "fp32"
    ) -> "RealFeatures":
        """Extract the features of a processed image set, or find them in the cache.

        Raises:
            BestsellerError: no image is held out.
        """
        train, test = split(images)
        if len(test.index) < 2:
            raise BestsellerError(
                f"images.split: {len(test.index)} images are held out for tests; at least two are "
                "needed: give the test part a larger share, or crawl more products"
            )

        def features(pixels: Array) -> Array:
            return cache.features(space, pixels, precision)

        known, unseen = features(train.images), features(test.images)
        flipped = features(np.ascontiguousarray(train.images[:, :, ::-1]))
        clusters = train.index["cluster"].to_numpy()
        novelty = NoveltyTest.fit(known, clusters, unseen, flipped)
        return cls(space.name, known, unseen, novelty)


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return the images that generators learn from (train, validation), and the held-out ones."""
    held_out = (images.index["split"] == HELD_OUT).to_numpy()
    return images.select(~held_out), images.select(held_out)


def distance_names(space: str, images: int) -> tuple[str, str, str]:
    """Return the names of the Frechet, the kernel and the Monge distance in a feature space.

    FID, KID and MIND are the names of one feature space, Inception-v3 trained on ImageNet, and FID
    also fixes the number of images. Anything else is named for its space.
    """
    if space == "inception_v3_imagenet":
        return ("fid" if images >= FID_IMAGES else f"fd_{space}"), "kid", "mind"
    suffix = "catalogue" if space.endswith("_catalogue") else space
    return f"fd_{suffix}", f"kid_{suffix}", f"mind_{suffix}"


def measure(
    features: Array, real: RealFeatures, confidence: float, k: int = 5
) -> tuple[Values, Neighbours]:
    """Measure generated features, N x d, against the real ones.

    Returns:
        Flat values: the Frechet, kernel and Monge distance to the training and to the held-out
        images, the last two with their standard errors; the Frechet distance to the training images
        as of infinitely many generated ones; precision, recall, density, coverage against the
        training images; the values of `novelty_values`; numbers of images. And the nearest training
        images.
    """
    fd, kernel, monge = distance_names(real.space, len(features))
    values: Values = {"feature_space": real.space}
    for suffix, reference in (("", real.train), ("_test", real.test)):
        values[fd + suffix], limit = Gaussian.of(reference).distance_and_limit(features)
        if not suffix:
            values[fd + INFINITY] = limit
        for name, distance in ((kernel, kid), (monge, mind)):
            estimate = distance(reference, features)
            values[name + suffix] = estimate.value
            values[name + suffix + "_se"] = estimate.standard_error
    values |= vars(precision_recall_density_coverage(real.train, features, k))
    near = real.novelty.neighbours(features)
    values |= novelty_values(real.novelty, near, confidence)
    values |= {
        "n_images": len(features),
        "n_train": len(real.train),
        "n_test": len(real.test),
    }
    return values, near


def novelty_values(
    test: NoveltyTest, near: Neighbours, confidence: float, space: str = ""
) -> Values:
    """Sum up how near images are to the training images.

    Args:
        space: the feature space, named in the keys where it is not that of the distances.

    Returns:
        near_copy_rate with its Clopper-Pearson interval and the rate expected of new images;
        medians of the neighbour ratio and of the distance's percentile.
    """
    rate, suffix = test.rate(near, confidence), f"_{space}" if space else ""
    return {
        f"near_copy_rate{suffix}": rate.value,
        f"near_copy_rate{suffix}_low": rate.low,
        f"near_copy_rate{suffix}_high": rate.high,
        f"near_copy_expected{suffix}": test.size,
        f"nearest_ratio_median{suffix}": float(np.median(near.ratio)),
        f"nearest_percentile_median{suffix}": float(np.median(test.percentiles(near.distance))),
    }


def similarity_values(similarity: Array, lines: Sequence[str], abstains: Array) -> Values:
    """Sum up the similarity of images to the line that each was made for.

    Args:
        similarity: percent, N; NaN where the classifier does not know the line.
        lines: the N lines; those with fewer than two known images are left out.
        abstains: for which of the N images the classifier finds itself out of its depth.

    Returns:
        similarity (percent, the mean over lines, each alike) with its standard error over images,
        where some line is known; abstained_share; n_similarity (images).
    """
    table = pd.DataFrame({"line": list(lines), "value": similarity}).dropna()
    table = table[table.groupby("line")["line"].transform("size") > 1]
    values: Values = {"abstained_share": float(np.mean(abstains)), "n_similarity": len(table)}
    if not table.empty:
        estimate = stratified_mean(table["value"], list(table["line"]))
        values |= {"similarity": estimate.value, "similarity_se": estimate.standard_error}
    return values


def rounded(values: Values) -> Values:
    """Round floats to six significant digits, below which they depend on the machine."""
    return {
        key: float(f"{value:.6g}") if isinstance(value, float) else value
        for key, value in values.items()
    }
