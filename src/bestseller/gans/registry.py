"""The models by the name that params.yaml gives them: the GANs, and one that is none."""

from bestseller.errors import BestsellerError
from bestseller.gans.blend import BlendAutoencoder
from bestseller.gans.d2gan import D2gan
from bestseller.gans.dcgan import Dcgan
from bestseller.gans.gan import Model
from bestseller.gans.pggan import Pggan
from bestseller.gans.vanilla import VanillaGan

GANS: dict[str, type[Model]] = {
    "vanilla": VanillaGan,
    "dcgan": Dcgan,
    "d2gan": D2gan,
    "pggan": Pggan,
    "blend": BlendAutoencoder,
}


def gan_class(name: str) -> type[Model]:
    """Return the class of the model called `name`.

    Raises:
        BestsellerError: no model has that name.
    """
    if name not in GANS:
        raise BestsellerError(f"params.yaml: models: {name!r} is unknown; known: {', '.join(GANS)}")
    return GANS[name]
