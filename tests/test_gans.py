"""Every GAN of the registry: shapes, conditioning, saving, and how a new one joins."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bestseller.errors import BestsellerError
from bestseller.gans import load_generator
from bestseller.gans.diffaugment import TRANSFORMATIONS, augment
from bestseller.gans.gan import ConditionProjection, Shape
from bestseller.gans.parallel import Draws
from bestseller.gans.registry import GANS, gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import Gan, load_params

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train


def draws(seed: int) -> Draws:
    return Draws(torch.Generator().manual_seed(seed))


def small(name: str) -> Any:
    settings: Gan = getattr(TRAIN, name)
    narrow = {"fmap_base": 64} if name == "pggan" else {"width": 8}
    return settings.model_copy(update=narrow)


@pytest.mark.parametrize("size", [32, 64, 128])
@pytest.mark.parametrize("lines", [0, 5])
@pytest.mark.parametrize("name", sorted(GANS))
def test_shapes_and_finite_losses(name: str, lines: int, size: int) -> None:
    torch.manual_seed(0)
    gan = gan_class(name)(small(name), Shape(size, 10, lines))
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
    gan = gan_class("dcgan")(small("dcgan"), Shape(32, 10, 0)).eval().double()
    z, images = torch.randn(3, 10).double(), torch.rand(3, 3, 32, 32).double()
    none = torch.zeros(3, dtype=torch.int64)
    generator: Any = gan.generator
    assert torch.allclose(gan.generator(z, none), generator.layers(z[:, :, None, None]))
    discriminator: Any = gan.discriminator
    logits = discriminator.logit(discriminator.layers(images)).flatten(1)
    assert torch.allclose(discriminator(images, none), logits)


@pytest.mark.parametrize("name", sorted(GANS))
def test_the_line_reaches_both_networks(name: str) -> None:
    torch.manual_seed(0)
    gan = gan_class(name)(small(name), Shape(32, 10, 3)).eval()
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
    settings = TRAIN.dcgan.model_copy(update={"width": 64})
    gan = gan_class("dcgan")(settings, Shape(64, 100, 0))
    assert sum(p.numel() for p in gan.generator.parameters()) == 3_576_704
    assert sum(p.numel() for p in gan.discriminator.parameters()) == 2_765_568


@pytest.mark.parametrize("name", sorted(GANS))
def test_a_saved_generator_draws_the_same_images(name: str, tmp_path: Path) -> None:
    settings, shape = small(name), Shape(32, 10, 2)
    gan = gan_class(name)(settings, shape)
    config = Config(
        f"{name}-plain-0",
        name,
        settings.model_dump(),
        vars(shape),
        {"A": ["front"], "B": ["front"]},
    )
    save_generator(tmp_path / "m", gan.generator, config)
    loaded = load_generator(tmp_path / "m")
    latents = loaded.latents(5, seed=1)
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
    with pytest.raises(BestsellerError, match=r"gans: 'stylegan' is unknown; known: vanilla"):
        gan_class("stylegan")


def test_augmentation_is_reproducible_differentiable_and_random_per_image() -> None:
    images = torch.rand(6, 3, 16, 16, requires_grad=True)
    once = augment(images, list(TRANSFORMATIONS), draws(1))
    again = augment(images, list(TRANSFORMATIONS), draws(1))
    torch.testing.assert_close(once, again)
    once.sum().backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    same = images.detach()[:1].repeat(6, 1, 1, 1)
    for name in TRANSFORMATIONS:
        seen = augment(same, [name], draws(2))
        assert not torch.equal(seen[0], seen[1]), name


def test_translation_moves_whole_pixels_onto_white() -> None:
    image = torch.zeros(64, 1, 8, 8).repeat(1, 3, 1, 1)
    image[:, :, 4, 4] = 0.5
    moved = augment(image, ["translation"], draws(0))
    for picture in moved:
        row, column = (picture[0] == 0.5).nonzero()[0].tolist()
        assert abs(row - 4) <= 1 and abs(column - 4) <= 1
        white = (picture[0] == 1).sum().item()
        assert white == 64 - (8 - abs(row - 4)) * (8 - abs(column - 4))
