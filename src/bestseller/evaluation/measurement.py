"""All measurements on a set of images: images of a model, photos, or random pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from bestseller.backbones import Backbone, FeatureSpace, extract, load_backbone, load_space
from bestseller.backbones.features import FeatureCache
from bestseller.classifier.classifier import Classifier, load_classifier_if_any
from bestseller.classifier.similarity import image_similarity, similarity_table, unknown_similarity
from bestseller.evaluation import quality
from bestseller.evaluation.plane import Plane
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.metrics import registry
from bestseller.metrics.copies import CopyTest
from bestseller.metrics.inception_score import inception_score
from bestseller.metrics.kernel_distance import Projections
from bestseller.metrics.neighbours import Neighbours
from bestseller.metrics.perceptual import perceptual_diversity, perceptual_name
from bestseller.metrics.pixels import NAME, PixelTest
from bestseller.metrics.sample import RealFeatures, Sample
from bestseller.params import Params


@dataclass(frozen=True)
class Measured:
    """What was measured of some images.

    Attributes:
        values: flat metrics: distances, diversity, novelty and similarity.
        similarity: of each line, from `similarity.similarity_table`.
        points: places of the images of the distances in the plane of the real ones, N x 2.
        near: by space, the training images nearest to those of the distances.
        kids: by metric space, the projections of the kernel distance.
    """

    values: quality.Values
    similarity: pd.DataFrame
    points: np.ndarray
    near: dict[str, Neighbours]
    kids: dict[str, Projections]


@dataclass(frozen=True)
class Instruments:
    """What images are measured with.

    Attributes:
        spaces: by label, the feature spaces in which real and other images are compared, the main
            one first.
        perceptual: the network that tells how different images look.
        classifier: of the lines; None where the run has none.
        real: by label, the real images.
        plane: in which the real images differ the most, in the main space.
        copies: the test for copies of training images.
    """

    spaces: dict[str, FeatureSpace]
    perceptual: Backbone
    classifier: Classifier | None
    real: dict[str, RealFeatures]
    plane: Plane
    copies: CopyTest

    @classmethod
    def load(
        cls, backbones: Path, classifier: Path, real: ImageSet, params: Params, cache: Path
    ) -> "Instruments":
        """Load the networks of params from their folders, and extract the real features.

        Args:
            backbones, classifier: folders of the networks.
            real: the processed images.
            params: name the networks.
            cache: folder of features already extracted.

        Raises:
            BestsellerError: a file is missing, or no real image is held out.
        """
        spaces = load_spaces(backbones, params)
        perceptual = load_backbone(backbones, params.backbones.perceptual)
        known = quality.Real.extract(list(spaces.values()), real, FeatureCache(cache))
        train, test = split(real)
        clusters, held_out = train.index["cluster"].to_numpy(), np.asarray(test.images)
        pixels = PixelTest.fit(np.asarray(train.images), clusters, held_out)
        unseen = {label: of_space.test for label, of_space in known.features.items()}
        copies = CopyTest.fit(known.novelty, pixels, held_out, unseen)
        plane = Plane.of(next(iter(known.features.values())).train)
        network = load_classifier_if_any(classifier)
        return cls(spaces, perceptual, network, known.features, plane, copies)

    def columns(self) -> registry.Columns:
        """Return every metric that these instruments measure, the most telling first."""
        return registry.columns_of(
            {
                "features": list(self.spaces),
                "classifier": [""] if self.classifier else [],
                "perceptual": [perceptual_name(self.perceptual)[1]],
                "copies": ["", *self.spaces, NAME],
            }
        )

    def measure(
        self,
        images: np.ndarray,
        made_for: tuple[np.ndarray, Sequence[str]],
        params: Params,
        name: str,
        *,
        is_held_out: bool = False,
    ) -> Measured:
        """Measure images that a model made, or that stand in their place.

        Args:
            images: uint8 N x S x S x 3, lines as in the catalogue: for distances, diversity and
                novelty.
            made_for: uint8 M x S x S x 3 and the line of each: for the similarity, which is NaN
                without a classifier.
            params: the settings of evaluate and of the intervals.
            name: of the progress bars.
            is_held_out: they are the held-out photos.
        """
        measured = self.distances(images, params, name, is_held_out=is_held_out)
        diversity, _ = perceptual_diversity(
            self.perceptual,
            images,
            pairs=params.evaluate.pairs,
            precision=params.backbones.precision,
            seed=params.evaluate.seed,
            progress=f"{name}: diversity",
        )
        pixels, lines = made_for
        if self.classifier is None:
            values = measured.values | diversity
            return replace(measured, values=values, similarity=unknown_similarity(lines))
        known = self.classifier.lines
        logits, deep = self.classifier.outputs(pixels)
        probabilities = self.classifier.probabilities_of(logits)
        similar = image_similarity(probabilities, lines, known)
        abstains = self.classifier.detector.abstains(deep)
        values = measured.values | diversity
        values["inception_score_lines"] = inception_score(probabilities)
        values |= quality.similarity_values(similar, lines, abstains)
        table = similarity_table(probabilities, lines, known, params.compare.confidence)
        return replace(measured, values=values, similarity=table)

    def distances(
        self,
        images: np.ndarray,
        params: Params,
        name: str,
        *,
        degraded: bool = False,
        is_held_out: bool = False,
    ) -> Measured:
        """Measure images in the metric spaces, and whether they are copies.

        Args:
            images: uint8 N x S x S x 3.
            params: the confidence of the intervals.
            name: of the progress bar.
            degraded: image i was made from held-out photo i.
            is_held_out: they are the held-out photos.

        Returns:
            the values without diversity and similarity; its table is empty.
        """
        confidence = params.compare.confidence
        tables = extract(list(self.spaces.values()), images, progress=f"{name}: features")
        features = {
            label: table / self.real[label].scale
            for label, table in zip(self.spaces, tables, strict=True)
        }
        samples = {
            label: Sample(table, self.real[label], confidence, degraded, is_held_out)
            for label, table in features.items()
        }
        values: quality.Values = {"feature_spaces": " ".join(self.spaces)}
        for sample in samples.values():
            values |= quality.measure(sample)
        near = self.copies.neighbours(images, features)
        values |= self.copies.values(near, confidence)
        values |= quality.sample_sizes(self.real, len(images))
        points = self.plane.points(next(iter(features.values())))
        kids = {label: sample.kid for label, sample in samples.items()}
        return Measured(values, pd.DataFrame(), points, near, kids)


def load_spaces(backbones: Path, params: Params) -> dict[str, FeatureSpace]:
    """Load the metric spaces of params, by label, the main one first; they share networks.

    Raises:
        BestsellerError: a file is missing or damaged.
    """
    networks: dict[str, Backbone] = {}
    found: dict[str, FeatureSpace] = {}
    for settings in params.backbones.metric_spaces:
        space = load_space(backbones, settings)
        network = networks.setdefault(settings.network, space.backbone)
        shared = FeatureSpace(network, space.layers, space.side)
        found[registry.space_label(shared.name)] = shared
    return found
