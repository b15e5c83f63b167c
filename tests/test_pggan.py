"""PGGAN's parts against the paper."""

import copy
from pathlib import Path

import pytest
import torch

from bestseller.gans.gan import Shape
from bestseller.gans.pggan import (
    Equalised,
    Generator,
    Growth,
    Pggan,
    double,
    halve,
    minibatch_stddev,
    pixel_norm,
    stage_channels,
)
from bestseller.params import load_params

SETTINGS = load_params(Path(__file__).parent.parent / "params.yaml").train.pggan
SMALL = SETTINGS.model_copy(update={"fmap_base": 64})


def test_growth_gives_every_phase_an_equal_share() -> None:
    growth = Growth(64)
    steps = 900
    seen, changes = [], 0
    for step in range(steps):
        changes += growth.move(step / steps)
        seen.append((growth.phase, growth.level, growth.alpha))
    phases = [phase for phase, _, _ in seen]
    assert [phases.count(phase) for phase in range(9)] == [100] * 9
    assert changes == 9, "the optimisers forget at both ends of every fade"
    assert seen[0] == (0, 0, 1.0) and seen[-1] == (8, 4, 1.0)
    fades = [alpha for phase, _, alpha in seen if phase == 3]
    assert fades == sorted(fades) and fades[0] < 0.02 and 0.98 < fades[-1] < 1
    assert {level for phase, level, _ in seen if phase == 3} == {2}


def test_a_fade_starts_at_the_old_network_and_ends_at_the_new() -> None:
    torch.manual_seed(0)
    gan = Pggan(SMALL, Shape(16, 6, 0))
    z, lines = torch.randn(3, 6), torch.zeros(3, dtype=torch.long)
    images = torch.rand(3, 3, 16, 16)

    def outputs(level: int, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
        gan.growth.level, gan.growth.alpha = level, alpha
        shown = gan.shown(images)
        if alpha == 0:  # real images fade too
            shown = double(halve(shown))
        return gan.generator(z, lines), gan.discriminator(shown, lines)

    with torch.no_grad():
        for new, old in zip(outputs(2, 0.0), outputs(1, 1.0), strict=True):
            torch.testing.assert_close(new, old)
        near, full = outputs(2, 1 - 1e-6), outputs(2, 1.0)
    for one, other in zip(near, full, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


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
