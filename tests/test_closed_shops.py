"""Shops that cannot be read as the settings have it: each is named, with what mends it."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scrapy.http import HtmlResponse, Request, Response

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.diagnosis import PASSWORD, SCRIPT, mend_of
from bestseller.catalogue.product import Product
from bestseller.sources.gather import gather, shop_of
from bestseller.web.empty import why_empty
from bestseller.web.page_spider import PageSpider
from bestseller.web.site import origin_of_shop
from bestseller.web.spider import CatalogueSpider
from conftest import REPOSITORY
from loopback import (
    ORIGIN,
    SHOPIFY,
    Answer,
    Shop,
    collected,
    crawl,
    page,
    png,
    robots,
    settings_of,
    sitemap,
)

HTML = {"Content-Type": "text/html; charset=utf-8"}
LOGIN = b"<html><body><form><input type=password name=p></form>Opening soon</body></html>"
BUILT = b"<html><body><div id=root></div><script src=/app.js></script>\
<noscript>You need to enable JavaScript to run this app.</noscript></body></html>"


def moved(path: str) -> Answer:
    return Answer(status=302, headers={"Location": path})


def shop_of_two(**answers: Answer) -> Shop:
    pages = {"/products/a": page("a", ["/a.png"]), "/products/b": page("b", ["/a.png"])}
    pages |= {
        "/robots.txt": robots(),
        "/sitemap.xml": sitemap(list(pages)),
        "/a.png": Answer(png(1)),
    }
    return Shop(pages | {f"/{path.replace('__', '/')}": told for path, told in answers.items()})


def refusal(shop: Shop, folder: Path, **settings: Any) -> str:
    with shop.serve() as url, pytest.raises(BestsellerError) as error:
        crawl(url, folder, **settings)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_store_behind_a_password(tmp_path: Path) -> None:
    shop = shop_of_two(password=Answer(LOGIN, headers=HTML))
    shop.pages["/products.json?limit=250&page=1"] = moved("/password")
    told = refusal(shop, tmp_path, spider=SHOPIFY, setting="catalogue.shopify")
    assert f"{ORIGIN}/password: a page that asks for a password; the shop is closed" in told
    assert "shopify_export" in told


def test_a_shop_whose_sitemap_and_pages_ask_for_a_password(tmp_path: Path) -> None:
    door = {"password": Answer(LOGIN, headers=HTML)}
    told = refusal(shop_of_two(**door, **{"sitemap.xml": moved("/password")}), tmp_path)
    assert PASSWORD in told and "the shop is closed to visitors" in told
    pages = dict.fromkeys(["products__a", "products__b"], moved("/password"))
    told = refusal(shop_of_two(**door, **pages), tmp_path)
    assert "0 of 2 listed pages" in told and PASSWORD in told and "closed to visitors" in told


def test_photos_in_whose_place_stands_a_login_page(tmp_path: Path) -> None:
    told = refusal(shop_of_two(**{"a.png": Answer(LOGIN, headers=HTML)}), tmp_path)
    assert "photos could not be had" in told and PASSWORD in told
    assert "the shop is closed to visitors" in told


def test_a_shop_that_answers_401(tmp_path: Path) -> None:
    told = refusal(shop_of_two(**{"sitemap.xml": Answer(status=401)}), tmp_path)
    assert "/sitemap.xml: HTTP 401" in told and "closed to visitors" in told
    shop = shop_of_two()
    shop.pages["/products.json?limit=250&page=1"] = Answer(status=401)
    told = refusal(shop, tmp_path, spider=SHOPIFY, setting="catalogue.shopify")
    assert "HTTP 401; the shop is closed to visitors" in told


@pytest.mark.parametrize("what", ["robots.txt", "sitemap.xml", "products"])
def test_a_shop_that_moved_to_another_host(tmp_path: Path, what: str) -> None:
    names = ["products__a", "products__b"] if what == "products" else [what]
    shop = shop_of_two(**dict.fromkeys(names, moved("https://www.shop.example/x")))
    told = refusal(shop, tmp_path)
    assert "set catalogue.site.url to https://www.shop.example" in told


def test_pages_that_a_script_builds(tmp_path: Path) -> None:
    built = Answer(BUILT, headers=HTML)
    told = refusal(shop_of_two(products__a=built, products__b=built), tmp_path)
    assert SCRIPT in told and "the crawler runs no scripts: read an export" in told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (BUILT, SCRIPT),
        (LOGIN, PASSWORD),
        (b"<p>An article.</p>" + b"word " * 100 + b"<script>x()</script>", ""),
        (b"<p>Sold out</p>", ""),
        (b"<p>x</p><script type='application/ld+json'>{}</script>", ""),
        (b"<input type=password>" + b"word " * 100, ""),
        (b"<title>Anmelden - Laden</title><input type=password>" + b"word " * 100, PASSWORD),
        (b"<h1>Mot de passe</h1><input type=Password>" + b"word " * 100, PASSWORD),
        (b"<title>How to sign in ink</title>" + b"word " * 100, ""),
        (b"", ""),
    ],
)
def test_why_a_page_is_empty(body: bytes, reason: str) -> None:
    response = HtmlResponse("https://h/x", body=body, request=Request("https://h/x"))
    assert why_empty(response) == reason


def test_the_most_frequent_reason_is_mended() -> None:
    assert mend_of(["HTTP 404", "no product on the page"], "catalogue.site") == ""
    assert "closed" in mend_of([SCRIPT, "HTTP 401", PASSWORD], "catalogue.site")


# Addresses with a path.


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "https://shop.example/collections/all",
            "has a path, and an origin is wanted: https://shop",
        ),
        ("https://shop.example/?a=1", "has a path"),
        ("https://u:p@shop.example", "is no address"),
        ("shop.example", "is no address"),
    ],
)
def test_an_address_that_is_no_origin_is_refused(url: str, told: str) -> None:
    with pytest.raises(BestsellerError, match=told):
        origin_of_shop(url, "catalogue.site.url")


def test_an_origin_is_one_however_it_is_spelled() -> None:
    for url in ("https://Shop.Example", "https://shop.example/", " https://shop.example:443"):
        assert origin_of_shop(url, "x") == "https://shop.example"
    assert origin_of_shop("http://127.0.0.1:8000/", "x") == "http://127.0.0.1:8000"


def test_a_shop_of_pages_with_a_path_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    shop = shop_of_two()
    with shop.serve() as url, pytest.raises(BestsellerError, match="product_path or listings"):
        collected(tmp_path, "site", url=f"{url}/de/")
    assert shop.asked == []


def test_a_collection_of_a_store_and_the_robots_of_its_root(tmp_path: Path) -> None:
    """robots.txt stands at the root and forbids product b, whichever list names it."""
    products = [
        {"id": n, "title": name, "handle": name, "variants": [{"id": n, "sku": name}]}
        | {"images": [{"id": n, "src": "/a.png"}]}
        for n, name in enumerate("ab", start=1)
    ]
    body = json.dumps({"products": products}).encode()
    pages = {
        f"/collections/all/products.json?limit=250&page={n}": Answer(b)
        for n, b in {1: body, 2: b'{"products": []}'}.items()
    }
    rules = b"User-agent: *\nDisallow: /products/b\nDisallow: /collections/all/products/b\n"
    shop = Shop(pages | {"/robots.txt": Answer(rules), "/a.png": Answer(png(1))})
    with shop.serve() as url:
        result = collected(tmp_path, "shopify", url=f"{url}/collections/all", min_found_share=0.5)
        identity = shop_of(settings_of("shopify", url=f"{url}/collections/all"))
        with pytest.raises(BestsellerError, match="or the address of a collection"):
            collected(tmp_path, "shopify", url=f"{url}/pages/about")
    assert [product.sku for product in result.products] == ["1"]
    assert [(row.url, row.reason) for row in result.rejects] == [
        (f"{url}/products/b", "Forbidden by robots.txt")
    ]
    assert "/robots.txt" in shop.asked and "/collections/all/robots.txt" not in shop.asked
    assert identity == {"source": "shopify", "origin": url, "collection": "/collections/all"}


# A fault of the crawler's own.


class Faulty(PageSpider):
    """Fails where the address says so, in a callback or in the middle of what it yields."""

    def read_page(self, response: Response) -> Iterator[Request]:
        if response.url.endswith("/b"):
            raise KeyError("b")
        return super().read_page(response)

    def keep(self, url: str, products: Iterable[Product]) -> Iterator[Request]:
        yield from super().keep(url, products)
        if url.endswith("/c"):
            raise RuntimeError("after the pictures were asked for")

    def read_image(self, response: Response) -> None:
        super().read_image(response)
        if response.url.endswith("/lost.png"):
            raise OSError("disk")


class FaultyList(PageSpider):
    def read_sitemap(self, response: Response) -> Iterator[Request]:
        yield from super().read_sitemap(response)
        raise RuntimeError("in the middle of a list")


class FaultyStart(CatalogueSpider):
    def discover(self) -> Iterator[Request]:
        raise RuntimeError("before anything is asked")


def four(monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY / 'tests'}")
    paths = [f"/products/{name}" for name in "abcd"]
    pages = {path: page(path[-1], [f"{path[-1]}.png"]) for path in paths}
    pages["/products/d"] = page("d", ["/lost.png"])
    photos = {f"/products/{name}.png": Answer(png(n)) for n, name in enumerate("abc")}
    shop = Shop(pages | photos | {"/robots.txt": robots(), "/sitemap.xml": sitemap(paths)})
    shop.pages["/lost.png"] = Answer(png(9))
    return shop


def test_what_a_fault_lost_is_told_and_not_taken_for_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with four(monkeypatch).serve() as url:
        result = crawl(url, tmp_path, share=0.3, spider=f"{__name__}:Faulty")
    assert {product.sku: len(product.images) for product in result.products} == {"a": 1, "d": 0}
    assert {row.url.removeprefix(ORIGIN): row.reason for row in result.rejects} == {
        "/products/b": "cannot be read (KeyError)",
        "/products/c": "cannot be read (RuntimeError)",
        "/lost.png": "cannot be read (OSError)",
    }
    assert set(result.lost) == {f"{ORIGIN}/products/b", f"{ORIGIN}/products/c"}, "as it was"


def test_a_fault_in_a_list_leaves_it_incomplete_and_one_before_ends_the_crawl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with four(monkeypatch).serve() as url:
        result = crawl(url, tmp_path, spider=f"{__name__}:FaultyList")
        assert result.incomplete == {f"{ORIGIN}/sitemap.xml": "cannot be read (RuntimeError)"}
        with pytest.raises(BestsellerError, match=r"robots\.txt: cannot be read \(RuntimeError\)"):
            crawl(url, tmp_path, spider=f"{__name__}:FaultyStart")


def test_the_settings_of_sources_are_checked_where_they_are_read(tmp_path: Path) -> None:
    refused: list[tuple[dict[str, Any], str]] = [
        ({"colours": 1}, "catalogue.colours: unknown key"),
        (
            {"shopify": {"url": "", "currency": "eur", "line": "vendor"}},
            "catalogue.shopify.currency",
        ),
    ]
    for changes, told in refused:
        params = settings_of("site").model_copy(update={})
        values = params.model_dump() | (params.model_extra or {}) | changes
        with pytest.raises(BestsellerError, match=told):
            gather(type(params).model_validate(values), tmp_path, tmp_path, tmp_path)
