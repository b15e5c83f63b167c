"""The model classes by name: `MODEL` of the module in this package that has the model's name."""

from importlib import import_module

from bestseller.base.errors import BestsellerError
from bestseller.gans.gan import Model
from bestseller.params.train import GANS


def gan_class(name: str) -> type[Model]:
    """Return the class of the model called `name`; no other model's module is imported.

    Raises:
        BestsellerError: no model has that name.
    """
    if name not in GANS:
        raise BestsellerError(f"params.yaml: models: {name!r} is unknown; known: {', '.join(GANS)}")
    found: type[Model] = import_module(f"bestseller.gans.{name}").MODEL
    return found
