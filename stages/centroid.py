"""Fix the centre of the catalogue in feature space and the reference distance to it."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bestseller.backbones import feature_stack, load_backbone
from bestseller.compute import place, prepare
from bestseller.files import write_json
from bestseller.gans.centroid import CentroidConstraint, reference, save_constraint
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import run

OUTPUT = Path("data/centroid")


def main(params: Params) -> None:
    settings = params.centroid
    prepare(params.threads, params.backbones.seed)
    images = ImageSet.open("data/processed")
    images = images.select(images.index["split"] != "test")
    backbone = load_backbone("data/backbones", settings.backbone)

    features = feature_stack(backbone, settings.layer, settings.pooling)
    place(features)
    found = reference(images.images, torch.inference_mode()(features))
    constraint = CentroidConstraint(
        features,
        found.centre,
        found.distance,
        settings.weight,
        settings.every,
        schedule=settings.schedule,
        images=settings.images,
        start=settings.start,
    )

    config = {name: getattr(settings, name) for name in ("backbone", "layer", "pooling")}
    save_constraint(OUTPUT / "centroid.safetensors", constraint, config)
    save_constraint(OUTPUT / "plain.safetensors", None, {})
    # What distances are measured with: a new weight leaves it, and who reads it, as they are.
    ruler = CentroidConstraint(features, found.centre, found.distance, weight=0.0, every=1)
    save_constraint(OUTPUT / "ruler.safetensors", ruler, config)
    write_json("metrics/centroid.json", summary(features, found.distances, backbone.name))


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
