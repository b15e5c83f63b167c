"""The product list of a Shopify store (`/products.json`) as product records.

A design is a product; a product with a colour option whose values all have photos of their own is
a design for each colour. What is left of the options tells variants apart.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, Field, ValidationError

from bestseller.catalogue.product import Entry, Product, Rejected, Variant
from bestseller.page import pictures, text, vocabulary
from bestseller.page.facts import Picture

PER_PAGE = 250  # the most that a page of the list holds
MAX_PRODUCTS = 25_000  # the most that the list gives out
UNTIED = "tied to no variant; the product is a design for each colour"
DEFAULT_TITLE = "Default Title"  # of the variant of a product without options
_COLOUR = re.compile(vocabulary.COLOUR, re.IGNORECASE)
_PARTS = re.compile(r"\s*[/|:()]\s*")  # of a name in two languages, such as Color / Farbe
_PRICE = re.compile(r"\d+(?:\.\d+)?")


class _Image(BaseModel):
    id: str = ""
    src: str
    position: int = 0
    variant_ids: list[str] = []
    alt: str | None = None


class _Featured(BaseModel):
    id: str = ""
    src: str = ""


class _Variant(BaseModel):
    id: str = Field(min_length=1)
    title: str = ""
    option1: str | None = None
    option2: str | None = None
    option3: str | None = None
    sku: str | None = None
    barcode: str | None = None
    price: str | None = None
    available: bool | None = None
    featured_image: _Featured | None = None

    def option(self, position: int) -> str:
        return ((self.option1, self.option2, self.option3)[position - 1] or "").strip()


class _Option(BaseModel):
    name: str
    position: int = Field(ge=1, le=3)


class _Product(BaseModel):
    """What is read of a product; whatever else the list tells is passed over."""

    id: str = Field(min_length=1)
    title: str
    handle: str = Field(min_length=1)
    vendor: str | None = None
    product_type: str | None = None
    tags: list[str] | str = []
    updated_at: str = ""
    variants: list[_Variant] = Field(min_length=1)
    images: list[_Image] = []
    options: list[_Option] = []
    attributes: dict[str, str] = {}  # of an export; the list has none


def read_products(
    body: bytes, origin: str, line: str, currency: str, colour_options: Collection[str] = ()
) -> list[Entry]:
    """Read one page of the list; a broken entry loses itself alone.

    The sku of a record is the product's number, with ``-<colour>`` for a design of one colour:
    it stays when variants come and go. Sales are joined by the skus of the variants.

    Args:
        body: the JSON that was served.
        origin: of the store, such as ``https://shop.example``.
        line: what a line is: product_type, vendor, or ``tag:<prefix>``, the rest of the first tag
            that begins with the prefix.
        currency: of the prices; empty = not told.
        colour_options: names of options that tell colours, besides those of the vocabulary.

    Raises:
        ValueError: it is no product list.
    """
    try:
        # Numbers as their text: a price or a barcode is not to be rounded.
        data = json.loads(body, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON ({type(error).__name__})") from error
    products = data.get("products") if isinstance(data, dict) else None
    if not isinstance(products, list):
        raise ValueError("no list of products in the JSON")
    return [
        read_product(values, f"{origin}/products/", line, currency, colour_options)
        for values in products
        if isinstance(values, dict)
    ]


def read_product(
    values: Mapping[str, Any],
    base: str,
    line: str,
    currency: str,
    colour_options: Collection[str] = (),
) -> Entry:
    """Read one product in the shape that the list gives it.

    Args:
        values: the product; beside the list's keys, `attributes` are kept as they are.
        base: what the address of its page begins with, before its handle.
        line: as in `read_products`.
        currency: as in `read_products`.
        colour_options: as in `read_products`.
    """
    name = str(values.get("handle") or values.get("id") or "")
    url = base + quote(name)
    try:
        # A null is as good as a key left out.
        product = _Product.model_validate(_told(values))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        return Entry(url, "", (), f"no product ({where}: {first['msg']})")
    designs: list[Product] = []
    left_out: list[Rejected] = []
    colours = _by_colour(product, colour_options)
    for colour, part in colours.items():
        design, dropped = _design(product, part, url, colour, line=line, currency=currency or None)
        designs.append(design)
        left_out += [Rejected(design.sku, *told) for told in dropped]
    if "" not in colours:
        tied = {image.src for part in colours.values() for image in _own_images(product, part)}
        loose = [image.src for image in product.images if image.src not in tied]
        left_out += [
            Rejected(product.id, pictures.absolute(src, url) or src, UNTIED) for src in loose
        ]
    return Entry(url, product.updated_at, tuple(designs), left_out=tuple(left_out))


def _told(value: Any) -> Any:
    """Return JSON without the keys whose value is null."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item is not None}
    return [_told(item) for item in value] if isinstance(value, list) else value


def _tells_colour(name: str, further: Collection[str]) -> bool:
    parts = _PARTS.split(name.strip())
    named = {own.strip().casefold() for own in further}
    return name.strip().casefold() in named or any(map(_COLOUR.fullmatch, parts))


def _by_colour(product: _Product, further: Collection[str]) -> dict[str, list[_Variant]]:
    """Return the variants of each colour, all under "" where the product is one design."""
    option = next((o for o in product.options if _tells_colour(o.name, further)), None)
    if option is not None:
        colours: dict[str, list[_Variant]] = {}
        for variant in product.variants:
            colours.setdefault(variant.option(option.position), []).append(variant)
        if len(colours) > 1 and all(_own_images(product, part) for part in colours.values()):
            return colours
    return {"": product.variants}


def _own_images(product: _Product, variants: list[_Variant]) -> list[_Image]:
    """Return the images that are tied to some of the variants, in the gallery's order."""
    ids = {variant.id for variant in variants}
    featured = [variant.featured_image for variant in variants if variant.featured_image]
    numbers = {image.id for image in featured} - {""}
    return [
        image
        for image in sorted(product.images, key=lambda image: image.position)
        if ids & set(image.variant_ids) or image.id in numbers
    ]


def _design(
    product: _Product,
    variants: list[_Variant],
    url: str,
    colour: str,
    *,
    line: str,
    currency: str | None,
) -> tuple[Product, tuple[tuple[str, str], ...]]:
    if colour:  # what is tied to no variant may show any colour
        gallery = _own_images(product, variants)
        url = f"{url}{'&' if '?' in url else '?'}variant={quote(variants[0].id)}"
    else:
        gallery = sorted(product.images, key=lambda image: image.position)
    name = f"{product.title}, {colour}" if colour else product.title
    known = [variant.available for variant in variants if variant.available is not None]
    barcodes = {variant.barcode.strip() for variant in variants if variant.barcode} - {""}
    price = (variants[0].price or "").strip()
    shown = pictures.gallery(
        [Picture(image.src, image.alt or "") for image in gallery], url, product.title
    )
    design = Product(
        sku=f"{product.id}-{colour}" if colour else product.id,
        name=name,
        line=_line(product, line),
        category=product.product_type if line != "product_type" else None,
        brand=product.vendor or None,
        price=price if _PRICE.fullmatch(price) else None,
        currency=currency,
        availability=("InStock" if any(known) else "OutOfStock") if known else None,
        gtin=barcodes.pop() if len(barcodes) == 1 else None,
        url=url,
        variants=tuple(
            Variant(
                sku=(variant.sku or "").strip() or variant.id,
                name=variant.title if variant.title not in ("", DEFAULT_TITLE) else name,
            )
            for variant in variants
        ),
        images=shown.images,
        attributes=_attributes(product, variants),
    )
    return design, shown.left_out


def _attributes(product: _Product, variants: list[_Variant]) -> dict[str, str]:
    """Return what an export tells besides, and the options that all variants have alike."""
    told = dict(product.attributes)
    for option in product.options:
        values = {variant.option(option.position) for variant in variants} - {"", DEFAULT_TITLE}
        if len(values) == 1:
            told[" ".join(option.name.split()).lower()] = values.pop()
    return told


def _line(product: _Product, line: str) -> str | None:
    if line == "vendor":
        return text.clean(product.vendor)
    if line == "product_type":
        return text.clean(product.product_type)
    prefix = line.removeprefix("tag:")
    tags = product.tags.split(",") if isinstance(product.tags, str) else product.tags
    found = (tag.strip().removeprefix(prefix).strip() for tag in tags if _begins(tag, prefix))
    return next((rest for rest in found if rest), None)


def _begins(tag: str, prefix: str) -> bool:
    return tag.strip().startswith(prefix)
