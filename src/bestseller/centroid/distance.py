"""Distances of images to the centroid, in the features of the centroid constraint."""

from pathlib import Path

import numpy as np
import torch

from bestseller.backbones import empty_feature_stack
from bestseller.backbones.backbone import batches
from bestseller.base.compute import autocast, device
from bestseller.base.errors import BestsellerError
from bestseller.centroid.centroids import Centroids, load_centroids

BATCH = 64


class CentroidDistance:
    """The centre c of the real images and the reference distance d_ref around it."""

    def __init__(self, centroids: Centroids, precision: str) -> None:
        self._centroids, self._precision = centroids.to(device()), precision

    @classmethod
    def load(cls, path: Path, precision: str) -> "CentroidDistance":
        """Read the file of the centre.

        Raises:
            BestsellerError: the file is missing, damaged, or the empty file of plain training.
        """
        centroids = load_centroids(path, empty_feature_stack)
        if centroids is None:
            raise BestsellerError(f"{path}: holds no centroid; run `dvc repro centroid`")
        return cls(centroids, precision)

    def distances(self, images: np.ndarray) -> np.ndarray:
        """Return ||Phi(x) - c||_2 over d_ref, float32 N, of uint8 images N x H x W x 3."""
        with torch.inference_mode(), autocast(self._precision):
            found = [self._centroids.distances(batch) for batch in batches(images, BATCH)]
        return torch.cat(found).float().cpu().numpy()
