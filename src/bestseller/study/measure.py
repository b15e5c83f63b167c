"""One trained item, measured by networks that taught no generator."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestseller.backbones import Backbone, FeatureSpace, extract
from bestseller.backbones.features import FeatureCache
from bestseller.backbones.weights import published_backbone
from bestseller.classifier.classifier import Classifier
from bestseller.classifier.similarity import similarity_table
from bestseller.evaluation import quality
from bestseller.gans import TrainedGenerator
from bestseller.images.store import ImageSet
from bestseller.metrics.frechet import Gaussian
from bestseller.metrics.kernel_distance import projections
from bestseller.metrics.perceptual import perceptual_diversity
from bestseller.metrics.registry import space_label
from bestseller.metrics.sample import RealFeatures, Sample
from bestseller.metrics.yardstick import BLUR_LADDER, blur_equivalent
from bestseller.params import Params

LINE = "similarity_of_"  # first part of a column; the line's name follows


@dataclass(frozen=True)
class Judges:
    """What items are measured with, and the real photos as these see them."""

    spaces: list[FeatureSpace]
    perceptual: Backbone
    real: list[RealFeatures]

    @classmethod
    def load(cls, images: ImageSet, params: Params, weights: Path, cache: Path) -> "Judges":
        """Load the networks of `params.backbones` and extract the real photos' features.

        Args:
            images: the processed photos; their test part is held out.
            params: name the spaces and the network of the diversity.
            weights: folder of weights that no package has.
            cache: folder of features already extracted.
        """
        settings = params.backbones
        names = {space.network for space in settings.metric_spaces} | {settings.perceptual}
        networks = {name: published_backbone(name, weights) for name in sorted(names)}
        spaces = [
            FeatureSpace(networks[space.network], tuple(space.layers), space.side)
            for space in settings.metric_spaces
        ]
        train, test = quality.split(images)
        held_out = np.asarray(test.images)
        sets = [np.asarray(train.images), held_out]
        sets += [rung.apply(held_out) for rung in BLUR_LADDER.values()]
        kept = FeatureCache(cache)
        found = [kept.extract(spaces, pixels, settings.precision) for pixels in sets]
        real = []
        for space, *tables in zip(spaces, *found, strict=True):
            label = space_label(space.name)
            scale = quality.scale_of(label, tables[0])
            known, unseen, *blurred = (table / scale for table in tables)
            rungs = {
                sigma: projections(table, unseen, paired=True)
                for sigma, table in zip(BLUR_LADDER, blurred, strict=True)
            }
            real.append(RealFeatures(label, scale, known, unseen, rungs))
        return cls(spaces, networks[settings.perceptual], real)

    def measure(self, images: np.ndarray, params: Params) -> quality.Values:
        """Measure images, uint8 N x S x S x 3: distances and coverage in each space, diversity."""
        tables = extract(self.spaces, images, precision=params.backbones.precision)
        values: quality.Values = {}
        for table, real in zip(tables, self.real, strict=True):
            sample = Sample(table / real.scale, real, params.compare.confidence)
            values |= _in_space(sample, params.compare.confidence)
        diversity, _ = perceptual_diversity(
            self.perceptual,
            images,
            pairs=params.evaluate.pairs,
            precision=params.backbones.precision,
            seed=params.evaluate.seed,
            progress="",
        )
        sizes = {"n_images": len(images), "n_train": len(self.real[0].train)}
        return values | diversity | sizes | {"n_test": len(self.real[0].test)}


def _in_space(sample: Sample, confidence: float) -> quality.Values:
    """Measure images in one space; see `metrics.registry` for what each number is."""
    space, kid, prdc = sample.real.space, sample.kid.estimate, sample.prdc
    blur = blur_equivalent(sample.kid, sample.real.rungs, confidence)
    distance = Gaussian.of(sample.real.train).distance(Gaussian.of(sample.features))
    return {
        f"kid_{space}": kid.value,
        f"kid_{space}_se": kid.standard_error,
        f"blur_{space}": blur.value,
        f"fd_{space}": distance,
        f"precision_{space}": prdc.precision,
        f"recall_{space}": prdc.recall,
        f"density_{space}": prdc.density,
        f"coverage_{space}": prdc.coverage,
    }


def measure_item(
    generator: TrainedGenerator, images: ImageSet, params: Params, judges: Judges
) -> quality.Values:
    """Draw images, their lines as in the training photos, and measure them.

    Equal settings of evaluate give every item the same latents.
    """
    settings = params.evaluate
    train, _ = quality.split(images)
    lines = list(np.random.default_rng(settings.seed).choice(train.index["line"], settings.images))
    latents = generator.draw(lines, settings.seed).latents
    return judges.measure(generator.images(latents, lines), params)


def measure_lines(
    generator: TrainedGenerator, classifier: Classifier, params: Params
) -> quality.Values:
    """Measure the similarity of images made for each line: percent, by column."""
    settings = params.evaluate
    lines = list(np.repeat(generator.lines, settings.images_per_line))
    latents = generator.draw(lines, settings.seed).latents
    images = generator.images(latents, lines)
    probabilities = classifier.probabilities(images)
    table = similarity_table(probabilities, lines, classifier.lines, params.compare.confidence)
    by_line = dict(zip(table["line"], table["similarity"], strict=True))
    values: quality.Values = {"similarity": float(table["similarity"].mean())}
    return values | {f"{LINE}{line}": float(value) for line, value in by_line.items()}
