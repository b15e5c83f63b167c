"""How models are trained: the section train, which holds a section for each model.

A training reads its settings from the file that the stage settings wrote (`recipe`). These classes
check the settings and change none.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, ValidationInfo, create_model, field_validator

from bestseller.params.section import Count, Positive, Precision, Section, Share


class GanSettings(Section):
    """The settings that every GAN's own section has; each GAN adds those of its networks."""

    lr: Positive
    beta1: Annotated[float, Field(ge=0, lt=1)]
    beta2: Annotated[float, Field(ge=0, lt=1)]
    batch_size: Annotated[int, Field(ge=2)]
    epochs: Positive


class WideGanSettings(GanSettings):
    width: Annotated[int, Field(ge=4)]


class ConvGanSettings(WideGanSettings):
    upsample: Literal["transposed", "nearest"]
    d_norm: Literal["batch", "spectral", "none"]
    r1: Annotated[float, Field(ge=0)]


class D2ganSettings(ConvGanSettings):
    alpha: Annotated[float, Field(gt=0, le=1)]
    beta: Annotated[float, Field(gt=0, le=1)]


class PgganSettings(GanSettings):
    fmap_base: Annotated[int, Field(ge=64)]
    fmap_min: Count
    fmap_max: Annotated[int, Field(ge=4)]
    phases: list[Positive]
    gradient_penalty: Annotated[float, Field(ge=0)]
    drift: Annotated[float, Field(ge=0)]


class BlendSettings(WideGanSettings):
    low: Count
    high: Count
    noise: Annotated[float, Field(ge=0)]
    teacher: str
    layers: Annotated[list[Count], Field(min_length=1)]
    pixel_weight: Annotated[float, Field(ge=0)]
    latents: Literal["blend", "density"]
    partners: Annotated[int, Field(ge=5)]
    least_own: Share
    most_own: Share
    jitter: Annotated[float, Field(ge=0, lt=1)]
    bandwidth: Annotated[float, Field(ge=0)]

    @field_validator("most_own")
    @classmethod
    def _not_below_least(cls, value: float, given: ValidationInfo) -> float:
        if value < given.data.get("least_own", 0.0):
            raise ValueError("a share from least_own on")
        return value


class Shared(Section):
    """The settings that the trainings of all GANs share."""

    condition: Literal["line", "none"]
    sampling: Literal["proportional", "sqrt", "balanced"]
    sales: Literal["none", "weighted", "conditioned"]
    z_dim: Count
    embedding_scale: Positive
    diffaugment: list[Literal["translation", "colour", "cutout"]]
    ema_half_life: Positive
    precision: Precision
    grid_rows: Count
    launcher: Literal["single", "torchrun"]
    processes: Count


@dataclass(frozen=True)
class Kind:
    """A kind of model: the class of its section, and its name in tables and on pages."""

    section: type[GanSettings]
    label: str


# The models by name. A new model needs a line here, a module of its name in `bestseller.gans` and a
# section in params.yaml. The section's class is one of those above or a new one.
GANS = {
    "vanilla": Kind(WideGanSettings, "Vanilla GAN"),
    "dcgan": Kind(ConvGanSettings, "DCGAN"),
    "d2gan": Kind(D2ganSettings, "D2GAN"),
    "pggan": Kind(PgganSettings, "PGGAN"),
    "blend": Kind(BlendSettings, "Blend autoencoder"),
}

if TYPE_CHECKING:

    class Train(Shared):
        """The section train: the shared settings, and each model's section under its name."""

        def __getattr__(self, name: str) -> Any: ...
else:
    Train = create_model(
        "Train", __base__=Shared, **{name: (kind.section, ...) for name, kind in GANS.items()}
    )
