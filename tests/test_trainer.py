"""The trainer: resuming, determinism, batches, the moving average, and what stops it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bestseller.base.errors import BestsellerError
from bestseller.centroid.centroids import Centroids
from bestseller.gans.batch import Batch, ProcessGroup
from bestseller.gans.gan import Shape, Stats
from bestseller.gans.registry import gan_class
from bestseller.images.augment import Change, fresh
from bestseller.params import load_params
from bestseller.training.batches import Batches, image_weights
from bestseller.training.checkpoint import Checkpoint, fingerprint
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.ema import MovingAverage
from bestseller.training.monitor import Monitor, within_condition_spread
from bestseller.training.trainer import Plan, Trainer

ROOT = Path(__file__).parent.parent
PARAMS = load_params(ROOT / "params.yaml")
TRAIN, CENTROID, AUGMENT = PARAMS.train, PARAMS.centroid, PARAMS.augment


class Flat(nn.Module):
    """Phi(x) = x."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)


def weighted_by_gradients() -> CentroidConstraint:
    """A constraint that pulls every image, with a weight that depends on all steps before."""
    centroids = Centroids(Flat(), torch.ones(1, 3 * 32 * 32), torch.tensor([1.0]))
    changed = {"weighting": "gradient", "start": 0.0, "images": 3}
    return CentroidConstraint(centroids, CENTROID.model_copy(update=changed))


def make_trainer(
    folder: Path,
    epochs: float = 3,
    checkpoint_s: float = 1e9,
    lr: float = 2e-4,
    *,
    constraint: CentroidConstraint | None = None,
    change: Change | None = None,
) -> Trainer:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (24, 32, 32, 3), dtype=np.uint8)
    lines = np.arange(24) % 3
    shared = TRAIN.model_copy(update={"z_dim": 8, "precision": "fp32"})
    settings = TRAIN.dcgan.model_copy(
        update={"width": 4, "batch_size": 8, "epochs": epochs, "lr": lr}
    )
    plan = Plan("dcgan-plain-0", shared, settings, len(images))
    batches = Batches(
        images, lines, batch_size=8, z_dim=8, sampling=shared.sampling, seed=0, change=change
    )
    spread = within_condition_spread(images, lines)
    monitor = Monitor(batches.latents(2), np.arange(3), spread, plan.epochs)
    gan = gan_class("dcgan")(settings, Shape(32, 8, 3))
    return Trainer(
        gan,
        plan,
        batches,
        constraint=constraint,
        checkpoint=Checkpoint(folder, plan.name, "key"),
        monitor=monitor,
        checkpoint_s=checkpoint_s,
    )


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([tensor.double().flatten() for tensor in network.state_dict().values()])


def test_same_seed_same_weights_and_curves(tmp_path: Path) -> None:
    first, second = make_trainer(tmp_path / "a"), make_trainer(tmp_path / "b")
    assert torch.equal(weights(first.train()), weights(second.train()))
    assert first.monitor.curves().equals(second.monitor.curves())
    assert len(first.monitor.curves()) == 3


class Stop(Exception):
    """What a training is interrupted by."""


def test_a_changing_weight_and_fresh_augmentation_go_on_as_if_never_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(name: str, checkpoint_s: float = 1e9) -> Trainer:
        made = {"constraint": weighted_by_gradients(), "change": fresh(AUGMENT)}
        return make_trainer(tmp_path / name, checkpoint_s=checkpoint_s, **made)  # type: ignore[arg-type]

    whole, killed = make("whole"), make("killed", checkpoint_s=0)
    step = killed._train_step

    def until_5(batch: Batch) -> Stats:
        if killed.step == 5:
            raise Stop
        return step(batch)

    monkeypatch.setattr(killed, "_train_step", until_5)
    with pytest.raises(Stop):
        killed.train()
    resumed = make("killed")
    assert torch.equal(weights(resumed.train()), weights(whole.train()))
    assert resumed.constraint is not None and whole.constraint is not None
    assert torch.equal(resumed.constraint.gradients, whole.constraint.gradients)
    assert whole.constraint.gradients.min() > 0
    plain = make_trainer(tmp_path / "plain", change=fresh(AUGMENT))
    assert not torch.equal(weights(plain.train()), weights(whole.average.network))
    fixed = make_trainer(tmp_path / "fixed", constraint=weighted_by_gradients())
    assert not torch.equal(weights(fixed.train()), weights(whole.average.network))


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = ["src", "tests"]
from test_trainer import make_trainer
make_trainer(Path(sys.argv[1]), epochs=400, checkpoint_s=0).train()
"""


@pytest.mark.slow
def test_killed_at_any_step_it_ends_with_the_uninterrupted_weights(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        cwd=ROOT, env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    checkpoint = Checkpoint(tmp_path, "dcgan-plain-0", "key")
    deadline = time.monotonic() + 120
    while not checkpoint.path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    state = checkpoint.load()
    assert state is not None and 0 < state["step"] < 1200, "killed in the middle"

    resumed = make_trainer(tmp_path, epochs=(state["step"] + 5) / 3)
    whole = make_trainer(tmp_path / "whole", epochs=(state["step"] + 5) / 3)
    assert torch.equal(weights(resumed.train()), weights(whole.train()))
    assert resumed.step == whole.step == state["step"] + 5
    columns = ["images", "d_loss", "g_loss", "diversity"]
    ours, theirs = resumed.monitor.curves()[columns], whole.monitor.curves()[columns]
    assert ours.equals(theirs)


def test_a_changed_setting_or_input_changes_the_fingerprint(tmp_path: Path) -> None:
    data = tmp_path / "images.npy"
    data.write_bytes(b"one")
    first = fingerprint({"lr": 1e-4}, [data])
    assert fingerprint({"lr": 1e-4}, [data]) == first
    assert fingerprint({"lr": 2e-4}, [data]) != first
    data.write_bytes(b"two")
    assert fingerprint({"lr": 1e-4}, [data]) != first


def test_infinite_losses_stop_the_training_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"train\.dcgan: .*not finite.*lower lr"):
        make_trainer(tmp_path, epochs=20, lr=1e30).train()


def test_proportional_batches_show_each_image_once_an_epoch() -> None:
    images = np.zeros((10, 2, 2, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(10)
    batches = Batches(images, np.zeros(10), batch_size=4, z_dim=2, sampling="proportional", seed=1)
    seen = torch.cat([batches[step].real[:, 0, 0, 0] for step in range(5)])
    order = ((seen + 1) * 127.5).round().int().tolist()
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10] != order[10:]


def test_line_shares_follow_the_sampling() -> None:
    lines = np.array([0] * 16 + [1] * 4)
    for sampling, ratio in (("sqrt", 2.0), ("balanced", 1.0)):
        weight = image_weights(lines, sampling)
        assert (weight[:16].sum() / weight[16:].sum()).item() == pytest.approx(ratio)


def test_processes_show_the_images_that_one_would_show() -> None:
    """Fresh augmentation included: each image of a batch has random numbers of its own."""
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)

    def batches(group: ProcessGroup) -> Batches:
        return Batches(
            images, np.zeros(12), batch_size=6, z_dim=2, sampling="sqrt", seed=4, group=group,
            change=fresh(AUGMENT),
        )  # fmt: skip

    whole = batches(ProcessGroup())[3].real
    halves = [batches(ProcessGroup(rank, 2))[3].real for rank in range(2)]
    assert torch.equal(whole, torch.cat(halves))
    assert not torch.equal(whole, batches(ProcessGroup())[4].real)


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 4, 3), dtype=np.uint8)

    def make(seed: int) -> Batches:
        lines = np.arange(9) % 2
        return Batches(images, lines, batch_size=4, z_dim=3, sampling="sqrt", seed=seed)

    late = make(5)
    for step in (0, 1, 2):
        late[step]
    assert torch.equal(late[7].z, make(5)[7].z)
    assert torch.equal(late[7].real, make(5)[7].real)
    assert not torch.equal(make(6)[7].z, make(5)[7].z)
    assert not torch.equal(make(5)[8].z, make(5)[7].z)


def test_moving_average_forgets_half_in_its_half_life() -> None:
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = MovingAverage(network, half_life=1000)
    network.weight.data.fill_(1.0)
    for step in range(100):
        average.update(batch_size=10, images_seen=10**6 + step)
    assert next(average.network.parameters()).item() == pytest.approx(0.5, rel=1e-5)


def test_a_restarted_moving_average_knows_nothing_of_before() -> None:
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    average = MovingAverage(network, half_life=1000)
    average.update(100, 5000)
    torch.nn.init.ones_(network.weight)
    average.restart(6000)
    (kept,) = [weight for name, weight in average.network.named_parameters() if name == "weight"]
    assert torch.equal(kept, network.weight)
    torch.nn.init.zeros_(network.weight)
    average.update(100, 6500)  # 500 images after the restart the half-life is 50
    assert float(kept) == pytest.approx(0.25)


def test_collapse_is_seen() -> None:
    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, z: torch.Tensor, lines: torch.Tensor) -> torch.Tensor:
            del lines
            return torch.zeros(len(z), 3, 8, 8) + self.weight

    monitor = Monitor(torch.randn(4, 2), np.arange(2), real_spread=0.3, epochs=1)
    monitor.add({"d_loss": torch.tensor(0.1), "g_loss": torch.tensor(5.0)})
    monitor.end_epoch(Same(), images=8, epoch=1)
    assert monitor.collapsed
