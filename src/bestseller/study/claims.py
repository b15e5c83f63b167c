"""What a study consists of: studies/claims.yaml as typed values.

An **arm** is a variant (a model with its settings) under a budget (a dataset, a profile, settings);
its replicates are training seeds. A **statement** says that one variant is better than another by a
metric; it is answered under each budget that has both.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from bestseller.base.errors import BestsellerError
from bestseller.params import Item, Params, Recipe, Section, read_yaml
from bestseller.params.section import Count, first_problem

FILE = Path("studies/claims.yaml")
DIGITS = 12  # of a hash in the table


class Dataset(Section):
    """Where photos come from: an archive of pictures, or the embedded shop.

    Attributes:
        archive: tar file of pictures, relative to the repository's root; "" = the embedded shop.
        sha256: of the archive.
        photos: how many of its pictures are taken, drawn by seed 0; 0 = all.
        settings: on top of params.yaml.
    """

    says: str
    archive: str = ""
    sha256: str = ""
    photos: Annotated[int, Field(ge=0)] = 0
    settings: Annotated[dict[str, Any], Field(default_factory=dict)]


class Variant(Section):
    says: str
    model: str
    settings: Annotated[dict[str, Any], Field(default_factory=dict)]


class Budget(Section):
    """Settings that arms share, and how many seeds each of them gets.

    Attributes:
        own: settings of single arms, on top of all others.
        published: its settings are the published ones.
        first: arms all of whose seeds come before those of the others.
    """

    says: str
    dataset: str
    profile: str
    published: bool = False
    settings: Annotated[dict[str, Any], Field(default_factory=dict)]
    own: Annotated[dict[str, dict[str, Any]], Field(default_factory=dict)]
    first: Annotated[list[str], Field(default_factory=list)]
    arms: dict[str, Count]


class Statement(Section):
    """`better` is better than `than` by `metric`, over `seeds` seeds or more."""

    claim: Literal["A", "B", "C", "beyond", "why"]
    says: str
    better: str
    than: str
    metric: str
    seeds: Count = 6
    published: float = 0.0


class Claims(Section):
    settings: dict[str, Any]
    same_code: list[str]
    datasets: dict[str, Dataset]
    variants: dict[str, Variant]
    budgets: dict[str, Budget]
    statements: Annotated[list[Statement], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Claims":
        for name, budget in self.budgets.items():
            if budget.dataset not in self.datasets:
                raise ValueError(f"budgets.{name}.dataset: {budget.dataset!r} is not in datasets")
            for variant in budget.arms:
                if variant not in self.variants:
                    raise ValueError(f"budgets.{name}.arms: {variant!r} is not in variants")
            for variant in (*budget.own, *budget.first):
                if variant not in budget.arms:
                    raise ValueError(f"budgets.{name}: {variant!r} is not among its arms")
        for statement in self.statements:
            for variant in (statement.better, statement.than):
                if variant not in self.variants:
                    raise ValueError(f"statements: {variant!r} is not in variants")
        return self


@dataclass(frozen=True)
class Arm:
    """A variant under a budget, with everything that decides its numbers.

    Attributes:
        budget, variant: names in claims.yaml.
        model: such as ``dcgan-centroid``.
        dataset: name in claims.yaml.
        source: what it is made of.
        params: all settings.
        seeds: how many, from 0 on.
        is_first: they come before those of the budget's other arms.
    """

    budget: str
    variant: str
    model: str
    dataset: str
    source: Dataset
    params: Params
    seeds: int
    is_first: bool

    @property
    def name(self) -> str:
        """As in the table: ``small/dcgan-plain``."""
        return f"{self.budget}/{self.variant}"

    @property
    def of_data(self) -> dict[str, Any]:
        """What decides the photos and their features."""
        params = self.params
        source = self.source
        shop = source.archive == ""
        return {
            "archive": source.sha256,
            "photos": source.photos,
            "shop": params.catalogue.demo.model_dump(mode="json") if shop else None,
            "sales": params.sales.model_dump(mode="json") if shop else None,
            "preference": params.preference.model_dump(mode="json") if shop else None,
            "images": params.images.model_dump(mode="json"),
            "augment": params.augment.model_dump(mode="json"),
        }

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the numbers of a trained item, apart from its seed and the code."""
        params = self.params
        recipe = Recipe.of(self.model, params.train, params.centroid, params.augment)
        judges = params.backbones.model_dump(mode="json")
        return {
            "data": self.of_data,
            "model": self.model,
            "recipe": recipe.as_json(),
            "spaces": judges["metric_spaces"],
            "perceptual": judges["perceptual"],
            "precision": judges["precision"],
            "evaluate": params.evaluate.model_dump(mode="json"),
            "threads": params.job_threads,
        }

    @property
    def data_key(self) -> str:
        """Hash of `of_data`, in hexadecimal."""
        return digest(self.of_data)

    @property
    def key(self) -> str:
        """Hash of `settings`, in hexadecimal."""
        return digest(self.settings)

    def item(self, seed: int) -> Item:
        """Return what is trained."""
        return Item.parse(f"{self.model}-{seed}")


def digest(value: object) -> str:
    """Return the first hexadecimal digits of the SHA-256 of a value's JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def read_claims(path: Path = FILE) -> Claims:
    """Read and validate the file.

    Raises:
        BestsellerError: one line with the file, the key, its value and what is allowed.
    """
    try:
        return Claims.model_validate(read_yaml(path))
    except ValidationError as error:
        raise BestsellerError(f"{path}: {first_problem(error)}") from error


def arms_of(claims: Claims, root: Path = Path(), path: Path = FILE) -> list[Arm]:
    """Return every arm, by budget in the order of the file.

    The settings of an arm are params.yaml, then the budget's profile, then those of the study, of
    the dataset, of the budget and of the variant; the later ones win.

    Raises:
        BestsellerError: a profile is missing, a setting is unknown or not allowed, or two arms are
            the same.
    """
    base = read_yaml(root / "params.yaml")
    found: dict[str, Arm] = {}
    for budget_name, budget in claims.budgets.items():
        dataset = claims.datasets[budget.dataset]
        profile = read_yaml(root / f"profiles/{budget.profile}.yaml")
        for name, seeds in budget.arms.items():
            variant = claims.variants[name]
            layers = (
                profile,
                claims.settings,
                dataset.settings,
                budget.settings,
                variant.settings,
                budget.own.get(name, {}),
            )
            values = base
            for layer in layers:
                values = overlaid(values, layer)
            where = f"{path}: {budget_name}/{name}"
            try:
                params = Params.model_validate(values)
                Item.parse(f"{variant.model}-0")
            except ValidationError as error:
                raise BestsellerError(f"{where}: {first_problem(error)}") from error
            except BestsellerError as error:
                raise BestsellerError(f"{where}: {error}") from error
            arm = Arm(
                budget_name,
                name,
                variant.model,
                budget.dataset,
                dataset,
                params,
                seeds,
                name in budget.first,
            )
            if (other := found.get(arm.key)) is not None:
                raise BestsellerError(
                    f"{where}: the same settings as {other.name}; remove one of the two"
                )
            found[arm.key] = arm
    return list(found.values())


def overlaid(values: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` with those of `layer` in their place, section by section."""
    result = dict(values)
    for key, value in layer.items():
        old = result.get(key)
        both = isinstance(value, Mapping) and isinstance(old, Mapping)
        result[key] = overlaid(old, value) if both else value  # type: ignore[arg-type]
    return result


def in_order(arms: list[Arm]) -> Iterator[tuple[Arm, int]]:
    """Yield (arm, seed): budget by budget, in each its first arms and then the others, and of these
    every arm's seed 0 before any seed 1, so that a study which is cut short has pairs."""
    for group in dict.fromkeys((arm.budget, arm.is_first) for arm in arms):
        of_group = [arm for arm in arms if (arm.budget, arm.is_first) == group]
        for seed in range(max(arm.seeds for arm in of_group)):
            yield from ((arm, seed) for arm in of_group if seed < arm.seeds)
