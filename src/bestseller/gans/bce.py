"""The non-saturating GAN. A subclass gives the networks."""

from torch import Tensor

from bestseller.gans.batch import RandomGenerator
from bestseller.gans.gan import Gan, Stats
from bestseller.gans.objectives import bce_discriminator_loss, bce_generator_loss


class BceGan(Gan):
    """L_D = -E log D(x) - E log(1 - D(G(z))), L_G = -E log D(G(z)).

    Real and generated images pass through D separately, so batch norm in D never mixes them.
    """

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        del random
        real_logits = self.discriminator(real, conditions)
        fake_logits = self.discriminator(fake, conditions)
        stats = {
            "d_real": real_logits.detach().float().sigmoid().mean(),
            "d_fake": fake_logits.detach().float().sigmoid().mean(),
        }
        return bce_discriminator_loss(real_logits, fake_logits), stats

    def generator_loss(self, fake: Tensor, conditions: Tensor) -> tuple[Tensor, Stats]:
        return bce_generator_loss(self.discriminator(fake, conditions)), {}
