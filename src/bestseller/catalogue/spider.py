"""The spider: robots.txt, sitemaps or listings, product pages, their pictures."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from protego import Protego
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.http import Request, Response, TextResponse
from twisted.python.failure import Failure

from bestseller.catalogue.formats import image_format, refused_format
from bestseller.catalogue.limits import cpu_limit
from bestseller.catalogue.listing import Walk, read_listing
from bestseller.catalogue.optout import OptedOut, OptOut
from bestseller.catalogue.parse import read_product_page
from bestseller.catalogue.pictures import MAX_ADDRESS, absolute
from bestseller.catalogue.product import Image, Product, Rejected
from bestseller.catalogue.reasons import UNTRUSTED, reason_of, unreadable
from bestseller.catalogue.site import FORBIDDEN, GONE, Site
from bestseller.catalogue.sitemap import read_sitemap
from bestseller.files import atomic_path
from bestseller.progress import Progress

MAX_SITEMAP_DEPTH = 3
MAX_SITEMAPS = 1_000
MAX_PAGES = 200_000
PAGE_CPU_S = 20.0  # computing that the reading of one page may take
# A page's pictures come before the next page, so that the progress is that of the whole crawl.
SITEMAP_PRIORITY, IMAGE_PRIORITY, PAGE_PRIORITY = 30, 20, 10


class CatalogueSpider(Spider):
    """Collects the products of one shop; without a folder for pictures, only its pages' versions.

    Attributes:
        listed: addresses of product pages in the sitemaps or listings.
        products: products by page address, images not yet stored.
        stored: image address -> (sha256, file name) of what was stored.
        failed: address -> reason, of pages and images that could not be had.
        forbidden: addresses, also of the `known`, that robots.txt or the owner's marks keep from
            being used.
        left_out: pictures of products that are not asked for, and why.
        incomplete: sitemaps and listings that could not be read whole; pages may be missing.
        versions: page address -> date of last change or validator, where only these are wanted.
        problem: why the crawl as a whole failed, or empty; `mend` is what to do about it.
        body_bytes: bytes of response bodies that came over the network.
    """

    name = "catalogue"

    def __init__(self, site: Site, folder: str, known: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site, self.folder, self.known = site, Path(folder) if folder else None, known
        self.alias = urlsplit(site.connect_to).hostname if site.connect_to else None
        self.listed: set[str] = set()
        self.products: dict[str, list[Product]] = {}
        self.stored: dict[str, tuple[str, str]] = {}
        self.failed: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.left_out: list[Rejected] = []
        self.incomplete: set[str] = set()
        self.versions: dict[str, str] = {}
        self.problem, self.mend = "", "run again, what was fetched is kept"
        self.body_bytes = 0
        self._asked: set[str] = set()
        self._rules = Protego.parse("")
        self._maps: set[str] = set()
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
        if UNTRUSTED in self.problem:
            self.mend = "mend the certificate, or name its authority's file in SSL_CERT_FILE"

    def read_robots(self, response: Response) -> Iterator[Request]:
        """Look for the products."""
        if response.status >= 500:  # RFC 9309, 2.3.1.4: then nothing may be asked
            self.problem = f"{response.url}: HTTP {response.status}"
            return
        text = response.body if response.status == 200 else b""
        self._rules = Protego.parse(text.decode(errors="replace"))
        yield from self.discover()

    def refusal(self, url: str) -> str:
        """Return why an address is not to be used, as far as its site has been asked, else ""."""
        ours = url.startswith(f"{self.site.origin}/")
        if ours and not self._rules.can_fetch(url, self.site.user_agent):
            return FORBIDDEN
        owners = self.crawler.get_downloader_middleware(OptOut)
        assert isinstance(owners, OptOut)
        return owners.site_mark(url)

    def discover(self) -> Iterator[Request]:
        """Start at the configured listings, else at the sitemaps of robots.txt or the usual one."""
        for start in dict.fromkeys(self.site.listings):
            url = urljoin(f"{self.site.origin}/", start)
            yield from self._walk(Walk(url, self.site.max_listing_pages))
        if not self.site.listings:
            named = list(self._rules.sitemaps) or ["/sitemap.xml"]
            yield from self._sitemaps(named, f"{self.site.origin}/robots.txt", depth=1)

    def _walk(self, walk: Walk) -> Iterator[Request]:
        """Ask for the next page of a listing."""
        url = walk.next()
        if walk.cut:
            self.incomplete.add(walk.start)
            self.failed[walk.start] = (
                f"more than {self.site.max_listing_pages} pages, the rest is not read; "
                "raise catalogue.site.max_listing_pages or name another listing"
            )
        if url is not None:
            yield Request(
                self._own(url),
                self.read_listing,
                errback=self.lost_listing,
                meta={"asked": url, "page": True, "walk": walk},
                priority=SITEMAP_PRIORITY,
            )

    def read_listing(self, response: Response) -> Iterator[Request]:
        """Ask for the product pages of a listing, and for its next page if it listed any."""
        walk: Walk = response.meta["walk"]
        if isinstance(response, TextResponse):
            found, further = read_listing(response.text, response.url, self.site.product_path)
            yield from self._list(dict.fromkeys(map(self._own, found), ""))
            walk.add(further if found else [])
        else:
            self._not_whole(response.url, "no listing page")
        yield from self._walk(walk)

    def lost_listing(self, failure: Failure) -> Iterator[Request]:
        """Go on with the listing's other pages."""
        self.lost(failure)
        yield from self._walk(failure.request.meta["walk"])  # type: ignore[attr-defined]

    def _not_whole(self, url: str, reason: str) -> None:
        self.failed[url] = reason
        self.incomplete.add(url)

    def _sitemaps(self, named: Iterable[str], source: str, depth: int) -> Iterator[Request]:
        """Ask for the sitemaps that `source` names, for none of them where they are too many."""
        found = {self._own(url): "" for loc in named if (url := absolute(loc, source))}
        urls = [url for url in found if url not in self._maps]
        if urls and (depth > MAX_SITEMAP_DEPTH or len(self._maps) + len(urls) > MAX_SITEMAPS):
            few = f"more than {MAX_SITEMAPS} in all, or below {MAX_SITEMAP_DEPTH} others"
            self._not_whole(source, f"its sitemaps are not read: {few}")
            return
        self._maps.update(urls)
        for url in urls:
            yield Request(
                url,
                self.read_sitemap,
                errback=self.lost,
                meta={"asked": url, "page": True, "sitemap_depth": depth},
                priority=SITEMAP_PRIORITY - depth,
            )

    def read_sitemap(self, response: Response) -> Iterator[Request]:
        """Ask for the product pages of a sitemap and for the sitemaps of an index."""
        depth = response.meta["sitemap_depth"]
        try:
            limit = self.crawler.settings.getint("DOWNLOAD_MAXSIZE")
            is_index, entries = read_sitemap(response.body, limit)
        except Exception as error:
            self._not_whole(response.url, unreadable(error))
            return
        if is_index:
            yield from self._sitemaps(entries, response.url, depth + 1)
            return
        changes: dict[str, str] = {}
        for loc, changed in entries.items():
            if url := absolute(loc, response.url):
                changes[self._own(url)] = changed
            else:
                self.failed[loc[:MAX_ADDRESS]] = "no http or https address"
        yield from self._list(changes)

    def _list(self, changes: Mapping[str, str]) -> Iterator[Request]:
        """Ask for the product pages among addresses with their dates of last change or ""."""
        for url, changed in changes.items():
            if self.site.product_path not in urlsplit(url).path or url in self.listed:
                continue
            if len(self.listed) == MAX_PAGES:
                self._not_whole(url, f"more than {MAX_PAGES} product pages, the rest is not read")
                break
            self.listed.add(url)
            self.versions[url] = changed
            if self.folder or not changed:
                yield self._page(url)
            else:
                self._progress.update()
        self._progress.total = len(self.listed)

    def _page(self, url: str) -> Request:
        return Request(
            url,
            self.read_page if self.folder else self.read_version,
            method="GET" if self.folder else "HEAD",
            errback=self.lost,
            meta={"asked": url, "page": True},
            priority=PAGE_PRIORITY,
        )

    def read_version(self, response: Response) -> None:
        """Note what the server says about a page's version."""
        asked = response.meta["asked"]
        self.versions[asked] = _header(response, "ETag") or _header(response, "Last-Modified")
        self._progress.update()

    def read_page(self, response: Response) -> Iterator[Request]:
        """Read the products of a page and ask for their pictures."""
        asked = response.meta["asked"]
        self._progress.update(note=f"{len(self.stored)} images")
        try:
            with cpu_limit(PAGE_CPU_S):
                products, left_out = read_product_page(response.body, response.url)
        except Exception as error:  # no page may lose the others
            self.failed[asked] = unreadable(error)
            return
        self.leave_out(left_out)
        yield from self.keep(asked, products)

    def leave_out(self, rejects: Iterable[Rejected]) -> None:
        """Keep the reasons why pictures of products are not asked for."""
        self.left_out += [row._replace(url=self._own(row.url)) for row in rejects]

    def keep(self, url: str, products: Iterable[Product]) -> Iterator[Request]:
        """Keep the products of a page and ask for their pictures."""
        self.products[url] = [self._named(product) for product in products]
        for product in self.products[url]:
            for image in product.images:
                if image.url not in self._asked:
                    self._asked.add(image.url)
                    yield Request(
                        image.url,
                        self.read_image,
                        errback=self.lost,
                        meta={"asked": image.url},
                        priority=IMAGE_PRIORITY,
                    )

    def read_image(self, response: Response) -> None:
        """Store the bytes of a picture under their hash."""
        asked = response.meta["asked"]
        ext = image_format(response.body)
        if ext is None:
            other = f"no image but {_header(response, 'Content-Type') or '?'}"
            self.failed[asked] = refused_format(response.body) or other
            return
        digest = hashlib.sha256(response.body).hexdigest()
        assert self.folder is not None
        path = self.folder / f"{digest}.{ext}"
        if not path.exists():
            with atomic_path(path) as temporary:
                temporary.write_bytes(response.body)
        self.stored[asked] = (digest, path.name)

    def lost(self, failure: Failure) -> None:
        """Remember why a page or a picture could not be had."""
        request: Request = failure.request  # type: ignore[attr-defined]
        asked = request.meta["asked"]
        self.failed[asked] = reason_of(failure)
        if {"sitemap_depth", "walk"} & request.meta.keys() and self.failed[asked] not in GONE:
            self.incomplete.add(asked)
        if isinstance(failure.value, OptedOut) or self.failed[asked] == FORBIDDEN:
            self.forbidden.add(asked)
        if request.meta.get("page") and asked in self.listed:
            self._progress.update()

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
        self.forbidden.update(url for url in self.known if self.refusal(url))
        self._progress.__exit__(None, None, None)


def _header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")
