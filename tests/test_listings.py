"""Listing pages of a shop without a sitemap."""

from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.demo import DemoShop
from bestseller.web.crawl import probe_site
from bestseller.web.listing import read_listing
from loopback import ORIGIN, Answer, Shop, crawl, page, png, site

HTML = {"Content-Type": "text/html; charset=utf-8"}


def listing(products: list[str], *links: str) -> Answer:
    cards = "".join(f"<a href='/products/{name}'>{name}</a>" for name in products)
    return Answer(f"<html><body>{cards}{''.join(links)}".encode(), headers=HTML)


def test_links_of_a_listing() -> None:
    text = """<head><link rel="next" href="?page=3&sort=new"></head>
    <a href="/products/a#photos">A</a> <a href="products/b?ref=list">B</a>
    <a href="/products/a">A</a>
    <a href="https://other.example/products/c">C</a> <a href="mailto:x@y.example">mail</a>
    <a href="?page=1&sort=new">1</a> <a href="?page=4&sort=new">4</a>
    <a href="?sort=new">first</a>
    <a href="?page=1&sort=price">by price</a> <a href="?page_size=96&sort=new">more</a>
    <a rel="nofollow next" href="/archive/2021">older</a> <a href="/about">about</a>
    <a href="http://[broken">broken</a> <a>no address</a>"""
    products, further = read_listing(text, "https://h.example/w/?page=2&sort=new", "/products/")
    assert products == [
        "https://h.example/products/a",
        "https://h.example/w/products/b?ref=list",
        "https://other.example/products/c",
    ]
    assert further == [
        "https://h.example/w/?page=3&sort=new",
        "https://h.example/w/?page=1&sort=new",
        "https://h.example/w/?page=4&sort=new",
        "https://h.example/w/?sort=new",
        "https://h.example/archive/2021",
    ]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("/watches/page/2", True),
        ("/watches/2/", True),
        ("/watches/page-2", True),
        ("/watches?p=2", True),
        ("/watches?start=48", True),
        ("/watches?start=b", False),
        ("/watches?colour=2", False),
        ("/rings/page/2", False),
    ],
)
def test_pages_of_a_listing_differ_in_their_number_alone(other: str, same: bool) -> None:
    text = f"<a href='{other}'>2</a>"
    assert read_listing(text, "https://h.example/watches", "/products/")[1] == (
        [f"https://h.example{other}"] if same else []
    )


def shop_of(pages: dict[str, Answer]) -> Shop:
    """A shop without robots.txt and sitemap whose products a to f have a page each."""
    products = {f"/products/{name}": page(name, [f"/{name}.png"]) for name in "abcdef"}
    images = {f"/{name}.png": Answer(png(i)) for i, name in enumerate("abcdef")}
    return Shop(products | images | pages)


def test_a_shop_without_a_sitemap(tmp_path: Path) -> None:
    shop = shop_of(
        {
            "/watches": listing(["a"], "<a rel=next href='?page=2'>next</a>", "<a href=/x>x</a>"),
            "/watches?page=2": listing(["a", "b"], "<link rel=next href='/watches?page=3'>"),
            "/watches?page=3": listing(["c"], "<a href='/watches?page=2&sort=price'>sort</a>"),
            "/straps": listing(["c", "d"], "<a href='/straps/page/2'>2</a>"),
            "/straps/page/2": listing(["e"], "<a href='/straps'>1</a>"),
        }
    )
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=("/watches", f"{ORIGIN}/straps"))
        versions = probe_site(site(url, tmp_path, listings=("/watches", "/straps")))
    assert [product.sku for product in result.products] == list("abcde")
    assert all(product.images[0].sha256 for product in result.products)
    assert (result.rejects, result.incomplete) == ([], {})
    asked = {path for path in shop.asked if path.startswith(("/watches", "/straps", "/x"))}
    assert asked == {"/watches", "/watches?page=2", "/watches?page=3", "/straps", "/straps/page/2"}
    assert "/sitemap.xml" not in shop.asked
    assert set(versions) == {f"{ORIGIN}/products/{name}" for name in "abcde"}
    assert all(versions.values())


class Endless(dict[str, Answer]):
    """Pages of a listing without an end."""

    def __init__(self, start: str, products: list[str]) -> None:
        self.start, self.products = start, products

    def get(self, path: str, default: Any = None) -> Any:
        head, _, number = path.partition("?page=")
        if head != self.start:
            return default
        following = f"<a rel=next href='{self.start}?page={int(number or 1) + 1}'>next</a>"
        return listing(self.products, following)


class Layered(dict[str, Answer]):
    """One shop's pages before another's."""

    def __init__(self, *layers: dict[str, Answer]) -> None:
        self.layers = layers

    def get(self, path: str, default: Any = None) -> Any:
        found = (layer.get(path) for layer in self.layers)
        return next((answer for answer in found if answer), default)


def test_a_listing_without_an_end_is_cut_and_said_to_be(tmp_path: Path) -> None:
    shop = shop_of({"/watches": listing(["b", "c"])})
    shop.pages = Layered(shop.pages, Endless("/news", ["a"]), Endless("/days", []))
    starts = ("/news", "/days", "/watches")
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=starts, max_listing_pages=7)
    assert [product.sku for product in result.products] == ["a", "b", "c"]
    (row,) = result.rejects
    assert row.url == f"{ORIGIN}/news"
    assert "more than 7 pages" in row.reason and "catalogue.site.max_listing_pages" in row.reason
    assert result.incomplete == {row.url: row.reason}
    assert len([path for path in shop.asked if path.startswith("/news")]) == 7
    assert [path for path in shop.asked if path.startswith("/days")] == ["/days"]


def test_the_other_pages_of_a_listing_outlive_one_that_fails(tmp_path: Path) -> None:
    numbers = "".join(f"<a href='?page={n}'>{n}</a>" for n in (2, 3, 4))
    shop = shop_of(
        {
            "/watches": listing(["a"], numbers),
            "/watches?page=2": Answer(status=500),
            "/watches?page=3": listing(["b"]),
            "/watches?page=4": Answer(status=404),
        }
    )
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=("/watches",))
    assert [product.sku for product in result.products] == ["a", "b"]
    assert result.incomplete == {f"{ORIGIN}/watches?page=2": "HTTP 500"}, "a 404 is no page at all"


def test_listings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with shop_of({}).serve() as url, pytest.raises(BestsellerError) as error:
        crawl(url, tmp_path, listings=("/watches",))
    assert "/watches: HTTP 404" in str(error.value)
    assert "catalogue.site.listings" in str(error.value)


def test_the_embedded_shop_by_its_listings(tmp_path: Path) -> None:
    """The line pages lead to the same products as the sitemaps do."""
    shop = DemoShop(scale=0.03, seed=7, season=1, image_size=128)
    with shop.serve() as url:
        starts = ("/lines/datejust", "/lines/daytona")
        versions = probe_site(site(url, tmp_path, listings=starts))
    assert len(versions) == sum(p.line in ("Datejust", "Daytona") for p in shop.products) > 60
