"""Frozen networks and their features, held against torchvision and lpips."""

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
    vision,
)
from bestseller.backbones import fit as fitting
from bestseller.backbones.networks import ARCHITECTURES, empty_network, fold_batch_norms
from bestseller.backbones.resize import resize_tensorflow1
from bestseller.backbones.vision import lpips, models
from bestseller.backbones.weights import in_package
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
