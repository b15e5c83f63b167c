"""A shop's pages, found by its sitemaps or listings."""

from contextlib import AbstractContextManager, nullcontext

from bestseller.params.section import Count, Section
from bestseller.sources.base import Crawled
from bestseller.sources.carry import Shop
from bestseller.web.site import Site, origin_of_shop

KEY = "catalogue.site.url"
MEND = "name a part of the shop by catalogue.site.product_path or listings"


class Settings(Section):
    url: str
    product_path: str
    listings: list[str]
    max_listing_pages: Count
    leave_out: list[str]
    language: str


class Source(Crawled):
    """The shop of the settings."""

    settings: Settings

    def site(self) -> AbstractContextManager[Site]:
        origin = self.permitted(self.settings.url, KEY, MEND)
        options = self.settings.model_dump(exclude={"url"})
        return nullcontext(Site(origin, options=options, **self.manners()))

    def identity(self) -> Shop:
        return {"source": "site", "origin": origin_of_shop(self.settings.url, KEY, MEND)}
