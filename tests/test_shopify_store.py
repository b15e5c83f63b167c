"""The product list of a Shopify store as a source."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Variant
from bestseller.page.shopify import read_products
from bestseller.web.crawl import probe_site
from loopback import ORIGIN, SHOPIFY, Answer, Shop, crawl, png, site

# A Shopify store.

WATCH: dict[str, Any] = {
    "id": 1001,
    "title": "Diver",
    "handle": "diver",
    "body_html": "<p>For <b>depth</b></p>",
    "vendor": "Acme",
    "product_type": "Watches",
    "tags": ["new", "line: Deep Sea"],
    "updated_at": "2024-05-01T10:00:00-04:00",
    "options": [
        {"name": "Size", "position": 1, "values": ["38", "41"]},
        {"name": "Colour", "position": 2, "values": ["Black", "Blue"]},
    ],
    "variants": [
        {"id": 1, "title": "38 / Black", "option1": "38", "option2": "Black", "option3": None}
        | {"sku": "D38-K", "price": "1290.00", "available": False, "barcode": "0012345678905"},
        {"id": 2, "title": "41 / Black", "option1": "41", "option2": "Black", "option3": None}
        | {"sku": "D41-K", "price": "1390.00", "available": True, "barcode": "0012345678912"},
        {"id": 3, "title": "38 / Blue", "option1": "38", "option2": "Blue", "option3": None}
        | {"sku": "D38-B", "price": "1290.00", "available": False}
        | {"featured_image": {"id": 93, "src": "/blue.png"}},
    ],
    "images": [
        {"id": 92, "src": "/black-side.png", "position": 3, "variant_ids": [1, 2]},
        {"id": 91, "src": "/black.png", "position": 2, "variant_ids": [2]},
        {"id": 93, "src": "/blue.png", "position": 4, "variant_ids": []},
        {"id": 90, "src": "/both.png", "position": 1, "variant_ids": []},
    ],
}


STRAP: dict[str, Any] = {
    "id": 1002,
    "title": "Strap",
    "handle": "strap",
    "vendor": "",
    "product_type": "Straps",
    "tags": "sale, line:Leather, line:Other",
    "updated_at": "2024-05-02T10:00:00-04:00",
    "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
    "variants": [
        {"id": 9, "title": "Default Title", "option1": "Default Title", "sku": "", "price": "45"}
    ],
    "images": [{"id": 94, "src": "//cdn.example/strap.png?v=1", "position": 1}],
}


def entries(*products: Any, line: str = "product_type") -> list[Any]:
    body = json.dumps({"products": list(products)}).encode()
    return read_products(body, "https://h.example", line, "EUR")


def test_a_product_with_photos_of_its_colours_is_a_design_for_each() -> None:
    (entry,) = entries(WATCH)
    assert (entry.url, entry.version) == (
        "https://h.example/products/diver",
        "2024-05-01T10:00:00-04:00",
    )
    black, blue = entry.designs
    assert (black.sku, blue.sku) == ("1001-Black", "1001-Blue")
    assert (black.name, black.line, black.brand) == ("Diver, Black", "Watches", "Acme")
    assert (black.price, black.currency) == ("1290.00", "EUR")
    assert (black.availability, blue.availability) == ("InStock", "OutOfStock")
    assert black.variants == (
        Variant(sku="D38-K", name="38 / Black"),
        Variant(sku="D41-K", name="41 / Black"),
    )
    assert blue.variants == (Variant(sku="D38-B", name="38 / Blue"),)
    shown = [(image.url, image.view) for image in black.images]
    assert shown == [
        ("https://h.example/black.png", "front"),
        ("https://h.example/black-side.png", "side"),
    ]
    assert [image.url for image in blue.images] == ["https://h.example/blue.png"]
    assert len({black.url, blue.url, entry.url}) == 3


def test_a_product_without_them_is_one_design() -> None:
    bare = [image | {"variant_ids": []} for image in WATCH["images"]]
    variants = [variant | {"featured_image": None} for variant in WATCH["variants"]]
    (entry,) = entries(WATCH | {"images": bare, "variants": variants})
    (design,) = entry.designs
    assert (design.sku, design.name) == ("1001", "Diver")
    assert [variant.sku for variant in design.variants] == ["D38-K", "D41-K", "D38-B"]
    assert len(design.images) == 4
    assert design.images[0].url == "https://h.example/both.png"


def test_numbers_of_a_store_stay_text() -> None:
    (entry,) = entries(STRAP | {"variants": [{"id": 2**60 + 1, "sku": "007", "price": 12.50}]})
    (design,) = entry.designs
    assert design.price == "12.5", "JSON's own number, as it stands there"
    assert design.variants[0].sku == "007"
    variant = WATCH["variants"][0]
    (entry,) = entries(WATCH | {"variants": [variant]})
    assert entry.designs[0].gtin == "0012345678905"


def test_a_variant_without_sku_is_known_by_its_number() -> None:
    (entry,) = entries(STRAP)
    (design,) = entry.designs
    assert design.variants == (Variant(sku="9", name="Strap"),)
    assert (design.brand, design.availability, design.price) == (None, None, "45")
    assert design.images[0].url == "https://cdn.example/strap.png?v=1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("product_type", ["Watches", "Straps"]),
        ("vendor", ["Acme", None]),
        ("tag:line:", ["Deep Sea", "Leather"]),
        ("tag:x", [None, None]),
    ],
)
def test_what_a_line_is_in_a_store(line: str, told: list[str | None]) -> None:
    assert [entry.designs[0].line for entry in entries(WATCH, STRAP, line=line)] == told


def test_a_broken_entry_loses_itself_alone() -> None:
    broken = {"id": 5, "title": "x", "handle": "x", "variants": [{"title": "no number"}]}
    found = entries(broken, "text", STRAP, {"handle": "y"})
    assert [len(entry.designs) for entry in found] == [0, 1, 0]
    assert found[0].problem.startswith("no product (variants.0.id:")
    assert [entry.url.rsplit("/", 1)[1] for entry in found] == ["x", "strap", "y"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"products": {}}', b"\xff", b"[" * 100_000])
def test_what_is_no_product_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_products(body, "https://h.example", "vendor", "")


def product_list(number: int, *products: Any, status: int = 200) -> dict[str, Answer]:
    path = f"/products.json?limit=250&page={number}"
    body = json.dumps({"products": list(products)}).encode()
    return {path: Answer(body, status, {"Content-Type": "application/json"})}


def store(*pages: dict[str, Answer], robots: bytes = b"") -> Shop:
    images = {f"/{n}.png": Answer(png(i)) for i, n in enumerate(["black", "black-side", "blue"])}
    shop = Shop(images | {"/robots.txt": Answer(robots)} | product_list(3))
    for answers in pages:
        shop.pages |= answers
    return shop


def test_a_shopify_store(tmp_path: Path) -> None:
    strap = STRAP | {"images": []}
    shop = store(product_list(1, WATCH), product_list(2, strap, WATCH))
    with shop.serve() as url:
        first = crawl(url, tmp_path, spider=SHOPIFY, currency="EUR")
        again = crawl(url, tmp_path, spider=SHOPIFY, currency="EUR")
        versions = probe_site(site(url, tmp_path, spider=SHOPIFY))
    assert [product.sku for product in first.products] == ["1001-Black", "1001-Blue", "1002"]
    digests = [[image.sha256 for image in product.images] for product in first.products]
    assert digests[0] == [hashlib.sha256(png(i)).hexdigest() for i in (0, 1)]
    assert first.products == again.products
    assert again.stats["body_bytes"] == 0 < again.stats["not_modified"]
    assert not [path for path in shop.asked if path.startswith("/products/")]
    assert versions == {
        f"{ORIGIN}/products/diver": WATCH["updated_at"],
        f"{ORIGIN}/products/strap": STRAP["updated_at"],
    }


PAGED = product_list(1, WATCH) | product_list(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pages", "robots", "told"),
    [
        (product_list(1, status=403), b"", "HTTP 403; the store keeps .* catalogue.source: site"),
        (product_list(1, status=404), b"", "HTTP 404; no Shopify store; mend catalogue.shopify"),
        (product_list(1, status=500), b"", "HTTP 500; run again"),
        ({"/products.json?limit=250&page=1": Answer(b"<p>")}, b"", "no JSON .*catalogue.source"),
        (product_list(1), b"", "lists no product; mend catalogue.shopify.url"),
        (product_list(1, WATCH), b"User-agent: *\nDisallow: /products.json", "robots.txt; ask"),
        (PAGED, b"User-agent: *\nDisallow: /products/", "forbid all 1 product pages"),
        (product_list(1, *[WATCH] * 250) | product_list(2, *[WATCH] * 250), b"", "page=2: repeats"),
    ],
)
def test_a_store_that_gives_no_list(
    tmp_path: Path, pages: dict[str, Answer], robots: bytes, told: str
) -> None:
    with (
        store(pages, robots=robots).serve() as url,
        pytest.raises(BestsellerError, match=told) as e,
    ):
        crawl(url, tmp_path, spider=SHOPIFY, setting="catalogue.shopify")
    assert "\n" not in str(e.value)


@pytest.mark.slow
@pytest.mark.parametrize("last", [product_list(101, status=400), product_list(101, STRAP)])
def test_a_store_of_more_products_than_its_list_gives(
    tmp_path: Path, last: dict[str, Answer]
) -> None:
    pages = [product_list(n, STRAP | {"id": n, "handle": f"s{n}"}) for n in range(1, 101)]
    with store(*pages, last).serve() as url, pytest.raises(BestsellerError, match="25,000"):
        probe_site(site(url, tmp_path, spider=SHOPIFY))
