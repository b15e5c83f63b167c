"""What is recorded during a training: curves, a fixed sample grid, a check for collapse."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bestseller.base.compute import to_uint8
from bestseller.gans.gan import Stats
from bestseller.training.processes import average

COLLAPSED = 0.1


class Monitor:
    """The mean of each recorded value per epoch, and a grid of images of the same latents.

    Args:
        z: float32 R x z_dim, a latent for each row of the grid.
        conditions: int64 C, a condition for each column of the grid.
        real_spread: mean over pixels of the standard deviation over real images, in [-1, 1] units.
        frames: number of epochs, evenly spaced, whose first grid row is kept for the progress
            picture.
        epochs: number of epochs in the training.
        own_cells: True if z has a latent for each cell of the grid, row by row.
        on_epoch: called at the end of each epoch with all curves so far and the grid.
    """

    def __init__(
        self,
        z: Tensor,
        conditions: np.ndarray,
        real_spread: float,
        epochs: int,
        *,
        frames: int = 10,
        own_cells: bool = False,
        on_epoch: Callable[[pd.DataFrame, Tensor], None] | None = None,
    ) -> None:
        self.on_epoch = on_epoch
        self.conditions, self.real_spread = torch.from_numpy(conditions), real_spread
        self.z = z if own_cells else z.repeat_interleave(len(conditions), dim=0)
        self.rows_of_grid = len(self.z) // len(conditions)
        self.kept = set(np.linspace(1, epochs, min(frames, epochs)).round().astype(int).tolist())
        self.rows: list[dict[str, float]] = []
        self.frames: list[Tensor] = []
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, stats: Stats) -> None:
        """Add one step's values to the sums; the sums stay on the device."""
        for name, value in stats.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)).to(value.device)
            self._counts[name] = self._counts.get(name, 0) + 1
        torch._foreach_add_([self._sums[name] for name in stats], list(stats.values()))

    def end_epoch(self, generator: nn.Module, images: int, epoch: float) -> dict[str, float]:
        """Close an epoch: average the values of its steps, draw the grid, measure its spread.

        ``diversity`` is the mean standard deviation of a pixel over the generated grid, divided by
        that over real images. Near 0, every latent gives the same picture.
        """
        names = sorted(self._sums)
        sums = torch.stack([self._sums[name].double() for name in names])
        average([sums])  # over the processes that share this training
        totals = zip(names, sums.tolist(), strict=True)
        means = {name: total / self._counts[name] for name, total in totals}
        grid = self.grid(generator)
        # over the latents of one condition, as `real_spread` is: a collapse is within conditions
        spread = float(grid.unflatten(0, (self.rows_of_grid, -1)).float().std(dim=0).mean()) / 127.5
        row = {"epoch": round(epoch, 3), "images": images} | means
        row["diversity"] = spread / self.real_spread
        self.rows.append(row)
        if len(self.rows) in self.kept:
            self.frames.append(grid[: len(self.conditions)])
        self._sums, self._counts = {}, {}
        if self.on_epoch is not None:
            self.on_epoch(self.curves(), grid)
        return row

    def grid(self, generator: nn.Module) -> Tensor:
        """Draw the fixed grid, uint8 (R * C) x S x S x 3, row by row; a condition is a column."""
        device = next(generator.parameters()).device
        z = self.z.to(device)
        with torch.inference_mode():
            images = [
                generator(part, conditions.to(device))
                for part, conditions in zip(
                    z.split(64), self.conditions.repeat(self.rows_of_grid).split(64), strict=True
                )
            ]
        return torch.from_numpy(to_uint8(torch.cat(images)))

    @property
    def collapsed(self) -> bool:
        """Tell whether the samples of the last epoch are nearly identical."""
        return bool(self.rows) and self.rows[-1]["diversity"] < COLLAPSED

    def progress(self) -> np.ndarray:
        """Return the first row of the grid at each of the kept epochs, uint8 N x S x S x 3."""
        return torch.cat(self.frames).numpy()

    def curves(self) -> pd.DataFrame:
        """Return a row per epoch: epoch, images, the means of what the GAN reports, diversity."""
        return pd.DataFrame(self.rows)

    def state(self) -> dict[str, Any]:
        """Return the state that a checkpoint needs to continue in the middle of an epoch."""
        state = {"rows": self.rows, "frames": self.frames}
        return state | {"sums": dict(self._sums), "counts": dict(self._counts)}

    def restore(self, state: dict[str, Any]) -> None:
        """Set the state from a checkpoint."""
        self.rows, self.frames = state["rows"], state["frames"]
        self._sums, self._counts = state["sums"], state["counts"]


def within_condition_spread(images: np.ndarray, conditions: np.ndarray) -> float:
    """Return the mean over pixels of real images' standard deviation around a condition's mean.

    Args:
        images: uint8 N x H x W x 3.
        conditions: int64 N.

    Returns:
        The spread in [-1, 1] units, by which the monitor's diversity is divided.
    """
    values = images.reshape(len(images), -1).astype(np.float32)
    for condition in np.unique(conditions):
        rows = conditions == condition
        values[rows] -= values[rows].mean(axis=0)
    return float(values.std(axis=0).mean()) / 127.5
