"""The centroid constraint: generated images stay as near the catalogue's centre as real ones.

With frozen features Phi (VGG-16 up to its 16th feature layer by default), over the training
images x_i, fixed before training:

    c     = mean_i Phi(x_i)
    d_ref = mean_i ||Phi(x_i) - c||_2
    L_centroid = mean_j max(0, ||Phi(G(z_j)) - c||_2 - d_ref)
    L_G   = L_adv + lambda L_centroid

The feature map is taken place by place, or averaged over its places. With the adaptive schedule
lambda is multiplied by the share of the batch outside d_ref: a generator that strays is pulled
with all of lambda, one whose images lie inside hardly at all. The share is that of the same batch,
so that nothing but the step decides it and a resumed training goes on as it would have.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bestseller.compute import to_signed
from bestseller.errors import BestsellerError
from bestseller.files import atomic_path
from bestseller.progress import track


@dataclass(frozen=True)
class Reference:
    """Centre and radius of the real images in feature space.

    Attributes:
        centre: c, float32, shape of one image's features.
        distance: d_ref, mean Euclidean distance of the real images to c.
        distances: float64 N, of each real image.
    """

    centre: Tensor
    distance: float
    distances: np.ndarray


def reference(
    images: np.ndarray, features: Callable[[Tensor], Tensor], batch_size: int = 64
) -> Reference:
    """Compute c and d_ref in two passes, float64 sums, one batch of features in memory.

    Args:
        images: uint8 N x H x W x 3.
        features: Phi, maps float images N x 3 x H x W in [-1, 1] to N x ... features.
    """

    def batches(name: str) -> Iterator[Tensor]:
        starts = range(0, len(images), batch_size)
        for start in track(starts, name, unit="batch"):
            batch = torch.from_numpy(np.ascontiguousarray(images[start : start + batch_size]))
            yield features(to_signed(batch)).double()

    total: Tensor | float = 0.0
    for batch in batches("centroid: mean"):
        total = total + batch.sum(dim=0)
    centre = torch.as_tensor(total) / len(images)
    distances = torch.cat(
        [(batch - centre).flatten(1).norm(dim=1) for batch in batches("centroid: distance")]
    )
    return Reference(centre.float(), float(distances.mean()), distances.numpy())


class CentroidConstraint(nn.Module):
    """L_centroid with its frozen features.

    Args:
        features: Phi, of images N x 3 x H x W in [-1, 1].
        centre: c.
        distance: d_ref.
        weight: lambda.
        every: steps between two uses; the weight is scaled by it.
        schedule: ``constant``, or ``adaptive``: lambda times the share of the images outside d_ref.
        images: of a batch, the first so many that it looks at: a random part, for batches are drawn
            at random, whose mean loss is that of the batch on average; 0 = all.
        start: share of the training that goes by before it is used, 0..1.
    """

    def __init__(
        self,
        features: nn.Module,
        centre: Tensor,
        distance: float,
        weight: float,
        every: int,
        *,
        schedule: str = "constant",
        images: int = 0,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        self.features = features.requires_grad_(False)
        self.register_buffer("centre", centre)
        self.centre: Tensor
        self.distance, self.weight, self.every = distance, weight, every
        self.schedule, self.images, self.start = schedule, images, start
        self.eval()

    def train(self, mode: bool = True) -> "CentroidConstraint":
        """Stay in evaluation mode: the features are frozen."""
        del mode
        return super().train(False)

    def distances(self, images: Tensor) -> Tensor:
        """Return ||Phi(x) - c||_2, float32 N, of images N x 3 x H x W in [-1, 1]."""
        return (self.features(images).float() - self.centre).flatten(1).norm(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the unweighted L_centroid of a batch."""
        return self._excess(images).mean()

    def _excess(self, images: Tensor) -> Tensor:
        return (self.distances(images) - self.distance).clamp(min=0)

    def applies(self, step: int, done: float) -> bool:
        """Tell whether the constraint is used at this step, a share `done` of the training in."""
        return done >= self.start and step % self.every == 0

    def term(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what to add to L_G, and L_centroid and the share outside d_ref to watch."""
        excess = self._excess(images[: self.images or len(images)])
        loss, outside = excess.mean(), (excess.detach() > 0).float().mean()
        share = outside if self.schedule == "adaptive" else 1.0
        stats = {"centroid_loss": loss.detach(), "centroid_outside": outside}
        return self.weight * self.every * share * loss, stats


def save_constraint(
    path: Path, constraint: CentroidConstraint | None, config: dict[str, object]
) -> None:
    """Write the constraint with its features; None writes the empty file of plain training.

    Each training depends on its own constraint's file alone, so that a new weight or a new
    centroid reruns the constrained trainings and leaves the plain ones.
    """
    tensors = {} if constraint is None else constraint.state_dict()
    if constraint is not None:
        settings = ("distance", "weight", "every", "schedule", "images", "start")
        config = config | {name: getattr(constraint, name) for name in settings}
    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"config": json.dumps(config, sort_keys=True)})


def load_constraint(
    path: Path, make_features: Callable[[str, int, str], nn.Module]
) -> CentroidConstraint | None:
    """Read what `save_constraint` wrote.

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
    constraint = CentroidConstraint(
        features,
        tensors["centre"],
        config["distance"],
        config["weight"],
        config["every"],
        schedule=config["schedule"],
        images=config["images"],
        start=config["start"],
    )
    constraint.load_state_dict(tensors)
    return constraint
