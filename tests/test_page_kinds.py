"""Kinds of pages that shops of many countries write, each by hand: brand, price, number, sizes."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

import json
from typing import Any

import pytest

from bestseller.catalogue.product import Product
from bestseller.page.parse import parse_product_page

URL = "https://shop.example/p/felt-hat"


def only(body: str, head: str = "") -> Product:
    page = f"<html><head><title>Felt hat</title>{head}</head><body>{body}</body></html>"
    (product,) = parse_product_page(page, URL)
    return product


def ld(value: Any) -> str:
    return f'<script type="application/ld+json">{json.dumps(value, ensure_ascii=False)}</script>'


def node(**own: Any) -> dict[str, Any]:
    fields = {"@type": "Product", "name": "Felt hat", "sku": "FH-1"}
    return fields | {"offers": {"price": "40", "priceCurrency": "EUR"}} | own


@pytest.mark.parametrize(
    "style", ["text-brand", "bg-brand-dark", "hover:text-brand", "btn-brand", "brand-color"]
)
def test_a_class_of_style_is_no_brand(style: str) -> None:
    body = f'<h1>Felt hat</h1><p class="{style}">Free delivery</p>'
    assert only(f"{body}{ld(node())}").brand is None
    named = f'{body}<p class="product-brand {style}">Alpaca Works</p>'
    assert only(f"{named}{ld(node())}").brand == "Alpaca Works"


def test_a_class_of_style_says_nothing_of_the_stock() -> None:
    body = '<h1>Felt hat</h1><p class="text-stock">The last one is sold out</p>'
    assert only(f"{body}{ld(node())}").availability == "InStock"


@pytest.mark.parametrize(
    ("told", "brand"),
    [
        ("Alpaca Works | Hats & More", "Alpaca Works"),
        ("Shop all Alpaca Works", "Alpaca Works"),
        ("See all products from Alpaca Works", "Alpaca Works"),
        ("More from Alpaca Works", "Alpaca Works"),
        ("Visit the Alpaca Works Store", "Alpaca Works"),
        ("Alle Produkte von Alpaca Works", "Alpaca Works"),
        ("Tous les produits de Alpaca Works", "Alpaca Works"),
        ("Alpaca Worksの商品一覧", "Alpaca Works"),
        ("Moretti", "Moretti"),
        ("Shopper & Sons", "Shopper & Sons"),
        ("Visitors", "Visitors"),
        ("A|X", "A|X"),  # a bar within a name stands without spaces
    ],
)
def test_a_brand_is_no_label_of_a_link(told: str, brand: str) -> None:
    assert only(f"<h1>Felt hat</h1>{ld(node(brand={'name': told}))}").brand == brand
    meta = f'<meta property="product:brand" content="{told}">'
    assert only(f"<h1>Felt hat</h1>{ld(node())}", meta).brand == brand
    byline = f'<h1>Felt hat</h1><a class="brand-link" href="/b">{told}</a>{ld(node())}'
    assert only(byline).brand == brand


@pytest.mark.parametrize(
    ("content", "price"),
    [
        ("$1,299.00", "1299.00"),
        ("EUR 1.299,00", "1299.00"),
        ("1.299,00 €", "1299.00"),
        ("1 299,00 kr", "1299.00"),
        ("19.99 - 29.99", "19.99"),
        ("From £19", "19"),
        ("ab 19,90 EUR", "19.90"),
        ("3 for 19.90 USD", "19.90"),
        ("20% off, now 19.90", "19.90"),
        ("￥１，２９９", "1299"),
        ("₹1,29,999.00", "129999.00"),
        ("99.–", "99"),
        ("34.000", "34.000"),
        ("0", None),
        ("0.00", None),
        ("$0.00", None),
        ("free", None),
    ],
)
def test_prices_in_attributes_as_shops_write_them(content: str, price: str | None) -> None:
    body = (
        '<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Felt hat</h1>'
        '<meta itemprop="sku" content="FH-1"><div itemprop="offers" itemscope '
        f'itemtype="https://schema.org/Offer"><meta itemprop="price" content="{content}"></div>'
        "</div>"
    )
    assert only(body).price == price


def test_a_price_of_nothing_gives_way_to_one_of_something() -> None:
    body = '<h1>Felt hat</h1><p class="price">€40.00</p>'
    assert only(f"{body}{ld(node(offers={'price': 0, 'priceCurrency': 'EUR'}))}").price == "40.00"


REGULAR = '<meta property="product:price:amount" content="50.00">'


@pytest.mark.parametrize(
    ("body", "price"),
    [
        ('<p class="price"><del>€50.00</del> <ins>€40.00</ins></p>', "40.00"),
        ('<p class="price"><s>€50.00</s> <b>€40.00</b></p>', "40.00"),
        ('<span class="price-was">€50.00</span><span class="price-now">€40.00</span>', "40.00"),
        ('<p class="price"><del>€60.00</del> <ins>€40.00</ins></p>', "50.00"),  # no one's 60
        ('<p class="price">€50.00</p><p class="price">€40.00</p>', "50.00"),  # nothing is struck
        ('<p class="price"><del>€50.00</del> <ins>€55.00</ins></p>', "50.00"),  # no reduction
    ],
)
def test_the_visible_offer_counts_against_a_regular_price_in_metadata(
    body: str, price: str
) -> None:
    marked = ld(node(offers={"price": "50.00", "priceCurrency": "EUR"}))
    assert only(f"<h1>Felt hat</h1>{body}{marked}", REGULAR).price == price


def size(sku: str, stock: str, **own: Any) -> dict[str, Any]:
    offers = {"price": "40", "priceCurrency": "EUR", "availability": f"https://schema.org/{stock}"}
    return node(sku=sku, offers=offers, url=URL) | own


def test_products_of_one_name_and_address_are_the_sizes_of_one_design() -> None:
    sizes = [size("FH-S", "OutOfStock"), size("FH-M", "InStock"), size("FH-L", "OutOfStock")]
    for written in (ld(sizes), "".join(map(ld, sizes))):
        product = only(f"<h1>Felt hat</h1>{written}")
        assert [variant.sku for variant in product.variants] == ["FH-S", "FH-M", "FH-L"]
        assert (product.sku, product.availability) == ("FH-S", "InStock")
    gone = [size("FH-S", "OutOfStock"), size("FH-M", "OutOfStock")]
    assert only(f"<h1>Felt hat</h1>{ld(gone)}").availability == "OutOfStock"


def test_other_products_are_no_sizes() -> None:
    """One of another name, or of another address, is another product; one told twice is one."""
    other = size("CAP-1", "InStock", name="Wool cap", url="https://shop.example/p/wool-cap")
    namesake = size("FH-9", "InStock", url="https://shop.example/p/felt-hat-of-1920")
    again = size("FH-1", "InStock")
    product = only(f"<h1>Felt hat</h1>{ld([size('FH-1', 'InStock'), again, other, namesake])}")
    assert (product.sku, product.variants) == ("FH-1", ())


LABELS = {
    "de": ("Artikelnummer", "Marke", "Preis", "€"),
    "fr": ("Référence", "Marque", "Prix", "€"),
    "es": ("Número de artículo", "Marca", "Precio", "€"),
    "it": ("Codice articolo", "Marca", "Prezzo", "€"),
    "pt": ("Referência do produto", "Marca", "Preço", "€"),
    "nl": ("Artikelnummer", "Merk", "Prijs", "€"),
    "sv": ("Art.nr", "Varumärke", "Pris", "kr"),
    "da": ("Varenummer", "Mærke", "Pris", "kr."),
    "fi": ("Tuotenumero", "Valmistaja", "Hinta", "€"),
    "pl": ("Kod produktu", "Producent", "Cena", "zł"),
    "cs": ("Číslo produktu", "Značka", "Cena", "Kč"),
    "hu": ("Cikkszám", "Gyártó", "Ár", "Ft"),
    "ro": ("Cod produs", "Producător", "Preț", "lei"),
    "hr": ("Šifra proizvoda", "Robna marka", "Cijena", "€"),
    "el": ("Κωδικός προϊόντος", "Μάρκα", "Τιμή", "€"),
    "ru": ("Артикул", "Производитель", "Цена", "₽"),
    "uk": ("Код товару", "Виробник", "Ціна", "₴"),
    "tr": ("Ürün kodu", "Marka", "Fiyat", "₺"),
    "ja": ("品番", "ブランド", "販売価格", "円"),
    "zh": ("商品编号", "品牌", "售价", "¥"),
    "ko": ("상품번호", "브랜드", "판매가", "₩"),
}


@pytest.mark.parametrize("language", LABELS)
def test_labels_of_many_languages(language: str) -> None:
    """A page without metadata or telling classes, in a table and in lines of text."""
    number, brand, price, currency = LABELS[language]
    facts = ((number, "HX-4711"), (brand, "Alpaca Works"), (price, f"48 {currency}"))
    table = "".join(f"<tr><th>{label}</th><td>{value}</td></tr>" for label, value in facts)
    lines = "".join(f"<p>{label}: {value}</p>" for label, value in facts)
    wide = "".join(f"<p>{label}：<span>{value}</span></p>" for label, value in facts)
    for body in (f"<table>{table}</table>", lines, wide):
        product = only(f"<h1>Felt hat</h1>{body}")
        assert (product.sku, product.brand, product.price) == ("HX-4711", "Alpaca Works", "48")


def test_a_labelled_price_needs_no_currency() -> None:
    body = "<h1>Felt hat</h1><p>Marke: Alpaca Works</p><dl><dt>Preis</dt><dd>1.248,50</dd></dl>"
    product = only(body)
    assert (product.price, product.currency) == ("1248.50", None)
