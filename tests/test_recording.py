"""Recorded steps compute what steps that run one by one do; see `bestseller.training.recording`.

CUDA graphs need a GPU (tests/test_gpu.py). Here a recording is played by running the step again on
the tensors that it was recorded with: so the batch, the random numbers and all else that differs
from step to step must be in them, or the weights differ.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bestseller.gans.batch import ProcessGroup, RandomGenerator
from bestseller.gans.gan import Shape, Stats
from bestseller.gans.registry import gan_class
from bestseller.params import load_params
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.monitor import Monitor
from bestseller.training.recording import (
    WARM_UP,
    KeptNumbers,
    ListedNumbers,
    Recorder,
)
from bestseller.training.trainer import Plan, Trainer
from test_trainer import weighted_by_gradients, weights

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train
SMALL: dict[str, dict[str, Any]] = {
    "vanilla": {"width": 8},
    "dcgan": {"width": 4, "d_norm": "spectral", "r1": 1.0},
    "d2gan": {"width": 4},
    "pggan": {"fmap_base": 32, "fmap_max": 8, "phases": []},
}
STEPS, SIZE = 40, 8


def make(folder: Path, name: str, constrained: bool = False) -> Trainer:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    sales = np.linspace(0, 1, 24)
    shared = TRAIN.model_copy(
        update={
            "z_dim": 9,
            "precision": "fp32",
            "diffaugment": ["translation", "colour", "cutout"],
        }
    )
    changed = {"batch_size": SIZE, "epochs": STEPS * SIZE / 24} | SMALL[name]
    settings = getattr(TRAIN, name).model_copy(update=changed)
    plan = Plan(f"{name}-plain-0", shared, settings, len(images))
    lines = np.arange(24) % 3
    batches = Batches(
        images,
        lines,
        batch_size=SIZE,
        z_dim=9,
        sampling="proportional",
        seed=0,
        percentiles=sales,
    )
    gan = gan_class(name)(settings, Shape(32, 9, 3, sales=True))
    monitor = Monitor(batches.latents(2), np.arange(3), 1.0, plan.epochs)
    constraint = weighted_by_gradients() if constrained else None
    if constraint is not None:
        constraint.settings = constraint.settings.model_copy(update={"every": 3})
    return Trainer(
        gan,
        plan,
        batches,
        constraint=constraint,
        checkpoint=Checkpoint(folder, plan.name, "key"),
        monitor=monitor,
    )


class Played:
    """Counts recordings and replays; a replay runs the step again."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, step: Callable[[], Stats]) -> Callable[[], Stats]:
        self.recorded += 1

        def replay() -> Stats:
            self.replayed += 1
            return step()

        return replay


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("name", list(SMALL))
def test_replayed_steps_end_with_the_same_weights(
    tmp_path: Path, name: str, constrained: bool
) -> None:
    plain, other = make(tmp_path / "a", name, constrained), make(tmp_path / "b", name, constrained)
    played = Played()
    other.recorder = Recorder(other._descend, torch.device("cpu"), played)
    assert torch.equal(weights(plain.train()), weights(other.train()))
    assert torch.equal(weights(plain.gan), weights(other.gan))
    assert plain.monitor.curves().equals(other.monitor.curves())
    # every third step uses the constraint: these are of another kind
    phases, kinds = (7 if name == "pggan" else 1), (2 if constrained else 1)
    assert phases <= played.recorded <= phases * kinds
    assert STEPS - played.replayed <= phases * kinds * WARM_UP


def numbers(seed: int) -> RandomGenerator:
    return RandomGenerator(torch.Generator().manual_seed(seed), ProcessGroup(1, 2))


def test_kept_numbers_are_those_that_a_step_would_have_drawn() -> None:
    def step(random: RandomGenerator) -> list[torch.Tensor]:
        return [
            random.uniform(3, 1, 2),
            random.integers(-4, 5, 3),
            random.uniform(1),
            random.integers(0, 2**31, 2),
        ]

    listed = ListedNumbers(numbers(0))
    step(listed)
    kept = KeptNumbers(numbers(5), listed.asked, torch.device("cpu"))
    places = [tensor.data_ptr() for tensor in kept.numbers]
    for seed in range(3):
        kept.renew(numbers(seed))
        got, drawn = step(kept), step(numbers(seed))
        for mine, theirs in zip(got, drawn, strict=True):
            assert torch.equal(mine, theirs) and mine.dtype == theirs.dtype
        assert [tensor.data_ptr() for tensor in got] == places, "a graph reads the same places"
