"""How a ledger is read: the section sales."""

import codecs
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from bestseller.params.presets import PLAIN, preset, preset_names, together
from bestseller.params.section import Day, NonNegative, Section, Share, as_text

LOCAL = "local"  # business_zone: the day that each date tells itself
# strptime's codes that tell a day or an instant, and %q, a quarter.
DATE_CODES = (*"aAbBdHIjmMpSfwyYzZGVuqcxX", "%")
SPACES = dict.fromkeys("\u00a0\u2007\u2009\u202f", " ") | {"\u2019": "'"}

Text = Annotated[str, BeforeValidator(as_text)]


NO_LEDGER = (
    "There is no ledger (sales.source: none), so nothing says what sells: images are made and "
    "measured, no design is proposed."
)


class SalesColumns(Section):
    """The name of each of our columns in the ledger; an empty name: the ledger lacks the column."""

    sku: Annotated[str, Field(min_length=1)]
    date: Annotated[str, Field(min_length=1)]
    units: Annotated[str, Field(min_length=1)]
    returned: str
    line_id: str
    kind: str
    channel: str
    price: str
    currency: str
    as_of: str


class Sales(Section):
    source: Literal["demo", "csv", "none"]
    path: str
    preset: str
    level: Literal["product", "line"]
    allocation: Literal["none", "equal", "variants"]
    from_: Annotated[Day, Field(alias="from")]
    until: Day
    as_of: Day
    period: Literal["auto", "day", "week", "month", "quarter", "year"]
    max_unknown_share: Share
    max_quarantined_share: Share
    sheet: str
    encoding: str
    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    quoting: Literal["standard", "none"]
    skip_lines: NonNegative | Literal["auto"]
    totals: list[Text]
    fill_down: dict[str, list[str]]
    not_counted: dict[str, list[Text]]
    date_format: Annotated[str, Field(min_length=1)]
    as_of_format: Annotated[str, Field(min_length=1)]
    zone: str
    zones: dict[str, Annotated[str, Field(pattern=r"^[+-]\d{2}:\d{2}$")]]
    business_zone: str
    decimal: Literal[".", ","]
    thousands: Literal["", ".", ",", " ", "'"]
    unit_decimals: Annotated[int, Field(ge=0, le=6)]
    price_of: Literal["unit", "line"]
    key: Annotated[list[str], Field(min_length=1)]
    columns: SalesColumns
    extract: dict[str, str]
    values: dict[str, dict[Text, Text]]
    empty: dict[str, Text]

    @model_validator(mode="before")
    @classmethod
    def _as_the_preset_says(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        name = given.get("preset", PLAIN)
        shape = preset(name if name in preset_names() else PLAIN)
        return together(shape | {"preset": PLAIN}, given)

    @field_validator("preset")
    @classmethod
    def _is_a_preset(cls, value: str) -> str:
        if value not in (names := preset_names()):
            raise ValueError(f"one of {', '.join(names)}")
        return value

    @field_validator("thousands", mode="before")
    @classmethod
    def _any_space_or_apostrophe(cls, value: Any) -> Any:
        return SPACES.get(value, value) if isinstance(value, str) else value

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

    @field_validator("date_format", "as_of_format")
    @classmethod
    def _is_a_date_format(cls, value: str) -> str:
        unknown = [code for code in re.findall("%.?", value) if code[1:] not in DATE_CODES]
        if unknown or ("%" not in value and value not in ("excel", "unix")):
            raise ValueError(
                f"strptime's codes, such as %d.%m.%Y{f', without {unknown[0]}' if unknown else ''}"
                "; %q is a quarter; excel = days counted as 45352; unix = seconds since 1970"
            )
        return value

    @field_validator("zone", "zones", "business_zone")
    @classmethod
    def _fits_the_dates(cls, value: Any, given: ValidationInfo) -> Any:
        local = value == LOCAL and given.field_name == "business_zone"
        if isinstance(value, str) and value and not local and value not in available_timezones():
            raise ValueError("an IANA zone, such as Europe/Berlin or UTC")
        date_format, told = given.data.get("date_format", ""), bool(given.data.get("zone"))
        offset = "%z" in date_format or "%Z" in date_format
        if given.field_name == "zone" and date_format == "unix" and value != "UTC":
            raise ValueError("UTC, since sales.date_format unix counts its seconds")
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

    @field_validator("empty")
    @classmethod
    def _contradicts_no_meaning(
        cls, value: dict[str, str], given: ValidationInfo
    ) -> dict[str, str]:
        for name, meanings in given.data.get("values", {}).items():
            nothing = [text for text, meaning in meanings.items() if text and not meaning]
            if nothing and value.get(name):
                raise ValueError(
                    f"{name}: sales.values.{name} makes {nothing[0]!r} an empty text, which this "
                    f"makes {value[name]!r}: write drop there to leave such rows out"
                )
        return value

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
