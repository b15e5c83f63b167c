"""What every section of params.yaml is made of."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

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


def first_problem(error: ValidationError, section: str = "") -> str:
    """Return the first of a validation's problems in a line: the key, its value, what is allowed.

    Args:
        error: of a section or of the whole file.
        section: key that the validated values stand under.
    """
    first = error.errors(include_url=False)[0]
    key = ".".join([*([section] if section else []), *(str(part) for part in first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        return f"{key}: missing; restore it from the committed params.yaml{more}"
    if first["type"] == "extra_forbidden":
        return f"{key}: unknown key; remove it or mend its spelling{more}"
    if first["type"] == "of_a_key":  # a whole section was checked, and its message names the key
        return f"{key}.{first['msg']}{more}".lstrip(".")
    allowed = first["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    return f"{key}: {first['input']!r} is not allowed; {allowed}{more}"
