"""params.yaml as typed, validated values.

The file is read with ruamel.yaml, the parser that DVC itself uses, so that both see the same
YAML 1.2 values: ``1e-4`` is a number and ``off`` is a word. `params.yaml` documents each key.
"""

import codecs
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from ruamel.yaml import YAML, YAMLError

from bestseller.errors import BestsellerError

PARAMS_FILE = "params.yaml"

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Precision = Literal["auto", "fp32"]
Constraint = Literal["plain", "centroid"]
BRANCH = re.compile(r"((\w|\{until\}|\{run\})([\w./-]|\{until\}|\{run\})*)?")
ISO_DATE = r"^(\d{4}-\d{2}-\d{2})?$"


def _real_day(value: str) -> str:
    if value:
        dt.date.fromisoformat(value)
    return value


Day = Annotated[str, Field(pattern=ISO_DATE), AfterValidator(_real_day)]


class Section(BaseModel):
    """A section of params.yaml: every key is known, nothing is coerced from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Site(Section):
    url: str
    product_path: str
    listings: list[str]
    max_listing_pages: Count


class Shopify(Section):
    url: str
    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]
    line: Annotated[str, Field(pattern=r"^(product_type|vendor|tag:.+)$")]


class Folder(Section):
    path: str
    table: str


class Crawl(Section):
    delay_s: Annotated[float, Field(ge=0)]
    concurrency: Count
    timeout_s: Positive
    max_body_mb: Positive
    min_found_share: Share


class Demo(Section):
    scale: Annotated[float, Field(gt=0, le=1)]
    seed: NonNegative
    season: Count
    image_size: Annotated[int, Field(ge=128, le=1024)]


class Catalogue(Section):
    source: Literal["demo", "site", "shopify", "folder"]
    user_agent: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9._-]*$")]
    contact: str
    permission: bool
    site: Site
    shopify: Shopify
    folder: Folder
    crawl: Crawl
    demo: Demo


class SalesColumns(Section):
    """The ledger's name of each of our columns; an empty name is a column that it lacks."""

    sku: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(min_length=1)]
    units: Annotated[str, Field(min_length=1)]
    line_id: str
    kind: str
    channel: str
    price: str
    currency: str
    as_of: str


class Sales(Section):
    source: Literal["demo", "csv"]
    path: str
    level: Literal["product", "line"]
    allocation: Literal["none", "equal", "variants"]
    from_: Annotated[Day, Field(alias="from")]
    until: Day
    as_of: Day
    max_unknown_share: Share
    max_quarantined_share: Share
    encoding: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    date_format: Annotated[str, Field(min_length=1)]
    as_of_format: Annotated[str, Field(min_length=1)]
    zone: str
    zones: dict[str, Annotated[str, Field(pattern=r"^[+-]\d{2}:\d{2}$")]]
    business_zone: str
    decimal: Literal[".", ","]
    thousands: Literal["", ".", ",", " ", "'"]
    key: Annotated[list[str], Field(min_length=1)]
    columns: SalesColumns
    extract: dict[str, str]
    values: dict[str, dict[str, str]]
    empty: dict[str, str]

    @field_validator("allocation")
    @classmethod
    def _fits_the_level(cls, value: str, given: ValidationInfo) -> str:
        by_line = given.data.get("level") == "line"
        if by_line and value == "none":
            raise ValueError("sales.level: line needs a rule: equal or variants")
        if not by_line and value != "none":
            raise ValueError("sales.level: product needs none")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError("a Python codec, such as utf-8 or cp1252") from error
        return value

    @field_validator("zone", "zones", "business_zone")
    @classmethod
    def _fits_the_dates(cls, value: Any, given: ValidationInfo) -> Any:
        if isinstance(value, str) and value and value not in available_timezones():
            raise ValueError("an IANA zone, such as Europe/Berlin or UTC")
        date_format, told = given.data.get("date_format", ""), bool(given.data.get("zone"))
        offset = "%z" in date_format or "%Z" in date_format
        if given.field_name == "zone" and value and offset:
            raise ValueError("sales.date_format tells the zone of each date: leave it empty")
        if given.field_name == "zones" and bool(value) != ("%Z" in date_format):
            raise ValueError("it goes with %Z in sales.date_format: an offset by abbreviation")
        if given.field_name == "business_zone" and bool(value) != (offset or told):
            raise ValueError("it goes with dates that are instants: whose calendar days count")
        return value

    @field_validator("thousands")
    @classmethod
    def _differs_from_decimal(cls, value: str, given: ValidationInfo) -> str:
        if value and value == given.data.get("decimal"):
            raise ValueError("it is the same as sales.decimal")
        return value

    @field_validator("key", "extract", "values", "empty")
    @classmethod
    def _are_our_columns(cls, names: Any) -> Any:
        for name in names:
            if name not in SalesColumns.model_fields:
                ours = ", ".join(SalesColumns.model_fields)
                raise ValueError(f"{name!r} is none of our columns; they are {ours}")
        return names

    @field_validator("extract")
    @classmethod
    def _are_patterns(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{name}: no regular expression ({error})") from error
            if groups != 1:
                raise ValueError(f"{name}: it needs exactly one group, the part that is meant")
        return patterns


class Images(Section):
    size: Literal[32, 64, 128]
    view: Literal["front", "all"]
    fill: Annotated[float, Field(ge=0.3, le=1)]
    max_aspect: Positive
    max_reject_share: Share
    duplicate_rmse: Annotated[float, Field(ge=0)]
    split: Annotated[list[Count], Field(min_length=3, max_length=3)]
    seed: NonNegative


class Augment(Section):
    share: Share
    flip: bool
    zoom: Annotated[float, Field(ge=0, lt=1)]
    brightness: Share
    channel_shift: Share
    seed: NonNegative


class Backbones(Section):
    weights: Literal["catalogue", "imagenet"]
    weights_dir: str
    metric: Literal["resnet18", "resnet50", "inception_v3"]
    steps: Count
    batch_size: Annotated[int, Field(ge=4)]
    lr: Positive
    precision: Precision
    seed: NonNegative

    @field_validator("metric")
    @classmethod
    def _can_be_fitted(cls, value: str, given: ValidationInfo) -> str:
        if value == "inception_v3" and given.data.get("weights") == "catalogue":
            raise ValueError(
                "inception_v3 is for backbones.weights: imagenet; resnet18 or resnet50"
            )
        return value


class Centroid(Section):
    backbone: Literal["vgg16", "resnet18", "resnet50"]
    layer: Annotated[int, Field(ge=1, le=31)]
    pooling: Literal["none", "mean"]
    weight: Annotated[float, Field(ge=0)]
    schedule: Literal["constant", "adaptive"]
    every: Count
    images: NonNegative
    start: Annotated[float, Field(ge=0, le=1)]


class Gan(Section):
    """What every GAN's own section holds; each GAN adds its architecture."""

    lr: Positive
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Positive


class WideGan(Gan):
    width: Annotated[int, Field(ge=4)]


class D2gan(WideGan):
    alpha: Annotated[float, Field(gt=0, le=1)]
    beta: Annotated[float, Field(gt=0, le=1)]


class Pggan(Gan):
    fmap_base: Annotated[int, Field(ge=64)]
    gradient_penalty: Annotated[float, Field(ge=0)]
    drift: Annotated[float, Field(ge=0)]


class Train(Section):
    condition: Literal["line", "none"]
    sampling: Literal["proportional", "sqrt", "balanced"]
    z_dim: Count
    diffaugment: list[Literal["translation", "colour", "cutout"]]
    ema_half_life: Positive
    precision: Precision
    grid_rows: Count
    launcher: Literal["single", "torchrun"]
    processes: Count
    vanilla: WideGan
    dcgan: WideGan
    d2gan: D2gan
    pggan: Pggan


class Preference(Section):
    top_k: Count
    scope: Literal["line", "overall"]
    launched_after: Day
    steps: Count
    batch_size: Count
    lr: Positive
    precision: Precision
    seed: NonNegative


class Evaluate(Section):
    images: Annotated[int, Field(ge=2)]
    images_per_line: Annotated[int, Field(ge=2)]
    pairs: Count
    seed: NonNegative


class Compare(Section):
    confidence: Annotated[float, Field(gt=0, lt=1)]


class Shortlist(Section):
    candidates: Count
    per_line: Count
    recognisable: Annotated[float, Field(gt=0, le=1)]
    diversity: Share
    occlusion: Annotated[int, Field(ge=1, le=32)]
    seed: NonNegative


class Report(Section):
    title: str


class Health(Section):
    max_lost_share: Share
    max_lost_sales_share: Share
    max_growth: Positive
    max_share_rise: Share


class Drift(Section):
    max_sales_psi: Positive
    max_turnover: Share
    max_centroid_shift: Positive
    max_centroid_distance: Positive


class Gate(Section):
    max_near_copy_rate: Share
    max_abstained_share: Share
    min_diversity_share: Annotated[float, Field(ge=0)]
    min_coverage: Share
    seed: NonNegative


class Retrain(Section):
    branch: str
    push: str
    notify: str
    notify_timeout_s: Positive
    health: Health
    drift: Drift
    gate: Gate

    @field_validator("branch")
    @classmethod
    def _has_known_parts(cls, value: str) -> str:
        if BRANCH.fullmatch(value) is None:
            raise ValueError("a branch's name, in which {until} and {run} may stand")
        return value


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
        raise BestsellerError(f"{path}: {_first_line(error)}") from error


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        return f"{key}: missing; restore it from the committed params.yaml{more}"
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or mend its spelling{more}"
    allowed = first["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    return f"{key}: {first['input']!r} is not allowed; {allowed}{more}"
