"""What every section of params.yaml is made of."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
NonNegative = Annotated[int, Field(ge=0)]
Precision = Literal["auto", "fp32"]
ISO_DATE = r"^(\d{4}-\d{2}-\d{2})?$"


def _real_day(value: str) -> str:
    if value:
        dt.date.fromisoformat(value)
    return value


Day = Annotated[str, Field(pattern=ISO_DATE), AfterValidator(_real_day)]


class Section(BaseModel):
    """A section of params.yaml: every key is known, nothing is coerced from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
