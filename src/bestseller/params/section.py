"""The base class and the value types that the sections of params.yaml share."""

import datetime as dt
from difflib import get_close_matches
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
    """Turn a value that YAML reads as a date, an integer or a boolean back into its text.

    Such a value stands without quotes in params.yaml. A number with a fraction is returned as it
    is, since its text cannot be restored: YAML reads 1.0 and 1.00 as the same number.
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
    """A section of params.yaml. It rejects unknown keys and does not convert text to numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def first_problem(error: ValidationError, section: str = "") -> str:
    """Describe the first problem of a failed validation in one line: key, value, what is allowed.

    Args:
        error: the error of a section or of the whole file.
        section: the section's key in the file; empty for the whole file.
    """
    problems = error.errors(include_url=False)
    # a misspelt key is also a missing one; what must be mended is the spelling
    first = next((one for one in problems if one["type"] == "extra_forbidden"), problems[0])
    key = ".".join([*([section] if section else []), *(str(part) for part in first["loc"])])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        return f"{key}: missing; restore it from the committed params.yaml{more}"
    if first["type"] == "extra_forbidden":
        home, name = first["loc"][:-1], str(first["loc"][-1])
        beside = [one["loc"] for one in problems if one["type"] == "missing"]
        meant = [str(loc[-1]) for loc in beside if loc[:-1] == home]
        near = get_close_matches(name, meant, n=1)
        mend = f"did you mean {near[0]}?" if near else "remove it or mend its spelling"
        return f"{key}: unknown key; {mend}{more}"
    if first["type"] == "of_a_key":  # the check is of a whole section; its message names the key
        return f"{key}.{first['msg']}{more}".lstrip(".")
    allowed = first["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    return f"{key}: {first['input']!r} is not allowed; {allowed}{more}"
