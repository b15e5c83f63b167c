"""The input of one training step: images, conditions, latents and random numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bestseller.base.errors import BestsellerError


@dataclass(frozen=True)
class ProcessGroup:
    """The part of each batch that one process has: the `rank`-th of `count` equal parts."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Tell whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def of(self, n: int) -> slice:
        """Return this process's rows of a batch of n.

        Raises:
            BestsellerError: n is not a multiple of the number of processes.
        """
        if n % self.count:
            raise BestsellerError(
                f"params.yaml: train: a batch of {n} cannot be shared equally by "
                f"{self.count} processes; change batch_size or train.processes"
            )
        part = n // self.count
        return slice(self.rank * part, (self.rank + 1) * part)


class RandomGenerator:
    """Random numbers for each image of a batch, drawn on the CPU.

    Every process draws the numbers of the whole batch and keeps those of its own images. So an
    image gets the same numbers for any number of processes.
    """

    def __init__(self, generator: torch.Generator, group: ProcessGroup | None = None) -> None:
        self.generator, self.group = generator, group or ProcessGroup()

    def uniform(self, n: int, *shape: int) -> Tensor:
        """Return U(0, 1) numbers, float32 n x shape, for this process's n images."""
        numbers = torch.rand(n * self.group.count, *shape, generator=self.generator)
        return numbers[self.group.of(len(numbers))]

    def integers(self, low: int, high: int, n: int) -> Tensor:
        """Return integers in [low, high), int64 n, for this process's n images."""
        numbers = torch.randint(low, high, (n * self.group.count,), generator=self.generator)
        return numbers[self.group.of(len(numbers))]


SALES_LEVELS = 1001  # in which D is told a percentile


@dataclass(frozen=True)
class Batch:
    """The input of one training step.

    Attributes:
        real: float32 N x 3 x H x W in [-1, 1].
        conditions: int64 N, the condition of each real image. The generator gets the same ones.
        z: float32 N x z_dim, standard normal.
        rows: int64 N on the CPU, the index of each real image among the training images.
        random: the random numbers of augmentation and penalties in this step.
        sales: int64 N, the sales level of each real image, 0 .. SALES_LEVELS - 1; None where G and
            D are not told of sales. G gets it as the last number of z.
        codes: float32, what `Model.prepare` adds for a model that has codes; else None.
    """

    real: Tensor
    conditions: Tensor
    z: Tensor
    rows: Tensor
    random: RandomGenerator
    sales: Tensor | None = None
    codes: Tensor | None = None

    @property
    def told(self) -> Tensor:
        """What D is told, int64 N: the conditions, each with its sales level if there is one."""
        if self.sales is None:
            return self.conditions
        return self.conditions * SALES_LEVELS + self.sales
