"""Backbones: frozen networks that turn images into features."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bestseller.backbones.networks import (
    Normalise,
    architecture,
    empty_network,
    fold_batch_norms,
    of_torchvision,
)
from bestseller.backbones.resize import resize_tensorflow1
from bestseller.base.compute import autocast, device, place, to_signed
from bestseller.base.engine import cluster
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, reading, require, sha256_file, write_json
from bestseller.base.progress import track

MADE_BY = "dvc repro backbone"
BATCHES_OF_SHARD = 8  # what a node of a cluster computes at a time


class Backbone:
    """A frozen network.

    Attributes:
        network: the network without its classifier, frozen, in evaluation mode, on the device. It
            maps normalised images, float N x 3 x H x W, to pooled features, N x d.
        architecture: the properties of this kind of network.
        weights: ``catalogue`` (fitted on the user's products) or ``imagenet`` (published, from
            a pip package or torchvision).
        name: network and weights, such as ``resnet18_catalogue``. Every number that is computed
            with the network carries this name.
    """

    def __init__(self, network_name: str, weights: str, network: nn.Module) -> None:
        self.network_name, self.weights = network_name, weights
        self.name = f"{network_name}_{weights}"
        self.architecture = architecture(network_name)
        self.network = network.eval().requires_grad_(False)
        place(self.network)
        self._normalise = Normalise(self.architecture.mean, self.architecture.std).to(device())

    def normalise(self, images: Tensor, side: int = 0) -> Tensor:
        """Map images in [-1, 1], N x 3 x H x W, to what `network` expects.

        Args:
            images: float32.
            side: pixels to which the images are resized (bilinear, antialiased when they shrink);
                0 = the network's own side, or no resize if it has none.
        """
        if self.architecture.side is not None:
            images = resize_tensorflow1(images, self.architecture.side)
        elif side and images.shape[2:] != (side, side):
            shrinks = min(images.shape[2:]) > side
            images = nn.functional.interpolate(
                images, (side, side), mode="bilinear", antialias=shrinks
            )
        normalised: Tensor = self._normalise(images)
        return normalised

    def features(
        self,
        images: np.ndarray,
        *,
        layers: Sequence[int] = (),
        side: int = 0,
        precision: str = "fp32",
        batch_size: int = 64,
        progress: str = "",
    ) -> np.ndarray:
        """Compute features averaged over the places of the feature map, float32 N x d.

        Args:
            images: uint8 N x H x W x 3.
            layers: numbers of layers (see `numbered_layers`) in rising order, whose channels are
                concatenated; none = the last features, d = architecture.dimensions.
            side: pixels to which the images are resized; 0 as in `normalise`.
            precision: ``fp32``, which every published number uses, or ``auto`` (bf16 in hardware).
            batch_size: images at once; the features do not depend on it.
            progress: name of the progress bar; empty = none.

        Raises:
            BestsellerError: the network has no such layers.
        """
        check_layers(self.network_name, self.network, layers)
        threads = torch.get_num_threads()
        asked = _Asked(self, tuple(layers), side, precision, batch_size, threads)
        size = batch_size * BATCHES_OF_SHARD
        found = [np.empty((0, self.dimensions_of(layers)), np.float32)]
        if len(images) > size and (computer := cluster()) is not None:
            shards = [images[start : start + size] for start in range(0, len(images), size)]
            parts = computer.map(_features_of, asked, shards, threads=threads)
            found += track(parts, progress, len(shards)) if progress else parts
        elif len(images):
            found.append(_features_of(asked, images, progress))
        return np.concatenate(found)

    def dimensions_of(self, layers: Sequence[int]) -> int:
        """Return d, the number of features that `features` gives for these layers."""
        if not layers:
            return self.architecture.dimensions
        with torch.inference_mode():
            return self._pooled_at(torch.zeros(1, 3, 32, 32, device=device()), layers).shape[1]

    def _pooled_at(self, images: Tensor, wanted: Sequence[int]) -> Tensor:
        if not wanted:
            features: Tensor = self._folded(images)
            return features
        maps, means = images, []
        for number in range(1, max(wanted) + 1):
            maps = numbered_layers(self._folded)[number - 1](maps)
            if number in wanted:
                means.append(maps.mean((2, 3)))
        return torch.cat(means, dim=1)

    @cached_property
    def _folded(self) -> nn.Module:
        return fold_batch_norms(self.network)

    def taps(self, images: Tensor) -> list[Tensor]:
        """Return the feature maps that LPIPS compares, N x C x h x w each, not yet normalised.

        Args:
            images: float N x 3 x H x W in [-1, 1].

        Raises:
            ValueError: LPIPS is not defined for this network.
        """
        ends = self.architecture.taps
        if not ends:
            raise ValueError(f"{self.network_name} has no perceptual taps; use another network")
        maps, found = self.normalise(images), []
        for start, end in zip((0, *ends), ends, strict=False):
            maps = numbered_layers(self.network)[start:end](maps)
            found.append(maps)
        return found

    def pooled(self, maps: Tensor) -> Tensor:
        """Return the features that `features` returns, N x d, from the last map of `taps`."""
        rest = numbered_layers(self.network)[self.architecture.taps[-1] :]
        return nn.functional.adaptive_avg_pool2d(rest(maps), 1).flatten(1)


@dataclass(frozen=True)
class _Asked:
    """What `Backbone.features` is asked for."""

    backbone: Backbone
    layers: tuple[int, ...]
    side: int
    precision: str
    batch_size: int
    threads: int


def _features_of(asked: _Asked, images: np.ndarray, progress: str = "") -> np.ndarray:
    backbone, found = asked.backbone, list[np.ndarray]()
    torch.set_num_threads(asked.threads)  # rounding depends on it
    with torch.inference_mode(), autocast(asked.precision):
        for batch in batches(images, asked.batch_size, progress):
            pooled = backbone._pooled_at(backbone.normalise(batch, asked.side), asked.layers)
            found.append(pooled.float().cpu().numpy())
    return np.concatenate(found)


def numbered_layers(network: nn.Module) -> nn.Sequential:
    """Return a network's layers in the order in which they run; layer 1 is the first.

    VGG-16 and AlexNet: torchvision's `features`, 31 and 13 layers. EfficientNet-Lite: 1 the stem,
    2 to 8 the stages 1 to 7, 9 the head. ResNet: conv1, bn1, relu, maxpool, layer1 to layer4.
    """
    found = getattr(network, "features", None)
    if of_torchvision(network, "ResNet"):
        found = nn.Sequential(*list(network.children())[:-2])
    if not isinstance(found, nn.Sequential):
        raise BestsellerError(f"{type(network).__name__} has no numbered feature layers; use vgg16")
    return found


def check_layers(name: str, network: nn.Module, layers: Sequence[int]) -> None:
    """Raise a BestsellerError unless the network has these layers, in rising order."""
    count = len(numbered_layers(network)) if layers else 0
    if any(not 1 <= layer <= count for layer in layers):
        raise BestsellerError(f"{name}: of the layers {list(layers)} one is none of its 1..{count}")
    if list(layers) != sorted(set(layers)):
        raise BestsellerError(f"{name}: the layers {list(layers)} do not rise")


def _stack(name: str, network: nn.Module, layer: int, pooling: str) -> nn.Sequential:
    check_layers(name, network, [layer])
    normalise = Normalise(architecture(name).mean, architecture(name).std)
    stack = nn.Sequential(normalise, numbered_layers(network)[:layer])
    return stack.append(nn.AdaptiveAvgPool2d(1)) if pooling == "mean" else stack


def feature_stack(backbone: Backbone, layer: int, pooling: str = "none") -> nn.Sequential:
    """Return the first feature layers of a backbone as a module of images in [-1, 1].

    Args:
        backbone: the network; the result shares its weights.
        layer: number of feature layers; 16 of VGG-16 = up to and including relu3_3.
        pooling: ``none`` keeps each place of the feature map, ``mean`` averages over the places.

    Raises:
        BestsellerError: the network has no such layers.
    """
    return _stack(backbone.network_name, backbone.network, layer, pooling)


def empty_feature_stack(name: str, layer: int, pooling: str = "none") -> nn.Sequential:
    """Build the module that `feature_stack` returns, on the CPU, with weights not yet set."""
    stack = _stack(name, empty_network(name), layer, pooling)
    stack[1].to_empty(device="cpu")
    return stack


def batches(images: np.ndarray, batch_size: int, progress: str = "") -> Iterator[Tensor]:
    """Yield uint8 images N x H x W x 3 as floats in [-1, 1] on the device, in batches.

    Raises:
        ValueError: the array has another shape or dtype.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(f"images are {images.dtype} {images.shape}, not uint8 N x H x W x 3")
    starts: Iterable[int] = range(0, len(images), batch_size)
    for start in track(starts, progress, unit="batch") if progress else starts:
        batch = torch.from_numpy(np.array(images[start : start + batch_size]))
        yield to_signed(batch.to(device()))


def save_backbone(folder: str | Path, backbone: Backbone) -> None:
    """Write ``<network>.safetensors`` and ``<network>.json``, which names its hash."""
    weights = Path(folder) / f"{backbone.network_name}.safetensors"
    tensors = {name: t.contiguous().cpu() for name, t in backbone.network.state_dict().items()}
    with atomic_path(weights) as temporary:
        save_file(tensors, temporary)
    kind = backbone.architecture
    config = {
        "network": backbone.network_name,
        "weights": backbone.weights,
        "sha256": sha256_file(weights),
        "dimensions": kind.dimensions,
        "mean": list(kind.mean),
        "std": list(kind.std),
        "resize": None if kind.side is None else f"bilinear, as TensorFlow 1, {kind.side}",
        "layers": {name: list(tensor.shape) for name, tensor in tensors.items()},
    }
    write_json(weights.with_suffix(".json"), config)


def load_backbone(folder: str | Path, name: str) -> Backbone:
    """Read what `save_backbone` wrote.

    Args:
        folder: such as ``data/backbones``.
        name: the network, such as ``resnet18``.

    Raises:
        BestsellerError: a file is missing or damaged, or the two do not belong together.
    """
    path = Path(folder) / f"{name}.json"
    config = read_json(path, MADE_BY)
    weights = require(path.with_suffix(".safetensors"), MADE_BY)
    if sha256_file(weights) != config.get("sha256"):
        raise BestsellerError(f"{weights}: its SHA-256 is not {path.name}'s; run `{MADE_BY}` again")
    with reading(path, MADE_BY):
        network = empty_network(config["network"])
        network.load_state_dict(load_file(weights), assign=True)
        return Backbone(config["network"], config["weights"], network)
