"""How many designs are made and which are kept: the section shortlist."""

from typing import Annotated

from pydantic import Field

from bestseller.params.section import Count, NonNegative, Section, Share


class Shortlist(Section):
    candidates: Count
    per_line: Count
    recognisable: Annotated[float, Field(gt=0, le=1)]
    diversity: Share
    occlusion: Annotated[int, Field(ge=1, le=32)]
    seed: NonNegative
