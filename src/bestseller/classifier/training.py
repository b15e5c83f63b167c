"""Training the best-seller classifier: images drawn in proportion to what they sold."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bestseller.base.compute import autocast, device, place, to_signed
from bestseller.base.errors import BestsellerError
from bestseller.base.progress import Progress
from bestseller.classifier.classifier import normaliser
from bestseller.params import Preference

WEIGHT_DECAY = 0.05
WARM_UP = 0.25  # share of the steps over which the learning rate rises
LARGEST_SHIFT = 0.08  # of the side
LARGEST_ZOOM = 0.08  # of the side


def draw_images(
    weights: NDArray[np.float64], steps: int, batch_size: int, seed: int
) -> NDArray[np.int64]:
    """Draw the images of each step with replacement, in proportion to their weights.

    The draws are stratified (systematic sampling over the whole run, then shuffled): image i is
    drawn steps x batch_size x weight_i / sum(weights) times, rounded up or down.

    Args:
        weights: float64 N, >= 0, not all 0.

    Returns:
        int64 steps x batch_size, indices into `weights`.
    """
    rng = np.random.default_rng(seed)
    total = steps * batch_size
    edges = np.cumsum(weights) / np.sum(weights)
    points = (np.arange(total) + rng.random()) / total
    drawn = np.searchsorted(edges, points, side="right").clip(max=len(weights) - 1)
    return rng.permutation(drawn).reshape(steps, batch_size)


def augment(images: Tensor, generator: torch.Generator) -> Tensor:
    """Flip (one in two), shift and zoom each image by a little, all in one resampling.

    Args:
        images: float N x 3 x H x W; the border is continued outward.
    """
    n = len(images)

    def uniform(largest: float) -> Tensor:
        return (torch.rand(n, generator=generator) * 2 - 1) * largest

    flip = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    scale = 1 + uniform(LARGEST_ZOOM)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = scale * flip, scale
    theta[:, 0, 2], theta[:, 1, 2] = uniform(2 * LARGEST_SHIFT), uniform(2 * LARGEST_SHIFT)
    grid = functional.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return moved.contiguous(memory_format=torch.channels_last)


def one_cycle(done: float) -> float:
    """Return the learning rate as a share of its peak: a linear rise, then a half cosine to 0.

    Args:
        done: share of the training, 0..1.
    """
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def train_network(
    network: nn.Module,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    weights: NDArray[np.float64],
    settings: Preference,
    *,
    name: str = "classifier",
) -> None:
    """Train `network` in place: AdamW, one-cycle learning rate, bf16 where the hardware has it.

    Args:
        network: maps normalised images N x 3 x S x S to logits N x L.
        images: uint8 N x S x S x 3, every training image once.
        labels: int64 N, 0..L-1.
        weights: float64 N, what the images are drawn in proportion to.
        settings: steps, batch_size, lr (peak), precision, seed.
        name: shown with the progress.

    Raises:
        BestsellerError: the loss left the finite numbers.
    """
    place(network.train())
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": WEIGHT_DECAY},
            {"params": others, "weight_decay": 0.0},
        ],
        lr=settings.lr,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: one_cycle((step + 0.5) / settings.steps)
    )
    generator = torch.Generator().manual_seed(settings.seed)
    draws = torch.from_numpy(
        draw_images(weights, settings.steps, settings.batch_size, settings.seed)
    )
    data = torch.from_numpy(np.array(images)).to(device())
    targets = torch.from_numpy(np.array(labels)).to(device())
    normalise = normaliser()
    with Progress(name, settings.steps * settings.batch_size, "img") as progress:
        for step in draws.to(device()):
            batch = normalise(augment(to_signed(data[step]), generator))
            with autocast(settings.precision):
                logits = network(batch)
            loss = functional.cross_entropy(logits.float(), targets[step])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            value = float(loss.detach())
            if not math.isfinite(value):
                raise BestsellerError(f"{name}: the loss became {value}; lower preference.lr")
            progress.update(len(step), f"loss {value:.3f}")
