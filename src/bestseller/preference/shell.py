"""How far images lie from the catalogue's centre in the centroid constraint's own features."""

from pathlib import Path

import numpy as np
import torch

from bestseller.backbones import empty_feature_stack
from bestseller.backbones.backbone import batches
from bestseller.compute import autocast, device
from bestseller.errors import BestsellerError
from bestseller.gans.centroid import CentroidConstraint, load_constraint

BATCH = 64


class Shell:
    """The centre c of the real images and the reference distance d_ref around it.

    Attributes:
        reference: d_ref, the mean distance of the images that c is the mean of.
    """

    def __init__(self, constraint: CentroidConstraint, precision: str) -> None:
        self._constraint, self._precision = constraint.to(device()), precision
        self.reference = float(constraint.distance)

    @classmethod
    def load(cls, path: Path, precision: str) -> "Shell":
        """Read the constraint's file.

        Raises:
            BestsellerError: the file is missing, damaged, or that of plain training.
        """
        constraint = load_constraint(path, empty_feature_stack)
        if constraint is None:
            raise BestsellerError(f"{path}: holds no centroid; run `dvc repro centroid`")
        return cls(constraint, precision)

    def distances(self, images: np.ndarray) -> np.ndarray:
        """Return ||Phi(x) - c||_2, float32 N, of uint8 images N x H x W x 3."""
        with torch.inference_mode(), autocast(self._precision):
            found = [self._constraint.distances(batch) for batch in batches(images, BATCH)]
        return torch.cat(found).float().cpu().numpy()
