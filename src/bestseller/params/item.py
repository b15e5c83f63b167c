"""Items: one training of a GAN, plain or with the centroid constraint, with a seed."""

from dataclasses import dataclass
from typing import Literal, get_args

from bestseller.base.errors import BestsellerError
from bestseller.params.train import GANS

Constraint = Literal["plain", "centroid"]
CONSTRAINTS: tuple[Constraint, ...] = get_args(Constraint)
MODELS = tuple(f"{gan}-{constraint}" for gan in GANS for constraint in CONSTRAINTS)


def parse_model(text: str) -> tuple[str, Constraint]:
    """Read ``<gan>-<constraint>``, such as ``dcgan-centroid``.

    Raises:
        ValueError: `text` is not of this form; the message says what is wrong and what is known.
    """
    gan, _, constraint = text.partition("-")
    if gan not in GANS:
        raise ValueError(f"{gan!r} is no GAN (section of train); known: {', '.join(GANS)}")
    for known in CONSTRAINTS:
        if constraint == known:
            return gan, known
    raise ValueError(f"{constraint!r} is no constraint; known: {', '.join(CONSTRAINTS)}")


@dataclass(frozen=True)
class Item:
    """One item of the matrix of trained models, written ``dcgan-centroid-0``.

    Attributes:
        gan: a section of train in params.yaml.
        constraint: ``plain`` = the GAN as published, ``centroid`` = with the centroid constraint.
        seed: the seed of the training.
    """

    gan: str
    constraint: Constraint
    seed: int

    @classmethod
    def parse(cls, name: str) -> "Item":
        """Read an item's name.

        Raises:
            BestsellerError: the GAN or the constraint is unknown, or the seed is not a number.
        """
        model, _, seed = name.rpartition("-")
        try:
            gan, constraint = parse_model(model)
        except ValueError as error:
            raise BestsellerError(f"{name!r} is no model such as dcgan-plain-0: {error}") from error
        if not (seed.isascii() and seed.isdigit()):
            raise BestsellerError(
                f"{name!r} is no model such as dcgan-plain-0: its seed {seed!r} is no whole number"
            )
        return cls(gan, constraint, int(seed))

    @property
    def model(self) -> str:
        """The model, which is the name without the seed: ``dcgan-centroid``."""
        return f"{self.gan}-{self.constraint}"

    @property
    def name(self) -> str:
        """The name in dvc.yaml, in file names and in tables: ``dcgan-centroid-0``."""
        return f"{self.model}-{self.seed}"
