"""Product pages as shops write them, each a small page of its own."""

import json
from typing import Any

import pytest

from bestseller.catalogue.product import Product
from bestseller.page.parse import parse_product_page

URL = "https://shop.example/products/datejust-41?utm_source=mail#top"


def only(body: str | bytes, url: str = URL) -> Product:
    (product,) = parse_product_page(body, url)
    return product


def ld(*blocks: Any, body: str = "") -> str:
    texts = [block if isinstance(block, str) else json.dumps(block) for block in blocks]
    scripts = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    return f"<html><head>{scripts}</head><body>{body}</body></html>"


WATCH: dict = {
    "@context": "https://schema.org",
    "@type": "Product",
    "sku": "00126300",
    "name": "Datejust 41",
    "brand": {"@type": "Brand", "name": "Halden &amp; Rook"},
    "category": "Classic > Datejust",
    "gtin13": "0012345678905",
    "mpn": "M126300",
    "image": "/img/a.jpg",
    "offers": {
        "@type": "Offer",
        "price": 7650.5,
        "priceCurrency": "EUR",
        "availability": "https://schema.org/InStock",
    },
}


def test_a_plain_product() -> None:
    product = only(ld(WATCH))
    assert product.model_dump(exclude={"images"}) == {
        "sku": "00126300",
        "name": "Datejust 41",
        "line": "Datejust",
        "category": "Classic",
        "brand": "Halden & Rook",
        "price": "7650.5",
        "currency": "EUR",
        "availability": "InStock",
        "gtin": "0012345678905",
        "mpn": "M126300",
        "url": "https://shop.example/products/datejust-41",
        "group": None,
        "variants": (),
        "discontinued": False,
    }
    assert [(i.url, i.view) for i in product.images] == [
        ("https://shop.example/img/a.jpg", "front")
    ]


GOOD = '{"@type":"Product","sku":"1","name":"good"}'


@pytest.mark.parametrize(
    "text",
    [
        '{"@type":"Product","sku":"1","name":"good",}',
        '/*<![CDATA[*/{"@type":"Product","sku":"1","name":"good"}/*]]>*/',
        "//<![CDATA[\n" + GOOD + "\n//]]>",
        f"<!-- {GOOD} -->",
        '{"@type":"Product","sku":"1","name":"good","description":"two\nlines"}',
        '{"@type":"Product","sku":"1","name":"good","description":"a \\d wrong \\escape, }"}',
        "{&quot;@type&quot;:&quot;Product&quot;,&quot;sku&quot;:&quot;1&quot;,&quot;name&quot;:&quot;good&quot;}",
        f"{GOOD};",
        f'{{"@type":"WebSite"}}\n{GOOD}',
        f"[{GOOD}]",
        '{"@type":["Thing","schema:Product"],"sku":"1","name":"good"}',
        '{"@type":"http://schema.org/Product","SKU":1,"Name":"good"}',
        '{"@graph":[{"@type":"WebPage"},{"@type":"Product","sku":"1","name":"good"}]}',
        '{"@type":"ItemPage","mainEntity":{"@type":"Product","sku":"1","name":"good"}}',
        '{"@type":"Product","productID":"sku:1","name":"good"}',
    ],
)
def test_json_ld_as_shops_write_it(text: str) -> None:
    product = only(ld(text))
    assert (product.sku, product.name) == ("1", "good")


def test_a_broken_block_loses_only_itself() -> None:
    product = only(ld('{"@type":"Product" oops}', WATCH, '{"@type":"Product","name":'))
    assert product.sku == "00126300"


def test_references_are_followed() -> None:
    product = only(
        ld(
            {
                "@graph": [
                    {
                        "@type": "Product",
                        "@id": "#p",
                        "sku": "1",
                        "name": "Watch",
                        "brand": {"@id": "#b"},
                        "image": {"@id": "#i"},
                        "offers": [{"@id": "#o"}],
                    },
                    {"@type": "Brand", "@id": "#b", "name": "Rook"},
                    {"@type": "ImageObject", "@id": "#i", "contentUrl": "//cdn.example/w.jpg"},
                ]
            },
            {"@type": "Offer", "@id": "#o", "price": "9.90", "availability": "OutOfStock"},
        )
    )
    assert (product.brand, product.price, product.availability) == ("Rook", "9.90", "OutOfStock")
    assert product.images[0].url == "https://cdn.example/w.jpg"


def test_references_in_a_circle_end() -> None:
    node = {"@type": "Product", "@id": "#a", "name": "x", "sku": "1", "isVariantOf": {"@id": "#a"}}
    assert only(ld({**node, "offers": {"@id": "#a"}, "brand": {"@id": "#a"}})).sku == "1"


GROUP: dict = {
    "@type": "ProductGroup",
    "@id": "#g",
    "productGroupID": "G1",
    "name": "Datejust",
    "brand": "Rook",
    "category": "Classic > Datejust",
    "image": "g.jpg",
}


SIZES: list[dict] = [
    {
        "@type": "Product",
        "@id": f"#{size}",
        "sku": f"G1-{size}",
        "name": f"Datejust {size}",
        "image": f"{size}.jpg",
        "offers": {"price": price, "priceCurrency": "EUR", "availability": stock},
    }
    for size, price, stock in (("S", "10", "OutOfStock"), ("L", "12", "InStock"))
]


@pytest.mark.parametrize(
    "blocks",
    [
        [{**GROUP, "hasVariant": SIZES}],
        [{"@graph": [{**GROUP, "hasVariant": [{"@id": "#S"}, {"@id": "#L"}]}, *SIZES]}],
        [{**GROUP, "hasVariant": [{"@id": "#S"}, {"@id": "#L"}]}, *SIZES],
        [GROUP, *({**size, "isVariantOf": {"@id": "#g"}} for size in SIZES)],
        [
            [
                {**size, "inProductGroupWithID": "G1"}
                for size in [{**GROUP, "@type": "Product"}, *SIZES]
            ]
        ],
    ],
)
def test_a_group_is_one_design_with_variants(blocks: list) -> None:
    product = only(ld(*blocks))
    assert (product.sku, product.group, product.name) == ("G1", "G1", "Datejust")
    assert [v.sku for v in product.variants if v.sku != "G1"] == ["G1-S", "G1-L"]
    assert (product.brand, product.line, product.availability) == ("Rook", "Datejust", "InStock")
    assert product.price == "12"
    assert {i.url.rsplit("/", 1)[1] for i in product.images} == {"g.jpg", "S.jpg", "L.jpg"}


def test_a_variant_page_inherits_from_its_group() -> None:
    product = only(ld({**SIZES[1], "isVariantOf": {**GROUP, "brand": "Rook"}}))
    assert (product.sku, product.group, product.brand) == ("G1-L", "G1", "Rook")
    assert product.line == "Datejust"


def test_related_products_are_not_the_page() -> None:
    related = {"@type": "Product", "sku": "9", "name": "Other"}
    cards = "".join(
        f"<li itemscope itemtype='http://schema.org/Product'><b itemprop=name>Other {i}</b>"
        f"<i itemprop=sku>{i}</i></li>"
        for i in range(3)
    )
    main = {"@type": "Product", "sku": "1", "name": "Datejust 41", "isRelatedTo": [related]}
    assert only(ld(main, body=f"<h1>Datejust 41</h1>{cards}")).sku == "1"
    assert only(ld(related, main, body="<h1>The Datejust 41</h1>")).sku == "1"
    own: dict = {**main, "name": "x", "url": "/products/datejust-41/"}
    assert only(ld({**related, "url": "/products/other"}, own)).sku == "1"


def test_a_list_of_products_is_told_whole() -> None:
    items = [{"@type": "Product", "sku": str(i), "name": f"Watch {i}"} for i in range(3)]
    assert [p.sku for p in parse_product_page(ld(*items), URL)] == ["0", "1", "2"]


MICRODATA = """
<div itemscope itemtype="http://schema.org/Product">
  <h1 itemprop="name">Datejust <em>41</em><script>var x</script></h1>
  <a itemprop="brand" href="/brands/rook">Rook</a>
  <meta itemprop="sku" content="0042"><img itemprop="image" src="data:," data-src="/img/d.jpg">
  <div itemprop="offers" itemscope itemtype="http://schema.org/Offer">
    <span itemprop="price" content="1234.50">1.234,50</span>
    <meta itemprop="priceCurrency" content="EUR">
    <link itemprop="availability" href="http://schema.org/PreOrder">
  </div>
  <div itemprop="isRelatedTo" itemscope itemtype="http://schema.org/Product">
    <span itemprop="name">Other</span><span itemprop="sku">9</span></div>
</div>"""


def test_microdata() -> None:
    product = only(f"<html><body>{MICRODATA}</body></html>")
    assert (product.sku, product.name, product.brand) == ("0042", "Datejust 41", "Rook")
    assert (product.price, product.currency, product.availability) == ("1234.50", "EUR", "PreOrder")
    assert [image.url for image in product.images] == ["https://shop.example/img/d.jpg"]


def test_microdata_fills_what_json_ld_leaves_out() -> None:
    product = only(ld({"@type": "Product", "name": "Datejust 41"}, body=MICRODATA))
    assert (product.sku, product.price) == ("0042", "1234.50")


def test_open_graph() -> None:
    properties = {
        "og:type": "product",
        "og:title": "Datejust 41",
        "og:image": "/img/o.jpg",
        "product:retailer_item_id": "0042",
        "product:price:amount": "10.00",
        "product:price:currency": "EUR",
        "product:availability": "in stock",
        "product:brand": "Rook",
    }
    head = "".join(f'<meta property="{k}" content="{v}">' for k, v in properties.items())
    product = only(f"<html><head>{head}</head><body></body></html>")
    assert (product.sku, product.name, product.brand) == ("0042", "Datejust 41", "Rook")
    assert (product.price, product.availability) == ("10.00", "InStock")
    assert product.images[0].url == "https://shop.example/img/o.jpg"


def test_what_only_a_reader_sees() -> None:
    product = only(
        """<html><head><title>Datejust 41 | Shop</title></head><body>
        <nav><h1>Watches</h1><span class="price">$1.00</span></nav>
        <h1>Datejust 41</h1><p id="byline">Visit the Rook Store</p>
        <div class="priceBox"><span class="listPriceOld">$95.00</span>
          <span class="sale-price">$1,049.90</span></div>
        <div class="relatedItems"><span class="price">$3.00</span></div>
        <p class="stock-state">Currently sold out</p>
        <table><tr><th>Item number</th><td>A-0042</td></tr></table>
        <div style="display: none">SKU: hidden-1</div></body></html>"""
    )
    assert (product.sku, product.brand, product.name) == ("A-0042", "Rook", "Datejust 41")
    assert (product.availability, product.price) == ("OutOfStock", None)


def test_the_visible_price_is_not_the_former_one() -> None:
    page = """<h1>Watch</h1><del class="price">$95.00</del><p class="price">was <s>$80</s>
        <b>$1,049.90</b></p><span class="shipping-price">$5.00</span>"""
    assert (only(page).price, only(page).currency) == ("1049.90", "$")


def test_a_price_that_other_sources_agree_against_is_not_taken() -> None:
    meta = '<meta property="product:price:amount" content="8.00">'
    page = ld(WATCH, body=f'{meta}<h1>Datejust 41</h1><p class="price">8,00 €</p>')
    assert only(page).price == "8.00"
    assert only(ld(WATCH, body=meta)).price == "7650.5"


def test_the_number_shown_to_customers_is_the_sku_and_the_other_one_is_kept() -> None:
    product = only(ld(WATCH, body="<h1>Datejust 41</h1><p>Product code: 55-12345</p>"))
    assert product.sku == "55-12345"
    assert [variant.sku for variant in product.variants] == ["00126300"]


def test_discontinued() -> None:
    offers = {"availability": "https://schema.org/Discontinued"}
    product = only(ld({**WATCH, "offers": offers}))
    assert product.discontinued and product.availability == "OutOfStock"


DEEP = "<div>" * 3000


HOSTILE = [
    "",
    " ",
    b"",
    b"\x00\xff\xfe",
    "<",
    '<?xml version="1.0" encoding="utf-8"?><html></html>',
    f'<script type="application/ld+json">{"[" * 100_000}</script>',
    '<script type="application/ld+json">' + '{"a":' * 5000 + "</script>",
    f"{DEEP}<h1>Nothing</h1>",
    '<div itemscope itemid="x" itemref="me" id="me"><a itemprop="url" href="http://[">x</a></div>',
    "<h1>About us</h1><p>Imprint</p>",
]


@pytest.mark.parametrize("page", HOSTILE)
def test_pages_without_a_product_give_none(page: str | bytes) -> None:
    assert parse_product_page(page, URL) == []


def test_any_cut_of_a_page_is_survived() -> None:
    page = ld({**GROUP, "hasVariant": SIZES}, WATCH, body=MICRODATA + "<p class=price>$1</p>")
    for end in range(0, len(page), 7):
        for product in parse_product_page(page[:end], URL):
            assert product.url.startswith("https://shop.example/products/datejust-41")
