"""The spider for Shopify stores: the product list page by page, and the pictures it names."""

from collections.abc import Iterator
from typing import NoReturn

from scrapy.exceptions import CloseSpider
from scrapy.http import Request, Response
from twisted.python.failure import Failure

from bestseller.catalogue.optout import OptedOut
from bestseller.catalogue.reasons import reason_of
from bestseller.catalogue.shopify import MAX_PRODUCTS, PER_PAGE, read_products
from bestseller.catalogue.site import FORBIDDEN
from bestseller.catalogue.spider import SITEMAP_PRIORITY, CatalogueSpider

LAST_PAGE = MAX_PRODUCTS // PER_PAGE
USE_SITE = "set catalogue.source: site to read its pages instead"


class ShopifySpider(CatalogueSpider):
    """Collects the products of one Shopify store; its product pages are not asked for."""

    def discover(self) -> Iterator[Request]:
        """Start at the first page of the product list."""
        yield self._products(1)

    def _products(self, number: int) -> Request:
        return Request(
            f"{self.site.origin}/products.json?limit={PER_PAGE}&page={number}",
            self.read_list,
            errback=self.no_list,
            meta={"page": True, "number": number},
            priority=SITEMAP_PRIORITY,
        )

    def no_list(self, failure: Failure) -> None:
        """End the crawl: without a part of the list, products would seem to be gone."""
        request: Request = failure.request  # type: ignore[attr-defined]
        reason = reason_of(failure)
        if reason == "HTTP 400" and request.meta["number"] > LAST_PAGE:
            self._too_many()
        mends = {
            "HTTP 403": f"the store keeps its product list to itself; {USE_SITE}",
            FORBIDDEN: "ask the store's owner",
        }
        if request.meta["number"] == 1:
            mends["HTTP 404"] = f"no Shopify store; mend catalogue.shopify.url or {USE_SITE}"
        if isinstance(failure.value, OptedOut):
            mends[reason] = "ask the store's owner"
        self._give_up(f"{request.url}: {reason}", mends.get(reason, self.mend))

    def read_list(self, response: Response) -> Iterator[Request]:
        """Read a page of the list; ask for its pictures and for the next page."""
        number = response.meta["number"]
        try:
            entries = read_products(
                response.body, self.site.origin, self.site.line, self.site.currency
            )
        except ValueError as error:
            self._give_up(f"{response.url}: {error}", f"is it a Shopify store? If not, {USE_SITE}")
        if entries and number > LAST_PAGE:
            self._too_many()
        new = [entry for entry in entries if entry.url not in self.listed]
        if entries and not new and len(entries) >= PER_PAGE:
            self._give_up(f"{response.url}: repeats products of the pages before it", USE_SITE)
        for entry in new:
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
        self._progress.total = len(self.listed)
        if new:
            yield self._products(number + 1)

    def _too_many(self) -> NoReturn:
        self._give_up(
            f"more than the {MAX_PRODUCTS:,} products that a product list gives", USE_SITE
        )

    def _give_up(self, problem: str, mend: str) -> NoReturn:
        self.problem, self.mend = problem, mend
        raise CloseSpider("problem")
