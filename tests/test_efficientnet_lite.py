"""Published weights out of pip packages, and the feature spaces made of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from bestseller.backbones import FeatureSpace, extract, feature_stack, numbered_layers
from bestseller.backbones.check import is_blind
from bestseller.backbones.efficientnet_lite import SameConv2d, from_package
from bestseller.backbones.networks import ARCHITECTURES, architecture, empty_network
from bestseller.backbones.packages import Package
from bestseller.backbones.weights import in_package, published_backbone
from bestseller.base.errors import BestsellerError

NAMES = [name for name in ARCHITECTURES if in_package(name)]


def package(name: str) -> Package:
    published = architecture(name).published
    assert isinstance(published, Package)
    return published


def images(count: int, side: int = 64) -> np.ndarray:
    """Coloured waves: smooth, so that a shifted padding shows."""
    y, x = np.mgrid[:side, :side] / side
    rng = np.random.default_rng(0)
    waves = [
        np.stack([np.sin(a * x + b * y + c) for a, b, c in rng.normal(0, 9, (3, 3))], -1)
        for _ in range(count)
    ]
    return (127.5 * (1 + np.stack(waves))).astype(np.uint8)


def reference(stored: dict[str, Tensor], x: Tensor, repeats: list[int]) -> list[Tensor]:
    """The published network by the paper's table, its batch norms as they are, float64.

    Returns the maps of the stem, each stage and the head.
    """
    stored = {key: value.double() for key, value in stored.items()}

    def convolve(
        x: Tensor, kernel: str, norm: str, stride: int = 1, depthwise: bool = False
    ) -> Tensor:
        weight = stored[f"{kernel}.weight"]
        size = weight.shape[-1]
        after = -(-x.shape[-1] // stride)
        pad = max((after - 1) * stride + size - x.shape[-1], 0)
        x = F.pad(x, (pad // 2, pad - pad // 2, pad // 2, pad - pad // 2))
        x = F.conv2d(x, weight, stride=stride, groups=len(weight) if depthwise else 1)
        mean, variance = stored[f"{norm}.running_mean"], stored[f"{norm}.running_var"]
        scale, shift = stored[f"{norm}.weight"], stored[f"{norm}.bias"]
        return F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)

    x = convolve(x, "_conv_stem", "_bn0", 2).clamp(0, 6)
    maps, block = [x], 0
    for stage, (repeat, stride) in enumerate(zip(repeats, (1, 2, 2, 2, 1, 2, 1), strict=True)):
        for number in range(repeat):
            name, before = f"_blocks.{block}", x
            if stage:
                x = convolve(x, f"{name}._expand_conv", f"{name}._bn0").clamp(0, 6)
            step = stride if number == 0 else 1
            x = convolve(x, f"{name}._depthwise_conv", f"{name}._bn1", step, True).clamp(0, 6)
            x = convolve(x, f"{name}._project_conv", f"{name}._bn2")
            if number:
                x = x + before
            block += 1
        maps.append(x)
    maps.append(convolve(x, "_conv_head", "_bn1").clamp(0, 6))
    return maps


@pytest.mark.parametrize(
    ("name", "repeats"),
    [
        ("efficientnet_lite0", [1, 2, 2, 3, 3, 4, 1]),
        ("efficientnet_lite1", [1, 3, 3, 4, 4, 5, 1]),
        ("efficientnet_lite2", [1, 3, 3, 4, 4, 5, 1]),
    ],
)
@pytest.mark.parametrize("side", [64, 75])
def test_every_layer_computes_what_the_published_weights_compute(
    name: str, repeats: list[int], side: int
) -> None:
    backbone = published_backbone(name, "nowhere")
    pixels = images(2, side)
    given = torch.from_numpy(pixels).permute(0, 3, 1, 2).double() / 127.5 - 1
    with torch.inference_mode():
        expected = reference(package(name).weights(), given, repeats)
        maps = backbone.normalise(given.float())
        for layer, wanted in zip(numbered_layers(backbone.network), expected, strict=True):
            maps = layer(maps)
            assert maps.shape == wanted.shape
            difference = (maps.double() - wanted).abs().max()
            assert float(difference) < 2e-5 * float(wanted.abs().max())
    found = backbone.features(pixels)
    assert np.allclose(found, expected[-1].mean((2, 3)).numpy(), atol=1e-4)


def test_it_knows_what_it_sees() -> None:
    """Published weights tell a wave's picture from another's, also moved by a pixel."""
    pixels = images(6)
    features = FeatureSpace(published_backbone("efficientnet_lite0", ""), (4, 5)).features(pixels)
    moved = np.roll(pixels, 1, axis=2)
    again = FeatureSpace(published_backbone("efficientnet_lite0", ""), (4, 5)).features(moved)
    distances = np.linalg.norm(features[:, None] - again[None], axis=2)
    assert (distances.argmin(1) == np.arange(6)).all()


def test_a_feature_space_is_the_mean_of_the_layers_maps() -> None:
    backbone = published_backbone("efficientnet_lite1", "")
    pixels = images(3)
    given = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.inference_mode():
        larger = F.interpolate(given, (96, 96), mode="bilinear")
        expected = torch.cat(
            [feature_stack(backbone, layer, "mean")(larger).flatten(1) for layer in (3, 5)], 1
        )
    space = FeatureSpace(backbone, (3, 5), 96)
    assert space.name == "efficientnet_lite1_imagenet_layers_3_5"
    assert np.allclose(space.features(pixels), expected.numpy(), atol=1e-4)
    assert space.features(pixels[:0]).shape == (0, expected.shape[1])


def test_spaces_of_one_network_share_its_pass() -> None:
    one, other = (published_backbone(f"efficientnet_lite{number}", "") for number in (0, 1))
    spaces = [
        FeatureSpace(one, (), 48),
        FeatureSpace(one, (4, 5), 48),
        FeatureSpace(other, (2,), 48),
        FeatureSpace(one, (4, 5), 32),
    ]
    pixels = images(3)
    for space, found in zip(spaces, extract(spaces, pixels), strict=True):
        assert np.allclose(found, space.features(pixels), rtol=1e-4, atol=1e-5), space.name


@pytest.mark.parametrize("layers", [[10], [0, 2], [3, 2], [2, 2]])
def test_layers_that_are_not_there_or_do_not_rise_are_refused(layers: list[int]) -> None:
    with pytest.raises(BestsellerError, match=r"efficientnet_lite0: .*layers"):
        published_backbone("efficientnet_lite0", "").features(images(1), layers=layers)


def test_a_package_that_is_missing_or_another_one_is_told_in_one_line() -> None:
    known = package("efficientnet_lite0")
    with pytest.raises(BestsellerError, match=r"no_such_package: not installed; run `pip") as one:
        replace(known, name="no_such_package").weights()
    with pytest.raises(BestsellerError, match=r"SHA-256 is not 0000") as two:
        replace(known, sha256="0" * 64).weights()
    assert "\n" not in f"{one.value}{two.value}"


def test_weights_of_another_network_do_not_fit() -> None:
    with pytest.raises(ValueError, match="convolutions"):
        from_package(empty_network("efficientnet_lite1"), package("efficientnet_lite0").weights())


def test_padding_is_same_also_where_the_side_is_odd() -> None:
    for side in range(1, 12):
        for kernel, stride in ((3, 1), (3, 2), (5, 2)):
            out = SameConv2d(1, 1, kernel, stride)(torch.zeros(1, 1, side, side))
            assert out.shape[-1] == -(-side // stride)


def test_a_space_near_chance_is_blind() -> None:
    assert is_blind(0.25, 0.2) and not is_blind(0.8, 0.2) and not is_blind(1.0, 1.0)
