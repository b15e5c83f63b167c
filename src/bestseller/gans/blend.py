"""The blend autoencoder: it rebuilds products from their codes, and draws what lies between two.

It is no GAN: nothing in it discriminates. A code is linear, of principal components in two bands
(`principal`), so that it need not be learned; a blend of two products has colours between both and
the details of one (`codes`). The generator begins as the components' own decoder, and convolutions
learn what they leave out. With m a product's code and x its image or, for the other half of a
batch, m a blend and x its first parent's image, changed by what the components make of the two
codes' difference; e ~ N(0, I); f_k the k-th map of a frozen network (the teacher); |.| the mean of
absolute values:

    L = w |G(m + noise e) - x| + sum_k |f_k(G(m + noise e)) - f_k(x)| / |f_k|

The loss in features is that of Hou et al. 2017, "Deep Feature Consistent Variational Autoencoder":
pixels alone blur what a code does not settle, features keep edges and texture. The noise takes the
place of the variational encoder's, so that codes between those of products are drawn as well.
"""

from itertools import pairwise
from math import cos, log2, pi

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bestseller import params
from bestseller.backbones import packaged_layers
from bestseller.base.compute import device, place, to_signed
from bestseller.gans.batch import Batch
from bestseller.gans.codes import Codes
from bestseller.gans.gan import JointModel, LatentAndCondition, Shape, Stats
from bestseller.gans.principal import PrincipalComponents

START = 4  # pixels, side of the map that the convolutions begin with
WARM_UP = 0.05  # share of the training in which the learning rate rises
LARGEST_MULTIPLE = 2  # of `width`, that the channels at small sides have


class UpConv2d(nn.Module):
    """Double the side by repeating each place, then convolve 3 x 3, with 4/9 of the products.

    Both are one transposed convolution with stride 2 and a 4 x 4 kernel: the 3 x 3 kernel summed
    over the four places that a repeated value reaches. Unlike a free 4 x 4 kernel it leaves no
    grid (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 3, 3))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        kernel = F.pad(self.weight.flip(2, 3).transpose(0, 1), (1, 1, 1, 1))
        rows = kernel[:, :, 1:] + kernel[:, :, :-1]
        kernel = rows[..., 1:] + rows[..., :-1]
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return F.conv_transpose2d(x, kernel, stride=2, padding=1)


class Generator(nn.Module):
    """The image that a code's components make, and what convolutions change in it.

    (z, condition) -> 4 x 4 -> ... -> S/2 x S/2 by `UpConv2d`, batch norm, ReLU; joined there with
    the linear image, two further convolutions give each place the change of the 2 x 2 pixels that
    it stands for (Shi et al. 2016). The change starts at zero.
    """

    def __init__(self, settings: params.BlendSettings, shape: Shape) -> None:
        super().__init__()
        self.linear = PrincipalComponents(settings.low, settings.high, shape.image_size)
        self.input = LatentAndCondition(shape)
        doublings, width = int(log2(shape.image_size // 2 // START)), settings.width
        widths = [width * min(2**k, LARGEST_MULTIPLE) for k in reversed(range(doublings + 1))]
        self.first = nn.Linear(self.input.out_features, widths[0] * START**2)
        self.ups = nn.ModuleList(UpConv2d(i, o) for i, o in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) for count in widths)
        self.joined = nn.Conv2d(width + 3 * 2**2, width, 3, padding=1, bias=False)
        self.joined_norm = nn.BatchNorm2d(width)
        self.last = nn.Conv2d(width, 3 * 2**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(torch.as_tensor(self.last.bias))

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        linear = self.linear(z)
        x = self.first(self.input(z, conditions)).unflatten(1, (-1, START, START))
        x = F.relu(self.norms[0](x.contiguous(memory_format=torch.channels_last)))
        for up, norm in zip(self.ups, list(self.norms)[1:], strict=True):
            x = F.relu(norm(up(x)))
        x = torch.cat([x, F.pixel_unshuffle(linear, 2)], dim=1)
        x = self.last(F.relu(self.joined_norm(self.joined(x))))
        images = linear + F.pixel_shuffle(x, 2)
        # beyond the range of images the loss still has a slope, the image itself ends there
        return images if self.training else images.clamp(-1, 1)


class Teacher(nn.Module):
    """The maps of a frozen network after certain layers, and their size on the training images."""

    def __init__(self, parts: nn.ModuleList) -> None:
        super().__init__()
        self.parts = parts.eval().requires_grad_(False)
        self.register_buffer("sizes", torch.ones(len(parts)))
        self.sizes: Tensor

    def train(self, mode: bool = True) -> "Teacher":
        """Stay in evaluation mode: the network is frozen."""
        del mode
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        # on CPUs bfloat16 makes the backward pass of depthwise convolutions slower, not faster
        with torch.autocast(images.device.type, enabled=images.is_cuda):
            maps, x = [], images.float()
            for part in self.parts:
                x = part(x)
                maps.append(x)
        return maps

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Fix the mean of the absolute values of each map from images in [-1, 1]."""
        self.sizes.copy_(torch.stack([x.float().abs().mean() for x in self(images)]))

    def distance(self, images: Tensor, wanted: Tensor) -> Tensor:
        """Return sum_k |f_k(images) - f_k(wanted)| / |f_k|; the gradient is that of `images`."""
        with torch.no_grad():
            targets = self(wanted)
        pairs = zip(self(images), targets, strict=True)
        found = torch.stack([(x.float() - y.float()).abs().mean() for x, y in pairs])
        return (found / self.sizes).sum()


class BlendAutoencoder(JointModel):
    """The model; see the module's text."""

    version = 2
    Settings = params.BlendSettings
    augmented = False  # a parent is a product as it is: not mirrored, not tinted

    def __init__(self, settings: params.BlendSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.settings = settings
        self.teacher = Teacher(packaged_layers(settings.teacher, settings.layers))
        self._codes: Codes | None = None

    @staticmethod
    def make_generator(settings: params.BlendSettings, shape: Shape) -> nn.Module:
        return Generator(settings, shape)

    @staticmethod
    def z_dim(settings: params.BlendSettings, shared: params.Shared) -> int:
        del shared
        return settings.low + settings.high

    def rate(self, done: float) -> float:
        """Rise linearly, then fall with the cosine to nothing (Loshchilov & Hutter 2017)."""
        return max(min(done / WARM_UP, 1.0), 0.01) * (1 + cos(pi * done)) / 2

    def fit(self, images: np.ndarray, index: pd.DataFrame) -> None:
        place(self)
        assert isinstance(self.generator, Generator)
        codes = self.generator.linear.fit(images)
        products = {f"{name}s": list(index[name]) for name in ("sku", "line", "view")}
        self._codes = Codes.of(codes, products, self.settings.model_dump())
        shown = np.ascontiguousarray(images[:: max(1, len(images) // 200)])
        self.teacher.fit(to_signed(torch.from_numpy(shown).to(device())))

    def codes(self) -> Codes | None:
        return self._codes

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor, Stats]:
        z, wanted = self._asked(batch)
        images = self.generator(z + self.settings.noise * batch.z, batch.conditions).float()
        images = images.contiguous(memory_format=torch.channels_last)
        pixels = (images - wanted).abs().mean()
        features = self.teacher.distance(images, wanted)
        total = self.settings.pixel_weight * pixels + features
        parts = {"g": total, "pixel": pixels, "feature": features}
        return total, images, {f"{name}_loss": value.detach() for name, value in parts.items()}

    def _asked(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return codes of the batch and the images wanted of them; about half are blends."""
        assert self._codes is not None, "prepare first"
        rows, seeds = batch.rows.tolist(), batch.random.integers(0, 2**31, len(batch.rows)).tolist()
        codes = self._codes.codes[rows]
        for index, (row, seed) in enumerate(zip(rows, seeds, strict=True)):
            if seed % 2:
                random = np.random.default_rng(seed)
                codes[index] = self._codes.jittered(row, *self._codes.partner(row, random), random)
        own, z = (torch.from_numpy(m).to(device()) for m in (self._codes.codes[rows], codes))
        assert isinstance(self.generator, Generator)
        change = self.generator.linear(z) - self.generator.linear(own)
        return z, (batch.real + change).contiguous(memory_format=torch.channels_last)


MODEL = BlendAutoencoder
