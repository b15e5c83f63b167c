"""The spider: robots.txt, sitemaps, product pages, their pictures."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request, Response
from scrapy.spidermiddlewares.httperror import HttpError
from scrapy.utils.gz import gunzip, gzip_magic_number
from scrapy.utils.sitemap import Sitemap, sitemap_urls_from_robots
from twisted.python.failure import Failure

from bestseller.catalogue.parse import parse_product_page
from bestseller.catalogue.product import Image, Product
from bestseller.catalogue.site import Site
from bestseller.progress import Progress

MAX_SITEMAP_DEPTH = 3
MAX_PAGES = 200_000
# A page's pictures come before the next page, so that the progress is that of the whole crawl.
SITEMAP_PRIORITY, IMAGE_PRIORITY, PAGE_PRIORITY = 30, 20, 10
MAGIC = (
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "webp"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"....ftypavi[fs]", re.DOTALL), "avif"),
)
_OPT_OUT = re.compile(r"\b(?:noai|noimageai)\b", re.IGNORECASE)


def image_format(data: bytes) -> str | None:
    """Return the file extension of an image by its first bytes, None for anything else."""
    return next((ext for magic, ext in MAGIC if magic.match(data)), None)


class CatalogueSpider(Spider):
    """Collects the products of one shop; without a folder for pictures, only its pages' versions.

    Attributes:
        listed: addresses of product pages in the sitemaps.
        products: products by page address, images not yet stored.
        stored: image address -> (sha256, file name) of what was stored.
        failed: address -> reason, of pages and images that could not be had.
        forbidden: pages that robots.txt or the owner's marks keep from being read.
        versions: page address -> date of last change or validator, where only these are wanted.
        body_bytes: bytes of response bodies that came over the network.
    """

    name = "catalogue"

    def __init__(self, site: Site, folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site, self.folder = site, Path(folder) if folder else None
        self.alias = urlsplit(site.connect_to).hostname if site.connect_to else None
        self.listed: set[str] = set()
        self.products: dict[str, list[Product]] = {}
        self.stored: dict[str, tuple[str, str]] = {}
        self.failed: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.versions: dict[str, str] = {}
        self.problem = ""
        self.body_bytes = 0
        self._asked: set[str] = set()
        self._progress = Progress("crawl" if folder else "probe", unit="page")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "CatalogueSpider":
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._count, signals.bytes_received)
        crawler.signals.connect(spider._closed, signals.spider_closed)
        return spider

    async def start(self) -> Any:
        """Ask for robots.txt, which names the sitemaps."""
        meta = {"page": True, "dont_obey_robotstxt": True, "handle_httpstatus_all": True}
        yield Request(
            f"{self.site.origin}/robots.txt", self.read_robots, meta=meta, errback=self.unreachable
        )

    def unreachable(self, failure: Failure) -> None:
        """Remember that the shop could not be asked at all."""
        self.problem = f"{self.site.origin}/robots.txt: {reason_of(failure)}"

    def read_robots(self, response: Response) -> Iterator[Request]:
        """Follow the sitemaps that robots.txt names, else the usual one."""
        if response.status >= 500:  # RFC 9309, 2.3.1.4: then nothing may be asked
            self.problem = f"{response.url}: HTTP {response.status}"
            return
        named = response.status == 200 and list(
            sitemap_urls_from_robots(response.body, response.url)
        )
        for url in named or [f"{self.site.origin}/sitemap.xml"]:
            yield self._sitemap(url, depth=1)

    def _sitemap(self, url: str, depth: int) -> Request:
        return Request(
            self._own(url),
            self.read_sitemap,
            errback=self.lost,
            meta={"page": True, "sitemap_depth": depth},
            priority=SITEMAP_PRIORITY - depth,
        )

    def read_sitemap(self, response: Response) -> Iterator[Request]:
        """Ask for the product pages of a sitemap and for the sitemaps of an index."""
        depth = response.meta["sitemap_depth"]
        try:
            limit = self.crawler.settings.getint("DOWNLOAD_MAXSIZE")
            body = response.body
            sitemap = Sitemap(gunzip(body, max_size=limit) if gzip_magic_number(response) else body)
            entries = {e["loc"]: e.get("lastmod", "") for e in sitemap if e.get("loc")}
        except Exception as error:  # whatever a broken archive or broken XML raises
            self.failed[response.url] = f"no sitemap ({type(error).__name__})"
            return
        for loc, changed in sorted(entries.items()):
            url = self._own(urljoin(response.url, loc))
            if sitemap.type == "sitemapindex":
                if depth < MAX_SITEMAP_DEPTH:
                    yield self._sitemap(url, depth + 1)
            elif self._is_new_product(url):
                self.listed.add(url)
                self.versions[url] = changed
                if self.folder or not changed:
                    yield self._page(url)
                else:
                    self._progress.update()
        self._progress.total = len(self.listed)

    def _is_new_product(self, url: str) -> bool:
        wanted = self.site.product_path in urlsplit(url).path and url not in self.listed
        return wanted and len(self.listed) < MAX_PAGES

    def _page(self, url: str) -> Request:
        return Request(
            url,
            self.read_page if self.folder else self.read_version,
            method="GET" if self.folder else "HEAD",
            errback=self.lost,
            meta={"page": True},
            priority=PAGE_PRIORITY,
        )

    def read_version(self, response: Response) -> None:
        """Note what the server says about a page's version."""
        asked = response.meta.get("redirect_urls", [response.url])[0]
        self.versions[asked] = _header(response, "ETag") or _header(response, "Last-Modified")
        self._progress.update()

    def read_page(self, response: Response) -> Iterator[Request]:
        """Read the products of a page and ask for their pictures."""
        asked = response.request.url if response.request else response.url
        asked = response.meta.get("redirect_urls", [asked])[0]
        self._progress.update(note=f"{len(self.stored)} images")
        if opted_out(response):
            self.forbidden.add(asked)
            self.failed[asked] = "the page opts out of use by machine learning"
            return
        products = parse_product_page(response.body, response.url)
        self.products[asked] = [self._named(product) for product in products]
        for product in self.products[asked]:
            for image in product.images:
                if image.url not in self._asked:
                    self._asked.add(image.url)
                    yield Request(
                        image.url, self.read_image, errback=self.lost, priority=IMAGE_PRIORITY
                    )

    def read_image(self, response: Response) -> None:
        """Store the bytes of a picture under their hash."""
        asked = response.meta.get("redirect_urls", [response.request.url])[0]  # type: ignore[union-attr]
        ext = image_format(response.body)
        if ext is None or opted_out(response):
            kind = _header(response, "Content-Type") or "?"
            self.failed[asked] = "the image opts out" if ext else f"no image but {kind}"
            return
        digest = hashlib.sha256(response.body).hexdigest()
        assert self.folder is not None
        path = self.folder / f"{digest}.{ext}"
        if not path.exists():
            path.write_bytes(response.body)
        self.stored[asked] = (digest, path.name)

    def lost(self, failure: Failure) -> None:
        """Remember why a page or a picture could not be had."""
        request: Request = failure.request  # type: ignore[attr-defined]
        asked = request.meta.get("redirect_urls", [request.url])[0]
        self.failed[asked] = reason_of(failure)
        if request.meta.get("page") and asked in self.listed:
            self._progress.update()
            if "robots.txt" in self.failed[asked]:
                self.forbidden.add(asked)

    def _own(self, url: str) -> str:
        """Return an address of the shop under its origin where it names itself by the machine."""
        parts = urlsplit(url)
        if self.alias is None or parts.hostname != self.alias:
            return url
        scheme, netloc = urlsplit(self.site.origin)[:2]
        return urlunsplit(parts._replace(scheme=scheme, netloc=netloc))

    def _named(self, product: Product) -> Product:
        images = [Image(url=self._own(image.url), view=image.view) for image in product.images]
        return product.model_copy(update={"url": self._own(product.url), "images": tuple(images)})

    def _count(self, data: bytes, **_: Any) -> None:
        self.body_bytes += len(data)

    def _closed(self, **_: Any) -> None:
        self._progress.__exit__(None, None, None)


def opted_out(response: Response) -> bool:
    """Tell whether a response reserves its use for machine learning (noai, noimageai, TDM)."""
    told = response.headers.getlist("X-Robots-Tag")
    reserved = _header(response, "tdm-reservation").strip() == "1"
    head = response.body[:20_000] if "html" in _header(response, "Content-Type") else b""
    for meta in re.findall(rb"<meta[^>]+>", head, re.IGNORECASE):
        text = meta.decode("latin-1")
        if re.search(r"name\s*=\s*[\"']?robots", text, re.IGNORECASE):
            told.append(meta)
        if "tdm-reservation" in text and re.search(r"content\s*=\s*[\"']?1", text):
            reserved = True
    return reserved or any(_OPT_OUT.search(tag.decode("latin-1")) for tag in told)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")


def reason_of(failure: Failure) -> str:
    """Return why a request failed, in words that do not change from run to run."""
    error = failure.value
    if isinstance(error, HttpError):
        return f"HTTP {error.response.status}"
    if isinstance(error, IgnoreRequest):
        return str(error) or "refused"
    names = [type(error).__name__, *(type(e).__name__ for e in getattr(error, "reasons", ()) or ())]
    return f"no answer ({', '.join(names)})"
