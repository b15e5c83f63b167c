"""Set every model beside the others and beside what real images and noise would score."""

from pathlib import Path

import pandas as pd

from bestseller.backbones import load_backbone
from bestseller.compute import prepare
from bestseller.files import atomic_path, read_json, require, write_json
from bestseller.images.store import ImageSet
from bestseller.metrics import conclusions, plots, quality
from bestseller.metrics.perceptual import perceptual_diversity
from bestseller.metrics.references import OF_HELD_OUT, REAL, reference_images
from bestseller.params import Params
from bestseller.preference import load_classifier
from bestseller.preference.similarity import image_similarity, similarity_table
from stages import run

PROCESSED = Path("data/processed")
BACKBONES = Path("data/backbones")
CLASSIFIER = Path("data/classifier")
METRICS = Path("metrics")
FIGURES = Path("data/comparison")


def main(params: Params) -> None:
    prepare(params.threads, params.evaluate.seed)
    confidence = params.compare.confidence
    measured, similarity = read_models(params)
    anchors, anchor_similarity = measure_references(params)
    similarity = pd.concat([similarity, anchor_similarity], ignore_index=True)
    models = conclusions.with_intervals(measured, confidence)
    references = conclusions.with_intervals(anchors, confidence)
    found = conclusions.compare(measured, anchors, confidence)

    for name, table in {
        "models": conclusions.ordered(pd.concat([models, references], ignore_index=True)),
        "similarity": similarity[["line", "model", "similarity", "low", "high"]],
    }.items():
        with atomic_path(METRICS / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_json(METRICS / "comparison.json", found.as_json())
    write_json(METRICS / "summary.json", quality.rounded(found.summary()))
    with atomic_path(FIGURES) as folder:
        folder.mkdir()
        shown = pd.concat([models, references[references["model"] == REAL]])
        plots.save(plots.similarity_figure(similarity, shown), folder / "similarity.png")
        figure = plots.quality_figure(shown, found.quality, found.diversity)
        plots.save(figure, folder / "quality.png")
    print(*found.answers, sep="\n")


def read_models(params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row per model of its metrics, and the similarity of every model and line."""
    rows, tables = [], []
    for name in params.items():
        gan, constraint, seed = name.rsplit("-", 2)
        identity = {"model": name, "gan": gan, "constraint": constraint, "seed": int(seed)}
        made_by = f"dvc repro evaluate@{name}"
        rows.append(identity | read_json(METRICS / "evaluate" / f"{name}.json", made_by))
        path = require(Path("data/evaluation") / name / "similarity.csv", made_by)
        tables.append(pd.read_csv(path).assign(model=name))
    return pd.DataFrame(rows), pd.concat(tables, ignore_index=True)


def measure_references(params: Params) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure real, blurred and noise images as if a model had made them."""
    settings, confidence = params.evaluate, params.compare.confidence
    judge = load_backbone(BACKBONES, params.backbones.metric)
    eye = load_backbone(BACKBONES, params.centroid.backbone)
    classifier, images = load_classifier(CLASSIFIER), ImageSet.open(PROCESSED)
    real = quality.RealFeatures.extract(judge, images)
    rows, tables = [], []
    for name, pixels, lines in reference_images(images, settings.seed):
        values, _ = quality.measure(judge.features(pixels), real, confidence)
        values |= perceptual_diversity(
            eye,
            pixels,
            pairs=settings.pairs,
            precision=params.backbones.precision,
            seed=settings.seed,
            progress=f"compare {name}",
        )
        logits, deep = classifier.outputs(pixels)
        probabilities = classifier.probabilities_of(logits)
        similar = image_similarity(probabilities, lines, classifier.lines)
        values |= quality.similarity_values(similar, lines, classifier.gate.abstains(deep))
        if name in OF_HELD_OUT:
            values = {key: value for key, value in values.items() if "_test" not in key}
        rows.append({"model": name, **quality.rounded(values)})
        table = similarity_table(probabilities, lines, classifier.lines, confidence)
        tables.append(table.assign(model=name))
    return pd.DataFrame(rows), pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    run(main)
