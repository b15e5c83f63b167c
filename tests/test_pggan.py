"""PGGAN's parts against the paper."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from bestseller.gans.gan import Shape
from bestseller.gans.pggan import (
    Equalised,
    Generator,
    Growth,
    Pggan,
    channels,
    double,
    halve,
    minibatch_stddev,
    pixel_norm,
    stage_channels,
)
from bestseller.params import load_params
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.monitor import Monitor
from bestseller.training.trainer import Plan, Trainer

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train
SETTINGS = TRAIN.pggan
SMALL = SETTINGS.model_copy(update={"fmap_base": 64, "fmap_min": 1})


def test_growth_gives_every_phase_an_equal_share() -> None:
    growth = Growth(64)
    steps = 900
    seen, changes = [], 0
    for step in range(steps):
        changes += growth.move(step / steps)
        seen.append((growth.phase, growth.level, growth.alpha))
    phases = [phase for phase, _, _ in seen]
    assert [phases.count(phase) for phase in range(9)] == [100] * 9
    assert changes == 9, "the optimizers forget at both ends of every fade"
    assert seen[0] == (0, 0, 1.0) and seen[-1] == (8, 4, 1.0)
    fades = [alpha for phase, _, alpha in seen if phase == 3]
    assert fades == sorted(fades) and fades[0] < 0.02 and 0.98 < fades[-1] < 1
    assert {level for phase, level, _ in seen if phase == 3} == {2}


def test_weighted_phases_share_the_images_as_told() -> None:
    """Weights 4, 2, 1: of 64 pixels' phases 4 and 4, of 32 2 and 2, of the five smaller ones 1."""
    growth, steps = Growth(64, [4, 2, 1]), 1700
    phases = []
    for step in range(steps):
        growth.move(step / steps)
        phases.append(growth.phase)
        if growth.phase == 7:
            assert growth.alpha == pytest.approx((step - 900) / 400)
    assert [phases.count(phase) for phase in range(9)] == [100] * 5 + [200] * 2 + [400] * 2
    short = Growth(8, [4, 2, 1])  # 8 x 8 is the full resolution here, 4 x 4 half of it
    short.move(0.19)
    assert short.phase == 0
    short.move(0.21)
    assert short.phase == 1


def test_a_fade_starts_at_the_old_network_and_ends_at_the_new() -> None:
    torch.manual_seed(0)
    gan = Pggan(SMALL, Shape(16, 6, 0))
    z, lines = torch.randn(3, 6), torch.zeros(3, dtype=torch.long)
    images = torch.rand(3, 3, 16, 16)

    def outputs(level: int, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
        gan.growth.level, gan.growth.alpha = level, alpha
        return gan.generator(z, lines), gan.discriminator(gan.shown_real(images), lines)

    with torch.no_grad():
        for new, old in zip(outputs(2, 0.0), outputs(1, 1.0), strict=True):
            torch.testing.assert_close(new, old)
        near, full = outputs(2, 1 - 1e-6), outputs(2, 1.0)
    for one, other in zip(near, full, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


class Perfect(torch.nn.Module):
    """A generator that draws new real images, blended as far as the growth has come."""

    def __init__(self, growth: Growth) -> None:
        super().__init__()
        self.growth, self.brightness = growth, torch.nn.Parameter(torch.zeros(()))

    def forward(self, z: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        images = checks(len(z), int(z[0, 0].abs() * 1e6))
        return torch.lerp(double(halve(images)), images, self.growth.alpha) + self.brightness


def checks(n: int, seed: int) -> torch.Tensor:
    """Pictures n x 3 x 16 x 16 whose pixels differ from their neighbours'."""
    random = torch.Generator().manual_seed(seed)
    return torch.rand(n, 3, 16, 16, generator=random) * 1.6 - 0.8


def best_accuracy(one: torch.Tensor, other: torch.Tensor) -> float:
    """ProcessGroup of values that the best single threshold puts on the right side."""
    values, order = torch.cat([one, other]).sort()
    is_one = (order < len(one)).double()
    below = torch.cat([torch.zeros(1), is_one.cumsum(0)]) / len(values)
    above = 0.5 - torch.cat([torch.zeros(1), (1 - is_one).cumsum(0)]) / len(values)
    right = below + above  # the ones below the threshold, the others above it
    return float(torch.maximum(right, 1 - right).max())


def test_fine_structure_tells_no_real_image_from_a_perfect_generator_s(tmp_path: Path) -> None:
    """In an early fade, through all that D is shown in training, DiffAugment included."""
    gan = Pggan(SMALL, Shape(16, 6, 0))
    gan.generator = Perfect(gan.growth)
    images = ((checks(256, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    shared = TRAIN.model_copy(update={"z_dim": 6, "precision": "fp32"})
    assert "translation" in shared.diffaugment
    plan = Plan("pggan-plain-0", shared, SETTINGS, len(images))
    lines = np.zeros(len(images), dtype=np.int64)
    batches = Batches(images, lines, batch_size=128, z_dim=6, sampling="proportional", seed=0)
    trainer = Trainer(
        gan,
        plan,
        batches,
        constraint=None,
        checkpoint=Checkpoint(tmp_path, plan.name, "key"),
        monitor=Monitor(batches.latents(1), np.zeros(1, dtype=np.int64), 1.0, plan.epochs),
    )
    gan.start_step = lambda done: False  # type: ignore[method-assign]
    gan.growth.level, gan.growth.alpha = 2, 0.05
    energies: list[torch.Tensor] = []

    def look(_: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        fine = given[0][:, :, :, 1:] - given[0][:, :, :, :-1]
        energies.append(fine.square().mean(dim=(1, 2, 3)).detach())

    gan.discriminator.register_forward_pre_hook(look)
    for step in range(4):
        trainer._train_step(trainer.batches[step])
    # D sees in turn real, generated, images between them, and generated ones for G's own step
    real, fake = torch.cat(energies[::4]), torch.cat(energies[1::4])
    assert len(real) == len(fake) == 512
    assert best_accuracy(real, fake) < 0.57  # chance, of 1,024 values, is 0.5 to 0.55


def test_generated_images_are_shown_exactly_at_every_level() -> None:
    gan = Pggan(SMALL, Shape(32, 6, 0))
    z, lines = torch.randn(2, 6), torch.zeros(2, dtype=torch.long)
    for level in range(4):
        gan.growth.level = level
        image = gan.generator(z, lines)
        shown = gan.shown(image)
        assert image.shape[-1] == 32 and shown.shape[-1] == 4 * 2**level
        repeated = shown.repeat_interleave(2 ** (3 - level), 2)
        torch.testing.assert_close(repeated.repeat_interleave(2 ** (3 - level), 3), image)


def test_copies_of_the_generator_grow_with_it() -> None:
    gan = Pggan(SMALL, Shape(32, 6, 0))
    average = copy.deepcopy(gan.generator)
    gan.start_step(0.0)
    assert isinstance(average, Generator) and average.growth is gan.growth
    assert gan.growth.level == 0
    assert next(average.parameters()) is not next(gan.generator.parameters())


def test_equalised_layers_have_unit_weights_and_hes_output_scale() -> None:
    torch.manual_seed(0)
    layer = Equalised(64, 128, 3)
    assert layer.weight.std().item() == pytest.approx(1, rel=0.02)
    x = torch.randn(16, 64, 12, 12)
    inner = layer(x)[:, :, 1:-1, 1:-1]
    assert inner.std().item() == pytest.approx(2**0.5, rel=0.05)
    layer.bias.data.fill_(3.0)
    torch.testing.assert_close(layer(torch.zeros(1, 64, 5, 5)), torch.full((1, 128, 5, 5), 3.0))


def test_pixel_norm_by_hand() -> None:
    x = torch.tensor([[3.0, 4.0]])[:, :, None, None]
    expected = torch.tensor([3.0, 4.0]) / 12.5**0.5
    torch.testing.assert_close(pixel_norm(x).flatten(), expected)


def test_minibatch_stddev_by_hand() -> None:
    x = torch.tensor([0.0, 10.0, 2.0, 14.0])[:, None, None, None].expand(4, 2, 4, 4)
    appended = minibatch_stddev(x)
    assert appended.shape == (4, 3, 4, 4)
    biased = torch.tensor([0.0, 10.0, 2.0, 14.0]).var(unbiased=False).sqrt().item()
    assert appended[:, 2].unique().item() == pytest.approx(biased)
    # groups of four are strided: of 8 images, those with the same parity go together
    eight = torch.arange(8.0)[:, None, None, None].expand(8, 1, 4, 4)
    spread = torch.tensor([0.0, 2.0, 4.0, 6.0]).var(unbiased=False).sqrt().item()
    torch.testing.assert_close(minibatch_stddev(eight)[:, 1, 0, 0], torch.full((8,), spread))


def test_channels_are_the_papers() -> None:
    """Table 2: 512 channels from 4 x 4 to 32 x 32, 256 at 64 x 64, 128 at 128 x 128."""
    assert [stage_channels(8192, level + 1) for level in range(6)] == [512] * 4 + [256, 128]
    assert [stage_channels(2048, level + 1) for level in range(5)] == [512, 512, 256, 128, 64]
    narrow = SETTINGS.model_copy(update={"fmap_base": 512, "fmap_min": 32, "fmap_max": 128})
    assert channels(narrow, Growth(64)) == [128, 128, 64, 32, 32]
