"""GAN objectives against their papers' formulas, in float64 and by hand."""

import math

import pytest
import torch

from bestseller.gans.objectives import (
    bce_discriminator_loss,
    bce_generator_loss,
    d2gan_discriminator_loss,
    d2gan_generator_loss,
    gradient_penalty,
    log_softplus,
    wgan_critic_loss,
    wgan_generator_loss,
)


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


def test_log_softplus_is_finite_with_a_true_gradient_far_below_zero() -> None:
    x = torch.tensor([-2000.0, -104.0, -20.0, -15.0, -1.0, 0.0, 30.0], requires_grad=True)
    found = log_softplus(x)
    exact = [v if v < -700 else math.log(math.log1p(math.exp(v))) for v in x.tolist()]
    assert found.tolist() == pytest.approx(exact, rel=1e-5)
    (gradient,) = torch.autograd.grad(found.sum(), x)
    # d/dx log softplus(x) = sigmoid(x) / softplus(x), which tends to 1 below
    expected = [1.0 if v < -700 else sigmoid(v) / math.log1p(math.exp(v)) for v in x.tolist()]
    assert gradient.tolist() == pytest.approx(expected, rel=1e-4)


def inverse_softplus(value: float) -> float:
    return math.log(math.expm1(value))


def test_d2gan_at_its_equilibrium() -> None:
    """At p_G = p_data, D1 = alpha and D2 = beta: J = a log a - a + b log b - b (theorem 2)."""
    alpha, beta = 0.2, 0.1
    first = torch.full((4, 1), inverse_softplus(alpha), dtype=torch.float64, requires_grad=True)
    second = torch.full((4, 1), inverse_softplus(beta), dtype=torch.float64, requires_grad=True)
    loss = d2gan_discriminator_loss((first, second), (first, second), alpha, beta)
    by_hand = alpha * math.log(alpha) - alpha + beta * math.log(beta) - beta
    assert -loss.item() == pytest.approx(by_hand, rel=1e-9)
    for gradient in torch.autograd.grad(loss, (first, second)):
        assert gradient.abs().max().item() < 1e-12, "a stationary point"


def test_d2gan_optimal_discriminators_under_known_densities() -> None:
    """On two points with known probabilities the optimum is D1 = a p/q and D2 = b q/p."""
    p, q, alpha, beta = [0.7, 0.3], [0.4, 0.6], 0.2, 0.1
    outputs = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([outputs], max_iter=200, tolerance_grad=1e-12)

    def repeat(values: torch.Tensor, probabilities: list[float]) -> torch.Tensor:
        return torch.cat([values[i].repeat(round(10 * probabilities[i])) for i in (0, 1)])

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        one, two = outputs[:2], outputs[2:]
        loss = d2gan_discriminator_loss(
            (repeat(one, p), repeat(two, p)), (repeat(one, q), repeat(two, q)), alpha, beta
        )
        loss.backward()
        return loss

    optimizer.step(closure)
    found = torch.nn.functional.softplus(outputs).tolist()
    expected = [alpha * p[0] / q[0], alpha * p[1] / q[1], beta * q[0] / p[0], beta * q[1] / p[1]]
    assert found == pytest.approx(expected, rel=1e-4)


def test_d2gan_losses_by_hand_and_by_gradient_check() -> None:
    r1, f1, r2, f2 = 0.4, -0.3, 1.1, -2.0

    def soft(value: float) -> float:
        return math.log1p(math.exp(value))

    by_hand = -(0.2 * math.log(soft(r1)) - soft(f1) - soft(r2) + 0.1 * math.log(soft(f2)))
    outputs = torch.tensor([r1, r2, f1, f2], dtype=torch.float64, requires_grad=True)

    def discriminators(o: torch.Tensor) -> torch.Tensor:
        return d2gan_discriminator_loss((o[0], o[1]), (o[2], o[3]), 0.2, 0.1)

    def generator(o: torch.Tensor) -> torch.Tensor:
        return d2gan_generator_loss((o[2], o[3]), 0.1)

    assert discriminators(outputs).item() == pytest.approx(by_hand, rel=1e-12)
    by_hand = -soft(f1) + 0.1 * math.log(soft(f2))
    assert generator(outputs).item() == pytest.approx(by_hand, rel=1e-12)
    assert torch.autograd.gradcheck(discriminators, (outputs,))
    assert torch.autograd.gradcheck(generator, (outputs,))


def test_wgan_losses_by_hand() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.5, -0.5])
    assert wgan_critic_loss(real, fake, 0.001).item() == pytest.approx(0.0 - 2.0 + 0.001 * 5.0)
    assert wgan_generator_loss(fake).item() == pytest.approx(0.0)


@pytest.mark.parametrize("norm", [0.0, 0.5, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(norm: float) -> None:
    """D(x) = <w, x> has the gradient w everywhere, so the penalty is (||w|| - 1)^2."""
    weight = torch.randn(12, dtype=torch.float64)
    weight *= norm / weight.norm()
    images = torch.randn(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(images.flatten(1) @ weight, images)
    assert penalty.item() == pytest.approx((norm - 1) ** 2, abs=1e-12)
