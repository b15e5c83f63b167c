"""The training images on the device, and the batch of each step."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.special import ndtri
from torch import Tensor

from bestseller.base.compute import device, to_signed
from bestseller.gans.batch import SALES_LEVELS, Batch, ProcessGroup, RandomGenerator

LEAST = 1 / (2 * SALES_LEVELS)  # percentile whose normal quantile is told for one of 0


class Batches:
    """The batch of each step, a pure function of (seed, step): a checkpoint needs no random state.

    Images stay uint8 on the device and are decoded a batch at a time.

    Args:
        images: uint8 N x H x W x 3.
        conditions: int64 N, numbers of `conditions.Conditions`.
        batch_size: images a step, in all processes together.
        z_dim: dimensions of z.
        sampling: how images are drawn. ``proportional``: each image once an epoch, shuffled.
            ``sqrt``: with replacement, a condition's share of the batch is proportional to the
            square root of its number of images. ``balanced``: with replacement, all conditions
            have the same share.
        seed: of everything random in training.
        share: the part of each batch that this process has.
        change: the augmentation of an image, uint8 H x W x 3, which is called with random numbers
            of its own each time that an image is used; None = no augmentation.
        weights: float64 N, > 0, in proportion to which the images of one condition are drawn, with
            replacement; None = all alike. The shares of the conditions are those of `sampling`.
        percentiles: float64 N, 0..1, of each image's product by its sales; None = not told. They
            are told as `sales_levels` says, to G as the last number of z.
    """

    def __init__(
        self,
        images: np.ndarray,
        conditions: np.ndarray,
        *,
        batch_size: int,
        z_dim: int,
        sampling: str,
        seed: int,
        group: ProcessGroup | None = None,
        change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        weights: np.ndarray | None = None,
        percentiles: np.ndarray | None = None,
    ) -> None:
        self.device = device()
        self.originals = np.ascontiguousarray(images)  # a copy on the CPU, for `change`
        self.images = torch.from_numpy(self.originals).to(self.device)
        self.conditions = torch.from_numpy(np.array(conditions, dtype=np.int64)).to(self.device)
        self.batch_size, self.z_dim, self.seed = batch_size, z_dim, seed
        self.group, self.change = group or ProcessGroup(), change
        self.mine = self.group.of(batch_size)
        self.weights = None
        if weights is not None or sampling != "proportional":
            self.weights = image_weights(conditions, sampling, weights)
        self.percentiles, self.deviations = percentiles, None
        if percentiles is not None:
            self.deviations = label_deviations(conditions)

    def __len__(self) -> int:
        return len(self.images)

    def random(self, *key: int) -> torch.Generator:
        """Return a CPU generator seeded by the training's seed and `key`.

        Random numbers are drawn on the CPU, so that trainings on CPU and GPU get the same ones.
        """
        words = np.random.SeedSequence([self.seed, *key]).generate_state(2, np.uint32)
        return torch.Generator().manual_seed(int(words[0]) << 32 | int(words[1]))

    def latents(self, n: int) -> Tensor:
        """Return n fixed latents, float32 n x z_dim, for the sample grid."""
        return torch.randn(n, self.z_dim, generator=self.random(2))

    def __getitem__(self, step: int) -> Batch:
        random = self.random(0, step)
        rows = self._rows(step, random)[self.mine]
        places = self._moved(rows)
        images = self.images[places] if self.change is None else self._changed(step, rows)
        z = self._moved(torch.randn(self.batch_size, self.z_dim, generator=random)[self.mine])
        numbers = RandomGenerator(random, self.group)
        sales = None
        if self.percentiles is not None:
            told = self._told(step, rows)
            z[:, -1] = torch.from_numpy(ndtri(np.clip(told, LEAST, 1 - LEAST))).to(z)
            levels = np.rint(told * (SALES_LEVELS - 1)).astype(np.int64)
            sales = self._moved(torch.from_numpy(levels))
        return Batch(to_signed(images), self.conditions[places], z, rows, numbers, sales)

    def _moved(self, values: Tensor) -> Tensor:
        """Copy to the device, without waiting until it has done what it was asked before."""
        return values.to(self.device, non_blocking=True)

    def _told(self, step: int, rows: Tensor) -> np.ndarray:
        """Return the percentiles that G and D are told of images, float64 n, in 0..1.

        The percentile of each image plus a normal number, reflected at 0 and 1. Over all draws, an
        image is told as one of percentile y with a weight that falls as a normal density with the
        distance of y from its own: the soft vicinity of Ding et al. 2021, whose kernel is Gaussian.
        """
        assert self.percentiles is not None and self.deviations is not None
        places, every = rows.numpy(), np.random.default_rng([self.seed, 4, step])
        moved = every.standard_normal(self.batch_size)[self.mine] * self.deviations[places]
        told = np.abs(self.percentiles[places] + moved) % 2
        return np.asarray(np.where(told > 1, 2 - told, told), np.float64)

    def _changed(self, step: int, rows: Tensor) -> Tensor:
        assert self.change is not None
        changed = []
        for place, image in enumerate(self.originals[rows.numpy()], start=self.mine.start):
            random = np.random.default_rng([self.seed, 3, step, place])
            changed.append(self.change(image, random))
        return self._moved(torch.from_numpy(np.stack(changed)))

    def _rows(self, step: int, random: torch.Generator) -> Tensor:
        if self.weights is not None:
            return torch.multinomial(self.weights, self.batch_size, True, generator=random)
        positions = torch.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs, offsets = positions // len(self), positions % len(self)
        rows = torch.empty_like(positions)
        for epoch in epochs.unique().tolist():
            order = torch.randperm(len(self), generator=self.random(1, epoch))
            rows[epochs == epoch] = order[offsets[epochs == epoch]]
        return rows


def image_weights(
    conditions: np.ndarray, sampling: str, weights: np.ndarray | None = None
) -> Tensor:
    """Return the weight of each image, float64 N; `sampling` sets the shares of conditions.

    Args:
        conditions: int64 N.
        sampling: ``proportional``, ``sqrt`` or ``balanced``.
        weights: float64 N, > 0, of the images of one condition against each other.
    """
    _, inverse, counts = np.unique(conditions, return_inverse=True, return_counts=True)
    share = np.sqrt(counts) if sampling == "sqrt" else np.ones(len(counts))
    if weights is None:
        return torch.from_numpy((share / counts)[inverse])
    share = counts.astype(np.float64) if sampling == "proportional" else share
    return torch.from_numpy((share / np.bincount(inverse, weights))[inverse] * weights)


def label_deviations(conditions: np.ndarray) -> np.ndarray:
    """Return the standard deviation of what is added to each image's percentile, float64 N.

    Silverman's rule for the n images of a condition, whose percentiles are uniform: their standard
    deviation is sqrt(1/12), times 1.06 n^(-1/5).
    """
    _, inverse, counts = np.unique(conditions, return_inverse=True, return_counts=True)
    return np.asarray((1.06 * np.sqrt(1 / 12) * counts**-0.2)[inverse], np.float64)
