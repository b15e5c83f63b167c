"""What every section of params.yaml is made of."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

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


def as_text(value: Any) -> Any:
    """Return what YAML reads as a day, a whole number or a truth without quotes as the text it is.

    A number with a fraction stays one: YAML has lost how it was written.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if type(value) is dt.date or isinstance(value, int):
        return str(value)
    return value


def _as_day(value: Any) -> Any:
    return value.isoformat() if type(value) is dt.date else value


Day = Annotated[str, BeforeValidator(_as_day), Field(pattern=ISO_DATE), AfterValidator(_real_day)]


class Section(BaseModel):
    """A section of params.yaml: every key is known, nothing is coerced from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
