"""How a ledger is read: the section sales."""

import codecs
import re
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import Field, ValidationInfo, field_validator

from bestseller.params.section import Day, Section, Share


class SalesColumns(Section):
    """The ledger's name of each of our columns; an empty name is a column that it lacks."""

    sku: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(min_length=1)]
    units: Annotated[str, Field(min_length=1)]
    line_id: str
    kind: str
    channel: str
    price: str
    currency: str
    as_of: str


class Sales(Section):
    source: Literal["demo", "csv"]
    path: str
    level: Literal["product", "line"]
    allocation: Literal["none", "equal", "variants"]
    from_: Annotated[Day, Field(alias="from")]
    until: Day
    as_of: Day
    max_unknown_share: Share
    max_quarantined_share: Share
    encoding: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    date_format: Annotated[str, Field(min_length=1)]
    as_of_format: Annotated[str, Field(min_length=1)]
    zone: str
    zones: dict[str, Annotated[str, Field(pattern=r"^[+-]\d{2}:\d{2}$")]]
    business_zone: str
    decimal: Literal[".", ","]
    thousands: Literal["", ".", ",", " ", "'"]
    key: Annotated[list[str], Field(min_length=1)]
    columns: SalesColumns
    extract: dict[str, str]
    values: dict[str, dict[str, str]]
    empty: dict[str, str]

    @field_validator("allocation")
    @classmethod
    def _fits_the_level(cls, value: str, given: ValidationInfo) -> str:
        by_line = given.data.get("level") == "line"
        if by_line and value == "none":
            raise ValueError("sales.level: line needs a rule: equal or variants")
        if not by_line and value != "none":
            raise ValueError("sales.level: product needs none")
        return value

    @field_validator("encoding")
    @classmethod
    def _is_an_encoding(cls, value: str) -> str:
        try:
            codecs.lookup(value)
        except LookupError as error:
            raise ValueError("a Python codec, such as utf-8 or cp1252") from error
        return value

    @field_validator("zone", "zones", "business_zone")
    @classmethod
    def _fits_the_dates(cls, value: Any, given: ValidationInfo) -> Any:
        if isinstance(value, str) and value and value not in available_timezones():
            raise ValueError("an IANA zone, such as Europe/Berlin or UTC")
        date_format, told = given.data.get("date_format", ""), bool(given.data.get("zone"))
        offset = "%z" in date_format or "%Z" in date_format
        if given.field_name == "zone" and value and offset:
            raise ValueError("sales.date_format tells the zone of each date: leave it empty")
        if given.field_name == "zones" and bool(value) != ("%Z" in date_format):
            raise ValueError("it goes with %Z in sales.date_format: an offset by abbreviation")
        if given.field_name == "business_zone" and bool(value) != (offset or told):
            raise ValueError("it goes with dates that are instants: whose calendar days count")
        return value

    @field_validator("thousands")
    @classmethod
    def _differs_from_decimal(cls, value: str, given: ValidationInfo) -> str:
        if value and value == given.data.get("decimal"):
            raise ValueError("it is the same as sales.decimal")
        return value

    @field_validator("key", "extract", "values", "empty")
    @classmethod
    def _are_our_columns(cls, names: Any) -> Any:
        for name in names:
            if name not in SalesColumns.model_fields:
                ours = ", ".join(SalesColumns.model_fields)
                raise ValueError(f"{name!r} is none of our columns; they are {ours}")
        return names

    @field_validator("extract")
    @classmethod
    def _are_patterns(cls, patterns: dict[str, str]) -> dict[str, str]:
        for name, pattern in patterns.items():
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{name}: no regular expression ({error})") from error
            if groups != 1:
                raise ValueError(f"{name}: it needs exactly one group, the part that is meant")
        return patterns
