"""Networks that are fitted on the catalogue, and the checks of what they tell apart."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bestseller.backbones import (
    save_backbone,
)
from bestseller.backbones.check import changed, line_accuracy, retrieval
from bestseller.backbones.fit import fit_backbone, nt_xent
from bestseller.backbones.vision import models
from bestseller.base.errors import BestsellerError
from test_backbones import random_images, settings


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
