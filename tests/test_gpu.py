"""What runs on a GPU computes what the CPU computes: steps, graphs, features, saved generators.

`pytest -m gpu` runs these tests on a machine with an NVIDIA GPU. Elsewhere they are skipped.
"""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torch.distributed as dist

from bestseller.backbones import FeatureSpace, extract, feature_stack, packaged_layers
from bestseller.backbones.weights import published_backbone
from bestseller.base.compute import place, to_uint8
from bestseller.centroid.centroids import Centroids, reference, save_centroids
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, load_generator, save_generator
from bestseller.params import load_params
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.monitor import Monitor
from bestseller.training.trainer import Plan, Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train
CENTROID = load_params(Path(__file__).parent.parent / "params.yaml").centroid
SMALL: dict[str, dict[str, Any]] = {
    "vanilla": {"width": 32},
    "dcgan": {"width": 8, "d_norm": "spectral", "r1": 1.0},
    "d2gan": {"width": 8},
    "pggan": {"fmap_base": 64, "fmap_max": 16, "phases": []},
    "blend": {"width": 8, "low": 6, "high": 20},
}
SIDE, SIZE, STEPS = 32, 8, 42
INDEX = pd.DataFrame({"line": ["Ring", "Seal"] * 12, "view": "front"})
INDEX["sku"] = [f"w{row}" for row in range(24)]


def pictures() -> np.ndarray:
    """Discs and squares of many colours and sizes on white, uint8 24 x 32 x 32 x 3."""
    random = np.random.default_rng(0)
    images = np.full((24, SIDE, SIDE, 3), 255, np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    for row, image in enumerate(images):
        away = np.hypot(x, y) if row % 2 else np.maximum(abs(x), abs(y))
        image[away < random.integers(8, 14)] = random.integers(0, 200, 3)
        image[away < random.integers(3, 7)] = random.integers(0, 200, 3)
    return images


def make(folder: Path, name: str, precision: str, *, constrained: bool = False) -> Trainer:
    torch.manual_seed(0)
    shared = TRAIN.model_copy(update={"precision": precision, "z_dim": 8})
    changed = {"batch_size": SIZE, "epochs": STEPS * SIZE / 24} | SMALL[name]
    settings = getattr(TRAIN, name).model_copy(update=changed)
    plan = Plan(f"{name}-plain-0", shared, settings, 24)
    z_dim = gan_class(name).z_dim(settings, shared, 24)
    lines = (INDEX["line"] == "Seal").to_numpy().astype(np.int64)
    batches = Batches(
        pictures(), lines, batch_size=SIZE, z_dim=z_dim, sampling="proportional", seed=0
    )
    gan = gan_class(name)(settings, Shape(SIDE, z_dim, 2))
    gan.fit(pictures(), INDEX)
    return Trainer(
        gan,
        plan,
        batches,
        constraint=constraint() if constrained else None,
        checkpoint=Checkpoint(folder, plan.name, "key"),
        monitor=Monitor(batches.latents(2), np.arange(2), 1.0, plan.epochs),
    )


def constraint() -> CentroidConstraint:
    """A constraint in a packaged network, for every third step, that pulls every image."""
    features = torch.nn.Sequential(*packaged_layers("efficientnet_lite0", [2]), torch.nn.Flatten())
    features.eval().requires_grad_(False)
    with torch.inference_mode():
        centre = torch.zeros_like(features(torch.zeros(1, 3, SIDE, SIDE)))
    changed = {"weighting": "gradient", "start": 0.0, "every": 3, "images": 0}
    settings = CENTROID.model_copy(update=changed)
    return CentroidConstraint(Centroids(features, centre, torch.tensor([1e-3])), settings)


def weights(network: torch.nn.Module) -> torch.Tensor:
    values = [
        v.double().flatten().cpu() for k, v in network.state_dict().items() if "basis" not in k
    ]
    return torch.cat(values)


def apart(one: torch.nn.Module, other: torch.nn.Module) -> float:
    """Return the distance of two networks' weights over their length."""
    a, b = weights(one), weights(other)
    return float((a - b).norm() / a.norm())


MODELS = [(name, False) for name in SMALL] + [("dcgan", True), ("pggan", True)]


@pytest.mark.parametrize(("name", "constrained"), MODELS)
def test_a_replayed_graph_trains_as_steps_one_by_one_do(
    tmp_path: Path, name: str, constrained: bool
) -> None:
    graphs = make(tmp_path / "a", name, "fp32", constrained=constrained)
    plain = make(tmp_path / "b", name, "fp32", constrained=constrained)
    again = make(tmp_path / "c", name, "fp32", constrained=constrained)
    start = copy.deepcopy(plain.gan)
    assert graphs.recorder is not None
    plain.recorder = again.recorder = None
    for trainer in (graphs, plain, again):
        trainer.train()
    assert graphs.recorder.recorded, "the last steps were replays"
    # Sums in another order round differently, and a training amplifies that: two plain ones say by
    # how much. What the training changed is far more.
    noise = max(apart(plain.gan, again.gan), 1e-6)
    moved = apart(plain.gan, start)
    assert moved > 1e-3
    assert apart(plain.gan, graphs.gan) < max(10 * noise, 0.02 * moved)


@pytest.mark.parametrize("name", list(SMALL))
def test_the_first_steps_are_those_of_the_cpu(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for folder in ("gpu", "cpu"):
        with monkeypatch.context() as patch:
            if folder == "cpu":
                patch.setattr(torch.cuda, "is_available", lambda: False)
            trainer = make(tmp_path / folder, name, "fp32")
            trainer.step = STEPS // 2  # PGGAN fades in its third resolution then
            stats = []
            for _ in range(2):
                stats.append(trainer._train_step(trainer.batches[trainer.step]))
                trainer.step += 1
            assert next(trainer.gan.parameters()).is_cuda == (folder == "gpu")
            found.append([{k: float(v) for k, v in values.items()} for values in stats])
    for gpu, cpu in zip(*found, strict=True):
        assert gpu == pytest.approx(cpu, rel=2e-2, abs=2e-3)


@pytest.mark.parametrize("name", list(SMALL))
def test_a_mixed_training_is_finite_saved_and_drawn_alike_on_both_devices(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make(tmp_path, name, "auto")
    generator = trainer.train()
    assert torch.isfinite(weights(generator)).all()
    shape = vars(Shape(SIDE, trainer.batches.z_dim, 2))
    config = Config(
        trainer.plan.name,
        name,
        trainer.plan.settings.model_dump(),
        {key: value for key, value in shape.items() if key != "sales"},
        {"Ring": ["front"], "Seal": ["front"]},
    )
    save_generator(tmp_path / "saved", generator, config, trainer.gan.codes())
    drawn = []
    for on_gpu in (True, False):
        with monkeypatch.context() as patch:
            if not on_gpu:
                patch.setattr(torch.cuda, "is_available", lambda: False)
            loaded = load_generator(tmp_path / "saved")
            lines = ["Ring", "Seal"] * 4
            drawn.append(loaded.images(loaded.draw(lines, 0).latents, lines).astype(int))
    assert np.abs(drawn[0] - drawn[1]).mean() < 0.1
    assert np.abs(drawn[0] - drawn[1]).max() <= 24


@pytest.mark.parametrize("name", ["dcgan", "pggan"])
def test_a_training_goes_on_from_its_checkpoint(tmp_path: Path, name: str) -> None:
    whole, killed = make(tmp_path / "a", name, "fp32"), make(tmp_path / "b", name, "fp32")
    again = make(tmp_path / "c", name, "fp32")
    whole.train()
    again.train()
    for _ in range(25):
        killed.monitor.add(killed._train_step(killed.batches[killed.step]))
        killed.step += 1
    killed._save(1.0)
    resumed = make(tmp_path / "b", name, "fp32")
    resumed.train()
    assert resumed.step == whole.step and resumed.seconds > 1.0
    noise = max(apart(whole.gan, again.gan), 1e-4)
    assert apart(whole.gan, resumed.gan) < 20 * noise


def test_one_process_of_a_group_trains(tmp_path: Path) -> None:
    """NCCL's sums and the batch norm of all processes run; a group's steps are not recorded."""
    plain = make(tmp_path / "a", "dcgan", "fp32")
    plain.recorder = None
    plain.train()
    store = f"file://{tmp_path}/store"
    dist.init_process_group("nccl", init_method=store, rank=0, world_size=1)
    try:
        shared = make(tmp_path / "b", "dcgan", "fp32")
        assert shared.recorder is None
        shared.train()
    finally:
        dist.destroy_process_group()
    assert apart(plain.gan, shared.gan) < 0.02


def test_features_are_those_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    images = pictures()
    found = []
    for on_gpu in (True, False):
        with monkeypatch.context() as patch:
            if not on_gpu:
                patch.setattr(torch.cuda, "is_available", lambda: False)
            network = published_backbone("efficientnet_lite1", Path("weights"))
            spaces = [FeatureSpace(network, (), 144), FeatureSpace(network, (4, 5), 128)]
            found.append(extract(spaces, images, precision="fp32"))
    for gpu, cpu in zip(*found, strict=True):
        error = np.linalg.norm(gpu - cpu) / np.linalg.norm(cpu)
        assert error < 1e-3, f"{error:.2g} of the features' length"


def test_bytes_of_images_are_those_of_the_cpu() -> None:
    values = torch.linspace(-1.1, 1.1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    assert np.array_equal(to_uint8(values.cuda()), to_uint8(values))


def test_a_batch_is_that_of_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = make(tmp_path, "dcgan", "fp32").batches[3]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    cpu = make(tmp_path, "dcgan", "fp32").batches[3]
    for name in ("conditions", "z", "rows"):
        assert torch.equal(getattr(gpu, name).cpu(), getattr(cpu, name))
    torch.testing.assert_close(gpu.real.cpu(), cpu.real, rtol=0, atol=1e-6)
    assert torch.equal(gpu.random.uniform(4), cpu.random.uniform(4))


def test_the_centre_and_the_distance_are_those_of_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for on_gpu in (True, False):
        with monkeypatch.context() as patch:
            if not on_gpu:
                patch.setattr(torch.cuda, "is_available", lambda: False)
            features = feature_stack(published_backbone("efficientnet_lite0", tmp_path), 4, "none")
            place(features)
            found.append(reference(pictures(), torch.inference_mode()(features), name=""))
            centroids = Centroids.of(features, found[-1], {"Ring": found[-1]})
            save_centroids(
                tmp_path / "c", centroids, {"backbone": "efficientnet_lite0", "layer": 4}
            )
    gpu, cpu = found
    assert gpu.distance == pytest.approx(cpu.distance, rel=1e-4)
    np.testing.assert_allclose(gpu.distances, cpu.distances, rtol=1e-3)
    torch.testing.assert_close(gpu.centre, cpu.centre, rtol=1e-3, atol=1e-3)
