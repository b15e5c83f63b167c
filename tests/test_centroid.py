"""The centroid constraint against its formula, in its published form and beside it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bestseller.backbones import empty_feature_stack
from bestseller.base.errors import BestsellerError
from bestseller.centroid.centroids import (
    Centroids,
    Reference,
    load_centroids,
    reference,
    save_centroids,
)
from bestseller.images.augment import augment
from bestseller.images.store import ImageSet
from bestseller.params import Centroid, load_params
from bestseller.training.constraint import DECAY, CentroidConstraint
from conftest import REPOSITORY
from shapes import make_shop
from stages.centroid import centroids_of

PARAMS = load_params(REPOSITORY / "params.yaml")
LITERAL = PARAMS.centroid.model_copy(
    update={
        "weight": 0.1,
        "every": 1,
        "images": 0,
        "start": 0.0,
        "schedule": "constant",
        "per": "all",
        "threshold": "mean",
        "relative": False,
        "weighting": "fixed",
    }
)
LAYERS: dict[str, object] = {"backbone": "small", "layer": 3, "pooling": "none"}


class Flat(nn.Module):
    """Phi(x) = x."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def small_features() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU())


def settings(**changed: object) -> Centroid:
    return LITERAL.model_copy(update=changed)


def around_zero(distance: float, **changed: object) -> CentroidConstraint:
    """A constraint on the 12 values of a 2 x 2 image itself, c = 0 and d_ref as given."""
    centroids = Centroids(Flat(), torch.zeros(1, 12), torch.tensor([distance]))
    return CentroidConstraint(centroids, settings(**changed))


def term(constraint: CentroidConstraint, images: Tensor, **more: Any) -> tuple[Tensor, dict]:
    given = {"conditions": torch.zeros(len(images), dtype=torch.int64), "adversarial": images.sum()}
    return constraint.term(images, **(given | more))


# Centre and reference distance


def test_reference_equals_a_two_pass_float64_computation() -> None:
    images = np.random.default_rng(0).integers(0, 256, (37, 8, 8, 3), dtype=np.uint8)
    features = small_features().eval()
    with torch.inference_mode():
        found = reference(images, features, batch_size=5)
        decoded = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        phi = features(decoded).double().flatten(1).numpy()
    centre = phi.mean(axis=0)
    distances = np.linalg.norm(phi - centre, axis=1)
    np.testing.assert_allclose(found.centre.flatten().numpy(), centre, rtol=1e-5, atol=1e-7)
    assert found.distance == pytest.approx(distances.mean(), rel=1e-6)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-6)


def test_a_percentile_leaves_that_share_of_the_real_images_inside() -> None:
    images = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), dtype=np.uint8)
    found = reference(images, Flat(), 90, name="")
    assert (found.distances <= found.distance).sum() == 45
    assert reference(images, Flat(), 100, name="").distance == found.distances.max()


def shop_set(n: int = 320) -> ImageSet:
    pixels, index, _ = make_shop(n, size=16)
    index = index.drop(columns="redness").assign(category="c", view="front", sha256="0")
    return ImageSet(pixels, index)


def test_about_half_of_what_the_gans_learn_from_lies_outside_d_ref() -> None:
    learned = augment(shop_set(), PARAMS.augment)
    kept = (learned.index["split"] != "test").to_numpy()
    found = reference(learned.images[kept], Flat(), name="")
    assert (found.distances > found.distance).mean() == pytest.approx(0.5, abs=0.05)


def test_a_line_with_images_enough_has_a_centre_of_its_own() -> None:
    images = shop_set(40)
    lines = np.array(["many"] * 30 + ["few"] * 10)
    named = ImageSet(images.images, images.index.assign(line=lines))
    phi = torch.inference_mode()(Flat())
    overall = reference(named.images, phi, name="")
    told = settings(per="line", min_images=11, threshold=80.0)
    found = centroids_of(Flat(), overall, named, told)
    assert found.lines == ["many"]
    assert found.rows(["few", "many", "new"]).tolist() == [0, 1, 0]
    decoded = torch.from_numpy(named.images).permute(0, 3, 1, 2).float() / 127.5 - 1
    own = decoded[:30].flatten(1).double()
    away = (own - own.mean(dim=0)).norm(dim=1).numpy()
    torch.testing.assert_close(found.centres[1], own.mean(dim=0).float())
    assert found.references.tolist() == pytest.approx(
        [np.percentile(overall.distances, 80), np.percentile(away, 80)], rel=1e-5
    )
    rows = found.rows(list(lines))
    with torch.inference_mode():
        measured = found.distances(decoded, rows).numpy()
    assert measured[:30] == pytest.approx(away / np.percentile(away, 80), rel=1e-4)
    other = overall.distances[30:] / np.percentile(overall.distances, 80)
    assert measured[30:] == pytest.approx(other, rel=1e-4)
    assert centroids_of(Flat(), overall, named, settings()).lines == []


def test_the_real_sets_own_loss_is_its_mean_excess_over_the_mean_distance() -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    found = reference(images, Flat())
    constraint = CentroidConstraint(Centroids.of(Flat(), found, {}), settings())
    decoded = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    excess = np.clip(found.distances - found.distances.mean(), 0, None).mean()
    assert term(constraint, decoded)[1]["centroid_loss"].item() == pytest.approx(excess, rel=1e-4)


# The loss, as published


def test_zero_inside_the_ball_and_linear_outside() -> None:
    constraint = around_zero(2.0)
    inside = torch.full((3, 3, 2, 2), 0.5)  # norm sqrt(12)/2 = 1.73
    loss, stats = term(constraint, inside)
    assert loss.item() == stats["centroid_loss"].item() == 0.0
    assert stats["centroid_distance"].item() == pytest.approx(np.sqrt(12) / 4)
    outside = torch.full((2, 3, 2, 2), 1.0)  # norm sqrt(12) = 3.4641
    loss, stats = term(constraint, outside)
    assert stats["centroid_loss"].item() == pytest.approx(np.sqrt(12) - 2, rel=1e-6)
    assert loss.item() == pytest.approx(0.1 * (np.sqrt(12) - 2), rel=1e-6)


def test_gradient_outside_is_the_unit_vector_from_the_centre() -> None:
    centre = torch.randn(12, generator=torch.Generator().manual_seed(0))
    centroids = Centroids(Flat(), centre[None], torch.tensor([0.5]))
    constraint = CentroidConstraint(centroids, settings(weight=1.0))
    images = (torch.randn(2, 3, 2, 2) * 5).requires_grad_()
    (found,) = torch.autograd.grad(term(constraint, images)[0], images)
    by_hand = images.detach().flatten(1) - centre
    by_hand /= 2 * by_hand.norm(dim=1, keepdim=True)
    torch.testing.assert_close(found.flatten(1), by_hand, rtol=1e-5, atol=1e-6)


def test_weight_is_scaled_by_every() -> None:
    constraint = around_zero(1.0, every=4)
    images = torch.full((2, 3, 2, 2), 1.0)
    loss, stats = term(constraint, images)
    assert loss.item() == pytest.approx(0.4 * stats["centroid_loss"].item())
    assert [step for step in range(9) if constraint.applies(step, step / 9)] == [0, 4, 8]
    late = around_zero(1.0, every=4, start=0.3)
    assert [step for step in range(9) if late.applies(step, step / 9)] == [4, 8]


def test_a_part_of_the_batch_pushes_as_the_whole_does_on_average() -> None:
    images = torch.rand(6, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * 3
    whole, part = (around_zero(1.0, images=count) for count in (0, 2))
    batches = [images.roll(shift, dims=0) for shift in range(6)]
    terms = torch.stack([term(part, batch)[0] for batch in batches])
    assert terms.std() > 0
    torch.testing.assert_close(terms.mean(), term(whole, images)[0])


# Beside it


def test_the_adaptive_weight_follows_the_share_outside() -> None:
    """One of four images lies outside the ball: a quarter of lambda, and of the gradient."""
    images = torch.zeros(4, 3, 2, 2)
    images[0] = 1.0  # norm sqrt(12)
    terms = {}
    for schedule in ("constant", "adaptive"):
        pulled = images.clone().requires_grad_()
        constraint = around_zero(1.0, every=2, schedule=schedule)
        terms[schedule], stats = term(constraint, pulled)
        assert stats["centroid_outside"].item() == 0.25
        assert stats["centroid_loss"].item() == pytest.approx((np.sqrt(12) - 1) / 4)
        terms[schedule].backward()
        expected = 0.2 * (0.25 if schedule == "adaptive" else 1) / 4 / np.sqrt(12)
        assert pulled.grad is not None
        torch.testing.assert_close(pulled.grad[0], torch.full((3, 2, 2), expected))
        assert pulled.grad[1:].abs().sum() == 0
    assert terms["adaptive"].item() == pytest.approx(terms["constant"].item() / 4)


def test_a_relative_distance_is_one_of_any_scale_of_features() -> None:
    """In features ten times as large the literal loss is ten times as large, the relative not."""
    images = torch.rand(4, 3, 2, 2, generator=torch.Generator().manual_seed(0)) + 0.5
    found = {}
    for relative in (False, True):
        for scale in (1.0, 10.0):
            constraint = around_zero(1.5 * scale, relative=relative)
            found[relative, scale] = term(constraint, images * scale)[0].item()
    assert found[False, 10.0] == pytest.approx(10 * found[False, 1.0])
    assert found[True, 10.0] == pytest.approx(found[True, 1.0])
    norms = images.flatten(1).norm(dim=1)
    by_hand = 0.1 * (norms / 1.5 - 1).clamp(min=0).mean()
    assert found[True, 1.0] == pytest.approx(by_hand.item())


def test_each_image_is_pulled_to_the_centre_of_its_condition() -> None:
    """Condition 1 has a centre of its own at 1 with d_ref 1, the others that of all at 0 with 2."""
    centres = torch.stack([torch.zeros(12), torch.ones(12)])
    centroids = Centroids(Flat(), centres, torch.tensor([2.0, 1.0]), ["own"])
    constraint = CentroidConstraint(centroids, settings(weight=1.0), torch.tensor([0, 1, 0]))
    images = torch.ones(3, 3, 2, 2)
    loss, stats = term(constraint, images, conditions=torch.tensor([0, 1, 2]))
    assert loss.item() == pytest.approx(2 * (np.sqrt(12) - 2) / 3)
    assert stats["centroid_outside"].item() == pytest.approx(2 / 3)
    assert stats["centroid_distance"].item() == pytest.approx(2 * np.sqrt(12) / 2 / 3)


def test_the_gradient_weighting_pulls_with_lambda_times_the_adversarial_push() -> None:
    """L_adv = mean_j sum of 3 x_j: N times its gradient at an image has the norm 3 sqrt(12).

    The constraint looks at two of four images, one of them outside, and pulls at that one with
    lambda times this norm, shared as the mean of two shares it.
    """
    for relative, radius in ((False, 1.0), (True, 1.7)):
        images = torch.zeros(4, 3, 2, 2)
        images[0] = 1.0
        pulled = images.requires_grad_()
        constraint = around_zero(
            radius, weighting="gradient", weight=0.25, images=2, relative=relative
        )
        adversarial = (3 * pulled).flatten(1).sum(dim=1).mean()
        loss, stats = term(constraint, pulled, adversarial=adversarial)
        (found,) = torch.autograd.grad(loss, pulled)
        assert 2 * found[0].norm().item() == pytest.approx(0.25 * 3 * np.sqrt(12), rel=1e-5)
        assert found[1:].abs().sum() == 0
        expected = 3 * np.sqrt(12) * (radius if relative else 1)
        assert stats["centroid_ratio"].item() == pytest.approx(expected, rel=1e-5)


def test_the_ratio_is_that_of_moving_averages_over_the_uses() -> None:
    constraint = around_zero(1.0, weighting="gradient", weight=1.0)
    inside = torch.zeros(2, 3, 2, 2).requires_grad_()
    loss, stats = term(constraint, inside, adversarial=inside.sum() / 2)
    assert loss.item() == stats["centroid_ratio"].item() == 0, "nothing lay outside yet"
    outside = torch.ones(2, 3, 2, 2).requires_grad_()
    _, stats = term(constraint, outside, adversarial=5 * outside.sum() / 2)
    # norms of the push: sqrt(12), then 5 sqrt(12); of the pull: 1, of two images, the last time
    pushes = np.sqrt(12) * (DECAY + 5) / (DECAY + 1)
    assert stats["centroid_ratio"].item() == pytest.approx(pushes, rel=1e-5)


def test_pooled_features_forget_the_places() -> None:
    """Shifting a picture by whole periods of the network's strides moves no pooled feature."""
    stack = empty_feature_stack("vgg16", 9, "mean")
    flat = empty_feature_stack("vgg16", 9, "none")
    torch.manual_seed(0)
    for parameter in stack.parameters():
        nn.init.normal_(parameter, 0.0, 0.05)
    flat.load_state_dict(stack.state_dict())
    images = torch.zeros(2, 3, 64, 64)
    images[0, :, 24:28, 24:28] = 1.0
    images[1, :, 24:28, 32:36] = 1.0
    with torch.inference_mode():
        pooled, placed = stack(images), flat(images)
    assert pooled.shape == (2, 128, 1, 1) and placed.shape == (2, 128, 32, 32)
    torch.testing.assert_close(pooled[0], pooled[1], rtol=1e-4, atol=1e-5)
    assert (placed[0] - placed[1]).abs().max() > 10 * pooled.abs().max() / 64
    torch.testing.assert_close(placed.mean(dim=(2, 3)), pooled.flatten(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("layer", "channels"), [(5, 64), (8, 512)])
def test_a_resnets_parts_are_numbered_too(layer: int, channels: int) -> None:
    stack = empty_feature_stack("resnet18", layer, "mean").eval()
    for tensor in stack.state_dict().values():
        tensor.fill_(0.01)
    assert stack(torch.zeros(1, 3, 32, 32)).shape == (1, channels, 1, 1)


# Frozen, saved, loaded


def test_frozen_features_get_no_gradient_and_stay_in_evaluation_mode() -> None:
    features = small_features()
    centroids = Centroids(features, torch.zeros(1, 4, 3, 3), torch.tensor([0.1]))
    constraint = CentroidConstraint(centroids, settings())
    constraint.train()
    assert not any(module.training for module in constraint.modules())
    norm = features[1]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    before = norm.running_mean.clone()
    images = torch.randn(4, 3, 8, 8, requires_grad=True)
    term(constraint, images)[0].backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in constraint.parameters())
    torch.testing.assert_close(norm.running_mean, before)


def test_saved_and_loaded_centroids_agree(tmp_path: Path) -> None:
    centroids = Centroids(
        small_features(), torch.rand(2, 4, 3, 3), torch.tensor([0.7, 0.5]), ["Daytona"]
    )
    save_centroids(tmp_path / "c.safetensors", centroids, LAYERS)
    save_centroids(tmp_path / "plain.safetensors", None, LAYERS)
    again = load_centroids(tmp_path / "c.safetensors", lambda *_: small_features())
    assert again is not None
    images, rows = torch.randn(3, 3, 8, 8), torch.tensor([0, 1, 1])
    with torch.inference_mode():
        expected = centroids.distances(images, rows)
        torch.testing.assert_close(again.distances(images, rows), expected)
    assert again.lines == ["Daytona"]
    assert load_centroids(tmp_path / "plain.safetensors", lambda *_: small_features()) is None


def test_equal_centroids_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        found = Reference(torch.ones(4, 3, 3), 0.7, np.ones(1))
        save_centroids(tmp_path / name, Centroids.of(small_features(), found, {}), LAYERS)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_damaged_file_is_named_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "centroid.safetensors"
    path.write_bytes(b"no safetensors")
    with pytest.raises(BestsellerError, match=r"centroid\.safetensors.*dvc repro centroid"):
        load_centroids(path, lambda *_: small_features())
