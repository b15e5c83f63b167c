"""Every GAN of the registry: shapes, conditioning, saving, and how a new one joins."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bestseller.base.errors import BestsellerError
from bestseller.gans import load_generator
from bestseller.gans.batch import RandomGenerator
from bestseller.gans.convolutions import DoubleAndConvolve, doubling, weighted_real_penalty
from bestseller.gans.gan import ConditionProjection, Gan, Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import Gan as GanSettings
from bestseller.params import load_params
from bestseller.params.train import GANS as KINDS
from bestseller.training.diffaugment import TRANSFORMATIONS, diffaugment

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train
GANS: dict[str, type[Gan]] = {
    name: found for name in KINDS if issubclass(found := gan_class(name), Gan)
}


def draws(seed: int) -> RandomGenerator:
    return RandomGenerator(torch.Generator().manual_seed(seed))


def small(name: str) -> Any:
    settings: GanSettings = getattr(TRAIN, name)
    narrow = {"fmap_base": 64, "fmap_min": 1} if name == "pggan" else {"width": 8}
    return settings.model_copy(update=narrow)


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("lines", [0, 5])
@pytest.mark.parametrize("name", sorted(GANS))
def test_shapes_and_finite_losses(name: str, lines: int, size: int) -> None:
    torch.manual_seed(0)
    gan = GANS[name](small(name), Shape(size, 10, lines))
    z, index = torch.randn(4, 10), torch.tensor([0, 1, 2, 3]) % max(lines, 1)
    fake = gan.generator(z, index)
    assert fake.shape == (4, 3, size, size)
    real = torch.rand(4, 3, size, size) * 2 - 1
    d_loss, _ = gan.discriminator_loss(real, fake.detach(), index, draws(0))
    g_loss, _ = gan.generator_loss(fake, index)
    assert torch.isfinite(d_loss) and torch.isfinite(g_loss)
    g_loss.backward()
    unused = {n for n, p in gan.generator.named_parameters() if p.grad is None}
    assert all(n.startswith("to_rgb") for n in unused), "only PGGAN's old RGB layers rest"


def test_dcgan_s_matrix_products_are_its_convolutions() -> None:
    torch.manual_seed(0)
    gan = GANS["dcgan"](small("dcgan"), Shape(32, 10, 0)).eval().double()
    z, images = torch.randn(3, 10).double(), torch.rand(3, 3, 32, 32).double()
    none = torch.zeros(3, dtype=torch.int64)
    generator: Any = gan.generator
    assert torch.allclose(gan.generator(z, none), generator.layers(z[:, :, None, None]))
    discriminator: Any = gan.discriminator
    logits = discriminator.logit(discriminator.layers(images)).flatten(1)
    assert torch.allclose(discriminator(images, none), logits)


def test_pixels_repeated_and_convolved_are_one_transposed_convolution() -> None:
    torch.manual_seed(0)
    layer = DoubleAndConvolve(3, 5).double()
    x = torch.randn(2, 3, 6, 4).double()
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    expected = torch.nn.functional.conv2d(repeated, layer.weight, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_an_even_picture_stays_even_without_a_grid() -> None:
    """Away from the border every pixel has the same value, which DCGAN's own layers do not give."""
    torch.manual_seed(0)
    flat = torch.ones(1, 4, 8, 8)
    spreads = {}
    for upsample in ("nearest", "transposed"):
        drawn = doubling(upsample, 4, 3)(flat).detach()[:, :, 2:-2, 2:-2]
        spreads[upsample] = float(drawn.std(dim=(2, 3)).max())
    assert spreads["nearest"] < 1e-6
    assert spreads["transposed"] > 1e-2


@pytest.mark.parametrize("name", ["dcgan", "d2gan"])
@pytest.mark.parametrize("changed", [{"upsample": "nearest"}, {"d_norm": "spectral"}, {"r1": 2.0}])
def test_what_departs_from_the_paper_trains(name: str, changed: dict[str, Any]) -> None:
    torch.manual_seed(0)
    gan = GANS[name](small(name).model_copy(update=changed), Shape(32, 10, 2))
    z, index = torch.randn(8, 10), torch.arange(8) % 2
    fake, real = gan.generator(z, index), torch.rand(8, 3, 32, 32) * 2 - 1
    loss, stats = gan.discriminator_loss(real, fake.detach(), index, draws(0))
    loss.backward()
    for _, parameter in gan.discriminator.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all()
    assert ("r1" in stats) == ("r1" in changed)
    norms = [m for m in gan.discriminator.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert bool(norms) == ("d_norm" not in changed)


def test_spectral_norm_makes_every_convolution_of_d_as_steep_as_one() -> None:
    torch.manual_seed(0)
    settings = small("dcgan").model_copy(update={"d_norm": "spectral"})
    network = GANS["dcgan"].make_discriminator(settings, Shape(32, 10, 0))
    images, none = torch.rand(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64)
    for _ in range(60):  # its power iteration goes one way a step
        network(images, none)
    network.eval()
    weights = [m.weight.detach() for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(weights) == 4
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), 2) == pytest.approx(1, rel=0.02)


def test_r1_is_that_of_a_linear_discriminator_by_hand() -> None:
    """D(x) = <w, x> has gradient w everywhere; two outputs count both, a quarter is looked at."""

    class Linear(torch.nn.Module):
        def forward(self, images: torch.Tensor, _: torch.Tensor) -> Any:
            assert len(images) == 4
            sums = images.flatten(1).sum(dim=1, keepdim=True)
            return 3 * sums, 4 * sums

    real, none = torch.rand(16, 3, 2, 2), torch.zeros(16, dtype=torch.int64)
    found = weighted_real_penalty(Linear(), real, none, 0.1)
    assert found.item() == pytest.approx(0.1 / 2 * (9 + 16) * 12)


def test_the_embedding_scale_is_the_spread_of_fresh_embeddings() -> None:
    for scale in (0.3, 1.0):
        torch.manual_seed(0)
        gan = GANS["pggan"](small("pggan"), Shape(32, 10, 50))
        gan.scale_embeddings(scale)
        generator: Any = gan.generator
        vectors = generator.input.embedding
        assert float(vectors.weight.std()) == pytest.approx(scale, rel=0.05)


def test_a_generator_saved_before_a_setting_was_one_is_still_read(tmp_path: Path) -> None:
    settings, shape = small("dcgan").model_copy(update={"upsample": "transposed"}), Shape(32, 10, 1)
    old = {k: v for k, v in settings.model_dump().items() if k not in ("upsample", "d_norm", "r1")}
    generator = GANS["dcgan"].make_generator(settings, shape)
    config = Config("dcgan-plain-0", "dcgan", old, vars(shape), {"A": ["front"]})
    save_generator(tmp_path / "m", generator, config)
    assert load_generator(tmp_path / "m").lines == ["A"]


@pytest.mark.parametrize("name", sorted(GANS))
def test_the_line_reaches_both_networks(name: str) -> None:
    torch.manual_seed(0)
    gan = GANS[name](small(name), Shape(32, 10, 3)).eval()
    z = torch.randn(1, 10)
    zero, one = torch.tensor([0]), torch.tensor([1])
    assert not torch.equal(gan.generator(z, zero), gan.generator(z, one))
    for module in gan.discriminator.modules():
        if isinstance(module, ConditionProjection) and module.embedding is not None:
            torch.nn.init.normal_(module.embedding.weight)
    images = torch.rand(1, 3, 32, 32)
    assert gan.generator_loss(images, zero)[0] != gan.generator_loss(images, one)[0]


def test_dcgan_at_width_64_has_the_reference_parameter_counts() -> None:
    """The widely used PyTorch DCGAN at 64 x 64: 3,576,704 and 2,765,568 parameters."""
    settings = TRAIN.dcgan.model_copy(update={"width": 64, "upsample": "transposed"})
    gan = GANS["dcgan"](settings, Shape(64, 100, 0))
    assert sum(p.numel() for p in gan.generator.parameters()) == 3_576_704
    assert sum(p.numel() for p in gan.discriminator.parameters()) == 2_765_568


@pytest.mark.parametrize("name", sorted(GANS))
def test_a_saved_generator_draws_the_same_images(name: str, tmp_path: Path) -> None:
    settings, shape = small(name), Shape(32, 10, 2)
    gan = GANS[name](settings, shape)
    config = Config(
        f"{name}-plain-0",
        name,
        settings.model_dump(),
        vars(shape),
        {"A": ["front"], "B": ["front"]},
    )
    save_generator(tmp_path / "m", gan.generator, config)
    loaded = load_generator(tmp_path / "m")
    latents = loaded.draw(["A"] * 5, seed=1).latents
    images = loaded.images(latents, ["A", "B", "A", "B", "B"])
    assert images.shape == (5, 32, 32, 3) and images.dtype == np.uint8
    alone = loaded.images(latents[3:4], ["B"]).astype(int)
    assert np.abs(images[3:4] - alone).max() <= 1, "a batch of one draws the same image"
    gan.eval()
    with torch.inference_mode():
        direct = gan.generator(torch.from_numpy(latents), torch.tensor([0, 1, 0, 1, 1]))
    expected = ((direct + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(images - expected).max() <= 1
    with pytest.raises(BestsellerError, match="'C' is unknown"):
        loaded.images(latents[:1], ["C"])


def test_an_unknown_gan_is_named() -> None:
    with pytest.raises(BestsellerError, match=r"models: 'stylegan' is unknown; known: vanilla"):
        gan_class("stylegan")


def test_augmentation_is_reproducible_differentiable_and_random_per_image() -> None:
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    once = diffaugment(images, list(TRANSFORMATIONS), draws(1))
    again = diffaugment(images, list(TRANSFORMATIONS), draws(1))
    torch.testing.assert_close(once, again)
    once.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    same = images.detach()[:1].repeat(6, 1, 1, 1)
    for name in TRANSFORMATIONS:
        seen = diffaugment(same, [name], draws(2))
        assert not torch.equal(seen[0], seen[1]), name


def test_translation_moves_whole_pixels_onto_white() -> None:
    image = torch.zeros(64, 1, 8, 8).repeat(1, 3, 1, 1)
    image[:, :, 4, 4] = 0.5
    moved = diffaugment(image, ["translation"], draws(0))
    for picture in moved:
        row, column = (picture[0] == 0.5).nonzero()[0].tolist()
        assert abs(row - 4) <= 1 and abs(column - 4) <= 1
        white = (picture[0] == 1).sum().item()
        assert white == 64 - (8 - abs(row - 4)) * (8 - abs(column - 4))
