"""Everything that is measured on images, whoever made them: a model, a camera or chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bestseller.backbones import Backbone, FeatureSpace, load_backbone, load_space
from bestseller.images.store import ImageSet
from bestseller.metrics import quality
from bestseller.metrics.features import FeatureCache
from bestseller.metrics.inception_score import inception_score
from bestseller.metrics.novelty import Neighbours, NoveltyTest
from bestseller.metrics.perceptual import perceptual_diversity
from bestseller.metrics.space import Plane
from bestseller.params import Params
from bestseller.preference.classifier import Classifier, load_classifier
from bestseller.preference.similarity import image_similarity, similarity_table


@dataclass(frozen=True)
class Measured:
    """What was measured of some images.

    Attributes:
        values: flat metrics: distances, diversity, novelty and similarity.
        similarity: of each line, from `similarity.similarity_table`.
        points: places of the images of the distances in the plane of the real ones, N x 2.
        near: by network, the training images nearest to those of the distances in its features:
            the judge's first, then the eye's where that is another network.
    """

    values: quality.Values
    similarity: pd.DataFrame
    points: np.ndarray
    near: dict[str, Neighbours]


@dataclass(frozen=True)
class Instruments:
    """What images are measured with.

    Attributes:
        judge: the feature space in whose feature space real and other images are compared.
        eye: the network that tells how different images look.
        classifier: of the lines.
        real: the real images in the judge's feature space.
        plane: in which the real images differ the most, in the judge's feature space.
        novelty: by network, its test for copies of training images.
    """

    judge: FeatureSpace
    eye: Backbone
    classifier: Classifier
    real: quality.RealFeatures
    plane: Plane
    novelty: dict[str, NoveltyTest]

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
        judge = load_space(backbones, params.backbones.metric_spaces[0])
        eye = load_backbone(backbones, params.backbones.perceptual)
        kept = FeatureCache(cache)
        known = quality.RealFeatures.extract(judge, real, kept)
        novelty = {judge.name: known.novelty}
        if eye.name not in novelty:
            space = FeatureSpace(eye)
            seen = quality.RealFeatures.extract(space, real, kept, params.backbones.precision)
            novelty[eye.name] = seen.novelty
        plane = Plane.of(known.train)
        return cls(judge, eye, load_classifier(classifier), known, plane, novelty)

    def measure(
        self,
        images: np.ndarray,
        made_for: tuple[np.ndarray, Sequence[str]],
        params: Params,
        name: str,
    ) -> Measured:
        """Measure images.

        Args:
            images: uint8 N x S x S x 3, lines as in the catalogue: for distances, diversity and
                novelty.
            made_for: uint8 M x S x S x 3 and the line of each: for the similarity.
            params: the settings of evaluate and of the intervals.
            name: of the progress bars.
        """
        confidence = params.compare.confidence
        features = self.judge.features(images, progress=f"{name}: features")
        values, nearest = quality.measure(features, self.real, confidence)
        near = {self.judge.name: nearest}
        diversity, seen = perceptual_diversity(
            self.eye,
            images,
            pairs=params.evaluate.pairs,
            precision=params.backbones.precision,
            seed=params.evaluate.seed,
            progress=f"{name}: diversity",
        )
        values |= diversity
        if (eye := self.eye.name) not in near:
            test, near[eye] = self.novelty[eye], self.novelty[eye].neighbours(seen)
            values |= quality.novelty_values(test, near[eye], confidence, eye)
        pixels, lines = made_for
        known = self.classifier.lines
        logits, deep = self.classifier.outputs(pixels)
        probabilities = self.classifier.probabilities_of(logits)
        values["inception_score_lines"] = inception_score(probabilities)
        similar = image_similarity(probabilities, lines, known)
        values |= quality.similarity_values(similar, lines, self.classifier.gate.abstains(deep))
        table = similarity_table(probabilities, lines, known, confidence)
        return Measured(values, table, self.plane.points(features), near)
