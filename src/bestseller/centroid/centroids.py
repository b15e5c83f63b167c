"""The catalogue's centre in feature space and the reference distance to it, measured and kept.

With frozen features Phi, over the training images x_i, fixed before training:

    c     = mean_i Phi(x_i)
    d_ref = mean_i ||Phi(x_i) - c||_2

A line with images enough may have a c and a d_ref of its own, and d_ref may be a percentile of the
distances in the place of their mean.
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

from bestseller.base.compute import to_signed
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path
from bestseller.base.progress import track

Threshold = Literal["mean"] | float


@dataclass(frozen=True)
class Reference:
    """Centre and radius of the real images in feature space.

    Attributes:
        centre: c, float32, shape of one image's features.
        distance: d_ref, the mean, or a percentile, of the real images' Euclidean distances to c.
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
    """Compute c and d_ref in two passes, float64 sums, one batch of features in memory.

    Args:
        images: uint8 N x H x W x 3.
        features: Phi, maps float images N x 3 x H x W in [-1, 1] to N x ... features.
        threshold: ``mean``, or the percentile of the distances that d_ref is, 0..100.
        name: of the progress bars; empty = none.
        batch_size: images at once.
    """

    def batches(part: str) -> Iterator[Tensor]:
        starts: Sequence[int] = range(0, len(images), batch_size)
        for start in track(starts, f"{name}: {part}", unit="batch") if name else starts:
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
            yield features(to_signed(batch)).double()

    total: Tensor | float = 0.0
    for batch in batches("mean"):
        total = total + batch.sum(dim=0)
    centre = torch.as_tensor(total) / len(images)
    distances = torch.cat(
        [(batch - centre).flatten(1).norm(dim=1) for batch in batches("distance")]
    ).numpy()
    radius = distances.mean() if threshold == "mean" else np.percentile(distances, threshold)
    return Reference(centre.float(), float(radius), distances)


class Centroids(nn.Module):
    """Frozen features with the centre of all images, and with those of lines that have their own.

    Args:
        features: Phi, of images N x 3 x H x W in [-1, 1].
        centres: float32 K x the shape of one image's features; the first is that of all images.
        references: float32 K, d_ref of each.
        lines: the K - 1 lines that the further ones belong to.
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
        """Join what `reference` found for all images and for some lines."""
        found = [all_images, *of_lines.values()]
        centres = torch.stack([each.centre for each in found])
        return cls(features, centres, torch.tensor([each.distance for each in found]), [*of_lines])

    def train(self, mode: bool = True) -> "Centroids":
        """Stay in evaluation mode: the features are frozen."""
        del mode
        return super().train(False)

    def rows(self, lines: Sequence[str]) -> Tensor:
        """Return which centre is each line's, int64: its own, or 0, that of all images."""
        own = {line: row for row, line in enumerate(self.lines, start=1)}
        return torch.tensor([own.get(line, 0) for line in lines], dtype=torch.int64)

    def distances(self, images: Tensor, rows: Tensor | None = None) -> Tensor:
        """Return ||Phi(x) - c||_2 over d_ref, float32 N.

        Args:
            images: N x 3 x H x W in [-1, 1].
            rows: int64 N, the centre of each; without it that of all images.
        """
        centres = self.centres[0] if rows is None else self.centres[rows]
        reference = self.references[0] if rows is None else self.references[rows]
        return (self.features(images).float() - centres).flatten(1).norm(dim=1) / reference


def save_centroids(path: Path, centroids: Centroids | None, layers: dict[str, object]) -> None:
    """Write the centres with their features; None writes the empty file of plain training.

    Each training depends on its own model's file alone, so that a new centroid reruns the
    constrained trainings and leaves the plain ones.

    Args:
        path: the file.
        centroids: what to write.
        layers: what `load_centroids` builds the features from: backbone, layer, pooling.
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
    try:
        with safe_open(path, "pt") as file:
            config = json.loads(file.metadata()["config"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:
        raise BestsellerError(f"{path}: {error}; run `dvc repro centroid`") from error
    if not tensors:
        return None
    features = make_features(config["backbone"], config["layer"], config["pooling"])
    found = Centroids(features, tensors["centres"], tensors["references"], config["lines"])
    found.load_state_dict(tensors)
    return found
