"""Differentiable augmentation of the discriminator's input.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training": the same random
transformations are applied to real and generated images before D, and gradients pass through
them to G, so that D cannot memorise a small catalogue. The magnitudes are the paper's.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from bestseller.gans.batch import RandomGenerator


def _uniform(images: Tensor, random: RandomGenerator) -> Tensor:
    """Draw a U(0, 1) number for each image, in a shape that broadcasts over (N, 3, H, W)."""
    return random.uniform(len(images), 1, 1, 1).to(images.device)


def _integers(images: Tensor, low: int, high: int, random: RandomGenerator) -> Tensor:
    """Draw an integer in [low, high) for each image."""
    return random.integers(low, high, len(images)).to(images.device)


def colour(images: Tensor, random: RandomGenerator) -> Tensor:
    """Change brightness (+-0.5), saturation (0..2) and contrast (0.5..1.5) at random."""
    images = images + (_uniform(images, random) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, _uniform(images, random) * 2)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, _uniform(images, random) + 0.5)


def translation(images: Tensor, random: RandomGenerator, share: float = 1 / 8) -> Tensor:
    """Shift at random by up to `share` of the side; fill with white, the photos' background."""
    _, _, height, width = images.shape
    reach_y, reach_x = round(height * share), round(width * share)
    dy = _integers(images, -reach_y, reach_y + 1, random)
    dx = _integers(images, -reach_x, reach_x + 1, random)
    padded = F.pad(images, (reach_x, reach_x, reach_y, reach_y), value=1.0)
    rows = torch.arange(height, device=images.device) + (dy + reach_y)[:, None]
    columns = torch.arange(width, device=images.device) + (dx + reach_x)[:, None]
    batch = torch.arange(len(images), device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def cutout(images: Tensor, random: RandomGenerator, share: float = 0.5) -> Tensor:
    """Blank a random square with a side of `share` of the image's."""
    _, _, height, width = images.shape
    half_y, half_x = round(height * share / 2), round(width * share / 2)
    centre_y = _integers(images, 0, height, random)[:, None, None, None]
    centre_x = _integers(images, 0, width, random)[:, None, None, None]
    rows = torch.arange(height, device=images.device)[None, None, :, None]
    columns = torch.arange(width, device=images.device)[None, None, None, :]
    hole = ((rows - centre_y).abs() < half_y) & ((columns - centre_x).abs() < half_x)
    return images.masked_fill(hole, 0.0)


TRANSFORMATIONS: dict[str, Callable[[Tensor, RandomGenerator], Tensor]] = {
    "translation": translation,
    "colour": colour,
    "cutout": cutout,
}


def diffaugment(images: Tensor, names: Sequence[str], random: RandomGenerator) -> Tensor:
    """Apply the named transformations to float images N x 3 x H x W in [-1, 1]."""
    for name in names:
        images = TRANSFORMATIONS[name](images, random)
    return images
