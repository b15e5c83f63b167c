"""The CSV of products that a WooCommerce shop's admin exports.

A variable product is a design, or one for each colour whose variations have photos of their own;
its variations are its variants. Grouped products are pages about others and are left out.
"""

import datetime as dt
import re
from collections import defaultdict
from typing import Any

from bestseller.catalogue.product import Entry, Product, version_of
from bestseller.page import text
from bestseller.page.shopify import read_product
from bestseller.page.tabular import read_table
from bestseller.params.section import Section
from bestseller.sources.feed import Feed
from bestseller.sources.shopify import Currency

OPTIONS = 3  # as many as a product in the shape of `shopify.read_product` has
NEEDED = ("id", "type", "name")
_COMMA = re.compile(r"(?<!\\),\s*")
_PICTURES = re.compile(r",\s+|,(?=https?://|/)")  # a comma within an address ends none
_NAME = re.compile(r"attribute (\d+) name")

Row = dict[str, str]


class Settings(Section):
    feed: str
    url: str
    currency: Currency
    columns: dict[str, str]


class Source(Feed):
    """The export of the settings."""

    name = "woocommerce_export"
    reader = f"{__name__}:read_export"
    settings: Settings

    def reading(self) -> dict[str, Any]:
        return {
            "currency": self.settings.currency,
            "columns": self.settings.columns,
            "colour_options": self.context.params.colour_options,
        }


def read_export(
    body: bytes, origin: str, currency: str, columns: dict[str, str], colour_options: list[str]
) -> list[Entry]:
    """Read an export; a product's number is its SKU, its ID where it has none.

    Args:
        body: the file.
        origin: of the shop.
        currency: of the prices; empty = not told.
        columns: English name of a column -> its name in the export.
        colour_options: names of attributes that tell colours, besides those of the vocabulary.

    Raises:
        ValueError: it is no such export.
    """
    english = {" ".join(own.split()).lower(): name.lower() for name, own in columns.items()}
    rows = [
        {english.get(name, name): cell for name, cell in row.items()} for row in read_table(body)
    ]
    missing = [name for name in NEEDED if rows and name not in rows[0]]
    if missing:
        raise ValueError(
            f"no column {missing[0]!r}; name it in catalogue.woocommerce_export.columns where the "
            "export is not in English"
        )
    variations: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if "variation" in _kinds(row):
            variations[row.get("parent", "")].append(row)
    base = f"{origin}/?p="
    parents = [row for row in rows if "variation" not in _kinds(row)]
    named = {name for row in parents for name in (f"id:{row['id']}", row.get("sku", "")) if name}
    return [
        *(_entry(row, _own(variations, row), base, currency, colour_options) for row in parents),
        *(
            Entry(base + row["id"], "", (), f"a variation of {parent!r}, which the export lacks")
            for parent, orphans in variations.items()
            if parent not in named
            for row in orphans
        ),
    ]


def _own(variations: dict[str, list[Row]], row: Row) -> list[Row]:
    """Return a product's variations, which name it by its SKU or as ``id:<ID>``."""
    sku = row.get("sku", "")
    return [*variations.get(f"id:{row['id']}", []), *(variations.get(sku, []) if sku else [])]


def _kinds(row: Row) -> set[str]:
    return {kind.strip() for kind in row["type"].lower().split(",")}


def _entry(
    row: Row, variations: list[Row], base: str, currency: str, colour_options: list[str]
) -> Entry:
    entry = read_product(_values(row, variations), base, "product_type", currency, colour_options)
    if "grouped" in _kinds(row):
        return entry._replace(designs=(), aside="a group of other products")
    if row.get("published", "1") not in ("1", ""):
        return entry._replace(designs=(), aside="not published")
    path = _categories(row)
    designs = tuple(_finished(design, path[0] if path else None) for design in entry.designs)
    return entry._replace(version=version_of(designs), designs=designs)


def _finished(design: Product, category: str | None) -> Product:
    own = tuple(variant for variant in design.variants if variant.sku != design.sku)
    return design.model_copy(update={"category": category, "variants": own})


def _values(row: Row, variations: list[Row]) -> dict[str, Any]:
    """Return a product in the shape of a Shopify store's list, see `shopify.read_product`."""
    number = row.get("sku") or row["id"]
    pairs = [_attributes(variation) for variation in variations]
    varied = list(dict.fromkeys(name for told in pairs for name in told))[:OPTIONS]
    path = _categories(row)
    photos: dict[str, list[str]] = {
        address: [] for one in [row, *variations] for address in _images(one)
    }
    for variation in variations:
        for address in _images(variation):
            photos[address].append(variation["id"])
    sold = [*zip(variations, pairs, strict=True)] or [(row, {})]
    brand = _COMMA.split(row.get("brands", ""))[0]
    return {
        "id": number,
        "handle": row["id"],
        "title": text.clean(row["name"]) or number,
        "vendor": brand or None,
        "product_type": path[-1] if path else None,
        "variants": [_variant(one, told, varied) for one, told in sold],
        "images": [
            {"id": address, "src": address, "position": position, "variant_ids": tied}
            for position, (address, tied) in enumerate(photos.items())
        ],
        "options": [{"name": name, "position": n} for n, name in enumerate(varied, start=1)],
        "attributes": {
            name.lower(): value
            for name, value in (_attributes(row) | _meta(row)).items()
            if name not in varied
        },
    }


def _variant(row: Row, told: Row, varied: list[str]) -> dict[str, Any]:
    options = [told.get(name, "") for name in varied]
    stock = row.get("in stock?", "")
    return {
        "id": row["id"],
        "title": " / ".join(filter(None, options)),
        **{f"option{n}": option or None for n, option in enumerate(options, start=1)},
        "sku": row.get("sku", ""),
        "barcode": row.get("gtin, upc, ean, or isbn", ""),
        "price": _asked(row),
        "available": stock != "0" if stock else None,
    }


def _attributes(row: Row) -> dict[str, str]:
    """Return the attributes of a row by name; several values stand behind one another."""
    told: dict[str, str] = {}
    for column, name in row.items():
        if name and (found := _NAME.fullmatch(column)):
            value = text.clean(row.get(f"attribute {found[1]} value(s)", "").replace("\\,", ","))
            told |= {name: value} if value else {}
    return told


def _meta(row: Row) -> dict[str, str]:
    """Return the shop's own fields; those of plugins begin with a low line."""
    fields = {
        column.removeprefix("meta:").strip(): text.clean(cell)
        for column, cell in row.items()
        if column.startswith("meta:")
    }
    return {name: value for name, value in fields.items() if value and not name.startswith("_")}


def _categories(row: Row) -> list[str]:
    """Return the path of a product's first category."""
    first = _COMMA.split(row.get("categories", ""))[0]
    return [part for p in first.split(">") if (part := text.clean(p.replace("\\,", ",")))]


def _images(row: Row) -> list[str]:
    return [address for part in _PICTURES.split(row.get("images", "")) if (address := part.strip())]


def _asked(row: Row) -> str | None:
    """Return the price that is asked today: the sale's while it lasts, else the regular one."""
    today = dt.datetime.now(dt.UTC).date().isoformat()
    starts, ends = row.get("date sale price starts", ""), row.get("date sale price ends", "")
    lasts = (not starts or starts[:10] <= today) and (not ends or today <= ends[:10])
    sale, regular = row.get("sale price", ""), row.get("regular price", "")
    return text.amount(sale if sale and lasts else regular)
