"""Feature spaces: a network, some layers of it, and the size of the images that it is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bestseller.backbones.backbone import Backbone, load_backbone, numbered_layers
from bestseller.params import Space


@dataclass(frozen=True)
class FeatureSpace:
    """A space in which images are compared by their features.

    Attributes:
        backbone: the network.
        layers: numbers of layers, whose features are averaged over places; none = the last ones.
        side: pixels to which images are resized first; 0 as in `Backbone.normalise`.
    """

    backbone: Backbone
    layers: tuple[int, ...] = ()
    side: int = 0

    @property
    def name(self) -> str:
        """Name in the names of its numbers, such as ``efficientnet_lite2_imagenet_layers_4_5``."""
        parts = [self.backbone.name]
        if self.layers:
            parts += ["layers", *map(str, self.layers)]
        return "_".join(parts)

    def features(
        self,
        images: np.ndarray,
        *,
        precision: str = "fp32",
        batch_size: int = 64,
        progress: str = "",
    ) -> np.ndarray:
        """Compute float32 N x d features of uint8 images N x H x W x 3."""
        return self.backbone.features(
            images,
            layers=self.layers,
            side=self.side,
            precision=precision,
            batch_size=batch_size,
            progress=progress,
        )


def load_space(folder: str | Path, space: Space) -> FeatureSpace:
    """Load the network of a feature space of params.yaml.

    Args:
        folder: such as ``data/backbones``.
        space: its network, layers and side.

    Raises:
        BestsellerError: a file is missing or damaged, or the network has no such layers.
    """
    return FeatureSpace(load_backbone(folder, space.network), tuple(space.layers), space.side)


def extract(
    spaces: Sequence[FeatureSpace],
    images: np.ndarray,
    *,
    precision: str = "fp32",
    progress: str = "",
) -> list[np.ndarray]:
    """Compute the features of several spaces; those of one network and side share a forward pass.

    Args:
        spaces: such as the two metric spaces.
        images: uint8 N x H x W x 3.
        precision: ``fp32`` or ``auto``.
        progress: name of the progress bar; empty = none.

    Returns:
        for each space its features, float32 N x d, as `FeatureSpace.features` returns them.
    """
    found: dict[int, np.ndarray] = {}
    for space in spaces:
        if id(space) in found:
            continue
        same = [s for s in spaces if (s.backbone, s.side) == (space.backbone, space.side)]
        if len(same) == 1:
            found[id(space)] = space.features(images, precision=precision, progress=progress)
            continue
        wanted = [_numbers(s) for s in same]
        union = sorted({layer for numbers in wanted for layer in numbers})
        together = space.backbone.features(
            images, layers=union, side=space.side, precision=precision, progress=progress
        )
        ends = np.cumsum([space.backbone.dimensions_of([layer]) for layer in union])
        parts = dict(zip(union, np.split(together, ends[:-1], axis=1), strict=True))
        for other, numbers in zip(same, wanted, strict=True):
            found[id(other)] = np.concatenate([parts[number] for number in numbers], axis=1)
    return [found[id(space)] for space in spaces]


def _numbers(space: FeatureSpace) -> tuple[int, ...]:
    """Return the numbers of the layers; no layers means the last one, averaged over places."""
    return space.layers or (len(numbered_layers(space.backbone.network)),)
