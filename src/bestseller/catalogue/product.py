"""The product record: one design, its variants and its images."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal, DecimalException
from typing import Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

MAX_PRICE = 10**12  # above any product's in any currency
View = Literal["front", "back", "side", "detail", "other"]


class Record(BaseModel):
    """An immutable record of the catalogue; unknown keys are an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Image(Record):
    """A picture of a product; `sha256` and `file` are empty until its bytes are stored."""

    url: str
    view: View
    sha256: str = ""
    file: str = Field(default="", description="entry of images.zip, `<sha256>.<ext>`")


class Variant(Record):
    """A variant with a number of its own, such as a size of the same design."""

    sku: str
    name: str


class Product(Record):
    """A design as its shop describes it; None is what the shop does not tell.

    `sku` is the key that the sales are joined by. It is empty only in what a page tells when it
    names none; no such product enters the catalogue. Numbers with leading zeros stay text.
    """

    sku: str
    name: str
    line: str | None = None
    category: str | None = None
    brand: str | None = None
    price: str | None = Field(default=None, description="decimal number with a point")
    currency: str | None = Field(default=None, description="ISO 4217 code or the page's symbol")
    availability: str | None = Field(
        default=None, description="InStock | OutOfStock | PreOrder | BackOrder"
    )
    gtin: str | None = None
    mpn: str | None = None
    url: str
    group: str | None = Field(default=None, description="number of the group of variants")
    variants: tuple[Variant, ...] = ()
    discontinued: bool = False
    images: tuple[Image, ...] = ()
    attributes: dict[str, str] = Field(
        default={}, description="what else the source tells, such as a colour or a fabric, by name"
    )

    @field_validator("price")
    @classmethod
    def _bounded(cls, price: str | None) -> str | None:
        """Take a price that is no number, or that no product has, for one that is not told."""
        try:
            bounded = price is not None and abs(Decimal(price)) < MAX_PRICE
        except (DecimalException, ValueError):  # of 1e9999999, Overflow
            return None
        return price if bounded else None

    @model_serializer(mode="wrap")
    def _lean(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave attributes out where there are none, and put them in the order of their names."""
        values: dict[str, Any] = dump(self)
        attributes = dict(sorted(values.pop("attributes").items()))
        return values | ({"attributes": attributes} if attributes else {})


class Rejected(NamedTuple):
    """A row of rejects.csv; `sku` is empty where the page told none."""

    sku: str
    url: str
    reason: str


class Entry(NamedTuple):
    """A product of a list that tells everything, so that its page need not be asked for.

    `url` is the address of its page; `version` moves when it changes; `designs` are its records,
    images not yet stored. There are none where `problem` says what is wrong with the entry, or
    `aside` why the shop does not sell it. `left_out` has a row for each picture that no record
    shows.
    """

    url: str
    version: str
    designs: tuple[Product, ...]
    problem: str = ""
    aside: str = ""
    left_out: tuple[Rejected, ...] = ()


def version_of(designs: Iterable[Product]) -> str:
    """Return a hash of everything that designs say: the version of a record without a date."""
    told = "".join(design.model_dump_json() for design in designs)
    return hashlib.sha256(told.encode()).hexdigest()
