"""The variations that WooCommerce writes into the form of a product page, for its own script."""

import json
from typing import Any

from lxml.html import HtmlElement

from bestseller.catalogue.product import Variant
from bestseller.page import text
from bestseller.page.facts import Facts, Picture


def read_variations(tree: HtmlElement, own: str | None) -> Facts:
    """Read the attribute ``data-product_variations`` of the first form that has one.

    A page of more variations than the shop writes out, by default 30, has "false" there.

    Args:
        tree: the page.
        own: the product's own number, which a variation without one bears too: that one is known
            by its `variation_id`.

    Returns:
        The product's id, the variants, the lowest of the prices that are asked, whether any is in
        stock, and the variations' photos.
    """
    forms = tree.xpath("//*[@data-product_variations]")[:1]
    found = [item for form in forms for item in _list(form.get("data-product_variations"))]
    if not found:
        return Facts()
    variants = {}
    for item in found:
        sku = text.identifier(item.get("sku"))
        number = sku if sku and sku != own else text.identifier(item.get("variation_id"))
        if number:
            variants[number] = Variant(sku=number, name=_name(item) or number)
    prices = [price for item in found if (price := text.amount(item.get("display_price")))]
    stock = [item.get("is_in_stock") for item in found if isinstance(item.get("is_in_stock"), bool)]
    return Facts(
        sku=text.identifier(forms[0].get("data-product_id")),
        price=min(prices, key=float, default=None),
        availability=("InStock" if any(stock) else "OutOfStock") if stock else None,
        variants=tuple(variants.values()),
        pictures=tuple(dict.fromkeys(picture for item in found for picture in _pictures(item))),
    )


def _list(value: str) -> list[dict[str, Any]]:
    try:
        told = json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return []
    return [item for item in told if isinstance(item, dict)] if isinstance(told, list) else []


def _name(item: dict[str, Any]) -> str | None:
    attributes = item.get("attributes")
    values = attributes.values() if isinstance(attributes, dict) else ()
    return text.clean(" / ".join(str(value) for value in values if value))


def _pictures(item: dict[str, Any]) -> list[Picture]:
    image = item.get("image")
    if not isinstance(image, dict):
        return []
    address = next((image[key] for key in ("full_src", "url", "src") if image.get(key)), None)
    words = text.clean(image.get("alt")) or ""
    return [Picture(address, words)] if isinstance(address, str) else []
