"""Search by gradients: designs climb to a higher lower bound of their score.

A step turns the noise n of a latent (`noise`) on its sphere towards the steepest ascent,

    n' = cos(t) n + sin(t) |n| g / |g|,        g = A' dlog(score_low)/dm, less its part along n.

The gradient goes through the generator, the network of the score's features and the score. A step
that leaves the `region` or gains nothing is not taken, and the next one from there turns half as
far. What counts is the end of each way.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestseller.backbones import FeatureSpace
from bestseller.backbones.backbone import numbered_layers
from bestseller.base.compute import device
from bestseller.designs.expected import Expectation
from bestseller.designs.noise import Noise
from bestseller.designs.region import bounds, inside
from bestseller.designs.walk import Found, Task, joined
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parents

Array = NDArray[np.float64]

TURN = 0.3  # radians, of the first step


def climb(task: Task) -> Found:
    """Climb from some candidates of one model.

    Returns:
        The ends of the ways on which a step was taken.
    """
    generator, line, starts = task.generator, task.line, task.starts
    limits, parents = bounds(task.judged, starts), [task.drawn.parents[row] for row in starts]
    latents, seen = task.drawn.latents[starts].copy(), task.features[starts].copy()
    images: list[NDArray[np.uint8] | None] = [None] * len(starts)
    tables = [task.judged.iloc[[row]] for row in starts.tolist()]
    lows = task.judged["score_low"].to_numpy()[starts].copy()
    taken = np.zeros(len(starts), np.int64)
    noise = Noise.of(generator, line, Drawn(latents, parents))
    turn, uphill = np.full(len(starts), TURN), np.zeros_like(noise.n)
    moved = np.arange(len(starts))  # whose slope is that of an earlier point
    for _ in range(task.steps):
        if len(moved):
            pairs = [parents[row] for row in moved]
            slope = ascent(generator, line, latents[moved], pairs, task.expectation)
            uphill[moved] = noise.tangent(slope, moved)
        able = np.flatnonzero(np.linalg.norm(uphill, axis=1) > 0)
        if not len(able):
            break
        turned = noise.turned(uphill, turn)
        tried = noise.latents(turned)[able]
        # one by one: a batch may round otherwise, and a design comes again from its latent alone
        made = np.concatenate([generator.images(latent[None], [line]) for latent in tried])
        found, table = task.judge(made, [parents[row] for row in able])
        better = table["score_low"].to_numpy() > lows[able]
        better &= inside(table, limits.iloc[able])
        turn[able[~better]] /= 2
        moved = able[better]
        for place, row in zip(np.flatnonzero(better), moved, strict=True):
            images[row], tables[row] = made[place], table.iloc[[int(place)]]
        latents[moved], seen[moved], noise.n[moved] = tried[better], found[better], turned[moved]
        lows[moved] = table["score_low"].to_numpy()[better]
        taken[moved] += 1
    ends = [
        Found(
            Drawn(latents[[row]], [parents[row]]),
            image[None],
            seen[[row]],
            tables[row],
            starts[[row]],
            taken[[row]],
        )
        for row, image in enumerate(images)
        if image is not None
    ]
    return joined(ends, task.drawn, task.judged)


def ascent(
    generator: TrainedGenerator,
    line: str,
    latents: NDArray[np.float32],
    parents: list[Parents | None],
    expectation: Expectation,
) -> Array:
    """Return the gradient of log(score_low) with respect to latents of a line, float64 N x z_dim.

    It is that of the image before it is rounded to 256 levels.
    """
    z = torch.from_numpy(latents).to(device()).requires_grad_(True)
    numbers = np.zeros(len(latents), np.int64)
    if generator.conditional:
        numbers = generator.conditions.numbers([line] * len(latents))
    images = generator.network(z, torch.from_numpy(numbers).to(device())).float()
    features = features_of(expectation.scorer.space, images)
    slope = expectation.slope(features.detach().cpu().numpy(), line, parents)
    (features * torch.from_numpy(slope).to(features)).sum().backward()
    assert z.grad is not None
    return np.asarray(z.grad.cpu().numpy(), np.float64)


def features_of(space: FeatureSpace, images: Tensor) -> Tensor:
    """Return `space.features` of images in [-1, 1], N x 3 x H x W, with their graph: N x d."""
    maps = space.backbone.normalise(images, space.side)
    if not space.layers:
        features: Tensor = space.backbone.network(maps)
        return features
    means, layers = [], numbered_layers(space.backbone.network)
    for number in range(1, max(space.layers) + 1):
        maps = layers[number - 1](maps)
        if number in space.layers:
            means.append(maps.mean((2, 3)))
    return torch.cat(means, dim=1)
