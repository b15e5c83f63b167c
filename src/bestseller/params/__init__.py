"""params.yaml as typed, validated values.

The file is read with ruamel.yaml, the parser that DVC itself uses, so that both see the same
YAML 1.2 values: ``1e-4`` is a number and ``off`` is a word. `params.yaml` documents each key.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from ruamel.yaml import YAML, YAMLError

from bestseller.base.errors import BestsellerError
from bestseller.params.augment import Augment
from bestseller.params.backbones import Backbones, Space
from bestseller.params.catalogue import Catalogue, Crawl, Demo
from bestseller.params.centroid import Centroid
from bestseller.params.compare import Compare
from bestseller.params.evaluate import Evaluate
from bestseller.params.foresight import Foresight
from bestseller.params.images import Images
from bestseller.params.item import Item, parse_model
from bestseller.params.preference import Preference
from bestseller.params.presets import preset, preset_names, together
from bestseller.params.recipe import Recipe
from bestseller.params.report import Report
from bestseller.params.retrain import Drift, Gate, Health, Retrain
from bestseller.params.sales import LOCAL, Sales, SalesColumns
from bestseller.params.section import Count, NonNegative, Section, first_problem
from bestseller.params.shortlist import Shortlist
from bestseller.params.train import (
    BlendSettings,
    ConvGanSettings,
    D2ganSettings,
    GanSettings,
    PgganSettings,
    Shared,
    Train,
    WideGanSettings,
)

__all__ = [
    "LOCAL",
    "PARAMS_FILE",
    "Augment",
    "Backbones",
    "BlendSettings",
    "Catalogue",
    "Centroid",
    "Compare",
    "ConvGanSettings",
    "Crawl",
    "D2ganSettings",
    "Demo",
    "Drift",
    "Evaluate",
    "Foresight",
    "GanSettings",
    "Gate",
    "Health",
    "Images",
    "Item",
    "Params",
    "PgganSettings",
    "Preference",
    "Recipe",
    "Report",
    "Retrain",
    "Sales",
    "SalesColumns",
    "Section",
    "Shared",
    "Shortlist",
    "Space",
    "Train",
    "WideGanSettings",
    "load_params",
    "preset",
    "preset_names",
    "read_yaml",
    "together",
]

PARAMS_FILE = "params.yaml"


class Params(Section):
    profile: str
    threads: Count
    job_threads: Count
    engine: Literal["local", "ray"]
    models: Annotated[list[str], Field(min_length=1)]
    seeds: Annotated[list[NonNegative], Field(min_length=1)]
    catalogue: Catalogue
    sales: Sales
    images: Images
    augment: Augment
    backbones: Backbones
    centroid: Centroid
    train: Train
    preference: Preference
    evaluate: Evaluate
    compare: Compare
    shortlist: Shortlist
    foresight: Foresight
    report: Report
    retrain: Retrain

    @field_validator("centroid")
    @classmethod
    def _teaches_and_does_not_judge(cls, value: Centroid, given: ValidationInfo) -> Centroid:
        backbones = given.data.get("backbones")
        if backbones and value.backbone in backbones.measuring():
            raise ValueError(
                f"backbone: {value.backbone} judges the images (backbones); a network that teaches "
                "the generators must not"
            )
        if backbones and (value.backbone, backbones.weights) == ("resnet50", "imagenet"):
            raise ValueError("backbone: vgg16: the classifier, a judge, starts as this resnet50")
        return value

    @field_validator("foresight")
    @classmethod
    def _sees_nothing_of_later_photos(cls, value: Foresight, given: ValidationInfo) -> Foresight:
        backbones = given.data.get("backbones")
        if value.as_of and backbones and backbones.weights == "catalogue":
            raise ValueError(
                'as_of: "", or backbones.weights: package or imagenet: networks that are fitted on '
                "the catalogue know the photos of what was launched later"
            )
        return value

    @field_validator("models", "seeds")
    @classmethod
    def _distinct(cls, values: list[Any]) -> list[Any]:
        if len(set(values)) < len(values):
            raise ValueError("each value may stand only once")
        return values

    @field_validator("models")
    @classmethod
    def _known(cls, values: list[str]) -> list[str]:
        for value in values:
            parse_model(value)
        return values

    @field_validator("train")
    @classmethod
    def _no_judge_teaches(cls, value: Train, given: ValidationInfo) -> Train:
        backbones = given.data.get("backbones")
        for name, section in value:
            teacher = getattr(section, "teacher", None)
            if backbones and teacher in backbones.measuring():
                raise ValueError(
                    f"{name}.teacher: {teacher} judges the images (backbones); a network that "
                    "teaches a generator must not"
                )
        return value

    @field_validator("train")
    @classmethod
    def _tells_the_line(cls, value: Train, given: ValidationInfo) -> Train:
        centroid = given.data.get("centroid")
        if centroid and centroid.per == "line" and value.condition == "none":
            raise ValueError("condition: line, since centroid.per is line, or centroid.per: all")
        return value

    @field_validator("train")
    @classmethod
    def _knows_sales(cls, value: Train, given: ValidationInfo) -> Train:
        if value.sales == "none":
            return value
        ledger = given.data.get("sales")
        if ledger and ledger.source == "none":
            raise ValueError(f"sales: {value.sales} needs a ledger, and sales.source is none")
        models = [name for name in given.data.get("models", []) if parse_model(name)[0] == "blend"]
        if models and value.sales == "conditioned":
            raise ValueError(
                f"sales: conditioned tells D what sells, and {models[0]} of models has no D: take "
                "it out, or choose weighted; shortlist.parents chooses its parents by sales"
            )
        return value

    def items(self) -> list[Item]:
        """The matrix items in DVC's order: each model with each seed."""
        return [Item(*parse_model(model), seed) for model in self.models for seed in self.seeds]

    def item_names(self) -> list[str]:
        """Names of the matrix items in DVC's order, such as ``dcgan-centroid-0``."""
        return [item.name for item in self.items()]

    def gan_names(self) -> list[str]:
        """Names of the GANs that are trained, each once, in the order of the models."""
        return list(dict.fromkeys(item.gan for item in self.items()))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML 1.2 mapping as plain values.

    Raises:
        BestsellerError: the file is missing, is not YAML, or does not hold a mapping.
    """
    path = Path(path)
    try:
        value = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError as error:
        raise BestsellerError(f"{path}: not found; run from the repository's root") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise BestsellerError(f"{path}: {where}no YAML ({problem})") from error
    except RecursionError as error:
        raise BestsellerError(f"{path}: no YAML (brackets are nested too deep)") from error
    except IsADirectoryError as error:
        raise BestsellerError(f"{path}: is a folder, not a file; move it away") from error
    if not isinstance(value, Mapping):
        raise BestsellerError(f"{path}: holds no keys; restore it with `git checkout {path}`")
    return dict(value)


def load_params(path: str | Path = PARAMS_FILE) -> Params:
    """Read and validate the params file.

    Raises:
        BestsellerError: one line with the file, the first bad key, its value, what is allowed.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        raise BestsellerError(f"{path}: {first_problem(error)}") from error
