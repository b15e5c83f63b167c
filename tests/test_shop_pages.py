"""What shops of several platforms tell on their pages: prices, variants, languages, numbers."""

import html
import json
from pathlib import Path
from typing import Any

import pytest

from bestseller.catalogue.product import Product, Variant
from bestseller.catalogue.tidy import agreed, numbers_on_several, one_spelling
from bestseller.page.assemble import CrawlResult
from bestseller.page.languages import elsewhere, languages_of
from bestseller.page.parse import parse_product_page
from bestseller.page.shopify import read_products
from bestseller.sources.carry import LastCatalogue, carry_over
from loopback import ORIGIN, Answer, Shop, crawl, page, png, robots, sitemap

URL = "https://shop.example/product/tee/"


def only(body: str) -> Product:
    (product,) = parse_product_page(f"<html><body><h1>Tee</h1>{body}</body></html>", URL)
    return product


def ld(**fields: Any) -> str:
    told = {"@type": "Product", "name": "Tee", "sku": "TEE"} | fields
    return f"<script type='application/ld+json'>{json.dumps(told)}</script>"


# The asked price.

LIST = {
    "@type": "UnitPriceSpecification",
    "price": "50",
    "priceType": "https://schema.org/ListPrice",
}
KILO = {"@type": "QuantitativeValue", "value": 1, "unitCode": "KGM"}
SALE = {"price": "30", "priceType": "https://schema.org/SalePrice"}
ASKED = {"@type": "UnitPriceSpecification", "price": "40.00", "priceCurrency": "EUR"}


@pytest.mark.parametrize(
    ("offer", "price"),
    [
        ({"priceSpecification": [LIST, ASKED]}, "40.00"),
        ({"priceSpecification": [ASKED, LIST]}, "40.00"),
        ({"priceSpecification": LIST}, "50"),
        ({"price": "40", "priceSpecification": [LIST]}, "40"),
        ({"price": "50", "priceSpecification": [ASKED | {"priceType": "SalePrice"}]}, "40.00"),
        ({"priceSpecification": [LIST | {"priceType": "StrikethroughPrice"}, ASKED]}, "40.00"),
        ({"priceSpecification": [LIST | {"priceType": "schema:MSRP"}, ASKED]}, "40.00"),
        (
            {"priceSpecification": [{"@type": "DeliveryChargeSpecification", "price": 4}, ASKED]},
            "40.00",
        ),
        (
            {
                "priceSpecification": [
                    ASKED | {"price": 30, "validForMemberTier": {"name": "x"}},
                    ASKED,
                ]
            },
            "40.00",
        ),
        ({"@type": "AggregateOffer", "lowPrice": "40", "highPrice": "60"}, "40"),
        ({"priceSpecification": [LIST | {"priceType": "RegularPrice"}, ASKED]}, "40.00"),
        ({"priceSpecification": LIST | {"priceType": "RegularPrice"}}, "50"),
        # a price for a kilogram; a sale that is over, one that is to come
        ({"priceSpecification": [ASKED | {"price": 9, "referenceQuantity": KILO}, ASKED]}, "40.00"),
        ({"priceSpecification": [SALE | {"validThrough": "2020-01-31"}, ASKED]}, "40.00"),
        ({"priceSpecification": [SALE | {"validFrom": "2999-01-01T00:00"}, ASKED]}, "40.00"),
        ({"priceSpecification": [ASKED, SALE | {"validThrough": "2999-01-01"}]}, "30"),
    ],
)
def test_the_price_is_the_one_that_is_asked(offer: dict[str, Any], price: str) -> None:
    assert only(ld(offers=[offer])).price == price


# Variants of the page's own data.


def test_offers_of_several_numbers_are_variants() -> None:
    offers = [{"sku": f"TEE-{size}", "name": size, "price": "9"} for size in "SML"]
    product = only(ld(offers=offers))
    assert product.sku == "TEE"
    assert [(v.sku, v.name) for v in product.variants] == [
        ("TEE-S", "S"),
        ("TEE-M", "M"),
        ("TEE-L", "L"),
    ]
    nested = {"@type": "AggregateOffer", "offers": offers}
    assert only(ld(offers=nested)).variants == product.variants
    assert only(ld(offers=[offers[0]])).variants == ()


VARIATIONS = [
    {
        "attributes": {"attribute_pa_color": "blue", "attribute_size": "M"},
        "sku": "TEE-B-M",
        "variation_id": 11,
        "display_price": 15.5,
        "display_regular_price": 20,
        "is_in_stock": False,
        "image": {"full_src": "https://shop.example/blue.jpg", "src": "/blue-300x300.jpg"},
    },
    {
        "attributes": {"attribute_pa_color": "red", "attribute_size": ""},
        "sku": "TEE",
        "variation_id": 12,
        "display_price": 18,
        "is_in_stock": True,
        "image": {"full_src": "https://shop.example/red.jpg"},
    },
]


def form(variations: Any) -> str:
    told = html.escape(json.dumps(variations), quote=True)
    return f"<form data-product_id=7 data-product_variations='{told}'></form>"


def test_the_variations_of_a_woocommerce_page() -> None:
    """One without a number of its own bears the product's: it is known by its id."""
    product = only(ld() + form(VARIATIONS))
    assert [(v.sku, v.name) for v in product.variants] == [("TEE-B-M", "blue / M"), ("12", "red")]
    assert (product.price, product.availability) == ("15.5", "InStock")
    assert {image.url for image in product.images} == {
        "https://shop.example/blue.jpg",
        "https://shop.example/red.jpg",
    }


def test_variations_are_read_without_any_other_data() -> None:
    product = only(form(VARIATIONS))
    assert (product.sku, [v.sku for v in product.variants]) == ("7", ["TEE-B-M", "TEE"])


@pytest.mark.parametrize("value", ["false", "[]", "{", "[1]", '{"a": 1}', "[" * 9000])
def test_what_are_no_variations_is_passed_over(value: str) -> None:
    body = f"<form data-product_variations='{html.escape(value)}'></form>"
    assert only(ld() + body).variants == ()


# One language of several, and addresses to leave out.

DE, EN, FR = (f"{ORIGIN}/{code}/products/a" for code in ("de", "en", "fr"))
BOTH = {"de": DE, "en": EN}


@pytest.mark.parametrize(
    ("pages", "language", "left_out"),
    [
        ({DE: BOTH, EN: BOTH}, "", {EN: DE}),
        ({DE: BOTH, EN: BOTH}, "en", {DE: EN}),
        ({DE: BOTH, EN: BOTH}, "en-GB", {DE: EN}),
        ({DE: BOTH, EN: BOTH}, "fr", {EN: DE}),
        ({DE: BOTH | {"x-default": EN}, EN: BOTH | {"x-default": EN}}, "", {DE: EN}),
        ({DE: BOTH, EN: BOTH, f"{EN}2": {"en": f"{EN}2"}}, "", {DE: EN}),
        ({DE: BOTH | {"fr": FR}}, "fr", {}),
        ({DE: {"en": EN}, EN: {"en": DE}}, "en", {DE: EN}),
        ({DE: {"en-gb": EN, "en": FR}, FR: {"en": FR}, EN: {"en-gb": EN}}, "en-GB", {DE: EN}),
        ({}, "", {}),
    ],
)
def test_one_language_by_rule(
    pages: dict[str, dict[str, str]], language: str, left_out: dict[str, str]
) -> None:
    """Without a setting it is the site's default, else the language of most pages."""
    assert elsewhere(pages, pages.keys(), language) == left_out


def test_the_languages_of_a_head() -> None:
    text = b"""<head><link rel="alternate" hreflang="DE" href="/de/x"><link rel=alternate
    href=/feed><link rel=canonical hreflang=fr href=/fr/x>
    <link rel=alternate hreflang=en href=''>"""
    assert languages_of(text, "https://h.example/en/x") == {"de": "https://h.example/de/x"}
    assert languages_of(b"", "https://h.example/") == {}


def in_languages(*codes: str, name: str) -> str:
    return "".join(
        f"<link rel=alternate hreflang={code} href='/{code}/products/{name}'>" for code in codes
    )


def test_a_site_in_two_languages(tmp_path: Path) -> None:
    """By its pages' heads and by its sitemap; what the setting leaves out is not asked for."""
    shop = Shop({"/robots.txt": robots(), "/x.png": Answer(png(1))})
    for code, word in {"de": "Uhren", "en": "Watches"}.items():
        for name in "ab":
            head = in_languages("de", "en", name=name)
            shop.pages[f"/{code}/products/{name}"] = page(name, ["/x.png"], head, category=word)
    shop.pages["/de/products/c"] = page("c", ["/x.png"], category="Uhren")
    shop.pages["/en/products/gift"] = page("gift", ["/x.png"])
    paths = [path for path in shop.pages if "/products/" in path]
    shop.pages["/sitemap.xml"] = sitemap(paths)
    with shop.serve() as url:
        english = crawl(url, tmp_path / "en", language="en", leave_out=["/gift"])
        asked = list(shop.asked)
        link = (
            '<link xmlns="http://www.w3.org/1999/xhtml" rel="alternate" hreflang="%s" href="%s"/>'
        )
        body = shop.pages["/sitemap.xml"].body.decode()
        for name in "ab":
            links = "".join(link % (c, f"{ORIGIN}/{c}/products/{name}") for c in ("de", "en"))
            for code in ("de", "en"):
                loc = f"<loc>{ORIGIN}/{code}/products/{name}</loc>"
                body = body.replace(loc, loc + links)
        shop.pages["/sitemap.xml"].body = body.encode()
        shop.asked.clear()
        german = crawl(url, tmp_path / "de", language="de", leave_out=["/gift"])
    assert {p.sku: p.url.removeprefix(ORIGIN) for p in english.products} == {
        "a": "/en/products/a",
        "b": "/en/products/b",
        "c": "/de/products/c",
    }
    assert [row.url.removeprefix(ORIGIN) for row in english.rejects] == [
        "/de/products/a",
        "/de/products/b",
    ]
    assert "in another language" in english.rejects[0].reason
    assert {p.url.removeprefix(ORIGIN) for p in german.products} == {
        f"/de/products/{name}" for name in "abc"
    }
    assert [row.url.removeprefix(ORIGIN) for row in german.rejects] == [
        "/en/products/a",
        "/en/products/b",
    ]
    assert not {"/en/products/a", "/en/products/b"} & set(shop.asked), "not even asked for"
    assert "/en/products/gift" not in [*asked, *shop.asked]


# One number on two designs, one line in several spellings.


def test_one_number_on_two_products_is_told(tmp_path: Path) -> None:
    """The same design on two pages is one: by its name or by a picture."""
    shop = Shop(
        {
            "/robots.txt": robots(),
            "/products/1": page("N1", ["/1.png"], name="Blue mug"),
            "/products/2": page("N1", ["/2.png"], name="Red scarf"),
            "/products/3": page("N2", ["/3.png"], name="Cup"),
            "/products/4": page("N2", ["/4.png"], name="cup "),
            "/products/5": page("N3", ["/5.png"], name="Tasse"),
            "/products/6": page("N3", ["/5.png"], name="Bowl"),
        }
    )
    paths = [path for path in shop.pages if path.startswith("/products/")]
    shop.pages |= {f"/{n}.png": Answer(png(n)) for n in range(1, 6)}
    shop.pages["/sitemap.xml"] = sitemap(paths)
    with shop.serve() as url:
        result = crawl(url, tmp_path)
    assert [product.sku for product in result.products] == [
        "N1@/products/1",
        "N1@/products/2",
        "N2",
        "N3",
    ]
    mug, scarf = result.products[:2]
    assert mug.variants == (Variant(sku="N1", name="Blue mug"),)
    assert scarf.variants == (Variant(sku="N1", name="Red scarf"),)
    assert [(row.sku, row.url.removeprefix(ORIGIN)) for row in result.rejects] == [
        ("N1", "/products/1"),
        ("N1", "/products/2"),
    ]
    assert result.rejects[0].reason == (
        "this number is on 2 designs, 'Blue mug', 'Red scarf': its sales tell of neither"
    )


def product(sku: str, line: str | None = None, *variants: str) -> Product:
    return Product(
        sku=sku,
        name=f"Product {sku}",
        line=line,
        category=line,
        url=f"https://h.example/{sku}",
        variants=tuple(Variant(sku=v, name=v) for v in variants),
    )


def test_a_variant_of_two_designs_is_told() -> None:
    rows = numbers_on_several([product("1", None, "1", "A"), product("2", None, "A"), product("3")])
    assert [(row.sku, row.url[-1]) for row in rows] == [("A", "1"), ("A", "2")]
    assert numbers_on_several([product("1", None, "1"), product("2")]) == []


def test_lines_that_differ_by_form_alone_are_one(tmp_path: Path) -> None:
    words = ["watches", "Watches ", "Watches", "Straps &amp; bands", "STRAPS  & BANDS", None]
    lines = [p.line for p in one_spelling(product(str(n), w) for n, w in enumerate(words))]
    assert lines == ["Watches"] * 3 + ["Straps & bands"] * 2 + [None]
    last = LastCatalogue([product("old", "WATCHES")])
    found = CrawlResult([product("new", "Watches"), product("newer", "Watches")], [], {})
    carried = carry_over(found, last, tmp_path, tmp_path).products
    assert {p.line for p in carried} == {"Watches"}


def test_product_types_that_differ_by_form_alone_are_one_line(tmp_path: Path) -> None:
    words = ["Watches", "Watches ", "watches", "Watches"]
    store = {
        f"/products.json?limit=250&page={n}": Answer(json.dumps({"products": products}).encode())
        for n, products in enumerate(
            [
                [
                    {"id": i, "title": f"t{i}", "handle": f"h{i}", "product_type": word}
                    | {"variants": [{"id": i, "sku": "ONE" if i < 2 else f"s{i}"}]}
                    for i, word in enumerate(words)
                ],
                [],
            ],
            start=1,
        )
    }
    with Shop(store | {"/robots.txt": Answer()}).serve() as url:
        from loopback import SHOPIFY

        result = crawl(url, tmp_path, spider=SHOPIFY)
    assert {p.line for p in result.products} == {"Watches"}
    assert [row.sku for row in result.rejects] == ["ONE", "ONE"]


@pytest.mark.parametrize(
    "name", ["Farbe", "couleur", "Color / Farbe", "COLOUR:", "цвет", "颜色", "Kleur (color)", "cor"]
)
def test_options_of_many_languages_tell_colours(name: str) -> None:
    shop = {
        "id": 1,
        "title": "Tee",
        "handle": "tee",
        "options": [{"name": name, "position": 1}],
        "variants": [
            {"id": n, "option1": colour, "featured_image": {"id": n, "src": f"/{n}.png"}}
            for n, colour in enumerate(["rot", "blau"], start=1)
        ],
        "images": [{"id": n, "src": f"/{n}.png"} for n in (1, 2)],
    }
    body = json.dumps({"products": [shop]}).encode()
    (entry,) = read_products(body, "https://h.example", "vendor", "")
    assert [design.sku for design in entry.designs] == ["1-rot", "1-blau"]
    other = body.replace(json.dumps(name).encode(), b'"Case size"')
    assert len(read_products(other, "https://h.example", "vendor", "")[0].designs) == 1


def test_attributes_of_a_design_are_what_its_parts_tell_alike() -> None:
    told = [{"fabric": "wool", "size": "S"}, {"size": "M"}, {"fabric": "wool", "fit": ""}]
    assert agreed(told) == {"fabric": "wool"}
