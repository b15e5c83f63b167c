"""The values of a product page: prices, pictures, views, addresses, encodings."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

from typing import Any

import pytest

from bestseller.page.visible import sku_of
from test_parse import WATCH, ld, only


@pytest.mark.parametrize(
    ("value", "price"),
    [
        ("26,00 €", "26.00"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 719,99 €", "1719.99"),
        ("CHF 1'299.–", "1299"),
        ("34.000", "34.000"),
        (19.5, "19.5"),
        ("on request", None),
        (None, None),
    ],
)
def test_prices(value: Any, price: str | None) -> None:
    assert only(ld({**WATCH, "offers": {"price": value}})).price == price


@pytest.mark.parametrize(
    ("offers", "price"),
    [
        ([{"price": "5"}, {"price": "6"}], "5"),
        ({"@type": "AggregateOffer", "lowPrice": "5", "highPrice": "9"}, "5"),
        ({"offers": [{"price": "5"}]}, "5"),
        ({"priceSpecification": [{"price": "5", "priceCurrency": "EUR"}]}, "5"),
        ([None, 3, {"price": None}], None),
    ],
)
def test_offers(offers: Any, price: str | None) -> None:
    assert only(ld({**WATCH, "offers": offers})).price == price


def test_values_that_were_never_filled_in_are_none() -> None:
    product = only(ld({**WATCH, "brand": "$metabrand", "mpn": "N/A", "gtin13": "0000000000000"}))
    assert (product.brand, product.mpn, product.gtin) == (None, None, None)


@pytest.mark.parametrize(
    ("image", "urls"),
    [
        ("a.jpg", ["https://shop.example/products/a.jpg"]),
        (["/a.jpg", {"@type": "ImageObject", "url": "/b.jpg"}], ["/a.jpg", "/b.jpg"]),
        ("//cdn.example/a.jpg", ["https://cdn.example/a.jpg"]),
        (["/w50-h60/a.jpg", "/w1200-h1200/a.jpg", "/w240-h290/a.jpg"], ["/w1200-h1200/a.jpg"]),
        (["/a.jpg?w=200", "/a.jpg?w=800", "/b.jpg?w=200"], ["/a.jpg?w=800", "/b.jpg?w=200"]),
        (["data:image/gif;base64,R0", "file:///etc/passwd", "http://[", "/logo.svg"], []),
    ],
)
def test_images_in_metadata(image: Any, urls: list[str]) -> None:
    found = [i.url for i in only(ld({**WATCH, "image": image})).images]
    assert found == [url if "//" in url else f"https://shop.example{url}" for url in urls]


@pytest.mark.parametrize(
    "tag",
    [
        '<img src="/w.jpg">',
        '<img src="data:image/gif;base64,R0lGOD" data-src="/w.jpg">',
        '<img src="/pixel.gif" data-srcset="/s.jpg 200w, /w.jpg 800w">',
        '<img src="/s.jpg" srcset="/s.jpg 1x, /w.jpg 2x">',
        '<picture><source srcset="/w.jpg 900w"><img src="/s.jpg"></picture>',
        '<span class="lazy"></span><noscript><img src="/w.jpg"></noscript>',
    ],
)
def test_images_on_the_page(tag: str) -> None:
    without = {key: value for key, value in WATCH.items() if key != "image"}
    page = ld(
        without, body=f'<header><img src="/l.jpg"></header><main class="product">{tag}</main>'
    )
    assert [image.url for image in only(page).images] == ["https://shop.example/w.jpg"]


def test_base_element_counts() -> None:
    page = ld({**WATCH, "image": "a.jpg"}).replace("<head>", '<head><base href="/media/">')
    assert only(page).images[0].url == "https://shop.example/media/a.jpg"


def test_views() -> None:
    images = [
        "/1.jpg",
        "/w-caseback.jpg",
        "/w_side_2.jpg",
        "/2.jpg",
        {"url": "/3.jpg", "name": "Front"},
    ]
    product = only(ld({**WATCH, "image": images}))
    assert [i.view for i in product.images] == ["front", "back", "side", "other", "front"]
    table = only(ld({**WATCH, "name": "Side table", "image": ["/side-table.jpg"]}))
    assert table.images[0].view == "front"


@pytest.mark.parametrize(
    ("href", "url"),
    [
        ("/products/canonical", "https://shop.example/products/canonical"),
        ("https://other.example/x", "https://shop.example/products/datejust-41"),
        ("javascript:void(0)", "https://shop.example/products/datejust-41"),
        ("", "https://shop.example/products/datejust-41"),
    ],
)
def test_canonical_address(href: str, url: str) -> None:
    page = ld(WATCH).replace("<head>", f'<head><link rel="Canonical" href="{href}">')
    assert only(page).url == url


def test_breadcrumbs_tell_category_and_line() -> None:
    names = ["Home", "Professional", "Daytona", "Datejust 41"]
    crumbs = {
        "@type": "BreadcrumbList",
        "itemListElement": [{"@type": "ListItem", "item": {"name": name}} for name in names],
    }
    product = only(ld({**WATCH, "category": None}, crumbs))
    assert (product.category, product.line) == ("Professional", "Daytona")
    named = [{"@type": "PropertyValue", "name": "Collection", "value": "Sea"}]
    assert only(ld({**WATCH, "additionalProperty": named}, crumbs)).line == "Sea"


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("<h1>Größe</h1><p>SKU: 0042</p>".encode(), "Größe"),
        ("<meta charset=iso-8859-1><h1>Größe</h1><p>SKU: 0042</p>".encode("latin-1"), "Größe"),
        ("<h1>Größe</h1><p>SKU: 0042</p>".encode("latin-1"), "Größe"),
        (b"\xef\xbb\xbf" + "<h1>Größe</h1><p>SKU: 0042</p>".encode(), "Größe"),
    ],
)
def test_encodings(page: bytes, name: str) -> None:
    assert only(page).name == name


@pytest.mark.parametrize(
    ("url", "sku"),
    [
        ("https://h.example/dp/B0756B4GVG", "B0756B4GVG"),
        ("https://h.example/itm/some-watch/302474151804", "302474151804"),
        ("https://h.example/watch-304103-14347.html", "14347"),
        ("https://h.example/p/watch?sku=1049084", "1049084"),
        ("https://h.example/p/watch-41", None),
    ],
)
def test_numbers_in_addresses(url: str, sku: str | None) -> None:
    assert sku_of(url) == sku
