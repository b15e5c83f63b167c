"""Files of products as sources: a Google product feed, and what two kinds of shops export."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Product
from bestseller.catalogue.raw import read_catalogue, write_raw
from bestseller.page.tabular import read_table
from bestseller.sources.gather import gather, probe, shop_of
from bestseller.sources.google_feed import read_feed
from loopback import Answer, Shop, collected, png, settings_of

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>
<title>A shop</title><link>@</link>
<item>
 <g:id>S-1</g:id><title>plain title</title><g:title>Linen shirt &amp;amp; tie</g:title>
 <g:description>long</g:description><link>@/p/shirt?c=blue</link>
 <g:image_link>@/blue.png</g:image_link>
 <g:additional_image_link>@/blue-2.png</g:additional_image_link>
 <g:price>50.00 EUR</g:price><g:sale_price>40.00 EUR</g:sale_price><g:sale_price_effective_date>
 2001-01-01T00:00+0100/2001-02-01T00:00+0100</g:sale_price_effective_date>
 <g:availability>out_of_stock</g:availability><g:brand>Acme</g:brand>
 <g:gtin>4006381333931</g:gtin>
 <g:item_group_id>S</g:item_group_id><g:color>Blue</g:color><g:material>linen</g:material>
 <g:size>M</g:size><g:product_type>Clothes &gt; Shirts</g:product_type>
 <g:shipping><g:country>DE</g:country><g:price>4 EUR</g:price></g:shipping>
 <g:product_detail><g:attribute_name>Weave</g:attribute_name>
 <g:attribute_value>twill</g:attribute_value></g:product_detail>
</item>
<item><g:id>S-2</g:id><g:title>Linen shirt</g:title>
 <link>@/p/shirt?c=blue</link>
 <g:image_link>@/blue.png</g:image_link><g:price>50 EUR</g:price>
 <g:sale_price>45.50 EUR</g:sale_price>
 <g:availability>in stock</g:availability><g:item_group_id>S</g:item_group_id>
 <g:color>Blue</g:color>
 <g:material>linen</g:material><g:size>L</g:size>
 <g:product_type>Clothes &gt; Shirts</g:product_type>
</item>
<item><g:id>S-3</g:id><g:title>Linen shirt</g:title>
 <link>@/p/shirt?c=red</link>
 <g:image_link>@/red.png</g:image_link><g:price>50 EUR</g:price>
 <g:availability>in_stock</g:availability><g:item_group_id>S</g:item_group_id>
 <g:color>Red</g:color><g:product_type>clothes &gt; SHIRTS</g:product_type>
</item>
<item><g:id>M-1</g:id><g:title>Mug</g:title><link>@/p/mug</link><g:image_link>@/mug.png</g:image_link>
 <g:price>9.90 EUR</g:price><g:availability>preorder</g:availability></item>
<item><g:title>nameless</g:title></item>
</channel></rss>"""


def shop_with(feed: dict[str, Answer], robots: bytes = b"") -> Shop:
    names = ["blue", "blue-2", "red", "mug"]
    pictures = {f"/{name}.png": Answer(png(i)) for i, name in enumerate(names)}
    return Shop(pictures | feed | {"/robots.txt": Answer(robots)})


def by_sku(products: list[Product]) -> dict[str, Product]:
    return {product.sku: product for product in products}


def test_a_google_feed_by_its_address(tmp_path: Path) -> None:
    shop = shop_with({}, robots=b"User-agent: *\nDisallow: /p/mug")
    with shop.serve() as url:
        body = gzip.compress(RSS.replace("@", url).encode(), mtime=0)
        shop.pages["/feeds/google.xml.gz"] = Answer(body)
        result = collected(
            tmp_path, "google_feed", feed=f"{url}/feeds/google.xml.gz", min_found_share=0.5
        )
    blue, red = result.products
    assert (blue.sku, blue.name) == ("S-Blue", "Linen shirt, Blue")
    assert (blue.category, blue.line) == ("Clothes", "Shirts")
    assert (red.category, red.line) == ("Clothes", "Shirts"), "one spelling of a line"
    assert (blue.price, blue.currency) == ("45.50", "EUR"), "of the one in stock, on sale"
    assert (blue.availability, red.sku) == ("InStock", "S-Red")
    assert [variant.sku for variant in blue.variants] == ["S-1", "S-2"]
    assert [image.url for image in blue.images] == [f"{url}/blue.png", f"{url}/blue-2.png"]
    assert all(image.sha256 for product in result.products for image in product.images)
    assert blue.attributes == {"color": "Blue", "material": "linen", "weave": "twill"}
    told = {row.url.removeprefix(url): row.reason for row in result.rejects}
    assert told == {
        "/p/mug": "Forbidden by robots.txt",
        "/#item-5": "no product (item 5 has no id)",
    }
    assert not [path for path in shop.asked if path.startswith("/p/")]


def test_the_price_of_a_sale_that_is_over_is_not_asked() -> None:
    entries = read_feed(RSS.replace("in stock", "out_of_stock").encode(), "https://h.example", "x")
    assert entries[1].designs[0].price == "50.00"
    assert entries[1].designs[0].line is None


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0">
<entry><g:id>1</g:id><title>Cup</title><link href="https://h.example/cup"/>
<g:image_link>https://h.example/c.png</g:image_link></entry></feed>"""


def test_a_feed_in_atom() -> None:
    (entry,) = read_feed(ATOM.encode(), "https://h.example", "product_type")
    (cup,) = entry.designs
    assert (cup.sku, cup.name, cup.url, cup.variants) == ("1", "Cup", "https://h.example/cup", ())


TSV = (
    "id\ttitle\tlink\timage link\tadditional image link\tprice\tcolor\tcustom label 0\n"
    '1\t"7 inch plate\t@/p/1\t@/mug.png\t@/blue.png?a=1,2,@/red.png\t12.00 USD\tred\tsummer\n'
    "2\tBowl\t@/p/2\t@/blue-2.png\t\tUSD 1,290.50\t\t\n"
)


def test_a_google_feed_between_tabs_here(tmp_path: Path) -> None:
    """A name that begins with an inch mark opens no quotation."""
    shop = shop_with({"/blue.png?a=1,2": Answer(png(7))})
    with shop.serve() as url:
        (tmp_path / "feed.tsv").write_text(TSV.replace("@", url))
        params = settings_of("google_feed", feed="feed.tsv", url=url, line="custom_label_0")
        result = gather(params, tmp_path / "cache", tmp_path, tmp_path / "images")
        before = probe(params, tmp_path / "cache", tmp_path)
        (tmp_path / "feed.tsv").write_text(TSV.replace("@", url).replace("12.00", "13.00"))
        after = probe(params, tmp_path / "cache", tmp_path)
    plate, bowl = result.products
    assert (plate.name, plate.line, plate.price, plate.currency) == (
        '"7 inch plate',
        "summer",
        "12.00",
        "USD",
    )
    assert [image.url.removeprefix(url) for image in plate.images] == [
        "/mug.png",
        "/blue.png?a=1,2",
        "/red.png",
    ]
    assert plate.attributes == {"color": "red"} and bowl.attributes == {}
    assert bowl.price == "1290.50"
    assert {before["pages"], after["pages"]} == {2} and before["sha256"] != after["sha256"]
    assert shop_of(params) == {"source": "google_feed", "origin": url}
    assert result.rejects == []


def test_attributes_are_kept_in_order_and_absent_where_there_are_none(tmp_path: Path) -> None:
    plain = Product(sku="1", name="a", url="http://h/")
    told = plain.model_copy(update={"sku": "2", "attributes": {"size": "L", "color": "red"}})
    (tmp_path / "images").mkdir()
    write_raw(tmp_path / "raw", [plain, told], [], tmp_path / "images")
    first, second = (tmp_path / "raw/catalogue.jsonl").read_text().splitlines()
    assert "attributes" not in json.loads(first)
    assert second.startswith('{"attributes": {"color": "red", "size": "L"}, "availability"')
    assert read_catalogue(tmp_path / "raw/catalogue.jsonl") == [plain, told]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"a,b\n1,2,3\n", "line 2: 3 cells under 2 columns"),
        (b"a,A\n1,2\n", "line 1: the column 'a' stands twice"),
        (b'a,b\n"1,2\n', "no table"),
        (b"a,b\n\xff,2\n", "no text in UTF-8"),
    ],
)
def test_a_wrong_table_names_its_line(body: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_table(body)


def test_tables_of_many_hands() -> None:
    expected = [{"a b": "1", "c": "x,y"}]
    for body in (
        b'A  b;C\n"1";"x,y"\n',
        "A b\tc\n1\tx,y\n".encode("utf-16"),
        b'\xef\xbb\xbfa b,c\r\n1,"x,y"\r\n\r\n',
    ):
        assert read_table(body) == expected


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html><body>x</body></html>", "no product feed, but <html>"),
        (b"<rss><item>", "no XML"),
        (b"a\tb\n1\t2\n", "its header names neither id nor title"),
    ],
)
def test_what_is_no_feed_is_told(body: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_feed(body, "https://h.example", "product_type")


def test_entities_of_a_feed_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hidden")
    declared = f'<!DOCTYPE rss [<!ENTITY s SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
    body = f"{declared}<rss><item><id>1</id><title>a&s;</title></item></rss>"
    (entry,) = read_feed(body.encode(), "https://h.example", "product_type")
    assert "hidden" not in str(entry)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"feed": ""}, r"catalogue\.google_feed\.feed: empty"),
    ({"feed": "x.xml", "url": ""}, r"catalogue\.google_feed\.url: '' is no address"),
    ({"feed": "x.xml", "url": "https://shop.example"}, r"catalogue\.permission: false"),
    ({"feed": "x.xml", "url": "http://127.0.0.1:9"}, r"x\.xml: no file; mend catalogue\.google"),
    (
        {"feed": "https://f.example/x", "url": "http://127.0.0.1:9"},
        r"permission: false.*f\.example",
    ),
    ({"feed": "x", "url": "http://127.0.0.1:9/shop"}, r"has a path, and an origin is wanted"),
]


@pytest.mark.parametrize(("changes", "told"), REFUSED)
def test_a_feed_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BestsellerError, match=told) as error:
        collected(tmp_path, "google_feed", **changes)
    assert os.linesep not in str(error.value)


def test_a_feed_that_is_not_there(tmp_path: Path) -> None:
    with shop_with({}).serve() as url, pytest.raises(BestsellerError, match="HTTP 404") as error:
        collected(tmp_path, "google_feed", feed=f"{url}/feed.xml")
    assert "mend catalogue.google_feed.feed" in str(error.value)


ITEM = (
    "<item><g:id>A1</g:id><g:title><![CDATA[Mug & saucer]]></g:title>"
    "<g:image_link>https://h.example/a.jpg</g:image_link><g:additional_image_link>"
    "https://h.example/b,1.jpg,https://h.example/c.jpg</g:additional_image_link>"
    "<g:price>12.00 USD</g:price><g:sale_price>0 USD</g:sale_price></item>"
)


DECLARED = 'xmlns:g="http://base.google.com/ns/1.0"'


def rss(item: str, declared: str = DECLARED, encoding: str = "utf-8") -> bytes:
    head = f'<?xml version="1.0" encoding="{encoding}"?>'
    return f"{head}<rss {declared}><channel>{item}</channel></rss>".encode(encoding)


@pytest.mark.parametrize(
    "body",
    [
        rss(ITEM),
        rss(ITEM, ""),
        rss(ITEM.replace("g:", "x:"), 'xmlns:x="https://base.google.com/ns/1.0/"'),
        rss(ITEM.replace("g:", ""), 'xmlns="http://base.google.com/ns/1.0"'),
        rss(ITEM, encoding="utf-16"),
        b"id|title|image_link|additional_image_link|price\n"
        b"A1|Mug & saucer|https://h.example/a.jpg|https://h.example/b,1.jpg,https://h.example/c.jpg"
        b"|12.00 USD\n",
    ],
    ids=["declared", "undeclared", "other prefix", "default", "utf-16", "bars"],
)
def test_feeds_of_many_writers(body: bytes) -> None:
    """Any prefix, declared or not; a sale at nothing is none; a list of pictures is several."""
    (entry,) = read_feed(body, "https://h.example", "product_type")
    (mug,) = entry.designs
    assert (mug.sku, mug.name, mug.price, mug.currency) == ("A1", "Mug & saucer", "12.00", "USD")
    assert [image.url for image in mug.images] == [
        "https://h.example/a.jpg",
        "https://h.example/b,1.jpg",
        "https://h.example/c.jpg",
    ]


def test_rows_between_tabs_end_where_lines_end() -> None:
    """A vertical tab or a line separator of Word ends no row; empty cells at its end are none."""
    body = "id\ttitle\tprice\tbrand\n1\tMug\u2028tall\t2 USD\n2\tTea\x0bpot\t3 USD\tB\t\t\n"
    assert read_table(body.encode()) == [
        {"id": "1", "title": "Mug\u2028tall", "price": "2 USD", "brand": ""},
        {"id": "2", "title": "Tea\x0bpot", "price": "3 USD", "brand": "B"},
    ]
    with pytest.raises(ValueError, match="line 2: 3 cells under 2 columns"):
        read_table(b"id\ttitle\n1\tMug\tx\n")
