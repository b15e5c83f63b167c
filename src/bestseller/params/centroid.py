"""The centroid constraint: the section centroid."""

from typing import Annotated, Literal

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section


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
