"""PGGAN (Karras et al. 2018): progressive growth from 4 x 4, with WGAN-GP.

"Progressive Growing of GANs for Improved Quality, Stability, and Variation". Section 2 is the
growth with fade-in, section 3 the minibatch standard deviation, section 4 the equalised learning
rate and the pixel norm, table 2 the layers. The first phase trains at 4 x 4. Each further
resolution has two phases: one fades it in, one trains at it. All phases see equally many images,
or numbers in proportion to the weights of params.yaml.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import log2, sqrt
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import RandomGenerator
from bestseller.gans.gan import ConditionProjection, Gan, LatentAndCondition, Shape, Stats
from bestseller.gans.objectives import gradient_penalty, wgan_critic_loss, wgan_generator_loss

SLOPE = 0.2
GROUP = 4


class Growth:
    """The state of the growth. G, its moving average and D share one object.

    Args:
        image_size: pixels, side of the images.
        weights: weights of the phases' numbers of images. The first number is for the phases at
            the full resolution, the second for those at half of it, and so on; the last number is
            also for all smaller resolutions. An empty list gives all phases the same weight.

    Attributes:
        top: index of the last resolution, 4 * 2^top pixels.
        level: index of the newest resolution in use.
        alpha: share of the newest resolution in the image, 1 outside a fade.
        on_device: alpha as tensors, by device, for what is recorded (`training.recording`).
    """

    def __init__(self, image_size: int, weights: Sequence[float] = ()) -> None:
        self.top = int(log2(image_size)) - 2
        levels = [(phase + 1) // 2 for phase in range(2 * self.top + 1)]
        weights = weights or [1.0]
        of_phases = [weights[min(self.top - level, len(weights) - 1)] for level in levels]
        self.starts = list(accumulate(of_phases, initial=0.0))
        self.level, self.alpha, self.phase = self.top, 1.0, 2 * self.top
        self.on_device: dict[torch.device, Tensor] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Growth":
        """Return the object itself, so that copies of a network grow with it."""
        return self

    def move(self, done: float) -> bool:
        """Set the phase for the share `done` of the training; tell whether the phase is new.

        Phases are numbered 0 (4 x 4), 1 (fade to 8 x 8), 2 (8 x 8), ... 2 top.
        """
        position = done * self.starts[-1]
        phase = min(bisect_right(self.starts, position) - 1, 2 * self.top)
        begin, end = self.starts[phase : phase + 2]
        self.level = (phase + 1) // 2
        self.alpha = (position - begin) / (end - begin) if phase % 2 else 1.0
        for alpha in self.on_device.values():
            alpha.fill_(self.alpha)
        is_new, self.phase = phase != self.phase, phase
        return is_new

    def faded(self, old: Tensor, new: Tensor) -> Tensor:
        """Return alpha of the new image or map and the rest of the old one."""
        if not new.is_cuda:
            return torch.lerp(old, new, self.alpha)
        if new.device not in self.on_device:
            self.on_device[new.device] = torch.tensor(self.alpha, device=new.device)
        return torch.lerp(old.float(), new.float(), self.on_device[new.device])


class Equalised(nn.Module):
    """A linear or convolution layer with weights ~ N(0, 1), scaled at run time by He's constant.

    w_hat = w gain / sqrt(fan_in) (section 4.1). So every layer learns at the same speed with Adam.
    The bias is not scaled.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 0, gain: float = sqrt(2)) -> None:
        super().__init__()
        shape = (outputs, inputs, kernel, kernel) if kernel else (outputs, inputs)
        self.weight = nn.Parameter(torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale = gain / sqrt(inputs * max(kernel, 1) ** 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.weight.dim() == 2:
            return F.linear(x, self.weight * self.scale, self.bias)
        padding = self.weight.shape[-1] // 2
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=padding)


def activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


def pixel_norm(x: Tensor) -> Tensor:
    """Scale the features of each pixel to a mean square of 1 (section 4.2)."""
    return x * x.float().square().mean(dim=1, keepdim=True).add(1e-8).rsqrt().to(x.dtype)


def minibatch_stddev(x: Tensor) -> Tensor:
    """Append the mean standard deviation over groups of up to 4 images as a channel (section 3)."""
    count = len(x)
    group = next(size for size in range(min(GROUP, count), 0, -1) if count % size == 0)
    grouped = x.float().unflatten(0, (group, count // group))
    spread = grouped.var(dim=0, unbiased=False).add(1e-8).sqrt().mean(dim=(1, 2, 3))
    channel = spread.repeat(group)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    return torch.cat([x, channel.to(x.dtype)], dim=1)


def double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def halve(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def stage_channels(fmap_base: int, stage: int, fmap_min: int = 1, fmap_max: int = 512) -> int:
    return min(max(fmap_base // 2**stage, fmap_min), fmap_max)


def channels(settings: params.PgganSettings, growth: Growth) -> list[int]:
    """Return the channels at 4 x 4, 8 x 8, ... S x S."""
    limits = (settings.fmap_min, settings.fmap_max)
    stages = range(1, growth.top + 2)
    return [stage_channels(settings.fmap_base, stage, *limits) for stage in stages]


class Block(nn.Module):
    """Two 3 x 3 convolutions of one resolution."""

    def __init__(self, inputs: int, hidden: int, outputs: int, norm: bool) -> None:
        super().__init__()
        self.first = Equalised(inputs, hidden, 3)
        self.second = Equalised(hidden, outputs, 3)
        self.norm = pixel_norm if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(activate(self.first(x)))
        return self.norm(activate(self.second(x)))


class Generator(nn.Module):
    """Grows by blocks of upscale, conv, conv; repeats pixels to return S x S at every level."""

    def __init__(self, widths: list[int], shape: Shape, growth: Growth) -> None:
        super().__init__()
        self.growth = growth
        self.input = LatentAndCondition(shape)
        # sqrt(2) / 4 as in the authors' code: each latent feeds 16 pixels, hence the 4
        self.dense = Equalised(self.input.out_features, widths[0] * 16, gain=sqrt(2) / 4)
        self.first = Equalised(widths[0], widths[0], 3)
        self.blocks = nn.ModuleList(
            Block(before, after, after, norm=True) for before, after in pairwise(widths)
        )
        self.to_rgb = nn.ModuleList(Equalised(width, 3, 1, gain=1.0) for width in widths)

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        growth = self.growth
        x = self.dense(pixel_norm(self.input(z, conditions))).unflatten(1, (-1, 4, 4))
        x = pixel_norm(activate(self.first(pixel_norm(activate(x)))))
        before = x
        for block in list(self.blocks)[: growth.level]:
            before, x = x, block(double(x))
        image = self.to_rgb[growth.level](x)
        if growth.alpha < 1:
            old = double(self.to_rgb[growth.level - 1](before))
            image = growth.faded(old, image)
        missing = 2 ** (growth.top - growth.level)
        return F.interpolate(image, scale_factor=missing, mode="nearest") if missing > 1 else image


class Critic(nn.Module):
    """The generator in reverse: blocks of conv, conv, downscale; minibatch stddev at 4 x 4."""

    def __init__(self, widths: list[int], shape: Shape, growth: Growth) -> None:
        super().__init__()
        self.growth = growth
        self.from_rgb = nn.ModuleList(Equalised(3, width, 1) for width in widths)
        self.blocks = nn.ModuleList(
            Block(after, after, before, norm=False) for before, after in pairwise(widths)
        )
        self.last = Equalised(widths[0] + 1, widths[0], 3)
        self.dense = Equalised(widths[0] * 16, widths[0])
        self.score = Equalised(widths[0], 1, gain=1.0)
        self.projection = ConditionProjection(shape, widths[0])

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        """Return the critic's output for images of the current resolution, (N, 1)."""
        growth = self.growth
        x = activate(self.from_rgb[growth.level](images))
        for level in range(growth.level, 0, -1):
            x = halve(self.blocks[level - 1](x))
            if level == growth.level and growth.alpha < 1:
                old = activate(self.from_rgb[level - 1](halve(images)))
                x = growth.faded(old, x)
        x = activate(self.last(minibatch_stddev(x)))
        features = activate(self.dense(x.flatten(1)))
        return self.score(features) + self.projection(features, conditions)


class Pggan(Gan):
    """Progressive growing with WGAN-GP and the drift term; real images are faded in as well."""

    version = 1
    Settings = params.PgganSettings

    def __init__(self, settings: params.PgganSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.settings = settings
        self.growth = Growth(shape.image_size, settings.phases)
        for network in (self.generator, self.discriminator):
            assert isinstance(network, Generator | Critic)
            network.growth = self.growth

    @staticmethod
    def make_generator(settings: params.PgganSettings, shape: Shape) -> Generator:
        growth = Growth(shape.image_size)
        return Generator(channels(settings, growth), shape, growth)

    @staticmethod
    def make_discriminator(settings: params.PgganSettings, shape: Shape) -> Critic:
        growth = Growth(shape.image_size)
        return Critic(channels(settings, growth), shape, growth)

    def start_step(self, done: float) -> bool:
        return self.growth.move(done)

    def shown(self, images: Tensor) -> Tensor:
        """Average S x S images down to the current resolution.

        Generated images lose nothing by this, since they consist of repeated pixels.
        """
        factor = 2 ** (self.growth.top - self.growth.level)
        return F.avg_pool2d(images, factor) if factor > 1 else images

    def shown_real(self, images: Tensor) -> Tensor:
        """Average real images down and mix the two resolutions as a fade mixes generated ones.

        This must come before augmentation, as it does for generated images. Otherwise the mixing
        would blur, in real images only, shifts by an odd number of pixels and edges of cutouts;
        D could tell real images by that.
        """
        images = self.shown(images)
        if self.growth.alpha < 1:
            return self.growth.faded(double(halve(images)), images)
        return images

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        real_score = self.discriminator(real, conditions)
        fake_score = self.discriminator(fake, conditions)
        share = random.uniform(len(real), 1, 1, 1).to(real.device)
        between = torch.lerp(real, fake, share).detach().requires_grad_()
        penalty = gradient_penalty(self.discriminator(between, conditions), between)
        loss = wgan_critic_loss(real_score, fake_score, self.settings.drift)
        stats = {
            "d_real": real_score.detach().float().mean(),
            "d_fake": fake_score.detach().float().mean(),
            "gradient_penalty": penalty.detach(),
        }
        return loss + self.settings.gradient_penalty * penalty, stats

    def generator_loss(self, fake: Tensor, conditions: Tensor) -> tuple[Tensor, Stats]:
        return wgan_generator_loss(self.discriminator(fake, conditions)), {}


MODEL = Pggan
