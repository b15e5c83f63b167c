"""The crawler against real servers on loopback: what it asks, what it keeps, what it refuses."""

import gzip
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.formats import image_format
from bestseller.catalogue.product import Image, Product, Rejected
from bestseller.catalogue.raw import open_images, read_catalogue, write_raw
from bestseller.demo import DemoShop
from bestseller.web.crawl import probe_site
from bestseller.web.optout import RESERVATIONS
from bestseller.web.site import check_permission
from conftest import REPOSITORY
from loopback import ORIGIN, Answer, Shop, crawl, page, png, robots, site, sitemap, written


def watch_shop() -> Shop:
    picture = {f"/img/{name}.png": Answer(png(i)) for i, name in enumerate("abcdefgh")}
    line = {"category": "Classic > Datejust"}
    pages = {
        "/robots.txt": robots("Disallow: /private/"),
        "/sitemap.xml": Answer(
            f"<sitemapindex><sitemap><loc>{ORIGIN}/products.xml.gz</loc></sitemap></sitemapindex>".encode()
        ),
        "/products.xml.gz": Answer(
            gzip.compress(
                sitemap(
                    [f"/products/{n}" for n in range(12)]
                    + ["/products/1?utm_source=mail", "/private/products/x", "/about"]
                ).body,
                mtime=0,
            )
        ),
        "/about": Answer(b"<h1>About us</h1>"),
        "/products/0": page("00", ["../img/a.png"], **line),
        "/products/1": page("01", ["/img/b.png"], "<link rel=canonical href=/products/1>", **line),
        "/products/2": page("02", ["/img/not.png"], **line),
        "/products/3": page("03", ["/img/none.png"], category="Professional > Daytona"),
        "/products/4": page("04", ["/img/none.png"], **line),
        "/products/5": page("", ["/img/a.png"], **line),
        "/products/6": page(
            "06", ["/img/c.png", "/img/c-side.png"], offers={"availability": "Discontinued"}, **line
        ),
        "/products/7": page(
            "07", ["/img/d.png"], "<meta name=robots content='noai, noindex'>", **line
        ),
        "/products/9": page("09", ["/private/e.png", "/img/e.png"], **line),
        "/products/10": page("10", ["/img/f.png"], inProductGroupWithID="G1", **line),
        "/products/11": page("11", ["/img/g.png"], inProductGroupWithID="G1", **line),
        "/img/not.png": Answer(b"<html>login first</html>", headers={"Content-Type": "text/html"}),
        "/img/none.png": Answer(png(99)),
        "/img/c-side.png": Answer(png(50)),
        "/private/e.png": Answer(png(51)),
        "/private/products/x": page("x", ["/img/a.png"]),
    }
    pages["/products/1?utm_source=mail"] = pages["/products/1"]
    return Shop(pages | picture)


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The watch shop crawled twice with one cache, the second time at another port."""
    folder = tmp_path_factory.mktemp("crawl")
    shop = watch_shop()
    with shop.serve() as url:
        first = crawl(url, folder, share=0.5)
    asked = list(shop.asked)
    files = written(folder, first)
    with shop.serve() as url:
        second = crawl(url, folder, share=0.5)
    return {
        "asked": asked,
        "first": first,
        "second": second,
        "files": files,
        "files_again": written(folder, second),
        "raw": folder / "raw",
    }


def test_products_of_a_shop(crawled: dict) -> None:
    products = {product.sku: product for product in crawled["first"].products}
    assert sorted(products) == ["00", "01", "02", "03", "04", "06", "09", "G1"]
    assert products["00"].images[0].url == f"{ORIGIN}/img/a.png"
    assert (products["00"].category, products["00"].line) == ("Classic", "Datejust")
    assert products["01"].url == f"{ORIGIN}/products/1"
    assert products["06"].discontinued and not products["00"].discontinued
    assert [image.view for image in products["06"].images] == ["front", "side"]
    assert [variant.sku for variant in products["G1"].variants] == ["10", "11"]
    assert len(products["G1"].images) == 2


def test_what_is_left_out_has_a_reason(crawled: dict) -> None:
    rejects = {
        (row.sku, row.url.removeprefix(ORIGIN)): row.reason for row in crawled["first"].rejects
    }
    assert rejects == {
        ("", "/private/products/x"): "Forbidden by robots.txt",
        ("", "/products/5"): "the page names no sku",
        ("", "/products/7"): "opts out of machine learning (meta robots: noai)",
        ("", "/products/8"): "HTTP 404",
        ("02", "/img/not.png"): "no image but text/html",
        ("09", "/private/e.png"): "Forbidden by robots.txt",
    }


def test_no_forbidden_path_is_requested(crawled: dict) -> None:
    assert not [path for path in crawled["asked"] if path.startswith("/private")]
    assert "/about" not in crawled["asked"]


def test_second_crawl_downloads_nothing_and_writes_the_same_bytes(crawled: dict) -> None:
    assert crawled["first"].stats["body_bytes"] > 0
    assert crawled["second"].stats["body_bytes"] == 0
    assert (
        crawled["second"].stats["not_modified"] == crawled["second"].stats["requests"] - 2
    )  # the page and the tdmrep.json that answer 404
    assert crawled["files"] == crawled["files_again"]


def test_raw_files_read_back(crawled: dict) -> None:
    products = read_catalogue(crawled["raw"] / "catalogue.jsonl")
    assert products == crawled["first"].products
    shown = {image.sha256 for product in products for image in product.images}
    with open_images(crawled["raw"] / "images.zip") as images:
        assert len(images) == len(shown)
        assert all(hashlib.sha256(images.read(sha256)).hexdigest() == sha256 for sha256 in shown)
        with pytest.raises(BestsellerError, match="no image"):
            images.read("0" * 64)
    with zipfile.ZipFile(crawled["raw"] / "images.zip") as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.namelist() == sorted(archive.namelist())


def test_embedded_shop(tmp_path: Path) -> None:
    """Each awkward page gives what it should; a second season costs its news alone."""
    shop = DemoShop(scale=0.005, seed=7, season=1, image_size=128)
    with shop.serve() as url:
        first = crawl(url, tmp_path)
    products = {product.sku: product for product in first.products}
    extras = {product.role: product.sku for product in shop.extras}
    assert set(products) == {p.sku for p in shop.products} | set(extras.values()) - {
        extras["forbidden"]
    }
    assert not [request for request in shop.requests if "/private/" in request.path]
    for told in shop.products:
        read = products[told.sku]
        assert (read.name, read.line, read.category) == (told.name, told.line, told.category)
        assert [image.view for image in read.images] == list(told.views), told.role
        assert read.price == f"{told.price}.00"
        assert {v.sku for v in read.variants} == set(told.variants)
        assert read.discontinued == (told.role == "discontinued")
    assert first.rejects == []
    assert all(product.images for product in first.products)

    later = DemoShop(scale=0.005, seed=7, season=2, image_size=128)
    with later.serve() as url:
        second = crawl(url, tmp_path)
    changed = {p.sku for p in second.products if p != products.get(p.sku)}
    assert changed == {p.sku for p in later.products if p.season == 2 or p.changed == 2}
    paths = {request.path.removeprefix(ORIGIN) for request in later.requests if request.body_bytes}
    news = {p.slug for p in later.products if p.sku in changed}
    pages = {path for path in paths if path.startswith("/products/")}
    assert pages == {f"/products/{slug}" for slug in news}


def test_pictures_keep_their_addresses_however_they_are_spelled(tmp_path: Path) -> None:
    """Spaces and letters beyond ASCII are escaped on the way; two may lead to one picture."""
    shown = ["/img/a b.png", "/img/\u00e9t\u00e9.png", "/img/moved-1.png", "/img/moved-2.png"]
    pages = {f"/products/{n}": page(f"{n}", [url]) for n, url in enumerate(shown)}
    shop = Shop(
        pages
        | {
            "/robots.txt": robots(),
            "/sitemap.xml": sitemap(list(pages)),
            "/img/a%20b.png": Answer(png(1)),
            "/img/%C3%A9t%C3%A9.png": Answer(png(2)),
            "/img/moved-1.png": Answer(status=302, headers={"Location": "/img/new.png"}),
            "/img/moved-2.png": Answer(status=302, headers={"Location": "/img/new.png"}),
            "/img/new.png": Answer(png(3)),
        }
    )
    with shop.serve() as url:
        result = crawl(url, tmp_path)
    assert result.rejects == []
    hashes = [[image.sha256 for image in product.images] for product in result.products]
    assert hashes == [[hashlib.sha256(png(n)).hexdigest()] for n in (1, 2, 3, 3)]


def test_too_few_products_fail(tmp_path: Path) -> None:
    paths = [f"/products/{n}" for n in range(4)]
    shop = Shop(
        {"/robots.txt": robots(), "/sitemap.xml": sitemap(paths), "/products/0": page("0", [])}
    )
    with shop.serve() as url, pytest.raises(BestsellerError, match="1 of 4 listed pages") as error:
        crawl(url, tmp_path)
    assert "\n" not in str(error.value) and "HTTP 404" in str(error.value)


def test_unreachable_robots_forbid_everything(tmp_path: Path) -> None:
    shop = Shop({"/robots.txt": Answer(status=503), "/sitemap.xml": sitemap(["/products/0"])})
    with shop.serve() as url, pytest.raises(BestsellerError, match=r"robots\.txt: HTTP 503"):
        crawl(url, tmp_path)
    assert set(shop.asked) == {"/robots.txt"}


def test_probe_tells_versions_without_reading_pages(tmp_path: Path) -> None:
    """Dates of change come from the sitemap; pages without one are asked for their validator."""
    listing = sitemap(["/products/0", "/products/1"])
    dated = listing.body.replace(b"/0</loc>", b"/0</loc><lastmod>2022-01-02</lastmod>")
    shop = Shop(
        {
            "/robots.txt": robots(),
            "/sitemap.xml": Answer(dated),
            "/products/0": page("0", ["/img/a.png"]),
            "/products/1": page("1", ["/img/b.png"]),
        }
    )
    with shop.serve() as url:
        versions = probe_site(site(url, tmp_path))
        shop.pages["/products/1"] = page("1", ["/img/c.png"])
        later = probe_site(site(url, tmp_path))
    first, second = f"{ORIGIN}/products/0", f"{ORIGIN}/products/1"
    assert versions[first] == later[first] == "2022-01-02"
    assert versions[second] and versions[second] != later[second]
    assert set(shop.asked) == {"/products/1", "/robots.txt", RESERVATIONS, "/sitemap.xml"}


@pytest.mark.slow
def test_killed_crawl_continues(tmp_path: Path) -> None:
    """A crawl killed at five random moments ends like one that was not, byte for byte."""
    moments = random.Random(11)
    shop = DemoShop(scale=0.005, seed=7, season=1, image_size=128)
    with shop.serve() as url:
        whole = written(tmp_path / "whole", crawl(url, tmp_path / "whole"))
        program = (
            "import sys; from pathlib import Path; folder = Path(sys.argv[1]);"
            "from bestseller.web.crawl import crawl_site;"
            "from bestseller.web.site import Site;"
            f"site = Site({ORIGIN!r}, folder / 'cache', connect_to={url!r}, delay_s=0.05);"
            "crawl_site(site, folder / 'images')"
        )
        for _ in range(5):
            before = len(shop.requests)
            killed = subprocess.Popen(
                [sys.executable, "-c", program, str(tmp_path / "killed")],
                env=os.environ | {"PYTHONPATH": str(REPOSITORY / "src")},
            )
            while len(shop.requests) == before and killed.poll() is None:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 2))  # of the four seconds or more that it needs
            assert killed.poll() is None, "killed while it crawls"
            os.kill(killed.pid, signal.SIGKILL)
            assert killed.wait() == -signal.SIGKILL
            time.sleep(0.5)
            asked = len(shop.requests)
            time.sleep(0.5)
            assert len(shop.requests) == asked, "the crawler outlived its parent"
        resumed = crawl(url, tmp_path / "killed")
    assert resumed.stats["not_modified"] > 0
    assert written(tmp_path / "killed", resumed) == whole
    assert set(whole) == {"catalogue.jsonl", "images.zip", "rejects.csv"}


@pytest.mark.parametrize(
    ("origin", "permission", "contact", "message"),
    [
        ("https://shop.example", False, "me@example.org", "catalogue.permission"),
        ("https://shop.example", True, "", "catalogue.contact"),
        ("ftp://shop.example", True, "me@example.org", "catalogue.site.url"),
        ("", True, "me@example.org", "catalogue.site.url"),
    ],
)
def test_others_shops_need_permission(
    origin: str, permission: bool, contact: str, message: str
) -> None:
    with pytest.raises(BestsellerError, match=message):
        check_permission(origin, permission, contact)


def test_loopback_and_permitted_shops_need_nothing_more() -> None:
    check_permission("http://127.0.0.1:8000", False, "")
    check_permission("https://shop.example", True, "me@example.org")


def test_image_formats_are_told_by_their_bytes() -> None:
    assert image_format(png(0)) == "png"
    assert image_format(b"\xff\xd8\xff\xe0") == "jpg"
    assert image_format(b"RIFF\x01\x02\x03\x04WEBPVP8 ") == "webp"
    assert image_format(b"<svg xmlns='http://www.w3.org/2000/svg'/>") is None
    assert image_format(b"") is None


def test_catalogue_errors_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.jsonl"
    with pytest.raises(BestsellerError, match="not found; run"):
        read_catalogue(path)
    path.write_text("")
    with pytest.raises(BestsellerError, match="holds no product"):
        read_catalogue(path)
    line = Product(sku="1", name="a", url="http://h/").model_dump_json()
    path.write_text(f"{line}\n{{}}\n")
    with pytest.raises(BestsellerError, match="line 2: no product"):
        read_catalogue(path)
    path.write_text(f"{line}\n{line}\n")
    with pytest.raises(BestsellerError, match="line 2: sku '1'"):
        read_catalogue(path)


def test_raw_files_do_not_depend_on_order(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "b.png").write_bytes(b"B")
    (images / "a.png").write_bytes(b"A")
    products = [
        Product(
            sku=s, name=s, url="http://h/", images=(Image(url=s, view="front", file=f"{f}.png"),)
        )
        for s, f in (("1", "b"), ("2", "a"))
    ]
    rejects = [Rejected("2", "http://h/", "x"), Rejected("1", "http://h/", 'a, "b"')]
    write_raw(tmp_path / "one", products, rejects, images)
    write_raw(tmp_path / "two", products[::-1], rejects[::-1], images)
    for name in ("images.zip", "catalogue.jsonl", "rejects.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    rows = (tmp_path / "one" / "rejects.csv").read_text().splitlines()
    assert rows == ["sku,url,reason", '1,http://h/,"a, ""b"""', "2,http://h/,x"]
