"""The centroid of the training images in feature space and the reference distance to it.

Both are computed before training, with frozen features Phi of the training images x_i:

    c     = mean_i Phi(x_i)
    d_ref = mean_i ||Phi(x_i) - c||_2

A line with enough images can have its own c and d_ref. d_ref can be a percentile of the distances
instead of their mean.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bestseller.backbones.backbone import batches
from bestseller.base.files import atomic_path, reading

Threshold = Literal["mean"] | float


@dataclass(frozen=True)
class Reference:
    """Centre and radius of the real images in feature space.

    Attributes:
        centre: c, float32, shape of one image's features, on the CPU.
        distance: d_ref, the mean or a percentile of the real images' Euclidean distances to c.
        distances: float64 N, of each real image.
    """

    centre: Tensor
    distance: float
    distances: np.ndarray


def reference(
    images: np.ndarray,
    features: Callable[[Tensor], Tensor],
    threshold: Threshold = "mean",
    *,
    name: str = "centroid",
    batch_size: int = 64,
) -> Reference:
    """Compute c and d_ref in two passes with float64 sums; memory holds the features of one batch.

    Args:
        images: uint8 N x H x W x 3.
        features: Phi, maps float images N x 3 x H x W in [-1, 1] to N x ... features.
        threshold: d_ref is the ``mean`` of the distances, or this percentile of them, 0..100.
        name: of the progress bars; empty = none.
        batch_size: number of images that are computed at once.
    """

    def found(part: str) -> Iterator[Tensor]:
        for batch in batches(images, batch_size, f"{name}: {part}" if name else ""):
            yield features(batch).double()

    total: Tensor | float = 0.0
    for batch in found("mean"):
        total = total + batch.sum(dim=0)
    centre = torch.as_tensor(total) / len(images)
    distances = (
        torch.cat([(batch - centre).flatten(1).norm(dim=1) for batch in found("distance")])
        .cpu()
        .numpy()
    )
    radius = distances.mean() if threshold == "mean" else np.percentile(distances, threshold)
    return Reference(centre.float().cpu(), float(radius), distances)


class Centroids(nn.Module):
    """Frozen features, the centre of all images, and the centres of lines that have their own.

    Args:
        features: Phi, of images N x 3 x H x W in [-1, 1].
        centres: float32 K x the shape of one image's features; the first is that of all images.
        references: float32 K, d_ref of each.
        lines: the K - 1 lines of the second and later centres.
    """

    def __init__(
        self, features: nn.Module, centres: Tensor, references: Tensor, lines: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.features = features.requires_grad_(False)
        self.centres: Tensor
        self.references: Tensor
        self.register_buffer("centres", centres)
        self.register_buffer("references", references)
        self.lines = list(lines)
        self.eval()

    @classmethod
    def of(
        cls, features: nn.Module, all_images: Reference, of_lines: dict[str, Reference]
    ) -> "Centroids":
        """Build the object from the results of `reference` for all images and for some lines."""
        found = [all_images, *of_lines.values()]
        centres = torch.stack([each.centre for each in found])
        return cls(features, centres, torch.tensor([each.distance for each in found]), [*of_lines])

    def train(self, mode: bool = True) -> "Centroids":
        """Stay in evaluation mode: the features are frozen."""
        del mode
        return super().train(False)

    def rows(self, lines: Sequence[str]) -> Tensor:
        """Return the index of each line's centre, int64; 0, that of all images, if it has none."""
        own = {line: row for row, line in enumerate(self.lines, start=1)}
        return torch.tensor([own.get(line, 0) for line in lines], dtype=torch.int64)

    def distances(self, images: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return ||Phi(x) - c||_2 over d_ref, float32 N.

        Args:
            images: N x 3 x H x W in [-1, 1].
            rows: int64 N, the index of each image's centre; None = the centre of all images.
        """
        centres = self.centres[0] if rows is None else self.centres[rows]
        reference = self.references[0] if rows is None else self.references[rows]
        return (self.features(images).float() - centres).flatten(1).norm(dim=1) / reference


def save_centroids(path: Path, centroids: Centroids | None, layers: dict[str, object]) -> None:
    """Write the centres with their features; None writes an empty file, for plain training.

    Each model has a file of its own, on which its trainings depend. So a new centroid reruns the
    trainings with the constraint and not the plain ones.

    Args:
        path: the file.
        centroids: the centres and their features.
        layers: backbone, layer and pooling, from which `load_centroids` builds the features.
    """
    tensors = {} if centroids is None else centroids.state_dict()
    config = {} if centroids is None else layers | {"lines": centroids.lines}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"config": json.dumps(config, sort_keys=True)})


def load_centroids(
    path: Path, make_features: Callable[[str, int, str], nn.Module]
) -> Centroids | None:
    """Read what `save_centroids` wrote.

    Args:
        path: the file.
        make_features: builds the untrained features from (backbone, layer, pooling).

    Raises:
        BestsellerError: the file is missing or damaged.
    """
    with reading(path, "dvc repro centroid"):
        with safe_open(path, "pt") as file:
            config = json.loads(file.metadata()["config"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if not tensors:
            return None
        features = make_features(config["backbone"], config["layer"], config["pooling"])
        found = Centroids(features, tensors["centres"], tensors["references"], config["lines"])
        found.load_state_dict(tensors)
        return found
