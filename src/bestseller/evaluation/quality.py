"""Everything that is measured on the images of one model against the real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bestseller.backbones import FeatureSpace
from bestseller.backbones.features import FeatureCache
from bestseller.base.errors import BestsellerError
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.metrics import registry
from bestseller.metrics.distances import Array
from bestseller.metrics.kernel_distance import projections
from bestseller.metrics.novelty import NoveltyTest
from bestseller.metrics.sample import RealFeatures, Sample
from bestseller.metrics.statistics import Estimate, Interval, stratified_mean
from bestseller.metrics.yardstick import BLUR_LADDER

Values = dict[str, Any]


@dataclass(frozen=True)
class Real:
    """The real images in every metric space, the main one first.

    Attributes:
        features: by label of the space.
        novelty: by label, the test for copies of training images, mirrored or not.
    """

    features: dict[str, RealFeatures]
    novelty: dict[str, NoveltyTest]

    @classmethod
    def extract(
        cls,
        spaces: Sequence[FeatureSpace],
        images: ImageSet,
        cache: FeatureCache,
        precision: str = "fp32",
    ) -> "Real":
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
        flipped = np.ascontiguousarray(train.images[:, :, ::-1])
        held_out = np.asarray(test.images)
        sets = [train.images, held_out, flipped]
        sets += [rung.apply(held_out) for rung in BLUR_LADDER.values()]
        found = [cache.extract(spaces, pixels, precision) for pixels in sets]
        clusters = train.index["cluster"].to_numpy()
        features, novelty = {}, {}
        for space, *tables in zip(spaces, *found, strict=True):
            label = registry.space_label(space.name)
            scale = scale_of(label, tables[0])
            known, unseen, mirrored, *blurred = (table / scale for table in tables)
            rungs = {
                sigma: projections(table, unseen, paired=True)
                for sigma, table in zip(BLUR_LADDER, blurred, strict=True)
            }
            features[label] = RealFeatures(label, scale, known, unseen, rungs)
            novelty[label] = NoveltyTest.fit(known, clusters, unseen, mirrored)
        return cls(features, novelty)


def scale_of(space: str, train: Array) -> float:
    """Return what features are divided by: the root mean square of the training images' features.

    1 where all of these are 0, and in Inception-v3's space, whose published distances are of the
    features as they are.

    Args:
        space: label of the space.
        train: N x d, as the network gives them.
    """
    if space == registry.PUBLISHED_SPACE:
        return 1.0
    return float(np.sqrt(np.mean(np.square(train, dtype=np.float64)))) or 1.0


def measure(sample: Sample) -> Values:
    """Measure images in one feature space by every metric that needs one.

    Returns:
        flat values by column; <column>_se is a standard error, <column>_low and _high are the ends
        of an interval.
    """
    values: Values = {}
    for metric in registry.METRICS:
        if metric.needs != "features" or metric.compute is None:
            continue
        name, found = metric.column(sample.real.space, len(sample.features)), metric.compute(sample)
        if isinstance(found, Estimate):
            values |= {name: found.value, f"{name}_se": found.standard_error}
        elif isinstance(found, Interval):
            values |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        else:
            values[name] = found
    return values


def sample_sizes(real: Mapping[str, RealFeatures], images: int) -> Values:
    """Return n_images, n_train and n_test: how many images the distances are between."""
    main = next(iter(real.values()))
    return {"n_images": images, "n_train": len(main.train), "n_test": len(main.test)}


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
