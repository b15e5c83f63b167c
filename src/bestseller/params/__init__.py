"""params.yaml as typed, validated values.

The file is read with ruamel.yaml, the parser that DVC itself uses, so that both see the same
YAML 1.2 values: ``1e-4`` is a number and ``off`` is a word. `params.yaml` documents each key.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from ruamel.yaml import YAML, YAMLError

from bestseller.errors import BestsellerError
from bestseller.params.catalogue import Catalogue, Crawl, Demo
from bestseller.params.judging import Compare, Evaluate, Preference, Report, Shortlist
from bestseller.params.retrain import Drift, Gate, Health, Retrain
from bestseller.params.sales import Sales, SalesColumns
from bestseller.params.section import Constraint, Count, NonNegative, Section, first_problem
from bestseller.params.training import (
    Augment,
    Backbones,
    Centroid,
    D2gan,
    Gan,
    Images,
    Pggan,
    Train,
    WideGan,
)

__all__ = [
    "PARAMS_FILE",
    "Augment",
    "Backbones",
    "Catalogue",
    "Centroid",
    "Compare",
    "Crawl",
    "D2gan",
    "Demo",
    "Drift",
    "Evaluate",
    "Gan",
    "Gate",
    "Health",
    "Images",
    "Params",
    "Pggan",
    "Preference",
    "Report",
    "Retrain",
    "Sales",
    "SalesColumns",
    "Section",
    "Shortlist",
    "Train",
    "WideGan",
    "load_params",
    "read_yaml",
]

PARAMS_FILE = "params.yaml"


class Params(Section):
    profile: str
    threads: Count
    job_threads: Count
    gans: Annotated[list[str], Field(min_length=1)]
    constraints: Annotated[list[Constraint], Field(min_length=1)]
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
    report: Report
    retrain: Retrain

    @field_validator("centroid")
    @classmethod
    def _is_fitted(cls, value: Centroid, given: ValidationInfo) -> Centroid:
        fitted = given.data.get("backbones")
        if fitted and value.backbone not in ("vgg16", fitted.metric):
            raise ValueError(f"backbone: vgg16 or {fitted.metric}, that of backbones.metric")
        if fitted and (value.backbone, fitted.weights) == ("resnet50", "imagenet"):
            raise ValueError("backbone: vgg16: the classifier, a judge, starts as this resnet50")
        return value

    @field_validator("gans", "constraints", "seeds")
    @classmethod
    def _distinct(cls, values: list[Any]) -> list[Any]:
        if len(set(values)) < len(values):
            raise ValueError("each value may stand only once")
        return values

    @field_validator("gans")
    @classmethod
    def _known(cls, values: list[str]) -> list[str]:
        known = [name for name, field in Train.model_fields.items() if _is_gan(field.annotation)]
        for value in values:
            if value not in known:
                raise ValueError(f"{value!r} has no section under train; known: {', '.join(known)}")
        return values

    def judge(self) -> str:
        """Name of the network whose features the sales score is made of.

        It is that of the metrics, unless the centroid constraint teaches the generators by it: a
        score that they were trained on would say nothing about them.
        """
        metric = self.backbones.metric
        return metric if metric != self.centroid.backbone else "vgg16"

    def items(self) -> list[str]:
        """Names of the matrix items in DVC's order, such as ``dcgan-centroid-0``."""
        return [f"{g}-{c}-{s}" for g in self.gans for c in self.constraints for s in self.seeds]


def _is_gan(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Gan)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML 1.2 mapping as plain values.

    Raises:
        BestsellerError: the file is missing, is no YAML, or is not a mapping.
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
