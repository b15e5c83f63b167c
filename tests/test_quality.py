"""What is measured of one model: names, numbers, and the perceptual embedding."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from bestseller.backbones import Backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.backbones.vision import lpips
from bestseller.metrics.novelty import NoveltyTest, most_suspicious
from bestseller.metrics.perceptual import perceptual_diversity, perceptual_embedding
from bestseller.metrics.quality import (
    RealFeatures,
    distance_names,
    measure,
    novelty_values,
    rounded,
    similarity_values,
)
from bestseller.metrics.sheets import labelled_rows, pairs_sheet


def real_features() -> RealFeatures:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(300, 16)), rng.normal(size=(250, 16))
    return RealFeatures(
        "resnet18_catalogue", train, test, NoveltyTest.fit(train, np.arange(300), test)
    )


def test_a_distance_is_called_fid_only_where_it_is() -> None:
    assert distance_names("inception_v3_imagenet", 50_000) == ("fid", "kid", "mind")
    assert distance_names("inception_v3_imagenet", 1_000) == (
        "fd_inception_v3_imagenet",
        "kid",
        "mind",
    )
    assert distance_names("resnet18_catalogue", 50_000) == (
        "fd_catalogue",
        "kid_catalogue",
        "mind_catalogue",
    )
    assert distance_names("resnet18_imagenet", 100) == (
        "fd_resnet18_imagenet",
        "kid_resnet18_imagenet",
        "mind_resnet18_imagenet",
    )


def test_copies_shifted_and_new_images_are_told_apart() -> None:
    real, rng = real_features(), np.random.default_rng(1)
    new, _ = measure(rng.normal(size=(400, 16)), real, 0.95)
    shifted, _ = measure(rng.normal(1.0, 1.0, size=(400, 16)), real, 0.95)
    copied, near = measure(real.train[:200] + 1e-4, real, 0.95)
    for kind in ("fd_catalogue", "kid_catalogue", "mind_catalogue"):
        for metric in (kind, f"{kind}_test"):
            assert shifted[metric] > new[metric]
    assert new["fd_catalogue_infinity"] < new["fd_catalogue"]
    assert new["mind_catalogue_se"] < new["mind_catalogue"]
    assert new["precision"] > shifted["precision"]
    assert copied["near_copy_rate"] == 1.0
    assert near.index.tolist() == list(range(200))
    assert new["near_copy_rate_low"] <= 0.02
    assert abs(new["kid_catalogue_test"]) < 3 * new["kid_catalogue_test_se"]
    assert (new["n_images"], new["n_train"], new["n_test"]) == (400, 300, 250)


def test_similarity_weighs_lines_alike_and_leaves_out_unknown_ones() -> None:
    similarity = np.array([10.0, 30.0, 80.0, 80.0, 80.0, np.nan, 50.0])
    lines = ["a", "a", "b", "b", "b", "unknown", "single"]
    found = similarity_values(similarity, lines, np.array([True] + 6 * [False]))
    assert found["similarity"] == pytest.approx((20 + 80) / 2)
    assert found["similarity_se"] == pytest.approx(np.sqrt(200 / 2) / 2)
    assert (found["n_similarity"], found["abstained_share"]) == (5, pytest.approx(1 / 7))
    assert "similarity" not in similarity_values(np.full(2, np.nan), ["a", "a"], np.zeros(2, bool))


def test_a_second_space_finds_copies_that_the_first_misses() -> None:
    rng = np.random.default_rng(2)
    train, held_out = rng.normal(size=(200, 8)), rng.normal(size=(150, 8))
    tests = {name: NoveltyTest.fit(train, np.arange(200), held_out) for name in ("a", "b")}
    fake = rng.normal(size=(30, 8))
    near = {name: test.neighbours(fake) for name, test in tests.items()}
    copies = fake.copy()
    copies[17] = train[5] + 1e-4
    near["b"] = tests["b"].neighbours(copies)
    found = novelty_values(tests["b"], near["b"], 0.95, "b")
    assert found["near_copy_rate_b"] == pytest.approx(1 / 30)
    assert found["near_copy_rate_b_low"] < 1 / 30 < found["near_copy_rate_b_high"]
    assert novelty_values(tests["a"], near["a"], 0.95)["near_copy_rate"] == 0.0
    first, *others = most_suspicious(tests, near, 10)
    assert (first.image, first.neighbour, first.space) == (17, 5, "b")
    assert first.ratio < tests["b"].threshold
    assert len({suspect.image for suspect in others}) == 9


def take_trunk(backbone: Backbone, package: Any) -> None:
    """Give a backbone the random convolutions of the lpips package's network."""
    trunk = [layer for i in range(1, 6) for layer in getattr(package.net, f"slice{i}")]
    for ours, theirs in zip(backbone.network.features, trunk, strict=False):  # type: ignore[arg-type]
        ours.load_state_dict(theirs.state_dict())


def pair_distances(package: Any, images: np.ndarray) -> list[float]:
    """What the lpips package says of every pair of uint8 images."""
    signed = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    with torch.inference_mode():
        return [
            float(package(signed[i : i + 1], signed[j : j + 1]))
            for i, j in combinations(range(len(images)), 2)
        ]


@pytest.mark.parametrize(("net", "network"), [("alex", "alexnet"), ("vgg", "vgg16")])
def test_lpips_equals_the_package_with_its_own_weights(net: str, network: str) -> None:
    torch.manual_seed(0)
    package = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()
    backbone = Backbone(network, "imagenet", without_classifier(architecture(network).build()))
    take_trunk(backbone, package)
    images = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
    found, features = perceptual_diversity(
        backbone, images, pairs=10, precision="fp32", seed=0, progress="test"
    )
    distances = pair_distances(package, images)
    assert found[f"lpips_{network}"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert found[f"lpips_{network}_sampled"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert np.allclose(features, backbone.features(images), rtol=1e-4, atol=1e-6)


def test_the_weighted_embedding_is_squeezes_lpips_too() -> None:
    torch.manual_seed(0)
    package = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False).eval()
    weights = [package.get_submodule(f"lin{i}.model.1").weight.flatten() for i in range(7)]
    images = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        maps = package.net(package.scaling_layer(images))
        embedding = perceptual_embedding(list(maps), weights)
        for i, j in combinations(range(3), 2):
            expected = float(package(images[i : i + 1], images[j : j + 1]))
            distance = float((embedding[i] - embedding[j]).square().sum())
            assert distance == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def unweighted() -> Any:
    """The lpips package's distance with all weights one, on a network of random weights."""
    torch.manual_seed(0)
    return lpips.LPIPS(
        net="alex", pretrained=False, pnet_rand=True, lpips=False, verbose=False
    ).eval()


def test_perceptual_embedding_equals_the_lpips_package(unweighted: Any) -> None:
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        maps = [unweighted.scaling_layer(images)]
        for number in range(1, 6):
            maps.append(getattr(unweighted.net, f"slice{number}")(maps[-1]))
        embedding = perceptual_embedding(maps[1:])
        for i, j in combinations(range(4), 2):
            expected = float(unweighted(images[i : i + 1], images[j : j + 1]))
            distance = float((embedding[i] - embedding[j]).square().sum())
            assert distance == pytest.approx(expected, rel=1e-5)


def test_perceptual_diversity_is_the_mean_over_all_pairs(unweighted: Any) -> None:
    network = without_classifier(architecture("alexnet").build())
    backbone = Backbone("alexnet", "catalogue", network)
    take_trunk(backbone, unweighted)
    images = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    found, _ = perceptual_diversity(
        backbone, images, pairs=36, precision="fp32", seed=0, progress="test"
    )
    distances = pair_distances(unweighted, images)
    key = "diversity_alexnet_catalogue"
    assert found[key] == pytest.approx(np.mean(distances), rel=1e-3)
    assert found[f"{key}_sampled"] == pytest.approx(found[key], rel=1e-5)
    assert found["n_pairs"] == 36  # nine images have 36 pairs: all of them
    assert 0 < found[f"{key}_se"] < np.std(distances)


def test_rounding_keeps_whole_numbers_and_names() -> None:
    assert rounded({"a": 0.123456789, "n": 50_000, "space": "x"}) == {
        "a": 0.123457,
        "n": 50_000,
        "space": "x",
    }


def test_sheets_show_every_image_where_it_belongs() -> None:
    red, blue = np.zeros((2, 7, 16, 16, 3), np.uint8)
    red[..., 0], blue[..., 2] = 255, 255
    pairs = np.asarray(pairs_sheet(red, blue, [str(i) for i in range(7)], columns=3))
    assert int((pairs == [255, 0, 0]).all(axis=2).sum()) == 7 * 256
    assert int((pairs == [0, 0, 255]).all(axis=2).sum()) == 7 * 256
    rows = np.asarray(labelled_rows([("Red", red), ("Blue", blue[:3])]))
    is_red, is_blue = ((rows == color).all(axis=2) for color in ([255, 0, 0], [0, 0, 255]))
    assert (int(is_red.sum()), int(is_blue.sum())) == (7 * 256, 3 * 256)
    assert np.flatnonzero(is_red.any(axis=1)).max() < np.flatnonzero(is_blue.any(axis=1)).min()
