"""The GANs by the name that params.yaml gives them."""

from bestseller.errors import BestsellerError
from bestseller.gans.d2gan import D2gan
from bestseller.gans.dcgan import Dcgan
from bestseller.gans.gan import Gan
from bestseller.gans.pggan import Pggan
from bestseller.gans.vanilla import VanillaGan

GANS: dict[str, type[Gan]] = {
    "vanilla": VanillaGan,
    "dcgan": Dcgan,
    "d2gan": D2gan,
    "pggan": Pggan,
}


def gan_class(name: str) -> type[Gan]:
    """Return the class of the GAN called `name`.

    Raises:
        BestsellerError: no GAN has that name.
    """
    if name not in GANS:
        raise BestsellerError(f"params.yaml: models: {name!r} is unknown; known: {', '.join(GANS)}")
    return GANS[name]
