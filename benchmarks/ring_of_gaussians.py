"""Which objectives keep all modes: a ring of eight Gaussians, two-layer networks, one trainer.

Run: ``python benchmarks/ring_of_gaussians.py [--steps 8000] [--seeds 5]``, ``src`` on the path.

The data are eight Gaussians of standard deviation 0.02 on a circle of radius 2, the setting of
Nguyen et al. 2017 (D2GAN), section 5.1, with its networks: G z256-128-128-2, D 2-128-1, ReLU,
batches of 512, Adam, here at a learning rate of 1e-3 (at 2e-4 all of them are far from done after
25,000 steps). Losses and training loop are the pipeline's own. A mode is covered when at least 1 %
of 10,000 samples lie within a quarter of the distance between two modes; the share of samples
within three standard deviations of a mode says how sharp the picture is.
"""

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import t
from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import Batch, RandomGenerator, Share
from bestseller.gans.bce import BceGan
from bestseller.gans.d2gan import D2gan
from bestseller.gans.gan import Gan, Shape, Stats
from bestseller.gans.objectives import gradient_penalty, wgan_critic_loss, wgan_generator_loss
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.trainer import Plan, Trainer

MODES, RADIUS, SPREAD = 8, 2.0, 0.02
BATCH, Z, HIDDEN = 512, 256, 128
EPOCH = 1_000  # steps
LR = 1e-3
SHAPE = Shape(image_size=1, z_dim=Z, lines=0)
ANGLES = np.arange(MODES) * 2 * np.pi / MODES
CENTRES = RADIUS * np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
REACH = RADIUS * np.sin(np.pi / MODES) / 2  # a quarter of the distance between two modes


class Mlp(nn.Module):
    """A perceptron on points, which are images N x 2 x 1 x 1; the line is ignored."""

    def __init__(self, *widths: int, points_out: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])
        self.points_out = points_out

    def forward(self, x: Tensor, lines: Tensor) -> Tensor:
        del lines
        x = self.layers(x.flatten(1))
        return x[:, :, None, None] if self.points_out else x


class Pair(nn.Module):
    """The two discriminators of D2GAN."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Mlp(2, HIDDEN, 1), Mlp(2, HIDDEN, 1)

    def forward(self, x: Tensor, lines: Tensor) -> tuple[Tensor, Tensor]:
        return self.first(x, lines), self.second(x, lines)


class Points:
    """Networks of points in the place of images."""

    @staticmethod
    def make_generator(settings: Any, shape: Shape) -> nn.Module:
        del settings
        return Mlp(shape.z_dim, HIDDEN, HIDDEN, 2, points_out=True)

    @staticmethod
    def make_discriminator(settings: Any, shape: Shape) -> nn.Module:
        del settings, shape
        return Mlp(2, HIDDEN, 1)


class Vanilla(Points, BceGan):
    """The non-saturating objective of the vanilla GAN and DCGAN."""


class TwoCritics(Points, D2gan):
    """D2GAN's objective."""

    @staticmethod
    def make_discriminator(settings: Any, shape: Shape) -> nn.Module:
        del settings, shape
        return Pair()


class Wasserstein(Points, Gan):
    """PGGAN's objective, WGAN-GP with drift, without its growth."""

    def __init__(self, settings: params.PgganSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.settings = settings

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, lines: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        share = random.uniform(len(real), 1, 1, 1)
        between = torch.lerp(real, fake, share).detach().requires_grad_()
        penalty = gradient_penalty(self.discriminator(between, lines), between)
        critic = self.discriminator
        loss = wgan_critic_loss(critic(real, lines), critic(fake, lines), self.settings.drift)
        return loss + self.settings.gradient_penalty * penalty, {}

    def generator_loss(self, fake: Tensor, lines: Tensor) -> tuple[Tensor, Stats]:
        return wgan_generator_loss(self.discriminator(fake, lines)), {}


class Ring:
    """Batches of the ring by step."""

    share = Share()

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, step: int) -> Batch:
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + step)
        centres = torch.from_numpy(CENTRES).float()
        which = torch.randint(MODES, (BATCH,), generator=random)
        real = centres[which] + SPREAD * torch.randn(BATCH, 2, generator=random)
        z = torch.randn(BATCH, Z, generator=random)
        return Batch(
            real[:, :, None, None],
            torch.zeros(BATCH, dtype=torch.int64),
            z,
            RandomGenerator(random),
        )


class Losses:
    """The least that a trainer watches: that the losses are finite."""

    def __init__(self) -> None:
        self.last: Stats = {}

    def add(self, stats: Stats) -> None:
        self.last = stats

    def end_epoch(self, *_: object) -> dict[str, float]:
        return {name: float(value) for name, value in self.last.items()}


def covered(points: np.ndarray) -> tuple[int, float]:
    """Return how many modes the points cover, and the share of points within three sd of one."""
    distances = np.linalg.norm(points[:, None] - CENTRES, axis=2)
    nearest = distances.min(axis=1)
    counts = np.bincount(distances.argmin(axis=1)[nearest <= REACH], minlength=MODES)
    return int((counts >= 0.01 * len(points)).sum()), float((nearest <= 3 * SPREAD).mean())


def run(kind: type[Gan], settings: Any, shared: params.Train, steps: int, seed: int) -> np.ndarray:
    """Train one GAN on the ring; return 10,000 points of its generator."""
    torch.manual_seed(seed)
    settings = settings.model_copy(update={"batch_size": BATCH, "epochs": steps / EPOCH, "lr": LR})
    plan = Plan(f"{kind.__name__}-plain-{seed}", shared, settings, BATCH * EPOCH)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            kind(settings, SHAPE),
            plan,
            Ring(seed),  # type: ignore[arg-type]
            constraint=None,
            checkpoint=Checkpoint(Path(folder), plan.name, "ring"),
            monitor=Losses(),  # type: ignore[arg-type]
            checkpoint_s=1e9,
        )
        trainer.train()
    generator = trainer.gan.generator.eval()  # as it is: an average of one that hops is nowhere
    z = torch.randn(10_000, Z, generator=torch.Generator().manual_seed(1_000 + seed))
    with torch.inference_mode():
        return generator(z, torch.zeros(len(z), dtype=torch.int64)).flatten(1).numpy()


def interval(values: list[float]) -> str:
    """Return mean and 95 % t-interval over seeds."""
    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else np.nan
    return f"{mean:5.2f} +- {half:4.2f}"


def main() -> None:
    """Print modes covered and the share of good samples for each objective."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8_000)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train = params.load_params().train
    update = {"diffaugment": [], "precision": "fp32"}
    shared = train.model_copy(update=update)
    one = {"alpha": 1.0, "beta": 1.0}  # the authors' values on this ring
    arms: dict[str, tuple[type[Gan], Any]] = {
        "vanilla": (Vanilla, train.vanilla),
        "d2gan": (TwoCritics, train.d2gan),
        "d2gan, alpha = beta = 1": (TwoCritics, train.d2gan.model_copy(update=one)),
        "pggan": (Wasserstein, train.pggan),
    }
    print(f"{given.steps} steps of {BATCH}, {given.seeds} seeds, mean and 95 % t-interval")
    for name, (kind, settings) in arms.items():
        found = [
            covered(run(kind, settings, shared, given.steps, seed)) for seed in range(given.seeds)
        ]
        modes, share = zip(*found, strict=True)
        print(
            f"{name:24} modes {interval(list(modes))} of {MODES} {list(modes)}"
            f"   within 3 sd {interval(list(share))}",
            flush=True,
        )


if __name__ == "__main__":
    main()
