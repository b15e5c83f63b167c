"""Latent search: designs moved towards a higher lower bound of their score.

A design's latent is a centre plus noise, m = b + A n, where a drawn n is standard normal:

    latents ~ N(0, I)         b = 0                                          A = I
    blends                    b = the parents' blend in their shares         A = the blends' noise
    draws from a density      b = the mean code of the line                  A = the codes' spread

A step turns n on its sphere towards the steepest ascent of log(score_low),

    n' = cos(t) n + sin(t) |n| g / |g|,        g = A' dlog(score_low)/dm, less its part along n,

so that |n|, by which a latent of many dimensions is known as one that the model may draw, stays
what it was (White 2016, "Sampling Generative Networks"), and a blend keeps its parents and shares.
The gradient goes through the generator, the network of the score's features and the score. A step
that leaves the `region` or gains nothing is not taken, and the next one from there turns half as
far. The search starts at the best candidates, chosen as the shortlist chooses, and gives the last
point of each way: an image by its latent, so that the generator draws it again bit by bit.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestseller.backbones import FeatureSpace
from bestseller.backbones.backbone import numbered_layers
from bestseller.base.compute import device
from bestseller.designs.expected import Expectation
from bestseller.designs.region import bounds, inside
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import HIGH_JITTER, Codes, Drawn, Parents

Array = NDArray[np.float64]
# features and what is known of images of a line, by their latents: `region` says what
Judge = Callable[
    [NDArray[np.uint8], list[Parents | None]], tuple[NDArray[np.float32], pd.DataFrame]
]

TURN = 0.3  # radians, of the first step
SHARE = 0.5  # of the candidates, that are drawn; the others are steps of the search


@dataclass(frozen=True)
class Found:
    """What a search ended at.

    Attributes:
        drawn: the latents with their parents, M.
        images: uint8 M x S x S x 3.
        features: float32 M x d, in the score's space.
        judged: a row each.
        starts: int64 M, the candidate that each began at.
        steps: int64 M, that were taken, >= 1.
    """

    drawn: Drawn
    images: NDArray[np.uint8]
    features: NDArray[np.float32]
    judged: pd.DataFrame
    starts: NDArray[np.int64]
    steps: NDArray[np.int64]


def budget(candidates: int, steps: int) -> tuple[int, int]:
    """Return how many images are drawn and from how many of them a search of `steps` starts.

    Drawn images and steps together are the candidates, or fewer by a rest, so that a search makes
    no more images than a draw; a start at least.
    """
    if not steps:
        return candidates, 0
    starts = max(1, int((1 - SHARE) * candidates / steps))
    return max(1, candidates - starts * steps), starts


def search(
    generator: TrainedGenerator,
    line: str,
    drawn: Drawn,
    features: NDArray[np.float32],
    judged: pd.DataFrame,
    *,
    starts: NDArray[np.int64],
    steps: int,
    judge: Judge,
    expectation: Expectation,
) -> Found:
    """Climb from some candidates of one model.

    Args:
        generator: the model.
        line: of all its candidates.
        drawn: N latents with their parents.
        features: float32 N x d, of their images.
        judged: N rows: novelty, abstains, picture, centre, score_low.
        starts: int64 M, the rows from which the search climbs.
        steps: that are tried.
        judge: gives features and such rows of new images.
        expectation: of sales.

    Returns:
        The ends of the ways on which a step was taken.
    """
    limits, parents = bounds(judged, starts), [drawn.parents[row] for row in starts]
    latents, seen = drawn.latents[starts].copy(), features[starts].copy()
    images: list[NDArray[np.uint8] | None] = [None] * len(starts)
    tables = [judged.iloc[[row]] for row in starts.tolist()]
    lows = judged["score_low"].to_numpy()[starts].copy()
    taken = np.zeros(len(starts), np.int64)
    noise = Noise.of(generator, line, Drawn(latents, parents))
    turn, uphill = np.full(len(starts), TURN), np.zeros_like(noise.n)
    moved = np.arange(len(starts))  # whose slope is that of an earlier point
    for _ in range(steps):
        if len(moved):
            pairs = [parents[row] for row in moved]
            slope = ascent(generator, line, latents[moved], pairs, expectation)
            uphill[moved] = noise.tangent(slope, moved)
        able = np.flatnonzero(np.linalg.norm(uphill, axis=1) > 0)
        if not len(able):
            break
        turned = noise.turned(uphill, turn)
        tried = noise.latents(turned)[able]
        # one by one: a batch may round otherwise, and a design comes again from its latent alone
        made = np.concatenate([generator.images(latent[None], [line]) for latent in tried])
        found, table = judge(made, [parents[row] for row in able])
        better = table["score_low"].to_numpy() > lows[able]
        better &= inside(table, limits.iloc[able])
        turn[able[~better]] /= 2
        moved = able[better]
        for place, row in zip(np.flatnonzero(better), moved, strict=True):
            images[row], tables[row] = made[place], table.iloc[[int(place)]]
        latents[moved], seen[moved], noise.n[moved] = tried[better], found[better], turned[moved]
        lows[moved] = table["score_low"].to_numpy()[better]
        taken[moved] += 1
    rows = np.flatnonzero(taken)
    ends = [image for image in images if image is not None]
    return Found(
        Drawn(latents[rows], [parents[row] for row in rows]),
        np.stack(ends) if ends else np.empty((0, 0, 0, 3), np.uint8),
        seen[rows],
        pd.concat([tables[row] for row in rows] or [judged.iloc[:0]], ignore_index=True),
        starts[rows],
        taken[rows],
    )


@dataclass(frozen=True)
class Noise:
    """Latents as centres and noise.

    Attributes:
        centres: float64 M x z_dim, b.
        factor: float64 z_dim x z_dim, A.
        n: float64 M x z_dim.
    """

    centres: Array
    factor: Array
    n: Array

    @classmethod
    def of(cls, generator: TrainedGenerator, line: str, drawn: Drawn) -> "Noise":
        """Take the latents of a line apart; what no n of the centre gives stays in the centre."""
        wide, codes = drawn.latents.astype(np.float64), generator.codes
        if codes is None:
            return cls(np.zeros_like(wide), np.eye(wide.shape[1]), wide.copy())
        factor = _spread(codes)
        if drawn.parents[0] is None:
            of_line = np.array(codes.lines) == line
            mean = codes.codes[of_line if of_line.any() else slice(None)].mean(axis=0)
            centres = np.repeat(mean[None].astype(np.float64), len(wide), axis=0)
        else:
            pairs = [pair for pair in drawn.parents if pair is not None]
            centres = np.concatenate(
                [codes.between(a.sku, b.sku, [a.share]).latents for a, b in pairs]
            ).astype(np.float64)
            factor = codes.jitter * factor
            factor[codes.low :] *= HIGH_JITTER
        n = (wide - centres) @ np.linalg.pinv(factor).T
        return cls(wide - n @ factor.T, factor, n)

    def latents(self, n: Array) -> NDArray[np.float32]:
        """Return the latents of noise, float32 M x z_dim."""
        return np.asarray((self.centres + n @ self.factor.T).astype(np.float32))

    def tangent(self, slope: Array, rows: NDArray[np.int64]) -> Array:
        """Return g / |g| of some rows, float64, by the slope at their latents; 0 where that is."""
        n = self.n[rows]
        along = slope @ self.factor
        squares = np.maximum((n**2).sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        along -= (along * n).sum(axis=1, keepdims=True) / squares * n
        length = np.linalg.norm(along, axis=1, keepdims=True)
        return np.divide(along, length, where=length > 0, out=np.zeros_like(along))

    def turned(self, uphill: Array, turn: Array) -> Array:
        """Return the noise after a turn of `turn` radians (float64 M) towards `uphill`."""
        length = np.linalg.norm(self.n, axis=1, keepdims=True)
        return np.asarray(np.cos(turn)[:, None] * self.n + np.sin(turn)[:, None] * length * uphill)


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


def _spread(codes: Codes) -> Array:
    """Return the symmetric root of the codes' covariance around the means of their lines."""
    wide, lines = codes.codes.astype(np.float64), np.array(codes.lines)
    names, of_row = np.unique(lines, return_inverse=True)
    means = np.stack([wide[of_row == number].mean(axis=0) for number in range(len(names))])
    wide = wide - means[of_row]
    variances, axes = np.linalg.eigh(wide.T @ wide / max(1, len(wide) - len(names)))
    root: Array = (axes * np.sqrt(variances.clip(min=0))) @ axes.T
    return root
