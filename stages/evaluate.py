"""Measure one trained model: distances to the real images, diversity, novelty, similarity."""

from pathlib import Path

import numpy as np

from bestseller.backbones import load_backbone
from bestseller.compute import prepare
from bestseller.files import atomic_path, write_json
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics import quality, sheets
from bestseller.metrics.perceptual import perceptual_diversity
from bestseller.params import Params
from bestseller.preference import load_classifier
from bestseller.preference.similarity import image_similarity, similarity_table
from stages import run

PROCESSED = Path("data/processed")
BACKBONES = Path("data/backbones")
MODELS = Path("data/models")
CLASSIFIER = Path("data/classifier")
SAMPLES, SUSPECTS = 12, 20  # images a line in samples.png, pairs in nearest.png


def main(params: Params, gan: str, constraint: str, seed: str) -> None:
    name = f"{gan}-{constraint}-{seed}"
    settings, confidence = params.evaluate, params.compare.confidence
    prepare(params.threads, settings.seed)
    generator, classifier = load_generator(MODELS / name), load_classifier(CLASSIFIER)
    judge = load_backbone(BACKBONES, params.backbones.metric)
    eye = load_backbone(BACKBONES, params.centroid.backbone)
    catalogue = ImageSet.open(PROCESSED)
    train, _ = quality.split(catalogue)
    real = quality.RealFeatures.extract(judge, catalogue)

    # A sample of the catalogue, then as many images of every line; equal seeds pair the models.
    drawn = np.random.default_rng(settings.seed).choice(train.index["line"], settings.images)
    of_line = np.repeat(generator.lines, settings.images_per_line)
    latents = generator.latents(len(drawn) + len(of_line), settings.seed)
    images = generator.images(latents[: len(drawn)], list(drawn))
    made_for = generator.images(latents[len(drawn) :], list(of_line))

    values, near = quality.measure(
        judge.features(images, progress=f"evaluate {name}: features"), real, confidence
    )
    values |= perceptual_diversity(
        eye,
        images,
        pairs=settings.pairs,
        precision=params.backbones.precision,
        seed=settings.seed,
        progress=f"evaluate {name}: diversity",
    )
    logits, deep = classifier.outputs(made_for)
    probabilities = classifier.probabilities_of(logits)
    similar = image_similarity(probabilities, list(of_line), classifier.lines)
    values |= quality.similarity_values(similar, list(of_line), classifier.gate.abstains(deep))
    table = similarity_table(probabilities, list(of_line), classifier.lines, confidence)

    classes = real.novelty.classes(near)
    suspects = sorted(
        range(len(images)), key=lambda row: (classes[row] != "near-copy", near.ratio[row])
    )[:SUSPECTS]
    captions = [f"ratio {near.ratio[row]:.2f}, {classes[row]}" for row in suspects]
    rows = [(line, made_for[of_line == line][:SAMPLES]) for line in generator.lines]

    with atomic_path(Path("data/evaluation") / name) as folder:
        folder.mkdir()
        table.to_csv(
            folder / "similarity.csv", index=False, float_format="%.6g", lineterminator="\n"
        )
        pairs = sheets.pairs_sheet(images[suspects], train.images[near.index[suspects]], captions)
        pairs.save(folder / "nearest.png")
        sheets.labelled_rows(rows).save(folder / "samples.png")
    write_json(Path("metrics/evaluate") / f"{name}.json", quality.rounded(values))


if __name__ == "__main__":
    arguments = [
        ("gan", "one of params.yaml's gans"),
        ("constraint", "plain or centroid"),
        ("seed", "training seed, a whole number"),
    ]
    run(main, arguments)
