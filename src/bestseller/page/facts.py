"""What one source of a page says about a product, before the sources are put together."""

from dataclasses import dataclass, fields

from bestseller.catalogue.product import Variant


@dataclass(frozen=True)
class Picture:
    """An image as a page names it: an address, perhaps relative, and words that describe it."""

    url: str
    words: str = ""


@dataclass(frozen=True)
class Facts:
    """Fields of a product; None or empty is what this source does not tell."""

    sku: str | None = None
    name: str | None = None
    line: str | None = None
    category: str | None = None
    brand: str | None = None
    price: str | None = None
    currency: str | None = None
    availability: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    url: str | None = None
    group: str | None = None
    discontinued: bool = False
    variants: tuple[Variant, ...] = ()
    pictures: tuple[Picture, ...] = ()
    former: tuple[str, ...] = ()  # prices that are struck through

    def or_else(self, other: "Facts") -> "Facts":
        """Return these facts with the gaps filled from `other`."""
        names = [field.name for field in fields(self)]
        return Facts(**{name: getattr(self, name) or getattr(other, name) for name in names})
