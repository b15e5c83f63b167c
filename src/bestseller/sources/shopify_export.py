"""The CSV of products that a Shopify store's admin exports, with its old or its new headers.

A product's first row tells it; each further row of its handle is a variant or one more photo.
"""

import re
from typing import Annotated, Any

from pydantic import Field

from bestseller.catalogue.product import Entry, version_of
from bestseller.page import text
from bestseller.page.shopify import read_product
from bestseller.page.tabular import read_table
from bestseller.params.section import Section
from bestseller.sources.feed import Feed
from bestseller.sources.shopify import Currency

# Our name of a column -> its names in the export.
COLUMNS = {
    "handle": ("handle", "url handle"),
    "sku": ("variant sku", "sku"),
    "price": ("variant price", "price"),
    "barcode": ("variant barcode", "barcode"),
    "image": ("image src", "product image url"),
    "variant image": ("variant image", "variant image url"),
}
OPTIONS = (1, 2, 3)
_METAFIELD = re.compile(r"(.+?)\s*\(product\.metafields\..+\)")
_SHOPPING = re.compile(r"google shopping / (.+)")

Row = dict[str, str]


class Settings(Section):
    feed: str
    url: str
    currency: Currency
    line: Annotated[str, Field(pattern=r"^(product_type|vendor|tag:.+)$")]


class Source(Feed):
    """The export of the settings."""

    name = "shopify_export"
    reader = f"{__name__}:read_export"
    settings: Settings

    def reading(self) -> dict[str, Any]:
        return {
            "line": self.settings.line,
            "currency": self.settings.currency,
            "colour_options": self.context.params.colour_options,
        }


def read_export(
    body: bytes, origin: str, line: str, currency: str, colour_options: list[str]
) -> list[Entry]:
    """Read an export; products are designs as in the store's list, their number is the handle.

    Raises:
        ValueError: it is no such export.
    """
    products: dict[str, list[Row]] = {}
    handle = ""
    for row in read_table(body):
        handle = _cell(row, "handle") or handle
        products.setdefault(handle, []).append(row)
    if not products:
        return []
    if "" in products:
        raise ValueError("no export of products: no column Handle or URL handle")
    base = f"{origin}/products/"
    return [
        _finished(
            read_product(_values(handle, rows), base, line, currency, colour_options),
            rows[0].get("status", "").lower(),
        )
        for handle, rows in products.items()
    ]


def _finished(entry: Entry, status: str) -> Entry:
    if status == "draft":
        return entry._replace(designs=(), aside="a draft, not on sale")
    designs = tuple(
        design.model_copy(
            update={
                "discontinued": status == "archived",
                "variants": tuple(v for v in design.variants if v.sku != design.sku),
            }
        )
        for design in entry.designs
    )
    return entry._replace(version=version_of(designs), designs=designs)


def _values(handle: str, rows: list[Row]) -> dict[str, Any]:
    """Return a product in the shape of the store's list, see `shopify.read_product`."""
    first = rows[0]
    names = [first.get(f"option{n} name", "") for n in OPTIONS]
    sold = [row for row in rows if _cell(row, "price") or _cell(row, "sku")]
    images: dict[str, dict[str, Any]] = {}
    for row in rows:
        if address := _cell(row, "image"):
            position = row.get("image position", "")
            images.setdefault(
                address,
                {
                    "id": address,
                    "src": address,
                    "position": int(position) if position.isdecimal() else len(images) + 1,
                    "alt": row.get("image alt text") or None,
                },
            )
    for row in sold:
        if address := _cell(row, "variant image"):
            tied = {"id": address, "src": address, "position": len(images) + 1}
            images.setdefault(address, tied)
    return {
        "id": handle,
        "handle": handle,
        "title": first.get("title", "") or handle,
        "vendor": first.get("vendor"),
        "product_type": first.get("type"),
        "tags": first.get("tags", ""),
        "variants": [_variant(handle, row) for row in sold],
        "images": list(images.values()),
        "options": [{"name": name, "position": n} for n, name in enumerate(names, start=1) if name],
        "attributes": _attributes(first),
    }


def _variant(handle: str, row: Row) -> dict[str, Any]:
    options = [row.get(f"option{n} value", "") for n in OPTIONS]
    title = " / ".join(filter(None, options))
    featured = _cell(row, "variant image")
    return {
        "id": _cell(row, "sku").removeprefix("'") or f"{handle} {title}".strip(),
        "title": title,
        **{f"option{n}": option or None for n, option in enumerate(options, start=1)},
        "sku": _cell(row, "sku").removeprefix("'"),  # a spreadsheet's mark of a text
        "barcode": _cell(row, "barcode").removeprefix("'"),
        "price": text.amount(_cell(row, "price")),
        "featured_image": {"id": featured, "src": featured} if featured else None,
    }


def _attributes(row: Row) -> dict[str, str]:
    """Return what the metafields and the columns for Google say of a product."""
    named: dict[str, str | None] = {"product category": text.clean(row.get("product category"))}
    for column, cell in row.items():
        if found := _SHOPPING.fullmatch(column) or _METAFIELD.fullmatch(column):
            named[found[1]] = text.clean(cell)
    return {name: value for name, value in named.items() if value}


def _cell(row: Row, name: str) -> str:
    return next((row[column] for column in COLUMNS[name] if row.get(column)), "")
