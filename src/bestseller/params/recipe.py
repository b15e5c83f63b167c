"""A model's recipe: all settings of params.yaml that its trainings read, apart from the seed.

DVC cannot find the settings of a model from the model's name. So the stage settings writes the
recipe of each model into a file of its own, and the model's trainings depend on that file. A
changed setting then reruns the models that read it and no other.
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
SALES = FOLDER / "sales.csv"  # of the products: sku, weight, percentile; see train.sales


@dataclass(frozen=True)
class Recipe:
    """A model's settings.

    Attributes:
        shared: what all trainings share.
        gan: the GAN's own section.
        centroid: the section centroid; None for plain training.
        augment: the section augment if the training draws a fresh augmentation for each batch, else
            None, since the stage augment has then made the augmented images.
    """

    shared: Shared
    gan: GanSettings
    centroid: Centroid | None
    augment: Augment | None

    @classmethod
    def of(cls, model: str, train: Train, centroid: Centroid, augment: Augment) -> "Recipe":
        """Pick the settings that `model`, such as ``dcgan-plain``, reads."""
        gan, constraint = parse_model(model)
        shared = Shared(**{name: getattr(train, name) for name in Shared.model_fields})
        constrained = centroid if constraint == "centroid" else None
        return cls(shared, getattr(train, gan), constrained, augment if augment.fresh else None)

    def as_json(self) -> dict[str, Any]:
        """Return the sections as plain values; None for a section that the model does not read."""
        return {
            name: None if section is None else section.model_dump(mode="json")
            for name, section in vars(self).items()
        }

    def save(
        self, model: str, folder: Path = FOLDER, code: Mapping[str, str] | None = None
    ) -> None:
        """Write the recipe of a model into `folder`.

        Args:
            model: such as ``dcgan-plain``.
            folder: the folder of all recipes; `load` reads from the default one.
            code: digests of the model's modules, by name: new code reruns the model's trainings.
        """
        write_json(folder / f"{model}.json", self.as_json() | {"code": dict(code or {})})

    @classmethod
    def load(cls, model: str) -> "Recipe":
        """Read the recipe of a model.

        Raises:
            BestsellerError: the file is missing, or its settings are not those that this code
                reads.
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
