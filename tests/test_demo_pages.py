"""The embedded shop over HTTP: its pages, its sitemaps, its ledger."""

import gzip
import http.client
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest
from PIL import Image

from bestseller.demo import EXTRAS, DemoShop
from bestseller.demo.pages import product_path
from test_demo_shop import shop, with_role


class Client:
    """One keep-alive connection to a served shop."""

    def __init__(self, origin: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=10)

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, headers=named)
        response = self.connection.getresponse()
        return response, response.read()

    def text(self, path: str) -> str:
        response, body = self.ask(path)
        assert response.status == 200
        return body.decode()

    def image(self, path: str) -> Image.Image:
        response, body = self.ask(path)
        assert response.status == 200
        image = Image.open(io.BytesIO(body))
        assert response.headers["Content-Type"] == f"image/{(image.format or '').lower()}"
        image.load()
        return image


@contextmanager
def browse(of: DemoShop) -> Iterator[Client]:
    with of.serve() as origin:
        client = Client(origin)
        yield client
        client.connection.close()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with browse(shop(0.002)) as opened:
        yield opened


def json_ld(page: str) -> list[dict]:
    scripts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return [json.loads(script) for script in scripts]


def test_an_unchanged_shop_answers_304_and_renders_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_photo(*_: object, **__: object) -> Image.Image:
        raise AssertionError("rendered")

    first, again = DemoShop(0.002, 7), DemoShop(0.002, 7)
    product = first.products[0]
    paths = ["/robots.txt", product_path(product), f"/images/{product.sku}-front.jpg"]
    with browse(first) as client:
        tags = {path: client.ask(path, Host="shop")[0].headers["ETag"] for path in paths}
        assert [r.path for r in first.requests] == paths
        assert all(r.status == 200 and r.body_bytes > 20 for r in first.requests)
    monkeypatch.setattr("bestseller.demo.shop.render", no_photo)
    with browse(again) as client:
        for path, tag in tags.items():
            for sent in (tag, f'"other", W/{tag}', "*"):
                response, body = client.ask(path, Host="shop", If_None_Match=sent)
                assert (response.status, body, response.headers["ETag"]) == (304, b"", tag)
        assert client.ask("/robots.txt", If_None_Match='"other"')[0].status == 200
    assert sum(r.body_bytes for r in again.requests if r.status == 304) == 0


def test_head_missing_pages_and_pages_of_a_line(client: Client) -> None:
    response, body = client.ask("/robots.txt", "HEAD")
    assert response.status == 200 and body == b"" and int(response.headers["Content-Length"]) > 0
    assert client.ask("/products/none")[0].status == 404
    assert client.text("/lines/datejust?page=x") == client.text("/lines/datejust")
    assert client.text("/lines/datejust").count("<br>") == 5


def test_sitemaps_list_every_page_and_robots_forbids_one(client: Client) -> None:
    of = shop(0.002)
    robots = client.text("/robots.txt")
    assert "Disallow: /private/" in robots
    entry = re.search(r"Sitemap: (\S+)", robots)
    assert entry
    listed: list[str] = []
    for url in re.findall("<loc>(.*?)</loc>", client.text(urlsplit(entry[1]).path)):
        body = client.ask(urlsplit(url).path)[1]
        text = (gzip.decompress(body) if url.endswith(".gz") else body).decode()
        listed += [loc.replace("&amp;", "&") for loc in re.findall("<loc>(.*?)</loc>", text)]
    assert all(url.startswith("http://127.0.0.1:") for url in listed)
    paths = [urlsplit(url).path for url in listed]
    assert {product_path(p) for p in [*of.products, *of.extras]} <= set(paths)
    assert [path for path in paths if path.startswith("/private/")]
    assert 'href="/private/' in client.text("/")
    tracked = product_path(with_role(of, "tracking_url"))
    assert paths.count(tracked) == 2
    query = next(urlsplit(url).query for url in listed if urlsplit(url).query)
    assert client.text(f"{tracked}?{query}") == client.text(tracked)
    assert f'<link rel="canonical" href="{tracked}">' in client.text(tracked)


def test_plain_product_page(client: Client) -> None:
    product = next(p for p in shop(0.002).products if not p.role and p.suffix == "jpg")
    (node,) = json_ld(client.text(product_path(product)))
    assert (
        node["@type"] == "Product" and node["sku"] == product.sku and node["name"] == product.name
    )
    assert node["category"] == f"{product.category} > {product.line}"
    assert node["offers"]["price"] == f"{product.price}.00"
    assert node["offers"]["priceCurrency"] == "EUR"
    digits = [int(digit) for digit in node["gtin13"]]
    assert len(digits) == 13 and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
    assert client.image(node["image"][0]).size == (128, 128)


def test_groups_of_variants(client: Client) -> None:
    of = shop(0.002)
    design = with_role(of, "variants")
    (group,) = json_ld(client.text(product_path(design)))
    assert group["@type"] == "ProductGroup" and group["productGroupID"] == design.sku
    assert tuple(variant["sku"] for variant in group["hasVariant"]) == design.variants

    design = with_role(of, "graph")
    (page,) = json_ld(client.text(product_path(design)))
    nodes = {node["@id"]: node for node in page["@graph"]}
    (group,) = (node for node in nodes.values() if node["@type"] == "ProductGroup")
    sizes = [nodes[reference["@id"]] for reference in group["hasVariant"]]
    assert tuple(size["sku"] for size in sizes) == design.variants
    assert all(nodes[size["offers"]["@id"]]["price"] == f"{design.price}.00" for size in sizes)


def test_pages_without_json_ld_and_awkward_images(client: Client) -> None:
    of = shop(0.002)

    def page(role: str) -> str:
        return client.text(product_path(with_role(of, role)))

    for role, mark in (("microdata", 'itemprop="sku"'), ("opengraph", 'property="og:image"')):
        assert mark in page(role) and "ld+json" not in page(role)
    assert "og:" not in page("microdata") and "itemprop" not in page("opengraph")

    (node,) = json_ld(page("relative_image"))
    assert node["image"][0].startswith("../images/")
    assert client.image(node["image"][0].removeprefix("..")).size == (128, 128)

    (node,) = json_ld(page("lazy_image"))
    lazy = re.search(r'src="data:image/gif[^"]*" data-src="(.*?)".*?<noscript>', page("lazy_image"))
    assert "image" not in node and lazy and client.image(lazy[1]).size == (128, 128)

    assert "schema.org/Discontinued" in page("discontinued")
    scripts = re.findall(r'ld\+json">(.*?)</script>', page("broken_json"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(scripts[0])
    assert json.loads(scripts[1])["@type"] == "Product"


def test_extras_never_sell_and_have_no_photo_of_their_own(client: Client) -> None:
    of = shop(0.002)
    extras = {p.role: p for p in of.extras}
    assert set(extras) == set(EXTRAS)
    assert not {p.sku for p in of.extras} & set(of.ledger()["sku"])
    front = {role: client.ask(f"/images/{p.sku}-front.jpg")[1] for role, p in extras.items()}
    copied = next(p for p in of.products if p.watch == extras["duplicate"].watch)
    assert copied.sku != extras["duplicate"].sku
    assert front["duplicate"] == client.ask(f"/images/{copied.sku}-front.jpg")[1]
    assert front["placeholder_a"] == front["placeholder_b"]
    assert front["placeholder_a"] not in (front["duplicate"], front["corrupt_image"])
    Image.open(io.BytesIO(front["placeholder_a"])).load()
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(front["corrupt_image"])).load()


def test_ledger_export_is_the_ledger(client: Client) -> None:
    response, body = client.ask("/export/ledger.csv")
    assert response.headers["Content-Type"].startswith("text/csv")
    read = pd.read_csv(io.BytesIO(body), dtype={"sku": str})
    pd.testing.assert_frame_equal(read, shop(0.002).ledger(), check_dtype=False)


def test_the_shop_stage_serves_until_interrupted_and_refuses_a_bad_port(code: Path) -> None:
    command = [sys.executable, "-m", "stages.shop", "--port"]
    with subprocess.Popen([*command, "0"], cwd=code, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            found = re.fullmatch(r"(\d+) products at (http://127.0.0.1:\d+); Ctrl-C ends\n", said)
            assert found and int(found[1]) > 100
            assert "Disallow" in Client(found[2]).text("/robots.txt")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
    done = subprocess.run([*command, "http"], cwd=code, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("shop: --port: 'http'") and done.stderr.count("\n") == 1
