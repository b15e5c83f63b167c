"""The novelty of a generated image: its distance to the nearest training images in a feature space.

Two measures compare the distance with distances between real images:

- The **ratio test** tells copies from typical images. d1 is the distance to the nearest training
  image, d2 that to the nearest one of another design (cluster). A copy has d1 << d2. The threshold
  is the 1% quantile of the ratios of held-out real images, so that about 1% of truly new images
  fall below it. The distance alone would not do: a generator that shrinks towards the mean comes
  near to training images without copying any.
- The **percentile** of d1 among the distances of real designs to their nearest other real design.

Each image then has one class:

- ``near-copy``: the copy test flags it, or its percentile is below 1: nearer to a training image
  than 99% of real designs are to one another;
- ``unlike``: otherwise, the image is like no product at all: what is no product is no new one;
- ``novel``: otherwise, a percentile of 50 or more: as far from every training image as the median
  real design is from its nearest neighbour;
- ``variation``: what lies between.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bestseller.base.errors import BestsellerError
from bestseller.metrics.distances import Array, as_features, row_blocks, squared_distances
from bestseller.metrics.neighbours import FLAG_SHARE, Neighbours, lowest_share
from bestseller.metrics.statistics import Interval, clopper_pearson

NEAR_COPY_PERCENTILE = 1.0
NOVEL_PERCENTILE = 50.0


def nearest(features: ArrayLike, reference: ArrayLike) -> tuple[Array, Array]:
    """Return the row of the nearest reference for each image, and its distance.

    Args:
        features: N x d.
        reference: M x d.
    """
    clusters = np.arange(len(np.asarray(reference)))
    found = _search(
        as_features(features, "features", 1), as_features(reference, "reference", 1), clusters
    )
    return found.index, found.distance


@dataclass(frozen=True)
class NoveltyTest:
    """The training images, and what real images do among them.

    Attributes:
        reference: training features, M x d; with flips, M = 2 x images.
        clusters: design of each reference row.
        images: number of training images; row i + images is the flip of row i.
        threshold: a ratio below it is flagged.
        size: share of new images expected below the threshold.
        real_distances: sorted distances of the training images to their nearest other design.
    """

    reference: Array
    clusters: Array
    images: int
    threshold: float
    size: float
    real_distances: Array

    @classmethod
    def fit(
        cls,
        train: ArrayLike,
        clusters: ArrayLike,
        held_out: ArrayLike,
        flipped: ArrayLike | None = None,
        share: float = FLAG_SHARE,
    ) -> "NoveltyTest":
        """Calibrate on real images.

        Args:
            train: features of the training images, N x d.
            clusters: design of each training image; near-duplicates share one.
            held_out: features of real images of other designs, M x d.
            flipped: features of the mirrored training images, N x d.
            share: share of held-out images to be flagged.

        Raises:
            BestsellerError: fewer than two designs, or no held-out image.
        """
        train, held_out = (
            as_features(train, "training features"),
            as_features(held_out, "held-out", 1),
        )
        labels = np.asarray(clusters)
        if len(np.unique(labels)) < 2:
            raise BestsellerError("novelty: the training images hold one design; two are needed")
        reference, reference_labels = train, labels
        if flipped is not None:
            reference = np.concatenate([train, as_features(flipped, "flipped features")])
            reference_labels = np.concatenate([labels, labels])
        ratios = _search(held_out, reference, reference_labels).ratio
        threshold, size = lowest_share(ratios, share)
        real = _search(train, reference, reference_labels, own=labels).distance
        return cls(
            reference,
            reference_labels,
            len(train),
            threshold,
            size,
            np.sort(real),
        )

    def neighbours(self, features: ArrayLike) -> Neighbours:
        """Return each image's nearest training image; a flip counts as its original's row."""
        found = _search(as_features(features, "features", 1), self.reference, self.clusters)
        return Neighbours(found.index % self.images, found.distance, found.ratio)

    def percentiles(self, distance: Array) -> Array:
        """Return the share of real-to-nearest-real distances below each distance, 0..100."""
        below = np.searchsorted(self.real_distances, distance, side="left")
        return 100.0 * below / len(self.real_distances)

    def flagged(self, neighbours: Neighbours) -> Array:
        """Tell for each image whether the ratio test takes it for a copy."""
        return neighbours.ratio < self.threshold

    def rate(self, neighbours: Neighbours, confidence: float) -> Interval:
        """Return the share of flagged images with its Clopper-Pearson interval."""
        flagged = self.flagged(neighbours)
        return clopper_pearson(int(flagged.sum()), len(flagged), confidence)

    def classes(
        self, neighbours: Neighbours, unlike: Array | None = None, copied: Array | None = None
    ) -> list[str]:
        """Return ``near-copy``, ``unlike``, ``variation`` or ``novel`` for each image.

        Args:
            neighbours: of the images.
            unlike: bool N, for which images a detector finds no product that they are like.
            copied: bool N, what a stronger copy test says in the place of the ratio test.
        """
        percentile = self.percentiles(neighbours.distance)
        flagged = self.flagged(neighbours) if copied is None else copied
        near_copy = flagged | (percentile < NEAR_COPY_PERCENTILE)
        names = np.where(percentile >= NOVEL_PERCENTILE, "novel", "variation")
        names = names if unlike is None else np.where(unlike, "unlike", names)
        return [str(name) for name in np.where(near_copy, "near-copy", names)]


def _search(
    features: Array, reference: Array, clusters: Array, own: Array | None = None
) -> Neighbours:
    """Find nearest references; rows of the cluster `own` (one per feature row) are left out."""
    index = np.empty(len(features), dtype=np.int64)
    first, second = np.empty(len(features)), np.empty(len(features))
    for rows in row_blocks(len(features), len(reference)):
        squared = squared_distances(features[rows], reference)
        if own is not None:
            squared[own[rows, None] == clusters] = np.inf
        index[rows] = squared.argmin(axis=1)
        first[rows] = squared.min(axis=1)
        squared[clusters[index[rows]][:, None] == clusters] = np.inf
        second[rows] = squared.min(axis=1)
    with np.errstate(invalid="ignore"):
        ratio = np.where(second > 0, np.sqrt(first / second), 1.0)
    return Neighbours(index, np.sqrt(first), ratio)
