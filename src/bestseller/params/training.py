"""From photos to trained generators: the sections images to train."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from bestseller.params.section import Count, NonNegative, Positive, Precision, Section, Share


class Images(Section):
    size: Literal[32, 64, 128]
    view: Literal["front", "all"]
    align: Literal["product", "alpha", "none", "auto"]
    fit: Literal["pad", "crop"]
    fill: Annotated[float, Field(ge=0.3, le=1)]
    max_aspect: Annotated[float, Field(ge=0)]
    several: Literal["refuse", "take"]
    matte: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
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
