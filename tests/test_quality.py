"""What is measured of one model: names, numbers, and the perceptual embedding."""

from itertools import combinations
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch

from bestseller.backbones import Backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.backbones.vision import lpips
from bestseller.comparison.comparison import centroid_effects
from bestseller.evaluation.quality import measure, rounded, scale_of, similarity_values
from bestseller.evaluation.sheets import labelled_rows, pairs_sheet
from bestseller.metrics import registry
from bestseller.metrics.kernel_distance import kid, projections
from bestseller.metrics.perceptual import perceptual_diversity, perceptual_embedding
from bestseller.metrics.registry import (
    METRICS,
    Metric,
    as_records,
    columns_of,
    compared,
    from_records,
    space_label,
    space_title,
)
from bestseller.metrics.sample import RealFeatures, Sample


def real_features() -> RealFeatures:
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(300, 16)), rng.normal(size=(250, 16))
    rungs = {
        px: projections(test + shift, test, paired=True)
        for px, shift in ((0.5, 0.2), (1.0, 0.5), (2.0, 1.5))
    }
    return RealFeatures("resnet18_catalogue", 1.0, train, test, rungs)


def values_of(features: np.ndarray, real: RealFeatures) -> dict[str, Any]:
    return measure(Sample(features, real, 0.95))


def test_a_distance_is_called_fid_only_where_it_is() -> None:
    fd, kid = (next(m for m in METRICS if m.name == name) for name in ("fd", "kid"))
    assert fd.column("inception_v3", 50_000) == "fid"
    assert fd.column("inception_v3", 1_000) == "fd_inception_v3"
    assert kid.column("inception_v3", 1_000) == "kid"
    assert kid.column("lite2_4_5", 50_000) == "kid_lite2_4_5"
    assert scale_of("inception_v3", np.full((2, 3), 5.0)) == 1.0
    assert scale_of("lite2", np.array([[3.0, 4.0]])) == pytest.approx(np.sqrt(12.5))


def test_spaces_are_named_by_rule_and_told_apart() -> None:
    names = {
        "efficientnet_lite2_imagenet": "lite2",
        "efficientnet_lite2_imagenet_layers_4_5": "lite2_4_5",
        "resnet18_catalogue": "resnet18_catalogue",
        "resnet18_catalogue_layers_6_7": "resnet18_catalogue_6_7",
        "inception_v3_imagenet": "inception_v3",
    }
    assert {name: space_label(name) for name in names} == names
    assert space_title("lite2_4_5") == "lite2 layers 4, 5"
    assert space_title("inception_v3") == "inception v3"


def test_shifted_and_new_images_are_told_apart() -> None:
    real, rng = real_features(), np.random.default_rng(1)
    new = values_of(rng.normal(size=(400, 16)), real)
    shifted = values_of(rng.normal(1.0, 1.0, size=(400, 16)), real)
    for kind in ("fd", "kid", "mind", "blur", "kid_ratio"):
        assert shifted[f"{kind}_resnet18_catalogue"] > new[f"{kind}_resnet18_catalogue"]
    assert new["fd_infinity_resnet18_catalogue"] < new["fd_resnet18_catalogue"]
    assert new["precision_resnet18_catalogue"] > shifted["precision_resnet18_catalogue"]
    key = "kid_resnet18_catalogue"
    assert abs(new[key]) < 3 * new[f"{key}_se"]
    assert shifted["blur_resnet18_catalogue_low"] > 1.0  # each feature moved by more than 0.5


def test_held_out_photos_are_measured_against_the_training_ones() -> None:
    real = real_features()
    found = measure(Sample(real.test, real, 0.95, is_held_out=True))
    assert found["kid_resnet18_catalogue"] == kid(real.train, real.test).value
    assert real.floor.value >= real.floor.standard_error > 0


def test_a_metric_is_added_by_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    gap = Metric(
        "mean_gap",
        "Gap of means",
        "Distance of the mean features.",
        "lower",
        "sd",
        compute=lambda sample: float(
            np.linalg.norm(sample.features.mean(axis=0) - sample.real.train.mean(axis=0))
        ),
    )
    monkeypatch.setattr(registry, "METRICS", [*METRICS, gap])
    real, spaces = real_features(), {"features": ["resnet18_catalogue"]}
    columns = columns_of(cast(Any, spaces))
    name = "mean_gap_resnet18_catalogue"
    assert values_of(real.train + 3.0, real)[name] == pytest.approx(12.0)
    assert compared(columns, ["kid_resnet18_catalogue", name]) == ["kid_resnet18_catalogue", name]
    assert columns[name].label == "Gap of means, resnet18 catalogue (sd)"
    assert not columns[name].higher_is_better
    models = pd.DataFrame(
        {"gan": "dcgan", "constraint": ["plain", "centroid"], "seed": 0, name: [2.0, 1.0]}
    ).assign(**{f"{name}_se": 0.1})
    effect = centroid_effects(models, 0.95, columns)
    assert effect[["metric", "verdict"]].to_numpy().tolist() == [[name, "better"]]
    assert from_records(as_records(columns.values()))[name] == columns[name]


def test_similarity_weighs_lines_alike_and_leaves_out_unknown_ones() -> None:
    similarity = np.array([10.0, 30.0, 80.0, 80.0, 80.0, np.nan, 50.0])
    lines = ["a", "a", "b", "b", "b", "unknown", "single"]
    found = similarity_values(similarity, lines, np.array([True] + 6 * [False]))
    assert found["similarity"] == pytest.approx((20 + 80) / 2)
    assert found["similarity_se"] == pytest.approx(np.sqrt(200 / 2) / 2)
    assert (found["n_similarity"], found["abstained_share"]) == (5, pytest.approx(1 / 7))
    assert "similarity" not in similarity_values(np.full(2, np.nan), ["a", "a"], np.zeros(2, bool))


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
