"""The blend autoencoder: it rebuilds products from their codes and draws blends of two products.

The model is not a GAN: it has no discriminator. A code is linear: it holds principal components in
two parts (`principal`), which are computed and not learned. A blend has the outside of one product
and the middle of another (`codes`, `seam`), each with some of the other's colours. Its ground stays
as it is: where the outlines of the two differ, the change would leave a halo there. The generator
starts as the linear decoder of the principal components; its convolutions learn the rest of the
image. In about half of a batch, m is the code of a product and x is the image of that product. In
the rest, m has some colours of another product, and x is the image plus, inside its silhouette, the
change of the low part; no seam is needed to learn from. Let e ~ N(0, I), f_k the k-th feature map
of a frozen network (the teacher), and |.| the mean of the absolute values. Then

    L = w |G(m + noise e) - x| + sum_k |f_k(G(m + noise e)) - f_k(x)| / |f_k|

The loss on features is that of Hou et al. 2017, "Deep Feature Consistent Variational Autoencoder".
A loss on pixels alone blurs the details that a code does not determine; the loss on features keeps
edges and texture. The noise replaces the noise of a variational encoder: with it, the generator
also learns to draw codes that lie between those of products.
"""

from contextlib import nullcontext
from dataclasses import replace
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
from bestseller.gans.seam import middles
from bestseller.gans.silhouette import changed_inside

START = 4  # pixels, side of the first feature map
WARM_UP = 0.05  # share of the training in which the learning rate rises
LARGEST_MULTIPLE = 2  # most channels of a feature map, as a multiple of `width`
# Numbers of the high part that the first layer gets, the largest details. It gets no others: they
# would be noise to it, and the linear image shows them to the last layers anyway.
HIGH_INPUTS = 200


class UpConv2d(nn.Module):
    """Double the side by repeating each pixel 2 x 2, then convolve with a 3 x 3 kernel.

    Both steps are computed as one transposed convolution with stride 2, which needs 4/9 of the
    multiplications. Its 4 x 4 kernel is the sum of the 3 x 3 kernel over the four places of a
    repeated pixel. Unlike a free 4 x 4 kernel, this one leaves no grid pattern in the image
    (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
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
    """The linear image of a latent plus a change that convolutions compute.

    A latent describes an outside and then a middle. Each is the low part of a code, then the code
    of the product whose details it has: its high part and its low part. Its linear image is that of
    the product, changed inside its silhouette by the difference of the low parts. The middle's
    linear image is set into the outside's along a seam.

    (z, condition) -> 4 x 4 -> ... -> S/2 x S/2 by `UpConv2d`, batch norm, ReLU. There the linear
    image is joined. Two further convolutions then compute, at each place of S/2 x S/2, the change
    of the 2 x 2 pixels at that place (Shi et al. 2016). The change is zero before training.
    """

    def __init__(self, settings: params.BlendSettings, shape: Shape) -> None:
        super().__init__()
        self.low, high = settings.low, shape.z_dim // 2 - 2 * settings.low
        self.components = PrincipalComponents(settings.low, high, shape.image_size)
        self.inputs = settings.low + min(high, HIGH_INPUTS)
        self.input = LatentAndCondition(replace(shape, z_dim=self.inputs))
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

    def linear(self, z: Tensor) -> Tensor:
        """Return the linear images of latents, float N x 3 x S x S, about -1 to 1."""
        with torch.autocast(z.device.type, enabled=False):  # it would cost grey levels
            outside, middle = map(self._part, z.float().chunk(2, dim=1))
            return torch.lerp(outside, middle, middles(outside, middle))

    def _part(self, z: Tensor) -> Tensor:
        low, high, own = z.tensor_split([self.low, z.shape[1] - self.low], dim=1)
        product = self.components(torch.cat([own, high], dim=1))
        return changed_inside(product, self.components.change(low - own))

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        linear = self.linear(z)
        x = self.first(self.input(z[:, : self.inputs], conditions)).unflatten(1, (-1, START, START))
        x = F.relu(self.norms[0](x.contiguous(memory_format=torch.channels_last)))
        for up, norm in zip(self.ups, list(self.norms)[1:], strict=True):
            x = F.relu(norm(up(x)))
        x = torch.cat([x, F.pixel_unshuffle(linear, 2)], dim=1)
        x = self.last(F.relu(self.joined_norm(self.joined(x))))
        images = linear + F.pixel_shuffle(x, 2)
        # no clamp in training: it would make the gradient zero outside [-1, 1]
        return images if self.training else images.clamp(-1, 1)


class Teacher(nn.Module):
    """Feature maps of a frozen network and the mean absolute value of each on the real images."""

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
        on_cpu = torch.autocast("cpu", enabled=False)
        with nullcontext() if images.is_cuda else on_cpu:
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
    """The model that the text at the top of this module describes."""

    version = 4
    Settings = params.BlendSettings
    augmented = False  # a parent is the product's own photo: not mirrored, colours unchanged

    def __init__(self, settings: params.BlendSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.settings = settings
        self.teacher = Teacher(packaged_layers(settings.teacher, settings.layers))
        self._codes: Codes | None = None

    @staticmethod
    def make_generator(settings: params.BlendSettings, shape: Shape) -> nn.Module:
        return Generator(settings, shape)

    @staticmethod
    def z_dim(settings: params.BlendSettings, shared: params.Shared, images: int) -> int:
        del shared
        return 2 * (2 * settings.low + min(settings.high, images))

    def rate(self, done: float) -> float:
        """Rise linearly, then fall to zero as a cosine (Loshchilov & Hutter 2017)."""
        return max(min(done / WARM_UP, 1.0), 0.01) * (1 + cos(pi * done)) / 2

    def fit(self, images: np.ndarray, index: pd.DataFrame) -> None:
        place(self)
        assert isinstance(self.generator, Generator)
        codes = self.generator.components.fit(images)
        codes = np.concatenate([codes, codes[:, : self.settings.low]], axis=1)
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

    def prepare(self, batch: Batch) -> Batch:
        """Add the codes that are asked for, float32 N x d; about half have mixed colours."""
        assert self._codes is not None, "fit first"
        rows, seeds = batch.rows.tolist(), batch.random.integers(0, 2**31, len(batch.rows)).tolist()
        codes = self._codes.codes[rows]
        for index, (row, seed) in enumerate(zip(rows, seeds, strict=True)):
            if seed % 2:
                random = np.random.default_rng(seed)
                blend = self._codes.jittered(row, *self._codes.partner(row, random), random)
                codes[index] = blend[: codes.shape[1]]
        return replace(batch, codes=torch.from_numpy(codes).to(device(), non_blocking=True))

    def _asked(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return latents of the batch's codes and their target images."""
        z = batch.codes
        assert z is not None, "prepare the batch first"
        assert isinstance(self.generator, Generator)
        low, own = z[:, : self.settings.low], z[:, -self.settings.low :]
        change = self.generator.components.change(low - own)
        wanted = changed_inside(batch.real, change)
        return z.repeat(1, 2), wanted.contiguous(memory_format=torch.channels_last)


MODEL = BlendAutoencoder
