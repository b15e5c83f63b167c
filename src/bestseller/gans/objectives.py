"""GAN objectives as pure functions of discriminator outputs.

Every function takes raw logits or outputs of shape (N,) or (N, 1), any float dtype, computes in
float32 or wider and returns a scalar to be minimised.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def _wide(outputs: Tensor) -> Tensor:
    return outputs if outputs.dtype.itemsize >= 4 else outputs.float()


def bce_discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """L_D = -E log D(x) - E log(1 - D(G(z))) with D = sigmoid(logit).

    Goodfellow et al. 2014, Algorithm 1. On logits, -log sigmoid(l) = softplus(-l), which neither
    overflows nor saturates in float32.
    """
    return F.softplus(-_wide(real_logits)).mean() + F.softplus(_wide(fake_logits)).mean()


def bce_generator_loss(fake_logits: Tensor) -> Tensor:
    """L_G = -E log D(G(z)), the non-saturating form (Goodfellow et al. 2014, section 3)."""
    return F.softplus(-_wide(fake_logits)).mean()


SOFTPLUS_IS_EXPONENTIAL_BELOW = -15.0


def log_softplus(x: Tensor) -> Tensor:
    """Return log(softplus(x)), with a finite value and gradient for every finite float32 x.

    Below -15, softplus(x) = exp(x) to the precision of float32, so the function returns x there.
    Computed directly, softplus underflows at -104 and the gradient becomes NaN.
    """
    x = _wide(x)
    safe = x.clamp(min=SOFTPLUS_IS_EXPONENTIAL_BELOW)
    return torch.where(x < SOFTPLUS_IS_EXPONENTIAL_BELOW, x, F.softplus(safe).log())


def d2gan_discriminator_loss(
    real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], alpha: float, beta: float
) -> Tensor:
    """Return -J, where D2GAN's two discriminators maximise J, with D = softplus(output).

    Nguyen et al. 2017, "Dual Discriminator Generative Adversarial Nets", equation 1:
    J = alpha E log D1(x) - E D1(G(z)) - E D2(x) + beta E log D2(G(z)).

    Args:
        real: outputs of D1 and D2 at real images, before softplus.
        fake: outputs of D1 and D2 at generated images.
        alpha, beta: weights of the logarithms, in (0, 1].
    """
    first = alpha * log_softplus(real[0]).mean() - F.softplus(_wide(fake[0])).mean()
    second = beta * log_softplus(fake[1]).mean() - F.softplus(_wide(real[1])).mean()
    return -(first + second)


def d2gan_generator_loss(fake: tuple[Tensor, Tensor], beta: float) -> Tensor:
    """Return the part of J that depends on G: -E D1(G(z)) + beta E log D2(G(z))."""
    return beta * log_softplus(fake[1]).mean() - F.softplus(_wide(fake[0])).mean()


def wgan_critic_loss(real: Tensor, fake: Tensor, drift: float) -> Tensor:
    """E D(G(z)) - E D(x) + drift E D(x)^2 (Karras et al. 2018, appendix A.1)."""
    real, fake = _wide(real), _wide(fake)
    return fake.mean() - real.mean() + drift * real.square().mean()


def wgan_generator_loss(fake: Tensor) -> Tensor:
    """-E D(G(z)) (Arjovsky et al. 2017)."""
    return -_wide(fake).mean()


def real_penalty(outputs: Tensor, images: Tensor) -> Tensor:
    """R1, E ||grad_x D(x)||_2^2 at real `images`, where `outputs` = D(images), (N,) or (N, 1).

    Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9,
    without its weight gamma / 2. `images` must require a gradient.
    """
    (gradient,) = torch.autograd.grad(_wide(outputs).sum(), images, create_graph=True)
    return gradient.float().flatten(1).square().sum(dim=1).mean()


def gradient_penalty(outputs: Tensor, images: Tensor) -> Tensor:
    """E (||grad_x D(x)||_2 - 1)^2 at `images`, where `outputs` = D(images), (N,) or (N, 1).

    Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3, without its weight.
    `images` lie between real and generated images and must require a gradient.
    """
    (gradient,) = torch.autograd.grad(_wide(outputs).sum(), images, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()
