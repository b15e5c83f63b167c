"""A shop on loopback that a test writes page by page, and a crawl of it."""

import hashlib
import http.server
import json
import ssl
import struct
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path

from bestseller.catalogue.raw import write_raw
from bestseller.page.assemble import CrawlResult
from bestseller.params import Catalogue, read_yaml
from bestseller.sources.gather import gather
from bestseller.web.crawl import crawl_site
from bestseller.web.site import Site
from conftest import REPOSITORY

ORIGIN = "http://shop.example"


@dataclass
class Answer:
    """What stands at a path; `act` answers in its own way on the handler's connection."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    act: Callable[[http.server.BaseHTTPRequestHandler], None] | None = None


@dataclass
class Shop:
    """A web server whose pages a test writes, with ETags, and a record of what was asked."""

    pages: dict[str, Answer]
    asked: list[str] = field(default_factory=list)
    delay_s: float = 0.0
    url: str = ""

    @contextmanager
    def serve(self, tls: ssl.SSLContext | None = None) -> Iterator[str]:
        """Serve on a free port of 127.0.0.1 and yield the address, https with a `tls` context."""
        shop = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.removeprefix(ORIGIN)
                shop.asked.append(path)
                time.sleep(shop.delay_s)
                answer = shop.pages.get(path, Answer(status=404))
                if answer.act:
                    answer.act(self)
                    return
                etag = f'"{hashlib.sha256(answer.body).hexdigest()[:16]}"'
                same = answer.status == 200 and self.headers.get("If-None-Match") == etag
                self.send_response(304 if same else answer.status)
                self.send_header("ETag", etag)
                self.send_header("Cache-Control", "no-cache")
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                body = b"" if same else answer.body
                if not same:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # a client that hangs up is what some tests are about

        with Server(("127.0.0.1", 0), Handler) as server:
            if tls:
                server.socket = tls.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever, daemon=True)
            thread.start()
            self.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
            try:
                yield self.url
            finally:
                server.shutdown()
                thread.join()


def png(seed: int) -> bytes:
    """Return a 2 x 2 RGB picture."""
    rows = b"".join(b"\0" + bytes([seed, i, 0, 255, i, seed]) for i in range(2))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def page(sku: str, images: list[str], head: str = "", **fields: object) -> Answer:
    product = {"@type": "Product", "sku": sku, "name": f"Watch {sku}", "image": images} | fields
    text = f"<html><head>{head}<script type='application/ld+json'>{json.dumps(product)}</script>"
    return Answer(text.encode(), headers={"Content-Type": "text/html; charset=utf-8"})


def sitemap(paths: list[str], origin: str = ORIGIN) -> Answer:
    entries = "".join(f"<url><loc>{origin}{path}</loc></url>" for path in paths)
    text = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'
    return Answer(text.encode(), headers={"Content-Type": "application/xml"})


def robots(text: str = "") -> Answer:
    return Answer(f"User-agent: *\n{text}\nSitemap: {ORIGIN}/sitemap.xml\n".encode())


SHOPIFY = "bestseller.web.shopify_spider:ShopifySpider"


def site(shop_url: str, folder: Path, **settings: object) -> Site:
    """The shop at `shop_url`; what is no field of Site is an option of its spider."""
    own = {"delay_s": 0, "concurrency": 8, "timeout_s": 5, **settings}
    names = {entry.name for entry in fields(Site)}
    options = {name: own.pop(name) for name in sorted(own.keys() - names)}
    return Site(ORIGIN, folder / "cache", connect_to=shop_url, options=options, **own)  # type: ignore[arg-type]


def crawl(shop_url: str, folder: Path, share: float = 0.9, **settings: object) -> CrawlResult:
    """Crawl with `share` as the least share of products, and of photos."""
    shop = site(shop_url, folder, **settings)
    return crawl_site(shop, folder / "images", share, max_lost_photo_share=1 - share)


def written(folder: Path, result: CrawlResult) -> dict[str, bytes]:
    write_raw(folder / "raw", result.products, result.rejects, folder / "images")
    return {path.name: path.read_bytes() for path in (folder / "raw").iterdir()}


def settings_of(source: str, **changes: object) -> Catalogue:
    """The committed section catalogue with another source, its section changed, and no delay."""
    values = read_yaml(REPOSITORY / "params.yaml")["catalogue"]
    crawl_changes = {k: changes.pop(k) for k in sorted(changes) if k in values["crawl"]}
    own = {k: changes.pop(k) for k in sorted(changes) if k in values[source]}
    assert changes.keys() <= values.keys(), changes
    crawling = values["crawl"] | {"delay_s": 0.0, "concurrency": 8, "timeout_s": 5} | crawl_changes
    section = values[source] | own
    return Catalogue.model_validate(
        values | {"source": source, source: section, "crawl": crawling} | changes
    )


def collected(folder: Path, source: str, **changes: object) -> CrawlResult:
    """What the stage scrape collects from a source; its paths are relative to `folder`."""
    return gather(settings_of(source, **changes), folder / "cache", folder, folder / "images")
