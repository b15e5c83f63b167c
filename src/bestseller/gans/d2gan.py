"""D2GAN (Nguyen et al. 2017): one generator against two discriminators, on DCGAN's networks."""

import torch
from torch import Tensor, nn

from bestseller import params
from bestseller.gans.dcgan import Discriminator, Generator, initialise
from bestseller.gans.gan import Gan, Shape, Stats
from bestseller.gans.objectives import d2gan_discriminator_loss, d2gan_generator_loss


class TwoDiscriminators(nn.Module):
    """D1 rewards real images, D2 rewards generated ones; positive outputs by softplus."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        self.first = Discriminator(width, shape)
        self.second = Discriminator(width, shape)

    def forward(self, images: Tensor, lines: Tensor) -> tuple[Tensor, Tensor]:
        """Return both outputs before softplus, (N, 1) each."""
        return self.first(images, lines), self.second(images, lines)


class D2gan(Gan):
    """min_G max_{D1,D2} a E log D1(x) - E D1(G(z)) - E D2(x) + b E log D2(G(z)).

    At the optimum of the discriminators G minimises a KL(p_data || p_G) + b KL(p_G || p_data)
    up to a constant: a weighs covering all of the data, b weighs drawing nothing else.
    """

    Settings = params.D2gan

    def __init__(self, settings: params.D2gan, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.alpha, self.beta = settings.alpha, settings.beta

    @staticmethod
    def make_generator(settings: params.D2gan, shape: Shape) -> nn.Module:
        return Generator(settings.width, shape).apply(initialise)

    @staticmethod
    def make_discriminator(settings: params.D2gan, shape: Shape) -> nn.Module:
        return TwoDiscriminators(settings.width, shape).apply(initialise)

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, lines: Tensor, random: torch.Generator
    ) -> tuple[Tensor, Stats]:
        del random
        real_1, real_2 = self.discriminator(real, lines)
        fake_1, fake_2 = self.discriminator(fake, lines)
        loss = d2gan_discriminator_loss(real_1, fake_1, real_2, fake_2, self.alpha, self.beta)
        outputs = {"d1_real": real_1, "d1_fake": fake_1, "d2_real": real_2, "d2_fake": fake_2}
        softplus = nn.functional.softplus
        stats = {name: softplus(out.detach().float()).mean() for name, out in outputs.items()}
        return loss, stats

    def generator_loss(self, fake: Tensor, lines: Tensor) -> tuple[Tensor, Stats]:
        fake_1, fake_2 = self.discriminator(fake, lines)
        return d2gan_generator_loss(fake_1, fake_2, self.beta), {}
