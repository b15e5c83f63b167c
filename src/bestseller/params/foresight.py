"""Whether a shortlist of a past day foresaw what sold later: the section foresight."""

from typing import Annotated

from pydantic import Field, field_validator

from bestseller.params.item import parse_model
from bestseller.params.section import Count, Day, NonNegative, Section


class Foresight(Section):
    as_of: Day
    model: str
    seed: NonNegative
    launched: str
    share: Annotated[float, Field(gt=0, le=0.5)]
    least_days: Count

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        parse_model(value)
        return value
