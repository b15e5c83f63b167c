"""A shop that does all it can to harm the crawler, asked over loopback; a canary watches."""

import hashlib
import http.server
import json
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from bestseller.page.assemble import CrawlResult
from bestseller.web.crawl import crawl_site
from bestseller.web.guard import MAX_ATTRIBUTES, MAX_HTML_MB
from bestseller.web.reasons import TOO_LARGE
from bestseller.web.site import Site
from loopback import Answer, Shop, crawl, page, png, robots, sitemap, written

MEGABYTE = 1_000_000
PEAK_MB = 600
TIMEOUT_S = 4.0
GOOD = [f"/products/good-{n}" for n in range(8)]
HTML = {"Content-Type": "text/html; charset=utf-8"}
REFUSED = "refused: "
STALLED = "no answer (DownloadTimeoutError"


def bomb(head: bytes = b"") -> bytes:
    """Return 400 MB of `head` and zeros in about 400 kB of gzip, without ever holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(MEGABYTE)
    parts = [packer.compress(head), *(packer.compress(zeros) for _ in range(400)), packer.flush()]
    return b"".join(parts)


def never(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Accept a request and never answer it."""
    handler.connection.recv(1)  # until the client gives up


def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer one byte a second."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        handler.wfile.write(b"x")
        time.sleep(1)


def stream(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer with chunks without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        handler.wfile.write(b"10000\r\n" + bytes(65_536) + b"\r\n")


def endless_headers(handler: http.server.BaseHTTPRequestHandler) -> None:
    """Answer with header lines without end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        handler.wfile.write((b"X-A: " + bytes(8_000).replace(b"\0", b"a") + b"\r\n") * 8)


def redirect(to: str) -> Answer:
    return Answer(status=302, headers={"Location": to.encode().decode("latin-1")})


def ld(text: str, body: str = "") -> Answer:
    return Answer(f"<script type='application/ld+json'>{text}</script>{body}".encode(), 200, HTML)


def product(sku: str, **fields: object) -> str:
    return json.dumps({"@type": "Product", "sku": sku, "name": f"Watch {sku}"} | fields)


def honest_pages() -> dict[str, Answer]:
    pages = {path: page(path[-6:], [f"{path}.png"], category=f"Line {path[-1]}") for path in GOOD}
    return pages | {f"{path}.png": Answer(png(n)) for n, path in enumerate(GOOD)}


def private_addresses(canary: str) -> dict[str, str]:
    """Return addresses that lead to the canary, or to a cloud's metadata, for who reads them so."""
    port = canary.rsplit(":", 1)[1]
    hosts = {
        "plain": "127.0.0.1",
        "number": "2130706433",
        "hex": "0x7f000001",
        "hex-short": "0x7f.1",
        "short": "127.1",
        "octal": "0177.0.0.1",
        "any": "0.0.0.0",
        "mapped": "[::ffff:127.0.0.1]",
        "six": "[::1]",
        "nat64": "[64:ff9b::7f00:1]",
        "name": "localhost",
        "name-dot": "localhost.",
        "name-case": "LocalHost",
        "user": "shop.example@127.0.0.1",
        "user-port": "shop.example:80@127.0.0.1",
        "wide": "１２７.０.０.１",  # noqa: RUF001 (full-width digits)
    }
    addresses = {name: f"http://{host}:{port}/s.png" for name, host in hosts.items()}
    addresses["metadata"] = "http://169.254.169.254/latest/meta-data/"
    addresses["metadata-hex"] = "http://0xa9fea9fe/latest/meta-data/"
    addresses["user-fake"] = f"http://127.0.0.1:{port}@shop.example/s.png"
    addresses["user-backslash"] = f"http://127.0.0.1:{port}\\@shop.example/s.png"
    return addresses


def hostile_pages(canary: str, outside: Path) -> dict[str, Answer]:
    """Return the pages and pictures of the shop; each page's name says what is wrong with it."""
    zeros = bomb(b"<html>")
    image = {
        "image-error": Answer(status=500),
        "image-never": Answer(act=never),
        "image-drip": Answer(act=drip),
        "image-stream": Answer(act=stream),
        "image-bomb": Answer(bomb(png(0)[:8]), headers={"Content-Encoding": "gzip"}),
        "image-loop": redirect("/img/image-loop"),
        "image-loop-wide": redirect("/img/image-loop-wide?x"),
        "image-loop-wide?x": redirect("/img/image-loop-wide"),
        "image-html": Answer(b"<html>please log in</html>", headers=HTML),
        "image-to-file": redirect("file:///etc/passwd"),
    }
    pages = {f"/img/{name}": answer for name, answer in image.items()}
    shown = {name: f"/img/{name}" for name in image if "?" not in name}
    shown |= {f"at-{name}": url for name, url in private_addresses(canary).items()}
    for name, url in private_addresses(canary).items():
        pages[f"/img/to-{name}"] = redirect(url)
        shown[f"to-{name}"] = f"/img/to-{name}"
    pages |= {f"/products/{name}": page(name, [url]) for name, url in shown.items()}
    schemes = ["file:///etc/passwd", "data:image/png;base64,iVBORw0KGgo=", "ftp://127.0.0.1/a.png"]
    deep = "[" * 100_000 + "]" * 100_000
    sound = f"<script type='application/ld+json'>{product('deep-json')}</script>"
    crowded = " ".join(f"a{n}=1" for n in range(250_000))
    odd = {
        "page-error": Answer(status=500),
        "page-never": Answer(act=never),
        "page-drip": Answer(act=drip),
        "page-stream": Answer(act=stream),
        "page-headers": Answer(act=endless_headers),
        "page-bomb": Answer(zeros, headers=HTML | {"Content-Encoding": "gzip"}),
        "page-loop": redirect("/products/page-loop"),
        "page-away": redirect(f"{canary}/products/v"),
        "page-to-metadata": redirect("http://169.254.169.254/products/"),
        "page-nested": Answer(b"<div>" * (4 * MEGABYTE // 5), headers=HTML),
        "page-huge": Answer(b"<div>" * (10 * MEGABYTE // 5), headers=HTML),
        "page-tags": Answer(b"<img src=a>" * (4 * MEGABYTE // 10), headers=HTML),
        "page-crowded": Answer(f"<p {crowded}>".encode(), headers=HTML),
        "page-binary": Answer(bytes(range(256)) * 4_000, headers=HTML),
        "schemes": page("schemes", schemes),
        "deep-json": ld(deep, sound),
        "surrogate": ld('{"@type":"Product","sku":"half","name":"\\ud800","image":"/\\udfff.png"}'),
        "utf-8": Answer(
            b"<h1>W\xff\xfe\xc3</h1><script type='application/ld+json'>"
            + product("utf-8", description="?").encode().replace(b"?", b"\xff\xc3\x28")
            + b"</script>",
            headers=HTML,
        ),
        "long": ld(product("long", name="x" * MEGABYTE, image=["/" + "y" * MEGABYTE])),
        "traversal": ld(product("../../x", name="../../../etc/cron.d/x", image="../../../x.png")),
        "absolute": ld(product(str(outside / "x"), image=f"{outside}/x.png")),
        "null": ld(product("nul\0l", name="a\0b", image="/nul%00.png")),
    }
    pages |= {f"/products/{name}": answer for name, answer in odd.items()}
    pages["/x.png"] = pages[f"{outside}/x.png"] = pages["/nul%00.png"] = Answer(png(77))
    return pages


def hostile_sitemaps(paths: list[str]) -> dict[str, Answer]:
    names = ["sound.xml", "bomb.xml.gz", "index-0.xml", "wide.xml", "broken.xml", "entities.xml"]
    index = "<sitemapindex>{}</sitemapindex>".format
    sitemaps = {
        "/sound.xml": Answer(
            sitemap(paths, origin="").body.replace(
                b"</urlset>",
                b"<url><loc>file:///etc/passwd#/products/x</loc></url>"
                b"<url><loc>http://[::bad/products/x</loc></url>"
                b"<url><loc>javascript:/products/x</loc></url></urlset>",
            )
        ),
        "/bomb.xml.gz": Answer(bomb(b"<urlset>")),
        "/wide.xml": Answer(
            index(
                "".join(f"<sitemap><loc>/wide-{n}.xml</loc></sitemap>" for n in range(5_000))
            ).encode()
        ),
        "/broken.xml": Answer(b"\0\xff<urlset"),
        "/entities.xml": Answer(
            b"<!DOCTYPE u [<!ENTITY a '"
            + b"a" * 1_000
            + b"'>"
            + b"".join(
                b"<!ENTITY %c '%s'>" % (ord("b") + n, b"&%c;" % (ord("a") + n) * 10)
                for n in range(8)
            )
            + b"]><urlset><url><loc>/products/&i;</loc></url></urlset>"
        ),
    }
    for n in range(9):
        sitemaps[f"/index-{n}.xml"] = Answer(
            index(f"<sitemap><loc>/index-{n + 1}.xml</loc></sitemap>").encode()
        )
    lines = "".join(f"Sitemap: /{name}\n" for name in names)
    return sitemaps | {"/robots.txt": Answer(f"User-agent: *\nAllow: /\n{lines}".encode())}


class Harm:
    """What came of one crawl of the hostile shop."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir()
        (self.outside / "secret.png").write_bytes(png(7))
        out = folder / "out"
        honest = Shop(honest_pages() | {"/robots.txt": robots(), "/sitemap.xml": sitemap(GOOD)})
        with honest.serve() as url:
            self.honest = crawl(url, folder / "honest")
        self.canary = Shop({"/s.png": Answer(png(8)), "/products/v": page("v", [])})
        with self.canary.serve() as canary:
            pages = hostile_pages(canary, self.outside)
            products = [path for path in pages if path.startswith("/products/")]
            self.shop = Shop(honest_pages() | pages | hostile_sitemaps([*GOOD, *products]))
            before = self._listing(folder, out)
            with self.shop.serve() as url:
                begin = time.monotonic()
                shop = Site(url, out / "cache", delay_s=0, concurrency=8, timeout_s=TIMEOUT_S)
                self.result = crawl_site(shop, out / "images", 0.1, max_lost_photo_share=0.99)
                self.seconds = time.monotonic() - begin
        self.files = written(out, self.result)
        self.added = self._listing(folder, out) - before
        self.archive = out / "raw" / "images.zip"
        self.images = sorted(path.name for path in (out / "images").iterdir())

    @staticmethod
    def _listing(folder: Path, but: Path) -> set[Path]:
        return {path for path in folder.rglob("*") if path != but and but not in path.parents}


@pytest.fixture(scope="module")
def harm(tmp_path_factory: pytest.TempPathFactory) -> Harm:
    return Harm(tmp_path_factory.mktemp("hostile"))


@pytest.mark.slow
def test_every_trap_is_refused_or_bounded_with_its_reason(harm: Harm) -> None:
    expected = {
        "image-error": "HTTP 500",
        "image-never": STALLED,
        "image-drip": STALLED,
        "image-stream": TOO_LARGE,
        "image-bomb": TOO_LARGE,
        "image-loop": "max redirections reached",
        "image-loop-wide": "max redirections reached",
        "image-html": "no image but text/html",
        "image-to-file": "HTTP 302",
        "page-error": "HTTP 500",
        "page-never": STALLED,
        "page-drip": STALLED,
        "page-stream": TOO_LARGE,
        "page-headers": "more than 256 kB of headers",
        "page-bomb": TOO_LARGE,
        "page-loop": "max redirections reached",
        "page-away": REFUSED,
        "page-to-metadata": REFUSED,
        "page-nested": "no product on the page",
        "page-huge": f"refused: more than {MAX_HTML_MB} MB of HTML",
        "page-tags": "no product on the page",
        "page-crowded": f"refused: a tag of more than {MAX_ATTRIBUTES} attributes",
        "page-binary": "no product on the page",
        "bomb.xml.gz": TOO_LARGE,
        "broken.xml": "cannot be read",
        "wide.xml": "its sitemaps are not read",
        "index-2.xml": "its sitemaps are not read",
        "file:///etc/passwd#/products/x": "no http or https address",
        "http://[::bad/products/x": "no http or https address",
        "javascript:/products/x": "no http or https address",
    }
    for name in private_addresses("http://h:1"):
        # A resolver need not know the name with a dot at its end.
        expected |= dict.fromkeys((f"at-{name}", f"to-{name}"), REFUSED)
    told = {row.sku or row.url.split("/products/")[-1]: row for row in harm.result.rejects}
    told |= {row.url: row for row in harm.result.rejects if not row.sku}
    told |= {row.url.rsplit("/", 1)[-1]: row for row in harm.result.rejects if not row.sku}
    wrong = {
        name: told[name].reason if name in told else None
        for name, reason in expected.items()
        if name not in told or not told[name].reason.startswith(reason)
    }
    for name in ("at-name-dot", "to-name-dot"):
        told_of = wrong.pop(name, None) or REFUSED
        assert told_of.startswith((REFUSED, "no answer (CannotResolveHostError"))
    assert wrong == {}


@pytest.mark.slow
def test_no_private_address_is_asked(harm: Harm) -> None:
    assert harm.canary.asked == []


@pytest.mark.slow
def test_good_products_are_all_there(harm: Harm) -> None:
    def facts(result: CrawlResult) -> dict[str, tuple]:
        return {
            p.sku: (p.name, p.line, [image.sha256 for image in p.images])
            for p in result.products
            if p.sku.startswith("good-")
        }

    assert len(facts(harm.honest)) == len(GOOD)
    assert facts(harm.result) == facts(harm.honest)
    odd = {p.sku: p for p in harm.result.products}
    assert odd["deep-json"].name == "Watch deep-json"
    assert odd["utf-8"].name == "Watch utf-8"
    assert 1_000 < len(odd["long"].name) < 10_000
    assert odd["nul l"].images and not odd["schemes"].images


@pytest.mark.slow
def test_nothing_is_written_outside_of_the_output(harm: Harm) -> None:
    assert harm.added == set()
    shown = {png(n) for n in range(len(GOOD))} | {png(77)}
    assert harm.images == sorted(f"{hashlib.sha256(data).hexdigest()}.png" for data in shown)
    with zipfile.ZipFile(harm.archive) as archive:
        assert archive.namelist() == harm.images
    assert [name for name in harm.files if not name.startswith(".")] == list(harm.files)


@pytest.mark.slow
def test_sitemaps_without_end_are_left(harm: Harm) -> None:
    """An index below an index below an index names more; one names thousands."""
    assert {path for path in harm.shop.asked if path.startswith(("/index", "/wide"))} == {
        "/index-0.xml",
        "/index-1.xml",
        "/index-2.xml",
        "/wide.xml",
    }


@pytest.mark.slow
def test_memory_stays_bounded(harm: Harm, record_property: Callable[[str, object], None]) -> None:
    stats = harm.result.stats
    record = {"seconds": round(harm.seconds, 1), "requests": stats["requests"]}
    for name, value in (record | {"peak_memory_mb": stats["peak_memory_mb"]}).items():
        record_property(name, value)
    print(f"hostile shop: {record}, peak {stats['peak_memory_mb']} MB")
    assert 0 < stats["peak_memory_mb"] < PEAK_MB
