"""How many designs are made and which are kept: the section shortlist."""

from typing import Annotated, Literal

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section, Share


class Shortlist(Section):
    candidates: Count
    parents: Literal["drawn", "sales", "score"]
    draws: Count
    search: NonNegative
    per_line: Count
    sharing: Literal["equal", "sqrt", "units"]
    recognisable: Annotated[float, Field(gt=0, le=1)]
    diversity: Share
    apart: Annotated[float, Field(ge=0, le=100)]
    seller_share: Annotated[float, Field(gt=0, le=1)]
    seller_units: NonNegative
    occlusion: Annotated[int, Field(ge=1, le=32)]
    seed: NonNegative
