"""The centroid constraint against its formula."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bestseller.backbones import empty_feature_stack
from bestseller.errors import BestsellerError
from bestseller.gans.centroid import (
    CentroidConstraint,
    load_constraint,
    reference,
    save_constraint,
)


class Flat(nn.Module):
    """Phi(x) = x."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def small_features() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU())


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


def test_zero_inside_the_ball_and_linear_outside() -> None:
    constraint = CentroidConstraint(Flat(), torch.zeros(12), 2.0, weight=0.1, every=1)
    inside = torch.full((3, 3, 2, 2), 0.5)  # norm sqrt(12)/2 = 1.73
    assert constraint(inside).item() == 0.0
    outside = torch.full((2, 3, 2, 2), 1.0)  # norm sqrt(12) = 3.4641
    assert constraint(outside).item() == pytest.approx(np.sqrt(12) - 2, rel=1e-6)


def test_gradient_outside_is_the_unit_vector_from_the_centre() -> None:
    centre = torch.randn(12, dtype=torch.float64)
    constraint = CentroidConstraint(Flat(), centre, 0.5, weight=0.1, every=1)
    images = torch.randn(2, 3, 2, 2, dtype=torch.float64).mul(5).requires_grad_()

    def loss(x: Tensor) -> Tensor:  # the module's forward, kept in float64
        return ((x.flatten(1) - centre).norm(dim=1) - 0.5).clamp(min=0).mean()

    expected = torch.autograd.grad(loss(images), images)[0]
    found = torch.autograd.grad(constraint(images), images)[0]
    by_hand = (images.detach().flatten(1) - centre) / 2
    by_hand /= (images.detach().flatten(1) - centre).norm(dim=1, keepdim=True)
    torch.testing.assert_close(expected.flatten(1), by_hand)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_weight_is_scaled_by_every() -> None:
    constraint = CentroidConstraint(Flat(), torch.zeros(12), 1.0, weight=0.1, every=4)
    images = torch.full((2, 3, 2, 2), 1.0)
    term, stats = constraint.term(images)
    assert term.item() == pytest.approx(0.4 * stats["centroid_loss"].item())
    assert [step for step in range(9) if constraint.applies(step, step / 9)] == [0, 4, 8]
    constraint.start = 0.3
    assert [step for step in range(9) if constraint.applies(step, step / 9)] == [4, 8]


def test_a_part_of_the_batch_pushes_as_the_whole_does_on_average() -> None:
    images = torch.rand(6, 3, 2, 2, generator=torch.Generator().manual_seed(0)) * 3
    whole, part = (
        CentroidConstraint(Flat(), torch.zeros(12), 1.0, weight=0.1, every=1, images=count)
        for count in (0, 2)
    )
    batches = [images.roll(shift, dims=0) for shift in range(6)]
    terms = torch.stack([part.term(batch)[0] for batch in batches])
    assert terms.std() > 0
    torch.testing.assert_close(terms.mean(), whole.term(images)[0])


def test_the_adaptive_weight_follows_the_share_outside() -> None:
    """One of four images lies outside the ball: a quarter of lambda, and of the gradient."""
    images = torch.zeros(4, 3, 2, 2)
    images[0] = 1.0  # norm sqrt(12)
    terms = {}
    for schedule in ("constant", "adaptive"):
        pulled = images.clone().requires_grad_()
        constraint = CentroidConstraint(Flat(), torch.zeros(12), 1.0, 0.1, 2, schedule=schedule)
        terms[schedule], stats = constraint.term(pulled)
        assert stats["centroid_outside"].item() == 0.25
        assert stats["centroid_loss"].item() == pytest.approx((np.sqrt(12) - 1) / 4)
        terms[schedule].backward()
        expected = 0.2 * (0.25 if schedule == "adaptive" else 1) / 4 / np.sqrt(12)
        assert pulled.grad is not None
        torch.testing.assert_close(pulled.grad[0], torch.full((3, 2, 2), expected))
        assert pulled.grad[1:].abs().sum() == 0
    assert terms["adaptive"].item() == pytest.approx(terms["constant"].item() / 4)


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


def test_frozen_features_get_no_gradient_and_stay_in_evaluation_mode() -> None:
    features = small_features()
    constraint = CentroidConstraint(features, torch.zeros(4, 3, 3), 0.1, weight=0.1, every=1)
    constraint.train()
    assert not any(module.training for module in constraint.modules())
    norm = features[1]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    before = norm.running_mean.clone()
    images = torch.randn(4, 3, 8, 8, requires_grad=True)
    constraint(images).backward()
    assert images.grad is not None and images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in constraint.parameters())
    torch.testing.assert_close(norm.running_mean, before)


def test_the_real_sets_own_loss_is_its_mean_excess_over_the_mean_distance() -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 4, 4, 3), dtype=np.uint8)
    found = reference(images, Flat())
    constraint = CentroidConstraint(Flat(), found.centre, found.distance, 0.1, 1)
    decoded = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    excess = np.clip(found.distances - found.distances.mean(), 0, None).mean()
    assert constraint(decoded).item() == pytest.approx(excess, rel=1e-4)


def test_saved_and_loaded_constraints_agree(tmp_path: Path) -> None:
    features = small_features()
    constraint = CentroidConstraint(
        features, torch.rand(4, 3, 3), 0.7, 0.2, 3, schedule="adaptive", images=5
    )
    save_constraint(
        tmp_path / "c.safetensors", constraint, {"backbone": "small", "layer": 3, "pooling": "none"}
    )
    save_constraint(tmp_path / "plain.safetensors", None, {})
    again = load_constraint(tmp_path / "c.safetensors", lambda *_: small_features())
    assert again is not None
    images = torch.randn(3, 3, 8, 8)
    torch.testing.assert_close(again.distances(images), constraint.distances(images))
    assert (again.distance, again.weight, again.every) == (0.7, 0.2, 3)
    assert again.schedule == "adaptive"
    assert load_constraint(tmp_path / "plain.safetensors", lambda *_: small_features()) is None


def test_equal_constraints_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        constraint = CentroidConstraint(small_features(), torch.ones(4, 3, 3), 0.7, 0.2, 3)
        save_constraint(
            tmp_path / name, constraint, {"backbone": "small", "layer": 3, "pooling": "none"}
        )
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_damaged_file_is_named_with_the_mend(tmp_path: Path) -> None:
    path = tmp_path / "centroid.safetensors"
    path.write_bytes(b"no safetensors")
    with pytest.raises(BestsellerError, match=r"centroid\.safetensors.*dvc repro centroid"):
        load_constraint(path, lambda *_: small_features())
