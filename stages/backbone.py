"""Fetch or fit the frozen networks that teach the generators and that judge their images."""

import sys
from pathlib import Path

import numpy as np

from bestseller.backbones import Backbone, FeatureSpace, save_backbone
from bestseller.backbones.check import changed, is_blind, line_accuracy, retrieval
from bestseller.backbones.features import FeatureCache
from bestseller.backbones.fit import fit_backbone
from bestseller.backbones.weights import in_package, published_backbone
from bestseller.base.compute import configure_torch
from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import FEATURES, WORKSPACE, run

IMAGES = Path("data/processed")
OUTPUT = Path("data/backbones")


def main(params: Params) -> None:
    settings, teacher = params.backbones, params.centroid
    configure_torch(params.threads, settings.seed)
    images = ImageSet.open(IMAGES, "dvc repro preprocess")
    held_out = (images.index["split"] == "test").to_numpy()
    seen, unseen = images.select(~held_out), images.select(held_out)

    values: dict[str, object] = {"weights": settings.weights}
    backbones: dict[str, Backbone] = {}
    for name in sorted({teacher.backbone} | settings.judges()):
        backbones[name], loss = get_backbone(name, seen, params)
        values |= {f"{name}_loss": round(loss, 4)} if loss is not None else {}

    spaces = [
        FeatureSpace(backbones[s.network], tuple(s.layers), s.side)
        for s in (*settings.metric_spaces, settings.score_space)
    ]
    taught = FeatureSpace(backbones[teacher.backbone], (teacher.layer,))
    if len(seen) and len(unseen):
        for space in (*spaces, taught):
            found = check(space, seen, unseen, settings.seed)
            values |= found
            warn_if_blind(space.name, found)
    for backbone in backbones.values():
        save_backbone(OUTPUT, backbone)
    write_json("metrics/backbone.json", values)


def get_backbone(name: str, seen: ImageSet, params: Params) -> tuple[Backbone, float | None]:
    """Return a network, and the loss that its fitting ended with where it was fitted.

    Raises:
        BestsellerError: it has no weights under this setting, or they cannot be had.
    """
    settings = params.backbones
    if in_package(name) or settings.weights == "imagenet":
        return published_backbone(name, WORKSPACE / settings.weights_dir), None
    if settings.weights == "package":
        raise BestsellerError(
            f"params.yaml: backbones.weights: package has no {name}; set imagenet for its "
            "published weights, catalogue to fit it here, or name an efficientnet_lite in its place"
        )
    lines, clusters = (seen.index[column].to_numpy() for column in ("line", "cluster"))
    fit = fit_backbone(name, seen.images, lines, clusters, settings)
    return fit.backbone, fit.loss


def check(space: FeatureSpace, seen: ImageSet, unseen: ImageSet, seed: int) -> dict[str, float]:
    """Measure on the test images whether the features tell lines and designs apart."""
    cache = FeatureCache(FEATURES)
    known, new = (cache.features(space, part.images) for part in (seen, unseen))
    queries = cache.features(space, changed(unseen.images, seed))
    lines, clusters = (
        [part.index[column].to_numpy() for part in (seen, unseen)] for column in ("line", "cluster")
    )
    accuracy, accuracy_chance = line_accuracy(known, lines[0], new, lines[1])
    gallery = np.concatenate([known, new])
    found, found_chance = retrieval(queries, clusters[1], gallery, np.concatenate(clusters))
    return {
        f"{space.name}_line_accuracy_test": round(accuracy, 4),
        f"{space.name}_line_accuracy_chance": round(accuracy_chance, 4),
        f"{space.name}_retrieval_test": round(found, 4),
        f"{space.name}_retrieval_chance": round(found_chance, 6),
    }


def warn_if_blind(name: str, found: dict[str, float]) -> None:
    """Say which of its tasks a feature space does hardly better than chance."""
    for task in ("line_accuracy", "retrieval"):
        right, chance = (found[f"{name}_{task}_{part}"] for part in ("test", "chance"))
        if is_blind(right, chance):
            print(
                f"backbone: warning: {name} is right in {right:.0%} of its {task} check, where "
                f"chance is right in {chance:.0%}: numbers made with it say little; set "
                "backbones.weights to package or imagenet, or fit longer (backbones.steps)",
                file=sys.stderr,
            )


if __name__ == "__main__":
    run(main)
