"""GAN objectives against their papers' formulas, in float64 and by hand."""

import math

import pytest
import torch
from bestseller.gans.objectives import bce_discriminator_loss, bce_generator_loss


def sigmoid(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


def test_discriminator_loss_is_the_papers_formula() -> None:
    real, fake = [0.3, -1.2, 4.0], [-0.7, 2.5]
    by_hand = -sum(math.log(sigmoid(r)) for r in real) / 3
    by_hand -= sum(math.log(1 - sigmoid(f)) for f in fake) / 2
    loss = bce_discriminator_loss(
        torch.tensor(real, dtype=torch.float64), torch.tensor(fake, dtype=torch.float64)
    )
    assert loss.item() == pytest.approx(by_hand, rel=1e-12)


def test_generator_loss_is_non_saturating() -> None:
    fake = torch.tensor([-0.7, 2.5], dtype=torch.float64)
    by_hand = -(math.log(sigmoid(-0.7)) + math.log(sigmoid(2.5))) / 2
    assert bce_generator_loss(fake).item() == pytest.approx(by_hand, rel=1e-12)


def test_equilibrium_is_log_four() -> None:
    """At p_G = p_data the optimal D says 1/2 and L_D = log 4 (Goodfellow et al., theorem 1)."""
    assert bce_discriminator_loss(torch.zeros(5), torch.zeros(5)).item() == pytest.approx(
        math.log(4)
    )


def test_gradients_agree_with_finite_differences() -> None:
    real = torch.randn(6, 1, dtype=torch.float64, requires_grad=True)
    fake = torch.randn(6, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bce_discriminator_loss, (real, fake))
    assert torch.autograd.gradcheck(bce_generator_loss, (fake,))


def test_a_certain_discriminator_leaves_finite_losses_and_a_gradient() -> None:
    fake = torch.tensor([-500.0], requires_grad=True)
    loss = bce_generator_loss(fake)
    loss.backward()
    assert loss.item() == pytest.approx(500.0)
    assert fake.grad is not None and fake.grad.item() == pytest.approx(-1.0)


def test_half_precision_logits_are_widened() -> None:
    loss = bce_generator_loss(torch.tensor([0.1], dtype=torch.bfloat16))
    assert loss.dtype == torch.float32
