"""A training in two processes is the training of one: the same batches, gradients and losses."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bestseller.base.errors import BestsellerError
from bestseller.gans.batch import ProcessGroup, RandomGenerator
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.params import load_params
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.monitor import Monitor
from bestseller.training.processes import process_group, share_batch_norm
from bestseller.training.trainer import Plan, Trainer
from conftest import REPOSITORY

# pggan's minibatch standard deviation forms its groups of four within a process
EXACT = ["vanilla", "dcgan", "d2gan", "blend"]
STEPS = 6


def norm_gradients(group: ProcessGroup) -> list[list[float]]:
    """Gradients of a batch norm's weight and bias, its running mean, and of what lies below it."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    images = torch.randn(8, 3, 6, 6)
    share_batch_norm(network)
    # every image weighs differently, so that a wrong statistic shows
    weights = torch.arange(8.0)[group.of(8)]
    output = network(images[group.of(8)]).mean(dim=(1, 2, 3))
    (output * weights).mean().backward()
    norm: Any = network[1]
    found = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    stacked = torch.cat([*found, norm.running_mean * group.count, norm.running_var])
    if group.count > 1:
        torch.distributed.all_reduce(stacked)
        stacked = stacked / group.count
    means = norm.running_mean.tolist()
    return [stacked[: -2 * len(means)].tolist(), means, norm.running_var.tolist()]


def losses(name: str, group: ProcessGroup) -> list[dict[str, float]]:
    """Train a small GAN for a few steps, an epoch each; return what is watched."""
    shared = load_params(REPOSITORY / "params.yaml").train
    update = {"z_dim": 8, "precision": "fp32", "sampling": "proportional"}
    shared = shared.model_copy(update=update)
    narrow: dict[str, Any] = {"width": 8}
    narrow = {"fmap_base": 32, "fmap_min": 1} if name == "pggan" else narrow
    narrow |= {"low": 3, "high": 5, "layers": [1, 2]} if name == "blend" else {}
    settings = getattr(shared, name).model_copy(update={"batch_size": 8, "epochs": STEPS} | narrow)
    images = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    numbers = np.arange(8) % 2
    torch.manual_seed(0)
    plan = Plan(f"{name}-plain-0", shared, settings, len(images))
    z_dim = gan_class(name).z_dim(settings, shared, len(images))
    batches = Batches(
        images, numbers, batch_size=8, z_dim=z_dim, sampling="proportional", seed=0, group=group
    )
    model = gan_class(name)(settings, Shape(32, z_dim, 2))
    index = pd.DataFrame({"sku": [f"P{i}" for i in range(8)], "line": numbers.astype(str)})
    model.fit(images, index.assign(view="front"))
    trainer = Trainer(
        model,
        plan,
        batches,
        constraint=None,
        checkpoint=Checkpoint(Path("none"), plan.name, "key"),
        monitor=Monitor(batches.latents(2), np.arange(2), 0.5, plan.epochs),
        checkpoint_s=1e9,
    )
    trainer.train()
    return trainer.monitor.rows


def main() -> None:
    """What each process runs; the first one writes what it found."""
    torch.set_num_threads(1)
    # one group in a process: a second one may meet the addresses that the first left in the store
    with process_group() as group:
        found: dict[str, Any] = {"norm": norm_gradients(group)}
        for name in (*EXACT, "pggan"):
            found[name] = losses(name, group)
        if group.is_first:
            Path(sys.argv[1]).write_text(json.dumps(found))


def run(folder: Path, processes: int) -> dict[str, Any]:
    command = [sys.executable]
    if processes > 1:
        options = ["--standalone", f"--nproc-per-node={processes}"]
        command += ["-m", "torch.distributed.run", *options]
    out = folder / f"{processes}.json"
    path = os.pathsep.join(str(REPOSITORY / name) for name in ("src", "tests"))
    done = subprocess.run(
        [*command, __file__, str(out)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    """The loss curves agree to 1 in 1,000 over the first steps; later, rounding grows."""
    one, two = run(tmp_path, 1), run(tmp_path, 2)
    for alone, shared in zip(one["norm"], two["norm"], strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-4, atol=1e-6)
    for name in EXACT:
        assert len(one[name]) == len(two[name]) == STEPS
        for alone, shared in zip(one[name], two[name], strict=True):
            assert shared == pytest.approx(alone, rel=1e-3, abs=1e-4), name
    for alone, shared in zip(one["pggan"], two["pggan"], strict=True):
        assert shared["d_loss"] == pytest.approx(alone["d_loss"], rel=0.1, abs=0.1)


def test_draws_of_the_shares_are_those_of_the_whole() -> None:
    def draws(group: ProcessGroup) -> RandomGenerator:
        return RandomGenerator(torch.Generator().manual_seed(4), group)

    whole, halves = draws(ProcessGroup()), [draws(ProcessGroup(rank, 2)) for rank in range(2)]
    torch.testing.assert_close(
        whole.uniform(6, 1, 1), torch.cat([half.uniform(3, 1, 1) for half in halves])
    )
    torch.testing.assert_close(
        whole.integers(-2, 9, 6), torch.cat([half.integers(-2, 9, 3) for half in halves])
    )


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(BestsellerError, match=r"batch of 9 .* 2 processes.*train\.processes"):
        ProcessGroup(0, 2).of(9)


if __name__ == "__main__":
    main()
