"""GAN objectives as pure functions of discriminator outputs.

Every function takes raw logits or outputs of shape (N,) or (N, 1), any float dtype, computes in
float32 or wider and returns a scalar to be minimised.
"""

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
