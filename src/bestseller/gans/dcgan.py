"""DCGAN (Radford, Metz & Chintala 2016): the non-saturating objective on convolutional networks."""

from torch import Tensor, nn

from bestseller import params
from bestseller.gans.batch import RandomGenerator
from bestseller.gans.bce import BceGan
from bestseller.gans.convolutions import (
    Discriminator,
    Generator,
    initialise,
    normalised,
    weighted_real_penalty,
)
from bestseller.gans.gan import Shape, Stats


class Dcgan(BceGan):
    """Deep convolutional GAN with the non-saturating objective."""

    version = 1
    Settings = params.ConvGanSettings

    def __init__(self, settings: params.ConvGanSettings, shape: Shape) -> None:
        super().__init__(settings, shape)
        self.r1 = settings.r1

    @staticmethod
    def make_generator(settings: params.ConvGanSettings, shape: Shape) -> nn.Module:
        return Generator(settings.width, shape, settings.upsample).apply(initialise)

    @staticmethod
    def make_discriminator(settings: params.ConvGanSettings, shape: Shape) -> nn.Module:
        network = Discriminator(settings.width, shape, settings.d_norm).apply(initialise)
        return normalised(network, settings.d_norm)

    def discriminator_loss(
        self, real: Tensor, fake: Tensor, conditions: Tensor, random: RandomGenerator
    ) -> tuple[Tensor, Stats]:
        loss, stats = super().discriminator_loss(real, fake, conditions, random)
        if self.r1:
            penalty = weighted_real_penalty(self.discriminator, real, conditions, self.r1)
            loss, stats = loss + penalty, stats | {"r1": penalty.detach()}
        return loss, stats


MODEL = Dcgan
