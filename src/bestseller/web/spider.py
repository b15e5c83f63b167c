"""What all spiders share: robots.txt first, then products and their pictures, and what failed."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn
from urllib.parse import urlsplit, urlunsplit

from protego import Protego
from scrapy import Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from bestseller.base.errors import out_of_means
from bestseller.base.progress import Progress
from bestseller.catalogue.diagnosis import PASSWORD, mend_of
from bestseller.catalogue.formats import image_format, refused_format
from bestseller.catalogue.product import Entry, Image, Product, Rejected
from bestseller.web.empty import why_empty
from bestseller.web.optout import OptedOut, OptOut
from bestseller.web.reasons import UNTRUSTED, answered, reason_of, unreadable
from bestseller.web.site import FORBIDDEN, GONE, Site
from bestseller.web.throttle import TOO_OFTEN

MAX_PAGES = 200_000
# A page's pictures come before the next page, so that the progress is that of the whole crawl.
SITEMAP_PRIORITY, IMAGE_PRIORITY, PAGE_PRIORITY = 30, 20, 10


@dataclass(frozen=True)
class NoOptions:
    """A spider that is told nothing besides the shop."""


class CatalogueSpider(Spider):
    """Collects the products of one shop; without a folder for pictures, only its pages' versions.

    A subclass says in `discover` where the products are, and in `Options` what it is told for it.

    Attributes:
        options: what this spider was told.
        listed: addresses of product pages in the sitemaps or listings.
        products: products by page address, images not yet stored.
        stored: image address -> (sha256, file name) of what was stored.
        failed: address -> reason, of pages and images that could not be had.
        forbidden: addresses, also of the `known`, that robots.txt or the owner's marks keep from
            being used.
        left_out: pictures of products that are not asked for, and why.
        incomplete: sitemaps and listings that could not be read whole; pages may be missing.
        versions: page address -> date of last change or validator, where only these are wanted.
        languages: page address -> the addresses of the page in each of its languages.
        elsewhere: page address -> the page that is read in its place, in another language.
        problem: why the crawl as a whole failed, or empty; `mend` is what to do about it.
        body_bytes: bytes of response bodies that came over the network.
    """

    name = "catalogue"
    Options: ClassVar[type] = NoOptions

    def __init__(self, site: Site, folder: str, known: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.site, self.folder, self.known = site, Path(folder) if folder else None, known
        self.options = self.Options(**site.options)
        self.alias = urlsplit(site.connect_to).hostname if site.connect_to else None
        self.listed: set[str] = set()
        self.products: dict[str, list[Product]] = {}
        self.stored: dict[str, tuple[str, str]] = {}
        self.failed: dict[str, str] = {}
        self.forbidden: set[str] = set()
        self.left_out: list[Rejected] = []
        self.incomplete: set[str] = set()
        self.versions: dict[str, str] = {}
        self.languages: dict[str, dict[str, str]] = {}
        self.elsewhere: dict[str, str] = {}
        self.problem, self.mend = "", "run again, what was fetched is kept"
        self.body_bytes = 0
        self._asked: set[str] = set()
        self._rules = Protego.parse("")
        self._progress = Progress("crawl" if folder else "probe", unit="page")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> "CatalogueSpider":
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider._count, signals.bytes_received)
        crawler.signals.connect(spider._closed, signals.spider_closed)
        crawler.signals.connect(spider._broken, signals.spider_error)
        return spider

    async def start(self) -> Any:
        """Ask for robots.txt, which names the sitemaps."""
        # Not of 3xx: RFC 9309, 2.3.1.2: redirects are followed.
        errors = list(range(400, 600))
        meta = {"page": True, "dont_obey_robotstxt": True, "handle_httpstatus_list": errors}
        yield Request(
            f"{self.site.origin}/robots.txt", self.read_robots, meta=meta, errback=self.unreachable
        )

    def unreachable(self, failure: Failure) -> None:
        """Remember that the shop could not be asked at all."""
        self.problem = f"{self.site.origin}/robots.txt: {reason_of(failure)}"
        self.mend = mend_of([reason_of(failure)], self.site.setting) or self.mend
        if UNTRUSTED in self.problem:
            self.mend = "mend the certificate, or name its authority's file in SSL_CERT_FILE"

    def read_robots(self, response: Response) -> Iterator[Request]:
        """Look for the products."""
        # RFC 9309, 2.3.1.4: then nothing may be asked.
        if response.status >= 500 or response.status in TOO_OFTEN:
            reason = answered(response)
            self.problem = f"{response.url}: {reason}"
            self.mend = mend_of([reason], self.site.setting) or self.mend
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
        """Ask for what names the products, once robots.txt is read."""
        raise NotImplementedError

    def nothing(self) -> tuple[str, str]:
        """Return what to say where no product is listed, and what to do about it."""
        return "no product is listed", f"mend {self.site.setting}.url"

    def leave_out(self, rejects: Iterable[Rejected]) -> None:
        """Keep the reasons why pictures of products are not asked for."""
        self.left_out += [row._replace(url=self.own(row.url)) for row in rejects]

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

    def take(self, entry: Entry) -> Iterator[Request]:
        """Keep what a list tells of a product, unless its page, which is not asked, is refused."""
        if entry.aside:
            self.failed[entry.url] = entry.aside
            return
        self.listed.add(entry.url)
        self.versions[entry.url] = entry.version
        self._progress.update(note=f"{len(self.stored)} images")
        if reason := self.refusal(entry.url):
            self.forbidden.add(entry.url)
            self.failed[entry.url] = reason
        elif entry.problem:
            self.failed[entry.url] = entry.problem
        elif self.folder:
            self.leave_out(entry.left_out)
            yield from self.keep(entry.url, entry.designs)

    def read_image(self, response: Response) -> None:
        """Store the bytes of a picture under their hash."""
        asked = response.meta["asked"]
        ext = image_format(response.body)
        if ext is None:
            other = f"no image but {header(response, 'Content-Type') or '?'}"
            other = PASSWORD if why_empty(response) == PASSWORD else other
            self.failed[asked] = refused_format(response.body) or other
            return
        digest = hashlib.sha256(response.body).hexdigest()
        assert self.folder is not None
        path = self.folder / f"{digest}.{ext}"
        if not path.exists():
            path.write_bytes(response.body)  # into a folder that a kill takes along
        self.stored[asked] = (digest, path.name)

    def lost(self, failure: Failure) -> None:
        """Remember why a page or a picture could not be had."""
        request: Request = failure.request  # type: ignore[attr-defined]
        asked = request.meta["asked"]
        assert failure.value is not None
        self.stop_where_out_of_means(failure.value)
        self.failed[asked] = reason_of(failure)
        if {"sitemap_depth", "walk"} & request.meta.keys() and self.failed[asked] not in GONE:
            self.incomplete.add(asked)
        if isinstance(failure.value, OptedOut) or self.failed[asked] == FORBIDDEN:
            self.forbidden.add(asked)
        if request.meta.get("page") and asked in self.listed:
            self._progress.update()

    def give_up(self, problem: str, mend: str) -> NoReturn:
        """End the crawl: without what failed, products would seem to be gone."""
        self.problem, self.mend = problem, mend
        raise CloseSpider("problem")

    def own(self, url: str) -> str:
        """Return an address of the shop under its origin where it names itself by the machine."""
        parts = urlsplit(url)
        if self.alias is None or parts.hostname != self.alias:
            return url
        scheme, netloc = urlsplit(self.site.origin)[:2]
        return urlunsplit(parts._replace(scheme=scheme, netloc=netloc))

    def _named(self, product: Product) -> Product:
        images = [Image(url=self.own(image.url), view=image.view) for image in product.images]
        return product.model_copy(update={"url": self.own(product.url), "images": tuple(images)})

    def _broken(self, failure: Failure, response: Response | Failure, **_: Any) -> None:
        """Note what was lost because reading it failed here; Scrapy would go on without a word.

        A page or a picture is lost alone. A list leaves the crawl incomplete. Whatever else fails,
        such as this machine, fails the crawl.
        """
        error = failure.value
        request: Request | None = getattr(response, "request", None)
        asked = request.meta.get("asked") if request else None
        is_list = bool(request and {"sitemap_depth", "walk"} & request.meta.keys())
        known = asked in self.listed or asked in self._asked
        if not isinstance(error, Exception) or asked is None or not (is_list or known):
            told = unreadable(error) if isinstance(error, Exception) else type(error).__name__
            self.problem = f"{request.url if request else self.site.origin}: {told}"
            return
        if self._is_out_of_means(error):
            return
        self.failed[asked] = unreadable(error)
        self.products.pop(asked, None)
        self.stored.pop(asked, None)
        if is_list:
            self.incomplete.add(asked)

    def _is_out_of_means(self, error: BaseException) -> bool:
        """Fail the crawl where this machine is out of memory or disk: no page is at fault."""
        if lack := out_of_means(error):
            self.problem, self.mend = lack
        return bool(lack)

    def stop_where_out_of_means(self, error: BaseException) -> None:
        """End the crawl where this machine, and no page, is at fault."""
        if self._is_out_of_means(error):
            raise CloseSpider("problem") from error

    def _count(self, data: bytes, **_: Any) -> None:
        self.body_bytes += len(data)

    def _closed(self, **_: Any) -> None:
        try:
            self.forbidden.update(url for url in self.known if self.refusal(url))
        except Exception as error:  # Scrapy would take it for the end of a good crawl
            self.problem = f"{self.site.origin}: {unreadable(error)}"
        self._progress.__exit__(None, None, None)


def header(response: Response, name: str) -> str:
    return (response.headers.get(name) or b"").decode("latin-1")
