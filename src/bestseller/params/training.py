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
    fresh: bool
    seed: NonNegative


class Space(Section):
    """A feature space: which features of which network, on images of which size."""

    network: str
    layers: list[Count]
    side: Annotated[int, Field(ge=0, le=1024)]


class Backbones(Section):
    weights: Literal["package", "imagenet", "catalogue"]
    weights_dir: str
    metric_spaces: Annotated[list[Space], Field(min_length=1)]
    score_space: Space
    perceptual: str
    steps: Count
    batch_size: Annotated[int, Field(ge=4)]
    lr: Positive
    precision: Precision
    seed: NonNegative

    @field_validator("score_space")
    @classmethod
    def _is_no_metric(cls, value: Space, given: ValidationInfo) -> Space:
        spaces = given.data.get("metric_spaces", [])
        if any((s.network, s.layers) == (value.network, value.layers) for s in spaces):
            raise ValueError("another network, or other layers, than each of metric_spaces")
        return value

    def judges(self) -> set[str]:
        """Names of the networks that judge images: by metrics, by looks, by expected sales."""
        spaces = [*self.metric_spaces, self.score_space]
        return {space.network for space in spaces} | {self.perceptual}


class Centroid(Section):
    backbone: str
    layer: Count
    pooling: Literal["none", "mean"]
    per: Literal["all", "line"]
    min_images: Count
    threshold: Literal["mean"] | Annotated[float, Field(gt=0, le=100)]
    relative: bool
    weighting: Literal["fixed", "gradient"]
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


class ConvGan(WideGan):
    upsample: Literal["transposed", "nearest"]
    d_norm: Literal["batch", "spectral", "none"]
    r1: Annotated[float, Field(ge=0)]


class D2gan(ConvGan):
    alpha: Annotated[float, Field(gt=0, le=1)]
    beta: Annotated[float, Field(gt=0, le=1)]


class Pggan(Gan):
    fmap_base: Annotated[int, Field(ge=64)]
    fmap_min: Count
    fmap_max: Annotated[int, Field(ge=4)]
    phases: list[Positive]
    gradient_penalty: Annotated[float, Field(ge=0)]
    drift: Annotated[float, Field(ge=0)]


class Blend(WideGan):
    low: Count
    high: Count
    noise: Annotated[float, Field(ge=0)]
    teacher: str
    layers: Annotated[list[Count], Field(min_length=1)]
    pixel_weight: Annotated[float, Field(ge=0)]
    latents: Literal["blend", "density"]
    partners: Annotated[int, Field(ge=5)]
    least_share: Annotated[float, Field(ge=0.5, le=1)]
    most_share: Annotated[float, Field(ge=0.5, le=1)]
    jitter: Annotated[float, Field(ge=0, lt=1)]
    bandwidth: Annotated[float, Field(ge=0)]

    @field_validator("most_share")
    @classmethod
    def _not_below_least(cls, value: float, given: ValidationInfo) -> float:
        if value < given.data.get("least_share", 0.5):
            raise ValueError("a share from least_share on")
        return value


class Shared(Section):
    """What every GAN's training shares."""

    condition: Literal["line", "none"]
    sampling: Literal["proportional", "sqrt", "balanced"]
    z_dim: Count
    embedding_scale: Positive
    diffaugment: list[Literal["translation", "colour", "cutout"]]
    ema_half_life: Positive
    precision: Precision
    grid_rows: Count
    launcher: Literal["single", "torchrun"]
    processes: Count


class Train(Shared):
    vanilla: WideGan
    dcgan: ConvGan
    d2gan: D2gan
    pggan: Pggan
    blend: Blend
