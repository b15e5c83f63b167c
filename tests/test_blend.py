"""The blend autoencoder: components, networks, loss by hand, resuming, files, sizes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn
from torch.nn import functional as F

from bestseller.base.errors import BestsellerError
from bestseller.gans import load_generator
from bestseller.gans.blend import BlendAutoencoder, Generator, Teacher, UpConv2d
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.principal import PrincipalComponents, low_pass
from bestseller.gans.saved import Config, save_generator
from bestseller.gans.silhouette import silhouettes
from bestseller.params import BlendSettings, load_params
from bestseller.training.batches import Batches
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.monitor import Monitor
from bestseller.training.trainer import Plan, Trainer

TRAIN = load_params(Path(__file__).parent.parent / "params.yaml").train
SETTINGS = TRAIN.blend.model_copy(
    update={"width": 8, "low": 4, "high": 6, "batch_size": 4, "epochs": 2, "layers": [1, 2]}
)
Z_DIM = 2 * (2 * SETTINGS.low + SETTINGS.high)
INDEX = pd.DataFrame(
    {"sku": [f"P{i}" for i in range(12)], "line": ["Ring", "Seal", "Ring"] * 4, "view": "front"}
)


def pictures(n: int = 12, side: int = 32, seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 n x side x side x 3."""
    noise = np.random.default_rng(seed).standard_normal((n, side, side, 3))
    smooth = gaussian_filter(noise, (0, 2, 2, 0))
    return (127 + 60 * smooth / smooth.std()).clip(0, 255).astype(np.uint8)


def signed(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).double() / 127.5 - 1


def make_model(side: int = 32, settings: BlendSettings = SETTINGS) -> BlendAutoencoder:
    torch.manual_seed(0)
    shape = Shape(side, 2 * (2 * settings.low + settings.high), 2)
    model = BlendAutoencoder(settings, shape)
    model.fit(pictures(side=side), INDEX)
    return model


def test_the_bands_add_up_and_the_low_one_is_a_gaussian_blur() -> None:
    images = signed(pictures(2))
    expected = np.stack(
        [gaussian_filter(image.numpy(), (0, 1, 1), mode="nearest", truncate=3) for image in images]
    )
    np.testing.assert_allclose(low_pass(images).numpy(), expected, atol=1e-12)


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    images = pictures()
    linear = PrincipalComponents(4, 6, 32)
    codes = linear.fit(images)
    values = signed(images).float()
    low = low_pass(values)
    flat_low = low.flatten(1)
    explained = torch.from_numpy(codes[:, :4]) @ linear.basis[:4] + flat_low.mean(dim=0)
    rest = values.flatten(1) - explained
    for band, part in ((low, slice(0, 4)), (rest, slice(4, 10))):
        flat = band.flatten(1).double().numpy()
        centred = flat - flat.mean(axis=0)
        u, s, v = np.linalg.svd(centred, full_matrices=False)
        count = part.stop - part.start
        basis = linear.basis[part].double().numpy()
        expected = v[:count] * s[:count, None] / np.sqrt(12)
        signs = np.sign((basis * expected).sum(axis=1))
        np.testing.assert_allclose(basis, expected * signs[:, None], atol=2e-4)
        np.testing.assert_allclose(codes[:, part], u[:, :count] * np.sqrt(12) * signs, atol=5e-3)
    np.testing.assert_allclose(codes.std(axis=0), 1, atol=1e-3)


def test_with_a_component_for_every_image_codes_give_the_images_back() -> None:
    images = pictures()
    linear = PrincipalComponents(30, 30, 32)
    codes = torch.from_numpy(linear.fit(images))
    assert torch.isfinite(codes).all()
    np.testing.assert_allclose(linear(codes).numpy(), signed(images).numpy(), atol=2e-3)


def test_doubling_and_convolving_in_one_is_what_both_are_in_turn() -> None:
    torch.manual_seed(0)
    layer = UpConv2d(3, 5).double()
    x = torch.randn(2, 3, 6, 4, dtype=torch.float64)
    doubled = F.interpolate(x, scale_factor=2.0, mode="nearest")
    torch.testing.assert_close(layer(x), F.conv2d(doubled, layer.weight, padding=1))


def test_the_teacher_compares_maps_in_units_of_their_size() -> None:
    class Halve(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

    teacher = Teacher(nn.ModuleList([nn.ReLU(), Halve()]))
    teacher.fit(torch.tensor([[[[-1.0, 0.5], [1.0, 0.0]]]]))
    np.testing.assert_allclose(teacher.sizes, [0.375, 0.1875])
    images = torch.tensor([[[[0.2, -0.4], [0.0, 0.6]]]], requires_grad=True)
    wanted = torch.tensor([[[[0.4, 0.3], [0.0, 0.2]]]])
    found = teacher.distance(images, wanted)
    mean = (0.2 + 0.3 + 0.0 + 0.4) / 4
    assert found.item() == pytest.approx(mean / 0.375 + mean / 2 / 0.1875)
    found.backward()
    assert images.grad is not None and images.grad[0, 0, 0, 1] == 0, "below the ReLU"


def test_an_untrained_generator_draws_what_the_components_draw() -> None:
    model = make_model()
    codes = model.codes()
    assert codes is not None and isinstance(model.generator, Generator)
    z = torch.from_numpy(np.concatenate([codes.codes, codes.codes[::-1]], axis=1))
    model.eval()
    torch.testing.assert_close(
        model.generator(z, torch.zeros(12, dtype=torch.int64)),
        model.generator.linear(z).clamp(-1, 1),
    )


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_every_size_comes_from_the_same_code(side: int) -> None:
    model = make_model(side)
    batches = make_batches(side)
    loss, images, stats = model.loss(model.prepare(batches[0]))
    loss.backward()
    assert images.shape == (4, 3, side, side)
    assert loss.item() == pytest.approx(
        SETTINGS.pixel_weight * stats["pixel_loss"].item() + stats["feature_loss"].item()
    )
    first = model.generator.first.weight.grad if isinstance(model.generator, Generator) else None
    assert first is not None
    assert all(p.grad is None for p in model.teacher.parameters()), "the teacher is frozen"


def make_batches(side: int = 32, z_dim: int = Z_DIM) -> Batches:
    lines = (INDEX["line"] == "Seal").to_numpy().astype(np.int64)
    return Batches(pictures(side=side), lines, batch_size=4, z_dim=z_dim, sampling="sqrt", seed=0)


def test_about_half_of_what_is_asked_for_are_blends() -> None:
    model = make_model()
    known = model.codes()
    assert known is not None
    rebuilt = 0
    for step in range(40):
        batch = make_batches()[step]
        z, wanted = model._asked(model.prepare(batch))
        own = torch.from_numpy(known.codes[batch.rows])
        assert torch.equal(z[:, :14], z[:, 14:]), "one product, no seam"
        z = z[:, :14]
        assert torch.equal(z[:, 4:], own[:, 4:]), "details are the product's"
        same = (z == own).all(dim=1)
        rebuilt += int(same.sum())
        torch.testing.assert_close(wanted[same], batch.real[same])
        assert isinstance(model.generator, Generator)
        change = model.generator.components.change(z[:, :4] - own[:, :4])
        inside = silhouettes(batch.real)
        torch.testing.assert_close(wanted, batch.real + inside * change, rtol=1e-4, atol=1e-5)
        assert (wanted[~same] != batch.real[~same]).flatten(1).any(dim=1).all()
    assert 50 < rebuilt < 110, "of 160"


def test_a_blend_keeps_the_ground_of_its_first_parent() -> None:
    images = np.full((12, 32, 32, 3), 240, np.uint8)
    random = np.random.default_rng(0)
    for image in images:  # rectangles of many sizes and colours: their outlines differ
        top, left = random.integers(4, 10, 2)
        image[top : 32 - top, left : 32 - left] = random.integers(0, 180, 3)
    shape = Shape(32, Z_DIM, 2)
    model = BlendAutoencoder(SETTINGS, shape)
    model.fit(images, INDEX)
    known = model.codes()
    assert known is not None
    batches = Batches(images, np.zeros(12), batch_size=12, z_dim=Z_DIM, sampling="sqrt", seed=0)
    blends = 0
    for step in range(3):
        batch = batches[step]
        z, wanted = model._asked(model.prepare(batch))
        assert isinstance(model.generator, Generator)
        own = known.codes[batch.rows]
        low = z[:, : SETTINGS.low] - torch.from_numpy(own)[:, : SETTINGS.low]
        change = model.generator.components.change(low)
        ground = (batch.real == 240 / 127.5 - 1).all(dim=1, keepdim=True)
        far = 1 - F.max_pool2d(1 - ground.float(), 7, 1, 3)  # three pixels of the outline or more
        assert ((wanted - batch.real) * far).abs().max() == 0
        middle = (..., slice(14, 18), slice(14, 18))
        torch.testing.assert_close((wanted - batch.real)[middle], change[middle])
        blends += int(((change * far).abs().amax(dim=(1, 2, 3)) > 0.01).sum())
    assert blends > 9, "without silhouettes the grounds would change"


def test_with_a_component_for_every_image_the_first_drawing_is_what_is_wanted() -> None:
    settings = SETTINGS.model_copy(update={"high": 12})
    model = make_model(settings=settings)
    for step in range(4):
        z, wanted = model._asked(model.prepare(make_batches()[step]))
        assert isinstance(model.generator, Generator)
        torch.testing.assert_close(model.generator.linear(z), wanted, rtol=0, atol=2e-3)


def test_the_high_part_has_no_more_components_than_there_are_images() -> None:
    settings = SETTINGS.model_copy(update={"low": 4, "high": 500})
    assert BlendAutoencoder.z_dim(settings, TRAIN, 300) == 616
    assert BlendAutoencoder.z_dim(settings, TRAIN, 900) == 1016
    generator = Generator(settings, Shape(32, 616, 2))
    assert len(generator.components.basis) == 304
    assert generator.first.in_features == 4 + 200 + 32, "the largest details and the line"


def make_trainer(folder: Path, epochs: float, checkpoint_s: float = 1e9) -> Trainer:
    torch.set_num_threads(1)
    settings = SETTINGS.model_copy(update={"epochs": epochs})
    shared = TRAIN.model_copy(update={"precision": "fp32"})
    plan = Plan("blend-plain-0", shared, settings, 12)
    model = make_model(settings=settings)
    codes = model.codes()
    assert codes is not None
    cells = codes.draw(["Ring", "Seal"] * 2, 0, views=["front"] * 4).latents
    monitor = Monitor(torch.from_numpy(cells), np.arange(2), 0.5, plan.epochs, own_cells=True)
    return Trainer(
        model,
        plan,
        make_batches(),
        constraint=None,
        checkpoint=Checkpoint(folder, plan.name, "key"),
        monitor=monitor,
        checkpoint_s=checkpoint_s,
    )


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([tensor.double().flatten() for tensor in network.state_dict().values()])


def test_a_training_taken_up_again_ends_as_one_that_ran_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_trainer(tmp_path / "whole", epochs=4)
    expected = weights(whole.train())
    killed = make_trainer(tmp_path, epochs=4, checkpoint_s=0)
    real_step = killed._train_step

    def dying(batch: Any) -> Any:
        if killed.step == 7:
            raise KeyboardInterrupt
        return real_step(batch)

    monkeypatch.setattr(killed, "_train_step", dying)
    with pytest.raises(KeyboardInterrupt):
        killed.train()
    resumed = make_trainer(tmp_path, epochs=4)
    assert torch.equal(weights(resumed.train()), expected)
    assert resumed.step == whole.step == 12
    columns = ["g_loss", "pixel_loss", "feature_loss", "diversity"]
    assert resumed.monitor.curves()[columns].equals(whole.monitor.curves()[columns])


def test_training_lowers_the_loss_and_its_learning_rate_ends_at_nothing(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, epochs=20)
    before = anchored_loss(trainer)
    trainer.train()
    assert anchored_loss(trainer) < 0.97 * before
    assert trainer.optimizers["g"].param_groups[0]["lr"] < 0.01 * SETTINGS.lr
    assert set(trainer.optimizers) == {"g"}


def anchored_loss(trainer: Trainer) -> float:
    """The mean loss on the same six batches."""
    model = trainer.gan
    assert isinstance(model, BlendAutoencoder)
    with torch.no_grad():
        return float(
            np.mean(
                [model.loss(model.prepare(make_batches()[step]))[0].item() for step in range(6)]
            )
        )


def test_a_saved_generator_draws_the_same_designs_with_their_parents(tmp_path: Path) -> None:
    model = make_model()
    codes = model.codes()
    config = Config(
        "blend-plain-0",
        "blend",
        SETTINGS.model_dump(),
        vars(Shape(32, Z_DIM, 2)),
        Conditions.of(INDEX).of_lines,
    )
    save_generator(tmp_path / "m", model.eval().generator, config, codes)
    save_generator(tmp_path / "again", model.generator, config, codes)
    loaded, again = load_generator(tmp_path / "m"), load_generator(tmp_path / "again")
    assert loaded.hash == again.hash
    drawn = loaded.draw(["Ring", "Seal", "Ring"], seed=5)
    assert codes is not None
    expected = codes.draw(["Ring", "Seal", "Ring"], 5, views=["front"] * 3)
    np.testing.assert_array_equal(drawn.latents, expected.latents)
    assert drawn.parents == expected.parents
    images = loaded.images(drawn.latents, ["Ring", "Seal", "Ring"])
    assert images.shape == (3, 32, 32, 3) and images.std() > 10
    with pytest.raises(BestsellerError, match="line 'Disc' is unknown"):
        loaded.draw(["Disc"], seed=5)
    density = replace(codes, latents="density")
    other = config.settings | {"latents": "density"}
    save_generator(tmp_path / "d", model.generator, replace(config, settings=other), density)
    assert load_generator(tmp_path / "d").draw(["Ring"], seed=5).parents == [None]


def test_an_unknown_teacher_or_layer_is_refused() -> None:
    for changed, told in (
        ({"teacher": "vgg16"}, "no pip package has the weights of 'vgg16'"),
        ({"layers": [4, 3]}, r"the layers \[4, 3\] do not rise"),
        ({"layers": [12]}, r"of the layers \[12\] one is none of its 1\.\.9"),
    ):
        with pytest.raises(BestsellerError, match=told):
            make_model(settings=SETTINGS.model_copy(update=changed))
