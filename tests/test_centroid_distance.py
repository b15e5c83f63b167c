"""Distances to the centroid in the constraint's own features, read from its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from bestseller.backbones import empty_feature_stack
from bestseller.base.compute import to_signed
from bestseller.base.errors import BestsellerError
from bestseller.centroid.centroids import Centroids, reference, save_centroids
from bestseller.centroid.distance import CentroidDistance


def test_the_mean_distance_of_the_images_of_the_centre_is_one(tmp_path: Path) -> None:
    torch.manual_seed(0)
    features = empty_feature_stack("alexnet", 3)
    for parameter in features.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    images = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    found = reference(images, torch.inference_mode()(features))
    path = tmp_path / "centroid.safetensors"
    layers: dict[str, object] = {"backbone": "alexnet", "layer": 3, "pooling": "none"}
    save_centroids(path, Centroids.of(features, found, {}), layers)
    centroid = CentroidDistance.load(path, "fp32")
    distances = centroid.distances(images)
    assert distances.mean() == pytest.approx(1, rel=1e-4)
    assert distances == pytest.approx(found.distances / found.distance, rel=1e-4)
    with torch.inference_mode():
        maps = features(to_signed(torch.from_numpy(images[:1])))
    assert distances[0] == pytest.approx(
        float((maps[0] - found.centre).norm()) / found.distance, rel=1e-4
    )


def test_the_file_of_plain_training_has_no_centroid(tmp_path: Path) -> None:
    path = tmp_path / "plain.safetensors"
    save_centroids(path, None, {})
    with pytest.raises(BestsellerError, match=r"plain.safetensors: holds no centroid"):
        CentroidDistance.load(path, "fp32")
