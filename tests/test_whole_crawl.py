"""A crawl that did not read all says so: no product is taken for discontinued by a fault."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import broken_spiders
from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Product
from bestseller.page.assemble import CrawlResult
from bestseller.sources.carry import LastCatalogue, carry_over
from loopback import Answer, Shop, crawl, page, png, robots, sitemap

pytestmark = pytest.mark.slow
HTML = {"Content-Type": "text/html; charset=utf-8"}
PATHS = [f"/products/p{n}" for n in range(6)]
LISTINGS = {"listings": ("/list",)}


def listing(paths: list[str], further: str = "", head: str = "", before: str = "") -> Answer:
    links = "".join(f"<a href='{path}'>x</a>" for path in paths)
    links += f"<a rel=next href='{further}'>next</a>" if further else ""
    return Answer(f"<head>{head}</head>{before}{links}".encode(), headers=HTML)


def shop_of(pages: Mapping[str, Answer]) -> Shop:
    products = {path: page(path[-2:], [f"{path}.png"], category="L") for path in PATHS}
    pictures = {f"{path}.png": Answer(png(n)) for n, path in enumerate(PATHS)}
    return Shop(products | pictures | {"/robots.txt": robots()} | dict(pages))


def listed(second: Answer) -> dict[str, Answer]:
    return {"/list": listing(PATHS[:4], "/list?page=2"), "/list?page=2": second}


def crawled(shop: Shop, folder: Path, **settings: object) -> CrawlResult:
    with shop.serve() as url:
        return crawl(url, folder, share=0.1, **settings)


def discontinued(result: CrawlResult, folder: Path) -> set[str]:
    """Of a last catalogue with all products, those that would be taken for gone."""
    last = [
        Product(sku=path[-2:], url=f"http://shop.example{path}", name="n", line="L", category="L")
        for path in PATHS
    ]
    carried = carry_over(result, LastCatalogue(last), folder / "raw", folder / "images")
    assert {product.sku for product in carried.products} >= {path[-2:] for path in PATHS}
    return {product.sku for product in carried.products if product.discontinued}


def test_what_a_sound_shop_no_longer_lists_is_discontinued(tmp_path: Path) -> None:
    result = crawled(shop_of(listed(listing([PATHS[4]]))), tmp_path, **LISTINGS)
    assert discontinued(result, tmp_path) == {"p5"}


@pytest.mark.parametrize(
    "second",
    {
        "a base that cannot be joined": listing(PATHS[4:], head="<base href='http://[bad'>"),
        "nested beyond any parser": listing(PATHS[4:], before="<div>" * 3_000),
        "a script builds it": Answer(b"<script>run()</script><p>Loading", headers=HTML),
        "no page": Answer(b"\0\1", headers={"Content-Type": "application/octet-stream"}),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_listing_that_cannot_be_read_discontinues_nothing(
    second: tuple[str, Answer], tmp_path: Path
) -> None:
    result = crawled(shop_of(listed(second[1])), tmp_path, **LISTINGS)
    assert list(result.incomplete) == ["http://shop.example/list?page=2"]
    assert discontinued(result, tmp_path) == set()


def test_a_listing_nested_as_deep_as_a_page_builder_does_is_read(tmp_path: Path) -> None:
    deep = listing(PATHS[4:], before="<div>" * 600)
    result = crawled(shop_of(listed(deep)), tmp_path, **LISTINGS)
    assert len(result.products) == 6
    assert not result.incomplete


@pytest.mark.parametrize("damage", ["cut", "ampersand"])
def test_a_sitemap_that_breaks_off_discontinues_nothing(damage: str, tmp_path: Path) -> None:
    whole = sitemap(PATHS).body
    body = {
        "cut": whole[: whole.index(b"/p4") - 3],
        "ampersand": whole.replace(b"p4<", b"p4?a=1&b<"),
    }[damage]
    result = crawled(shop_of({"/sitemap.xml": Answer(body)}), tmp_path)
    assert list(result.incomplete) == ["http://shop.example/sitemap.xml"]
    assert discontinued(result, tmp_path) == set()


METHODS = {
    "read_listing": "/list?page=2",
    "lost_listing": "/list?page=2",
    "read_page": "/products/p4",
    "lost": "/products/p5",
    "read_image": "p3.png",
}


@pytest.mark.parametrize(
    ("method", "error"),
    [
        *((method, "recursion") for method in METHODS),
        ("read_listing", "full"),
        ("read_page", "memory"),
        ("read_image", "full"),
    ],
)
def test_whatever_callback_fails_nothing_is_discontinued(
    method: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv(broken_spiders.METHOD, method)
    monkeypatch.setenv(broken_spiders.ERROR, error)
    monkeypatch.setenv(broken_spiders.AT, METHODS[method])
    pages = listed(listing(PATHS[4:]))
    if method == "lost_listing":
        pages["/list?page=2"] = Answer(status=404)
    shop = shop_of(pages | ({"/products/p5": Answer(status=404)} if method == "lost" else {}))
    settings = LISTINGS | {"spider": "broken_spiders:Pages"}
    if error in ("memory", "full"):
        with pytest.raises(BestsellerError, match=r"out of memory|the disk is full"):
            crawled(shop, tmp_path, **settings)
        return
    result = crawled(shop, tmp_path, **settings)
    assert len(result.products) < 6 or method == "read_image"
    assert discontinued(result, tmp_path) <= ({"p5"} if method == "lost" else set())


def test_a_failing_reader_of_a_list_of_products_fails_the_crawl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv(broken_spiders.METHOD, "read_list")
    monkeypatch.setenv(broken_spiders.ERROR, "value")
    monkeypatch.setenv(broken_spiders.AT, "products.json")
    shop = Shop({"/robots.txt": Answer(b"User-agent: *\n")})
    shop.pages["/products.json?limit=250&page=1"] = Answer(b'{"products": []}')
    with pytest.raises(BestsellerError, match=r"products\.json"):
        crawled(shop, tmp_path, spider="broken_spiders:Store")
