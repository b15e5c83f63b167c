import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bestseller.backbones import (
    Backbone,
    empty_feature_stack,
    feature_stack,
    load_backbone,
    save_backbone,
    vision,
)
from bestseller.backbones import fit as fitting
from bestseller.backbones import weights as published
from bestseller.backbones.check import changed, line_accuracy, retrieval
from bestseller.backbones.fit import fit_backbone, nt_xent
from bestseller.backbones.networks import ARCHITECTURES, empty_network, fold_batch_norms
from bestseller.backbones.resize import resize_tensorflow1
from bestseller.backbones.vision import lpips, models
from bestseller.backbones.weights import in_package, published_backbone, published_url
from bestseller.base.errors import BestsellerError
from bestseller.params import Backbones

ROOT = Path(__file__).resolve().parent.parent


def settings(**changes: Any) -> Backbones:
    given = {
        "weights": "catalogue",
        "weights_dir": "weights",
        "metric_spaces": [{"network": "resnet18", "layers": [], "side": 0}],
        "score_space": {"network": "resnet18", "layers": [6, 7], "side": 0},
        "perceptual": "resnet18",
        "steps": 2,
        "batch_size": 8,
        "lr": 1e-3,
        "precision": "fp32",
        "seed": 0,
    }
    return Backbones.model_validate(given | changes)


def random_backbone(name: str, weights: str = "catalogue", seed: int = 0) -> Backbone:
    network = empty_network(name).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.reset_parameters()
    return Backbone(name, weights, network)


def random_images(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def vgg() -> Backbone:
    return random_backbone("vgg16")


@pytest.fixture(scope="module")
def resnet() -> Backbone:
    return random_backbone("resnet18")


def test_the_operators_are_declared_only_where_the_extension_is_not() -> None:
    assert (vision._declared is None) == sys.modules["torchvision.extension"]._has_ops()


def test_torchvision_imports_in_a_fresh_interpreter_whose_loader_refuses_the_extension() -> None:
    code = (
        "import torch\n"
        "def refuse(path): raise OSError(path)\n"
        "torch.ops.load_library = refuse\n"
        "from bestseller.backbones import vision\n"
        "import torchvision\n"
        "assert vision._declared is not None and not torchvision.extension._has_ops()\n"
        "print(torch.ops.torchvision.nms.default._schema)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "float iou_threshold" in done.stdout


def test_backbones_are_frozen_and_stay_in_evaluation_mode(resnet: Backbone) -> None:
    assert not any(module.training for module in resnet.network.modules())
    assert not any(parameter.requires_grad for parameter in resnet.network.parameters())
    before = {name: tensor.clone() for name, tensor in resnet.network.state_dict().items()}
    resnet.features(random_images(3))
    for name, tensor in resnet.network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_networks_are_torchvisions_without_the_classifier() -> None:
    for name in (name for name in ARCHITECTURES if not in_package(name)):
        with torch.device("meta"):
            whole = ARCHITECTURES[name].build()
        known = whole.state_dict()
        for key, tensor in empty_network(name).state_dict().items():
            assert tensor.shape == known[key].shape, key


def test_features_are_the_penultimate_ones_of_torchvision(resnet: Backbone) -> None:
    whole = models.resnet18(weights=None)
    whole.load_state_dict(resnet.network.state_dict(), strict=False)
    images = random_images(2)
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    seen: list[Tensor] = []
    whole.fc.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        whole.eval()((scaled - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    assert np.allclose(resnet.features(images), seen[0].numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", ["resnet", "vgg"])
def test_features_do_not_depend_on_the_batch_size(
    network: str, request: pytest.FixtureRequest
) -> None:
    backbone: Backbone = request.getfixturevalue(network)
    images = random_images(7)
    together = backbone.features(images)
    assert together.shape == (7, 512) and together.dtype == np.float32
    scale = np.abs(together).max()
    assert np.allclose(backbone.features(images, batch_size=3), together, 1e-5, 1e-6 * scale)
    assert backbone.features(images[:0]).shape == (0, 512)


def test_inception_sees_images_at_299_pixels_in_its_own_range() -> None:
    backbone = random_backbone("inception_v3", "imagenet")
    images = torch.linspace(-1, 1, 2 * 3 * 64 * 64).view(2, 3, 64, 64)
    seen = backbone.normalise(images)
    assert seen.shape == (2, 3, 299, 299)
    assert float(seen.min()) == pytest.approx(-1) and float(seen.max()) == pytest.approx(1)


def test_features_refuse_what_are_no_images(resnet: Backbone) -> None:
    with pytest.raises(ValueError, match=r"float32 .*not uint8 N x H x W x 3"):
        resnet.features(np.zeros((1, 32, 32, 3), np.float32))


def test_taps_give_the_distance_of_the_lpips_package(vgg: Backbone) -> None:
    with torch.device("meta"):
        package: Any = lpips.LPIPS(net="vgg", pnet_rand=True, lpips=False, verbose=False)
    weights = vgg.network.state_dict()
    for slice_name, part in package.net.named_children():
        for index, layer in part.named_children():
            if isinstance(layer, nn.Conv2d):
                own = {key: weights[f"features.{index}.{key}"] for key in ("weight", "bias")}
                layer.load_state_dict(own, assign=True)
        assert slice_name.startswith("slice")
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        expected = float(package.eval()(images[:1], images[1:]))
        distance = 0.0
        for raw in vgg.taps(images):
            maps = raw.double()
            unit = maps / (maps.square().sum(1, keepdim=True).sqrt() + 1e-10)
            distance += float((unit[0] - unit[1]).square().sum(0).mean())
    assert distance == pytest.approx(expected, rel=1e-5)


def test_a_network_without_taps_says_so() -> None:
    with pytest.raises(ValueError, match="inception_v3 has no perceptual taps"):
        random_backbone("inception_v3").taps(torch.zeros(1, 3, 75, 75))


def test_sixteen_layers_of_vgg_end_with_relu3_3(vgg: Backbone) -> None:
    images = torch.linspace(-1, 1, 2 * 3 * 32 * 32).sin().view(2, 3, 32, 32)
    stack = feature_stack(vgg, 16)
    found = stack(images)
    assert torch.equal(found, vgg.taps(images)[2])
    assert found.shape == (2, 256, 8, 8)
    empty = empty_feature_stack("vgg16", 16)
    empty.load_state_dict(stack.state_dict())
    assert torch.allclose(empty(images), found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "layer"), [("vgg16", 32), ("vgg16", 0), ("resnet18", 9)])
def test_a_layer_that_is_not_there_is_a_one_line_error(name: str, layer: int) -> None:
    with pytest.raises(BestsellerError, match=r"layer"):
        empty_feature_stack(name, layer)


def test_saved_backbones_come_back_the_same(tmp_path: Path, resnet: Backbone) -> None:
    save_backbone(tmp_path, resnet)
    first = (tmp_path / "resnet18.safetensors").read_bytes()
    back = load_backbone(tmp_path, "resnet18")
    assert back.name == "resnet18_catalogue"
    assert np.array_equal(back.features(random_images(3)), resnet.features(random_images(3)))
    save_backbone(tmp_path, back)
    assert (tmp_path / "resnet18.safetensors").read_bytes() == first


def test_a_changed_or_missing_weight_file_is_a_one_line_error(
    tmp_path: Path, resnet: Backbone
) -> None:
    with pytest.raises(BestsellerError, match=r"resnet18\.json: not found; run `dvc repro") as one:
        load_backbone(tmp_path, "resnet18")
    save_backbone(tmp_path, resnet)
    file = tmp_path / "resnet18.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BestsellerError, match=r"SHA-256 is not resnet18\.json's") as other:
        load_backbone(tmp_path, "resnet18")
    file.unlink()
    with pytest.raises(BestsellerError, match=r"resnet18\.safetensors: not found"):
        load_backbone(tmp_path, "resnet18")
    assert "\n" not in f"{one.value}{other.value}"


def test_published_weights_come_from_the_folder_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = models.resnet18(weights=None)
    local = tmp_path / "weights.pth"
    torch.save(source.state_dict(), local)
    digest = published.sha256_file(local)[:8]
    monkeypatch.setattr(
        published, "published_url", lambda _: f"https://example.invalid/resnet18-{digest}.pth"
    )
    local.rename(tmp_path / f"resnet18-{digest}.pth")
    backbone = published_backbone("resnet18", tmp_path)
    assert backbone.name == "resnet18_imagenet"
    assert torch.equal(backbone.network.state_dict()["conv1.weight"], source.conv1.weight)

    with open(tmp_path / f"resnet18-{digest}.pth", "ab") as file:
        file.write(b"x")
    with pytest.raises(BestsellerError, match=f"its SHA-256 begins .{{8}}, not {digest}") as error:
        published_backbone("resnet18", tmp_path)
    assert "\n" not in str(error.value)


def test_weights_that_cannot_be_had_name_file_and_alternative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A closed port on loopback: what a machine without a network sees, at once.
    monkeypatch.setattr(
        published, "published_url", lambda _: "http://127.0.0.1:9/vgg16-397923af.pth"
    )
    with pytest.raises(BestsellerError) as error:
        published_backbone("vgg16", tmp_path)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path / "vgg16-397923af.pth"))
    assert "backbones.weights to catalogue" in message
    assert list(tmp_path.iterdir()) == []


def test_published_files_carry_their_hash_in_their_name() -> None:
    of_torchvision = [name for name in ARCHITECTURES if not in_package(name)]
    names = {name: published_url(name).rpartition("/")[2] for name in of_torchvision}
    assert names["vgg16"] == "vgg16-397923af.pth"
    assert names["inception_v3"] == "inception_v3_google-0cc3c7bd.pth"
    assert names["resnet50"] == "resnet50-0676ba61.pth"


def test_nt_xent_equals_the_formula() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(size=(6, 4))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    designs = np.array([0, 1, 1, 0, 1, 1])  # images 1 and 2 show one design
    similar = np.exp(z @ z.T / 0.2)
    terms = []
    for row in range(6):
        other = (row + 3) % 6
        rivals = [k for k in range(6) if designs[k] != designs[row]]
        denominator = similar[row, other] + similar[row, rivals].sum()
        terms.append(-np.log(similar[row, other] / denominator))
    found = nt_xent(torch.from_numpy(z), torch.from_numpy(designs), 0.2)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-12)


def with_some_statistics(network: nn.Module) -> nn.Module:
    """Give every batch norm weights and statistics that do something."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 1.5, generator=generator)
    return network


@pytest.mark.parametrize(
    ("name", "side"), [("resnet18", 32), ("resnet50", 32), ("inception_v3", 75)]
)
def test_features_are_computed_without_batch_norms_and_stay_the_same(name: str, side: int) -> None:
    network = with_some_statistics(random_backbone(name).network)
    folded = fold_batch_norms(network)
    images = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected = network(images)
        assert torch.allclose(
            folded(images), expected, rtol=1e-4, atol=1e-4 * float(expected.max())
        )
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_folding_keeps_the_function_of_vgg() -> None:
    network = fitting._trainable("vgg16", torch.Generator().manual_seed(0))
    with_some_statistics(network)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        before = network.eval()(images)
        fitting._fold(network)
        after = network(images)
    assert torch.allclose(after, before, rtol=1e-4, atol=1e-5)
    plain = [type(layer) for layer in empty_network("vgg16").features]  # type: ignore[union-attr]
    assert [type(layer) for layer in network.features] == plain  # type: ignore[union-attr]


def shapes(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Discs, squares and crosses of random colours and places on white."""
    rng = np.random.default_rng(0)
    images = np.full((count, 32, 32, 3), 250, np.uint8)
    y, x = np.mgrid[:32, :32]
    kinds = rng.permutation(np.arange(count) % 3)
    for image, kind in zip(images, kinds, strict=True):
        v, u = y - rng.integers(12, 21), x - rng.integers(12, 21)
        near = np.maximum(abs(u), abs(v)) < 10
        disc, cross = u**2 + v**2 < 90, near & (np.minimum(abs(u), abs(v)) < 3)
        image[(disc, near, cross)[kind]] = rng.integers(0, 200, 3)
    return images, np.array(["disc", "square", "cross"])[kinds], np.arange(count)


def test_fitting_is_deterministic() -> None:
    images, lines, clusters = shapes(12)
    chosen = settings(steps=3, precision="auto")
    one, two = (fit_backbone("resnet18", images, lines, clusters, chosen) for _ in range(2))
    assert one.loss == two.loss
    weights = two.backbone.network.state_dict()
    for name, tensor in one.backbone.network.state_dict().items():
        assert torch.equal(tensor, weights[name]), name
    other = fit_backbone("resnet18", images, lines, clusters, chosen.model_copy(update={"seed": 1}))
    assert other.loss != one.loss


def test_fitting_beats_chance() -> None:
    images, lines, clusters = shapes(120)
    seen, unseen = slice(0, 90), slice(90, 120)
    chosen = settings(steps=25, batch_size=32, precision="auto")
    fitted = fit_backbone("resnet18", images[seen], lines[seen], clusters[seen], chosen).backbone
    known, new = fitted.features(images[seen]), fitted.features(images[unseen])
    accuracy, chance = line_accuracy(known, lines[seen], new, lines[unseen])
    assert chance == pytest.approx(1 / 3)
    assert accuracy > 0.8
    gallery = np.concatenate([known, new])
    moved = fitted.features(changed(images[unseen], 0))
    found, guess = retrieval(moved, clusters[unseen], gallery, clusters)
    assert guess == pytest.approx(1 / 120)
    assert found > 0.3


def test_fitted_vgg_is_plain_vgg(tmp_path: Path) -> None:
    images, lines, clusters = shapes(12)
    fit = fit_backbone("vgg16", images, lines, clusters, settings())
    assert np.isfinite(fit.loss)
    save_backbone(tmp_path, fit.backbone)
    layers = json.loads((tmp_path / "vgg16.json").read_text())["layers"]
    assert set(layers) == {key for key in models.vgg16().state_dict() if key.startswith("features")}


def test_fitting_one_design_and_a_wild_learning_rate_are_one_line_errors() -> None:
    images, lines, clusters = shapes(8)
    with pytest.raises(BestsellerError, match="fewer than 2 designs are too few to fit resnet18"):
        fit_backbone("resnet18", images, lines, clusters * 0, settings())
    with pytest.raises(BestsellerError, match=r"backbones\.lr: 1e\+30 .* lower it"):
        fit_backbone("resnet18", images, lines, clusters, settings(lr=1e30, steps=4))


@pytest.mark.parametrize("name", ["inception_v3", "efficientnet_lite0"])
def test_a_network_that_cannot_be_fitted_says_which_can(name: str) -> None:
    images, lines, clusters = shapes(8)
    with pytest.raises(BestsellerError, match=rf"{name} cannot be fitted .* vgg16, resnet18"):
        fit_backbone(name, images, lines, clusters, settings())


def test_checks_are_balanced_over_lines() -> None:
    seen = np.array([[1.0, 0.0], [-1.0, 0.0]])
    unseen = np.array([[0.9, 0.1], [0.8, 0.0], [0.7, 0.1], [0.5, 0.1]])
    accuracy, chance = line_accuracy(seen, np.array(["a", "b"]), unseen, np.array(list("aaab")))
    assert (accuracy, chance) == (0.5, 0.5)  # all of a, none of b
    found, guess = retrieval(
        unseen[:2], np.array([7, 8]), np.concatenate([unseen, seen]), np.array([7, 8, 9, 9, 9, 9])
    )
    assert guess == pytest.approx(1 / 6)
    assert found == 1.0


def test_changed_images_are_moved_and_mirrored_not_recoloured() -> None:
    images = random_images(2)
    moved = changed(images, 0)
    assert moved.shape == images.shape and not np.array_equal(moved, images)
    inside = moved[0, 3:-3, 3:-3]
    windows = np.lib.stride_tricks.sliding_window_view(images[0], (26, 26, 3))
    assert any(np.array_equal(window, inside) for window in windows.reshape(-1, 26, 26, 3))


@pytest.mark.parametrize("network", ["resnet", "vgg"])
def test_features_do_not_depend_on_the_number_of_threads(
    network: str, request: pytest.FixtureRequest
) -> None:
    backbone: Backbone = request.getfixturevalue(network)
    images, threads = random_images(6), torch.get_num_threads()
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(backbone.features(images))
    torch.set_num_threads(threads)
    assert np.allclose(found[0], found[1], 1e-5, 1e-6 * np.abs(found[0]).max())


def test_the_resize_is_that_of_tensorflow_1() -> None:
    row = torch.tensor([10.0, 30.0])
    image = (row[:, None] + 4 * row)[None, None]
    # Twice the side reads at 0, 0.5, 1 and 1.5, the last beyond the edge.
    axis = torch.tensor([10.0, 20.0, 30.0, 30.0])
    assert torch.equal(resize_tensorflow1(image, 4)[0, 0], axis[:, None] + 4 * axis)
    image = torch.rand(1, 2, 7, 5, generator=torch.Generator().manual_seed(0))
    found = resize_tensorflow1(image, 6)
    for i, j in ((0, 0), (2, 3), (5, 5)):
        y, x = i * 7 / 6, j * 5 / 6
        top, left = int(y), int(x)
        below, right = min(top + 1, 6), min(left + 1, 4)
        expected = sum(
            share * image[:, :, row, column]
            for row, column, share in (
                (top, left, (1 - y + top) * (1 - x + left)),
                (top, right, (1 - y + top) * (x - left)),
                (below, left, (y - top) * (1 - x + left)),
                (below, right, (y - top) * (x - left)),
            )
        )
        assert torch.allclose(found[:, :, i, j], torch.as_tensor(expected), rtol=1e-6)
