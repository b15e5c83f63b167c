"""The public product list of a Shopify store, or of one of its collections."""

import re
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field

from bestseller.params.section import Section
from bestseller.sources.base import Crawled
from bestseller.sources.carry import Shop
from bestseller.web.site import Site, origin_of_shop

KEY = "catalogue.shopify.url"
MEND = "or the address of a collection, such as https://store.example/collections/all"
SPIDER = "bestseller.web.shopify_spider:ShopifySpider"
_COLLECTION = re.compile(r"/collections/[^/?#]+/?")

Currency = Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]


class Settings(Section):
    url: str
    currency: Currency
    line: Annotated[str, Field(pattern=r"^(product_type|vendor|tag:.+)$")]


class Source(Crawled):
    """The store of the settings."""

    settings: Settings

    def _address(self) -> tuple[str, str]:
        """Return the store's address, and the path of the collection that is meant or ""."""
        url = self.settings.url.strip()
        try:
            parts = urlsplit(url)
        except ValueError:  # such as an unclosed bracket in the host
            return url, ""
        if not _COLLECTION.fullmatch(parts.path):
            return url, ""
        return urlunsplit(parts._replace(path="")), parts.path.rstrip("/")

    def site(self) -> AbstractContextManager[Site]:
        url, collection = self._address()
        origin = self.permitted(url, KEY, MEND)
        options = {
            "collection": collection,
            "currency": self.settings.currency,
            "line": self.settings.line,
            "colour_options": self.context.params.colour_options,
        }
        manners = self.manners() | {"spider": SPIDER, "setting": "catalogue.shopify"}
        return nullcontext(Site(origin, options=options, **manners))

    def identity(self) -> Shop:
        url, collection = self._address()
        shop = {"source": "shopify", "origin": origin_of_shop(url, KEY, MEND)}
        return shop | ({"collection": collection} if collection else {})
