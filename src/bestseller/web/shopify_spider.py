"""The spider for Shopify stores: the product list page by page, and the pictures it names."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from scrapy.http import Request, Response
from twisted.python.failure import Failure

from bestseller.catalogue.diagnosis import PASSWORD, mend_of
from bestseller.page.shopify import MAX_PRODUCTS, PER_PAGE, read_products
from bestseller.web.empty import why_empty
from bestseller.web.optout import OptedOut
from bestseller.web.reasons import reason_of
from bestseller.web.site import FORBIDDEN
from bestseller.web.spider import SITEMAP_PRIORITY, CatalogueSpider

LAST_PAGE = MAX_PRODUCTS // PER_PAGE
USE_SITE = "set catalogue.source: site to read its pages instead"


@dataclass(frozen=True)
class StoreOptions:
    """What a store's product list leaves out.

    Attributes:
        collection: path of the collection whose products are read, such as ``/collections/all``;
            empty for all products.
        currency: of the prices; empty = not told.
        line: what a line is: product_type, vendor, or ``tag:<prefix>``.
        colour_options: further names of options that tell colours.
    """

    collection: str = ""
    currency: str = ""
    line: str = "product_type"
    colour_options: tuple[str, ...] = ()


class ShopifySpider(CatalogueSpider):
    """Collects the products of one Shopify store; its product pages are not asked for."""

    Options = StoreOptions
    options: StoreOptions

    def nothing(self) -> tuple[str, str]:
        """Say that the list is empty."""
        return f"its {self.options.collection}/products.json lists no product", (
            f"mend {self.site.setting}.url"
        )

    def discover(self) -> Iterator[Request]:
        """Start at the first page of the product list."""
        yield self._products(1)

    def _products(self, number: int) -> Request:
        return Request(
            f"{self.site.origin}{self.options.collection}/products.json?limit={PER_PAGE}&page={number}",
            self.read_list,
            errback=self.no_list,
            meta={"page": True, "number": number},  # without `asked`: its loss ends the crawl
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
        mend = mend_of([reason], self.site.setting) or mends.get(reason, self.mend)
        self.give_up(f"{request.url}: {reason}", mend)

    def read_list(self, response: Response) -> Iterator[Request]:
        """Read a page of the list; ask for its pictures and for the next page."""
        number = response.meta["number"]
        try:
            entries = read_products(
                response.body,
                self.site.origin,
                self.options.line,
                self.options.currency,
                self.options.colour_options,
            )
        except ValueError as error:
            if (reason := why_empty(response)) == PASSWORD:
                self.give_up(f"{response.url}: {reason}", mend_of([reason], self.site.setting))
            self.give_up(f"{response.url}: {error}", f"is it a Shopify store? If not, {USE_SITE}")
        if entries and number > LAST_PAGE:
            self._too_many()
        new = [entry for entry in entries if entry.url not in self.listed]
        if entries and not new and len(entries) >= PER_PAGE:
            self.give_up(f"{response.url}: repeats products of the pages before it", USE_SITE)
        for entry in new:
            yield from self.take(entry)
        self._progress.total = len(self.listed)
        if new:
            yield self._products(number + 1)

    def _too_many(self) -> NoReturn:
        self.give_up(f"more than the {MAX_PRODUCTS:,} products that a product list gives", USE_SITE)
