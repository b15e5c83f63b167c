"""D2GAN (Nguyen et al. 2017): one generator against two discriminators, on DCGAN's networks."""

from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import RandomGenerator
from bestseller.gans.convolutions import (
    Discriminator,
    Generator,
    initialise,
    normalised,
    weighted_real_penalty,
)
from bestseller.gans.gan import Gan, Shape, Stats
from bestseller.gans.objectives import d2gan_discriminator_loss, d2gan_generator_loss


class TwoDiscriminators(nn.Module):
    """D1 rewards real images, D2 rewards generated ones; softplus makes the outputs positive."""

    def __init__(self, width: int, shape: Shape, norm: str = "batch") -> None:
        super().__init__()
        self.first = Discriminator(width, shape, norm)
        self.second = Discriminator(width, shape, norm)

    def forward(self, images: Tensor, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Return both outputs before softplus, (N, 1) each."""
        return self.first(images, conditions), self.second(images, conditions)


class D2gan(Gan):
    """min_G max_{D1,D2} a E log D1(x) - E D1(G(z)) - E D2(x) + b E log D2(G(z)).

    If the discriminators are optimal, G minimises a KL(p_data || p_G) + b KL(p_G || p_data) up to a
    constant. With a larger a, G covers more of the data; with a larger b, G makes fewer images
    that are unlike the data.
    """

    version = 1
    Settings = params.D2ganSettings

    def __init__(self, settings: params.D2ganSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.alpha, self.beta, self.r1 = settings.alpha, settings.beta, settings.r1

    @staticmethod
    def make_generator(settings: params.D2ganSettings, shape: Shape) -> nn.Module:
        return Generator(settings.width, shape, settings.upsample).apply(initialise)

    @staticmethod
    def make_discriminator(settings: params.D2ganSettings, shape: Shape) -> nn.Module:
        network = TwoDiscriminators(settings.width, shape, settings.d_norm).apply(initialise)
        return normalised(network, settings.d_norm)

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        del random
        at_real = self.discriminator(real, conditions)
        at_fake = self.discriminator(fake, conditions)
        names = ("d1_real", "d2_real", "d1_fake", "d2_fake")
        outputs = zip(names, at_real + at_fake, strict=True)
        softplus = nn.functional.softplus
        stats = {name: softplus(output.detach().float()).mean() for name, output in outputs}
        loss = d2gan_discriminator_loss(at_real, at_fake, self.alpha, self.beta)
        if self.r1:
            penalty = weighted_real_penalty(self.discriminator, real, conditions, self.r1)
            loss, stats = loss + penalty, stats | {"r1": penalty.detach()}
        return loss, stats

    def generator_loss(self, fake: Tensor, conditions: Tensor) -> tuple[Tensor, Stats]:
        return d2gan_generator_loss(self.discriminator(fake, conditions), self.beta), {}


MODEL = D2gan
