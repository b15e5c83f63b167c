"""Fix the catalogue's centre in feature space and the reference distance to it."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bestseller.backbones import feature_stack, load_backbone
from bestseller.base.compute import configure_torch, place
from bestseller.base.files import atomic_path, write_json
from bestseller.centroid.centroids import Centroids, Reference, reference, save_centroids
from bestseller.images.store import ImageSet
from bestseller.params import Centroid, Params
from bestseller.params.item import MODELS, parse_model
from stages import run

OUTPUT = Path("data/centroid")


def main(params: Params) -> None:
    settings = params.centroid
    configure_torch(params.threads, params.backbones.seed)
    # what the GANs learn from: a perfect generator draws such images, and half of them lie inside
    images = ImageSet.open("data/augmented", "dvc repro augment")
    images = images.select(images.index["split"] != "test")
    backbone = load_backbone("data/backbones", settings.backbone)

    features = feature_stack(backbone, settings.layer, settings.pooling)
    place(features)
    found = reference(images.images, torch.inference_mode()(features))
    centroids = centroids_of(features, found, images, settings)

    layers = {name: getattr(settings, name) for name in ("backbone", "layer", "pooling")}
    with atomic_path(OUTPUT) as folder:
        folder.mkdir()
        for model in MODELS:  # a file each, since DVC finds it by the model's name
            is_plain = parse_model(model)[1] == "plain"
            path = folder / f"{model}.safetensors"
            save_centroids(path, None if is_plain else centroids, layers)
        # what distances are measured with, whatever the constraint is told
        save_centroids(folder / "distance.safetensors", Centroids.of(features, found, {}), layers)
    own = summary(features, found.distances, backbone.name)
    write_json("metrics/centroid.json", own | {"lines_with_their_own": len(centroids.lines)})


def centroids_of(
    features: nn.Module, found: Reference, images: ImageSet, settings: Centroid
) -> Centroids:
    """Return what the constraint pulls to.

    Args:
        features: Phi.
        found: centre and mean distance of all images.
        images: of the training.
        settings: per, min_images and threshold.
    """
    phi = torch.inference_mode()(features)
    radius = found.distances.mean()
    if settings.threshold != "mean":
        radius = np.percentile(found.distances, settings.threshold)
    overall = Reference(found.centre, float(radius), found.distances)
    of_lines: dict[str, Reference] = {}
    if settings.per == "line":
        counts = images.index["line"].value_counts()
        for line in sorted(counts.index[counts >= settings.min_images]):
            part = images.select(images.index["line"] == line).images
            of_lines[line] = reference(part, phi, settings.threshold, name="")
    return Centroids.of(features, overall, of_lines)


def summary(features: nn.Module, distances: np.ndarray, backbone: str) -> dict[str, object]:
    return {
        "backbone": backbone,
        "images": len(distances),
        "d_ref": round(float(distances.mean()), 6),
        "share_outside_d_ref": round(float((distances > distances.mean()).mean()), 6),
        "parameters": sum(parameter.numel() for parameter in features.parameters()),
    }


if __name__ == "__main__":
    run(main)
