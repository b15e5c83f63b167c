"""Fit or fetch the frozen networks that the constraint and the metrics look through."""

from pathlib import Path

import numpy as np

from bestseller.backbones import Backbone, save_backbone
from bestseller.backbones.check import changed, line_accuracy, retrieval
from bestseller.backbones.fit import fit_backbone
from bestseller.backbones.weights import published_backbone
from bestseller.compute import prepare
from bestseller.files import write_json
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import WORKSPACE, run

IMAGES = Path("data/processed")
OUTPUT = Path("data/backbones")


def main(params: Params) -> None:
    settings = params.backbones
    prepare(params.threads, settings.seed)
    images = ImageSet.open(IMAGES, "dvc repro preprocess")
    held_out = (images.index["split"] == "test").to_numpy()
    seen, unseen = images.select(~held_out), images.select(held_out)

    backbones: list[Backbone] = []
    values: dict[str, object] = {"weights": settings.weights}
    for name in sorted({params.centroid.backbone, settings.metric, params.judge()}):
        if settings.weights == "imagenet":
            backbone = published_backbone(name, WORKSPACE / settings.weights_dir)
        else:
            lines, clusters = (seen.index[column].to_numpy() for column in ("line", "cluster"))
            fit = fit_backbone(name, seen.images, lines, clusters, settings)
            backbone, values[f"{name}_loss"] = fit.backbone, round(fit.loss, 4)
        backbones.append(backbone)
        if len(seen) and len(unseen):
            values |= check(backbone, seen, unseen, params)
    for backbone in backbones:
        save_backbone(OUTPUT, backbone)
    write_json("metrics/backbone.json", values)


def check(backbone: Backbone, seen: ImageSet, unseen: ImageSet, params: Params) -> dict[str, float]:
    """Measure on the test images whether the features tell lines and designs apart."""
    moved = changed(unseen.images, params.backbones.seed)
    features = backbone.features(
        np.concatenate([seen.images, unseen.images, moved]),
        precision=params.backbones.precision,
        progress=f"backbone {backbone.network_name} check",
    )
    gallery, queries = features[: -len(moved)], features[-len(moved) :]
    known, new = gallery[: len(seen)], gallery[len(seen) :]
    lines, clusters = (
        [part.index[column].to_numpy() for part in (seen, unseen)] for column in ("line", "cluster")
    )
    accuracy, accuracy_chance = line_accuracy(known, lines[0], new, lines[1])
    found, found_chance = retrieval(queries, clusters[1], gallery, np.concatenate(clusters))
    name = backbone.network_name
    return {
        f"{name}_line_accuracy_test": round(accuracy, 4),
        f"{name}_line_accuracy_chance": round(accuracy_chance, 4),
        f"{name}_retrieval_test": round(found, 4),
        f"{name}_retrieval_chance": round(found_chance, 6),
    }


if __name__ == "__main__":
    run(main)
