"""The networks of DCGAN and D2GAN: convolutions only, batch norm, LeakyReLU in D.

Radford, Metz & Chintala 2016, "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks".
"""

from itertools import pairwise
from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller.gans.gan import ConditionProjection, LatentAndCondition, Shape
from bestseller.gans.objectives import real_penalty

SLOPE = 0.2
LARGEST_MULTIPLE = 8


def channels(width: int, image_size: int) -> list[int]:
    """Return the channels at 4 x 4, 8 x 8, ... S/2 x S/2: 8w, 4w, 2w, w for 64 pixels."""
    blocks = int(log2(image_size)) - 2
    return [width * min(2**k, LARGEST_MULTIPLE) for k in reversed(range(blocks))]


class DoubleAndConvolve(nn.Conv2d):
    """Repeat each pixel 2 x 2, then convolve with a 3 x 3 kernel.

    No output pixel is then reached by more weights than another. In DCGAN's own layer this can
    happen, which leaves a grid pattern in the images (Odena et al. 2016, "Deconvolution and
    Checkerboard Artifacts").

    Both steps are computed as one transposed convolution. Its 4 x 4 kernel is the mirrored 3 x 3
    kernel summed over 2 x 2 places. It takes as long as DCGAN's own layer; the two steps one after
    the other would take 2.25 times as long.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mirrored = self.weight.flip(2, 3).transpose(0, 1)
        kernel = sum(
            F.pad(mirrored, (left, 1 - left, top, 1 - top)) for left in (0, 1) for top in (0, 1)
        )
        assert isinstance(kernel, Tensor)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1)


def doubling(upsample: str, inputs: int, outputs: int) -> nn.Module:
    """Return the layer that doubles the side: `DoubleAndConvolve` if `upsample` is ``nearest``."""
    if upsample == "nearest":
        return DoubleAndConvolve(inputs, outputs)
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)


class Generator(nn.Module):
    """z -> 4 x 4 -> ... -> S x S by layers that double the side, batch norm, ReLU, tanh.

    `upsample` chooses the layers: see `doubling`.
    """

    def __init__(self, width: int, shape: Shape, upsample: str = "transposed") -> None:
        super().__init__()
        self.input = LatentAndCondition(shape)
        widths = channels(width, shape.image_size)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(self.input.out_features, widths[0], 4, 1, 0, bias=False)
        ]
        for previous, following in pairwise(widths):
            layers += [
                nn.BatchNorm2d(previous),
                nn.ReLU(inplace=True),
                doubling(upsample, previous, following),
            ]
        self.layers = nn.Sequential(
            *layers,
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(inplace=True),
            doubling(upsample, widths[-1], 3),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        weight = self.layers.get_parameter("0.weight")
        # a transposed convolution of a 1 x 1 input is a matrix product, which takes half the time
        start = (self.input(z, conditions) @ weight.flatten(1)).unflatten(1, weight.shape[1:])
        images: Tensor = self.layers[1:](start.contiguous(memory_format=torch.channels_last))
        return images


class Discriminator(nn.Module):
    """S x S -> ... -> 4 x 4 by stride-2 convolutions, batch norm, LeakyReLU -> logit.

    If `norm` is not ``batch``, the convolutions have a bias. `normalised` adds the spectral norm.
    """

    def __init__(self, width: int, shape: Shape, norm: str = "batch") -> None:
        super().__init__()
        widths = channels(width, shape.image_size)[::-1]
        is_batch = norm == "batch"
        layers: list[nn.Module] = [
            nn.Conv2d(3, widths[0], 4, 2, 1, bias=False),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
        for previous, following in pairwise(widths):
            layers += [
                nn.Conv2d(previous, following, 4, 2, 1, bias=not is_batch),
                nn.BatchNorm2d(following) if is_batch else nn.Identity(),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.logit = nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)
        self.projection = ConditionProjection(shape, widths[-1])

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        features = self.layers(images)
        # the last convolution covers the whole 4 x 4 map, so it is a matrix product
        places, weight = (x.permute(0, 2, 3, 1).flatten(1) for x in (features, self.logit.weight))
        # sum pooling, as in Miyato & Koyama's projection discriminator
        return F.linear(places, weight) + self.projection(features.sum((2, 3)), conditions)


def initialise(module: nn.Module) -> None:
    """Draw weights of convolutions ~ N(0, 0.02), of batch norms ~ N(1, 0.02) (section 3)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def normalised(network: nn.Module, norm: str) -> nn.Module:
    """Add spectral norm to every convolution if `norm` is ``spectral``; return the network.

    Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks".
    """
    if norm == "spectral":
        for module in list(network.modules()):
            if isinstance(module, nn.Conv2d):
                nn.utils.parametrizations.spectral_norm(module)
    return network


def weighted_real_penalty(
    discriminator: nn.Module, real: Tensor, conditions: Tensor, weight: float
) -> Tensor:
    """Return weight / 2 times R1, summed over the outputs if the discriminator has several.

    R1 is computed on a quarter of the batch to save time; its expected value is the same.
    """
    part = slice(max(2, len(real) // 4))
    images = real[part].detach().requires_grad_()
    outputs = discriminator(images, conditions[part])
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return weight / 2 * torch.stack([real_penalty(output, images) for output in outputs]).sum()
