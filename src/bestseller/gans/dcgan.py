"""DCGAN (Radford, Metz & Chintala 2016): convolutions only, batch norm, LeakyReLU in D."""

from itertools import pairwise
from math import log2

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller import params
from bestseller.gans.bce import BceGan
from bestseller.gans.gan import ConditionProjection, LatentAndCondition, Shape

SLOPE = 0.2
LARGEST_MULTIPLE = 8


def channels(width: int, image_size: int) -> list[int]:
    """Channels at 4 x 4, 8 x 8, ... up to half the image's side; 8w, 4w, 2w, w for 64 pixels."""
    blocks = int(log2(image_size)) - 2
    return [width * min(2**k, LARGEST_MULTIPLE) for k in reversed(range(blocks))]


class Generator(nn.Module):
    """z -> 4 x 4 -> ... -> S x S by stride-2 transposed convolutions, batch norm, ReLU, tanh."""

    def __init__(self, width: int, shape: Shape) -> None:
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
                nn.ConvTranspose2d(previous, following, 4, 2, 1, bias=False),
            ]
        self.layers = nn.Sequential(
            *layers,
            nn.BatchNorm2d(widths[-1]),
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(widths[-1], 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        weight = self.layers.get_parameter("0.weight")
        # on one place the transposed convolution is a matrix product, which takes half the time
        start = (self.input(z, conditions) @ weight.flatten(1)).unflatten(1, weight.shape[1:])
        images: Tensor = self.layers[1:](start.contiguous(memory_format=torch.channels_last))
        return images


class Discriminator(nn.Module):
    """S x S -> ... -> 4 x 4 by stride-2 convolutions, batch norm, LeakyReLU -> logit."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        widths = channels(width, shape.image_size)[::-1]
        layers: list[nn.Module] = [
            nn.Conv2d(3, widths[0], 4, 2, 1, bias=False),
            nn.LeakyReLU(SLOPE, inplace=True),
        ]
        for previous, following in pairwise(widths):
            layers += [
                nn.Conv2d(previous, following, 4, 2, 1, bias=False),
                nn.BatchNorm2d(following),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
        self.layers = nn.Sequential(*layers)
        self.logit = nn.Conv2d(widths[-1], 1, 4, 1, 0, bias=False)
        self.projection = ConditionProjection(shape, widths[-1])

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        features = self.layers(images)
        # the last convolution covers all 4 x 4 places: a matrix product over them
        places, weight = (x.permute(0, 2, 3, 1).flatten(1) for x in (features, self.logit.weight))
        # sum pooling, as in Miyato & Koyama's projection discriminator
        return F.linear(places, weight) + self.projection(features.sum((2, 3)), conditions)


def initialise(module: nn.Module) -> None:
    """Weights of convolutions ~ N(0, 0.02), of batch norms ~ N(1, 0.02) (section 3)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


class Dcgan(BceGan):
    """Deep convolutional GAN with the non-saturating objective."""

    Settings = params.WideGan

    @staticmethod
    def make_generator(settings: params.WideGan, shape: Shape) -> nn.Module:
        return Generator(settings.width, shape).apply(initialise)

    @staticmethod
    def make_discriminator(settings: params.WideGan, shape: Shape) -> nn.Module:
        return Discriminator(settings.width, shape).apply(initialise)
