"""The spider for pages: sitemaps or listings, product pages, their pictures."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from scrapy.http import Request, Response, TextResponse
from twisted.python.failure import Failure

from bestseller.page.languages import elsewhere, languages_of
from bestseller.page.parse import read_product_page
from bestseller.page.pictures import MAX_ADDRESS, absolute
from bestseller.web.empty import why_empty
from bestseller.web.limits import cpu_limit
from bestseller.web.listing import Walk, read_listing
from bestseller.web.reasons import unreadable
from bestseller.web.sitemap import read_sitemap
from bestseller.web.spider import (
    MAX_PAGES,
    PAGE_PRIORITY,
    SITEMAP_PRIORITY,
    CatalogueSpider,
    header,
)

MAX_SITEMAP_DEPTH = 3
MAX_SITEMAPS = 1_000
PAGE_CPU_S = 20.0  # computing that the reading of one page may take


@dataclass(frozen=True)
class PageOptions:
    """Where a shop's product pages are.

    Attributes:
        product_path: addresses whose path contains this are product pages.
        listings: addresses of the first pages of listings; empty for the sitemaps.
        max_listing_pages: pages read of each listing.
        leave_out: an address that contains one of these is no product page.
        language: of the pages in several, the one that is read; empty for the site's own choice.
    """

    product_path: str = "/products/"
    listings: tuple[str, ...] = ()
    max_listing_pages: int = 500
    leave_out: tuple[str, ...] = ()
    language: str = ""


class PageSpider(CatalogueSpider):
    """Collects the products of a shop from its pages."""

    Options = PageOptions
    options: PageOptions

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._maps: set[str] = set()

    def nothing(self) -> tuple[str, str]:
        """Say that no address looked like a product's."""
        lists = "the listings" if self.options.listings else "its sitemaps"
        told = f"{lists} name no page with {self.options.product_path!r} in its path"
        told += " that leave_out does not name" if self.options.leave_out else ""
        which = "listings or " if self.options.listings else ""
        return told, f"mend {self.site.setting}.{which}product_path"

    def discover(self) -> Iterator[Request]:
        """Start at the configured listings, else at the sitemaps of robots.txt or the usual one."""
        for start in dict.fromkeys(self.options.listings):
            url = urljoin(f"{self.site.origin}/", start)
            yield from self._walk(Walk(url, self.options.max_listing_pages))
        if not self.options.listings:
            named = list(self._rules.sitemaps) or ["/sitemap.xml"]
            yield from self._sitemaps(named, f"{self.site.origin}/robots.txt", depth=1)

    def _walk(self, walk: Walk) -> Iterator[Request]:
        """Ask for the next page of a listing."""
        url = walk.next()
        if walk.cut:
            self.incomplete.add(walk.start)
            self.failed[walk.start] = (
                f"more than {self.options.max_listing_pages} pages, the rest is not read; "
                "raise catalogue.site.max_listing_pages or name another listing"
            )
        if url is not None:
            yield Request(
                self.own(url),
                self.read_listing,
                errback=self.lost_listing,
                meta={"asked": url, "page": True, "walk": walk},
                priority=SITEMAP_PRIORITY,
            )

    def read_listing(self, response: Response) -> Iterator[Request]:
        """Ask for the product pages of a listing, and for its next page if it listed any."""
        walk: Walk = response.meta["walk"]
        if isinstance(response, TextResponse):
            found, further = read_listing(response.text, response.url, self.options.product_path)
            yield from self._list(dict.fromkeys(map(self.own, found), ""))
            walk.add(further if found else [])
            if not found and (reason := why_empty(response)):
                self._not_whole(response.meta["asked"], reason)
        else:
            self._not_whole(response.meta["asked"], "no listing page")
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
        found = {self.own(url): "" for loc in named if (url := absolute(loc, source))}
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
            found = read_sitemap(response.body, limit)
        except Exception as error:
            self.stop_where_out_of_means(error)
            self._not_whole(response.url, why_empty(response) or unreadable(error))
            return
        if not found.is_whole:
            self._not_whole(response.url, "the XML is broken, so entries may be missing")
        if found.is_index:
            yield from self._sitemaps(found.entries, response.url, depth + 1)
            return
        changes: dict[str, str] = {}
        for loc, changed in found.entries.items():
            if url := absolute(loc, response.url):
                changes[self.own(url)] = changed
            else:
                self.failed[loc[:MAX_ADDRESS]] = "no http or https address"
        if not changes and (reason := why_empty(response)):
            self._not_whole(response.url, reason)
        languages = {self.own(loc): self._named_in(told) for loc, told in found.languages.items()}
        replaced = elsewhere(languages, changes.keys(), self.options.language)
        self.elsewhere |= {url: other for url, other in replaced.items() if self._is_wanted(url)}
        yield from self._list({url: day for url, day in changes.items() if url not in replaced})

    def _named_in(self, languages: Mapping[str, str]) -> dict[str, str]:
        return {name: self.own(url) for name, url in languages.items()}

    def _is_wanted(self, url: str) -> bool:
        """Tell whether an address is a product page's, as far as the settings say."""
        is_product = self.options.product_path in urlsplit(url).path
        return is_product and not any(text in url for text in self.options.leave_out)

    def _list(self, changes: Mapping[str, str]) -> Iterator[Request]:
        """Ask for the product pages among addresses with their dates of last change or ""."""
        for url, changed in changes.items():
            if url in self.listed or not self._is_wanted(url):
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
        self.versions[asked] = header(response, "ETag") or header(response, "Last-Modified")
        self._progress.update()

    def read_page(self, response: Response) -> Iterator[Request]:
        """Read the products of a page and ask for their pictures."""
        asked = response.meta["asked"]
        self._progress.update(note=f"{len(self.stored)} images")
        try:
            with cpu_limit(PAGE_CPU_S):
                products, left_out = read_product_page(response.body, response.url)
                languages = self._named_in(languages_of(response.body, response.url))
                empty = "" if products else why_empty(response)
        except Exception as error:  # no page may lose the others
            self.stop_where_out_of_means(error)
            self.failed[asked] = unreadable(error)
            return
        if empty:
            self.failed[asked] = empty
            return
        self.leave_out(left_out)
        if languages:
            self.languages[asked] = languages
        yield from self.keep(asked, products)
