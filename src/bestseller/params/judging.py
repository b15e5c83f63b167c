"""From trained generators to the page: the sections preference to report."""

from typing import Annotated, Literal

from pydantic import Field

from bestseller.params.section import (
    Count,
    Day,
    NonNegative,
    Positive,
    Precision,
    Section,
    Share,
)


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
