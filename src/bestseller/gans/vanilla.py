"""The vanilla GAN: multilayer perceptrons (Goodfellow et al. 2014)."""

from torch import Tensor, nn

from bestseller import params
from bestseller.gans.bce import BceGan
from bestseller.gans.gan import ConditionProjection, LatentAndCondition, Shape

SLOPE = 0.2


class Generator(nn.Module):
    """z -> w/4 -> w/2 -> w -> pixels, with batch norm and LeakyReLU between, tanh at the end."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        self.size = shape.image_size
        self.input = LatentAndCondition(shape)
        layers: list[nn.Module] = []
        previous = self.input.out_features
        for features in (width // 4, width // 2, width):
            layers += [
                nn.Linear(previous, features, bias=False),
                nn.BatchNorm1d(features),
                nn.LeakyReLU(SLOPE, inplace=True),
            ]
            previous = features
        self.layers = nn.Sequential(*layers, nn.Linear(previous, 3 * self.size**2), nn.Tanh())

    def forward(self, z: Tensor, conditions: Tensor) -> Tensor:
        return self.layers(self.input(z, conditions)).view(-1, 3, self.size, self.size)


class Discriminator(nn.Module):
    """Pixels -> w -> w/2 -> w/4 -> logit, with LeakyReLU between."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = 3 * shape.image_size**2
        for features in (width, width // 2, width // 4):
            layers += [nn.Linear(previous, features), nn.LeakyReLU(SLOPE, inplace=True)]
            previous = features
        self.layers = nn.Sequential(*layers)
        self.logit = nn.Linear(previous, 1)
        self.projection = ConditionProjection(shape, previous)

    def forward(self, images: Tensor, conditions: Tensor) -> Tensor:
        features = self.layers(images.flatten(1))
        return self.logit(features) + self.projection(features, conditions)


class VanillaGan(BceGan):
    """MLP generator and discriminator with the non-saturating objective."""

    version = 1
    Settings = params.WideGanSettings

    @staticmethod
    def make_generator(settings: params.WideGanSettings, shape: Shape) -> Generator:
        return Generator(settings.width, shape)

    @staticmethod
    def make_discriminator(settings: params.WideGanSettings, shape: Shape) -> Discriminator:
        return Discriminator(settings.width, shape)


MODEL = VanillaGan
