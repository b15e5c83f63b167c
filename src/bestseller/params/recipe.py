"""Everything that a model's training reads from params.yaml, apart from its seed.

DVC reads a training's settings by their place in params.yaml, which it cannot find from a model's
name alone. So the stage settings writes each model's recipe into a file of its own, on which its
trainings depend: a changed setting reruns the models that read it and no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.params.augment import Augment
from bestseller.params.centroid import Centroid
from bestseller.params.item import parse_model
from bestseller.params.train import GANS, GanSettings, Shared, Train

FOLDER = Path("data/settings")


@dataclass(frozen=True)
class Recipe:
    """A model's settings.

    Attributes:
        shared: what all trainings share.
        gan: the GAN's own section.
        centroid: those of the constraint, None for plain training.
        augment: those of the augmentation where the training draws it afresh, else None: the
            augmented images tell it.
    """

    shared: Shared
    gan: GanSettings
    centroid: Centroid | None
    augment: Augment | None

    @classmethod
    def of(cls, model: str, train: Train, centroid: Centroid, augment: Augment) -> "Recipe":
        """Pick what `model`, such as ``dcgan-plain``, reads."""
        gan, constraint = parse_model(model)
        shared = Shared(**{name: getattr(train, name) for name in Shared.model_fields})
        constrained = centroid if constraint == "centroid" else None
        return cls(shared, getattr(train, gan), constrained, augment if augment.fresh else None)

    def as_json(self) -> dict[str, Any]:
        """Return the sections as plain values; None for what is not read."""
        return {
            name: None if section is None else section.model_dump(mode="json")
            for name, section in vars(self).items()
        }

    def save(
        self, model: str, folder: Path = FOLDER, code: Mapping[str, str] | None = None
    ) -> None:
        """Write the recipe of a model, where `load` reads it unless told otherwise.

        Args:
            model: such as ``dcgan-plain``.
            folder: of the recipes.
            code: digests of the model's modules, by name: new code reruns the model's trainings.
        """
        write_json(folder / f"{model}.json", self.as_json() | {"code": dict(code or {})})

    @classmethod
    def load(cls, model: str) -> "Recipe":
        """Read the recipe of a model.

        Raises:
            BestsellerError: the file is missing, or of other settings than today's code reads.
        """
        path = FOLDER / f"{model}.json"
        values = read_json(path, "dvc repro settings")
        section: Any = GANS[parse_model(model)[0]].section
        kinds: dict[str, Any] = {"centroid": Centroid, "augment": Augment}
        try:
            optional = {
                name: None if values[name] is None else kind.model_validate(values[name])
                for name, kind in kinds.items()
            }
            shared = Shared.model_validate(values["shared"])
            return cls(shared, section.model_validate(values["gan"]), **optional)
        except (KeyError, ValidationError) as error:
            raise BestsellerError(
                f"{path}: of other settings than this code's; run `dvc repro settings`"
            ) from error
