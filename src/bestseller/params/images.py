"""How photos become images of one size: the section images."""

from typing import Annotated, Literal

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section, Share


class Images(Section):
    size: Literal[32, 64, 128, 256]
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
