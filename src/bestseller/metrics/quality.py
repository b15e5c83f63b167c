"""Everything that is measured on the images of one model against the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bestseller.backbones import Backbone
from bestseller.errors import BestsellerError
from bestseller.images.store import ImageSet
from bestseller.metrics.distances import Array
from bestseller.metrics.frechet import frechet_distance_from_features
from bestseller.metrics.kid import kid
from bestseller.metrics.novelty import Neighbours, NoveltyTest
from bestseller.metrics.prdc import precision_recall_density_coverage
from bestseller.metrics.statistics import stratified_mean

Values = dict[str, Any]
FID_IMAGES = 50_000  # the number of generated images that FID is defined with
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
    def extract(cls, backbone: Backbone, images: ImageSet) -> "RealFeatures":
        """Extract the features of a processed image set.

        Raises:
            BestsellerError: no image is held out.
        """
        train, test = split(images)
        if len(test.index) < 2:
            raise BestsellerError(
                f"images.split: {len(test.index)} images are held out for tests; at least two are "
                "needed: give the test part a larger share, or crawl more products"
            )
        known, unseen = backbone.features(train.images), backbone.features(test.images)
        flipped = backbone.features(np.ascontiguousarray(train.images[:, :, ::-1]))
        clusters = train.index["cluster"].to_numpy()
        novelty = NoveltyTest.fit(known, clusters, unseen, flipped)
        return cls(backbone.name, known, unseen, novelty)


def split(images: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Return the images that generators learn from (train, validation), and the held-out ones."""
    held_out = (images.index["split"] == HELD_OUT).to_numpy()
    return images.select(~held_out), images.select(held_out)


def distance_names(space: str, images: int) -> tuple[str, str]:
    """Return the names of the Frechet and the kernel distance in a feature space.

    FID and KID are the names of one feature space, Inception-v3 trained on ImageNet, and FID also
    fixes the number of images. Anything else is named for its space.
    """
    if space == "inception_v3_imagenet":
        return ("fid" if images >= FID_IMAGES else f"fd_{space}"), "kid"
    suffix = "catalogue" if space.endswith("_catalogue") else space
    return f"fd_{suffix}", f"kid_{suffix}"


def measure(
    features: Array, real: RealFeatures, confidence: float, k: int = 5
) -> tuple[Values, Neighbours]:
    """Measure generated features, N x d, against the real ones.

    Returns:
        Flat values: the Frechet and kernel distance to the training and to the held-out images,
        each kernel distance with its standard error; precision, recall, density, coverage against
        the training images; near_copy_rate with its interval; medians of the neighbour ratio and
        of the distance's percentile; numbers of images. And the nearest training images.
    """
    fd, kernel = distance_names(real.space, len(features))
    values: Values = {"feature_space": real.space}
    for suffix, reference in (("", real.train), ("_test", real.test)):
        values[fd + suffix] = frechet_distance_from_features(reference, features)
        estimate = kid(reference, features)
        values[kernel + suffix] = estimate.value
        values[kernel + suffix + "_se"] = estimate.standard_error
    values |= vars(precision_recall_density_coverage(real.train, features, k))
    near = real.novelty.neighbours(features)
    rate = real.novelty.rate(near, confidence)
    values |= {
        "near_copy_rate": rate.value,
        "near_copy_rate_low": rate.low,
        "near_copy_rate_high": rate.high,
        "near_copy_expected": real.novelty.size,
        "nearest_ratio_median": float(np.median(near.ratio)),
        "nearest_percentile_median": float(np.median(real.novelty.percentiles(near.distance))),
        "n_images": len(features),
        "n_train": len(real.train),
        "n_test": len(real.test),
    }
    return values, near


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
