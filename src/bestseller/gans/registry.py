"""The models by the name that params.yaml gives them: the GANs, and an autoencoder beside them."""

from bestseller.base.errors import BestsellerError
from bestseller.gans.blend import BlendAutoencoder
from bestseller.gans.d2gan import D2gan
from bestseller.gans.dcgan import Dcgan
from bestseller.gans.gan import Gan, Model
from bestseller.gans.pggan import Pggan
from bestseller.gans.vanilla import VanillaGan

GANS: dict[str, type[Gan]] = {
    "vanilla": VanillaGan,
    "dcgan": Dcgan,
    "d2gan": D2gan,
    "pggan": Pggan,
}
MODELS: dict[str, type[Model]] = {**GANS, "blend": BlendAutoencoder}


def gan_class(name: str) -> type[Model]:
    """Return the class of the model called `name`.

    Raises:
        BestsellerError: no model has that name.
    """
    if name not in MODELS:
        raise BestsellerError(
            f"params.yaml: models: {name!r} is unknown; known: {', '.join(MODELS)}"
        )
    return MODELS[name]
