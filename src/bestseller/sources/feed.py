"""What the sources that are one file of products have in common."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar
from urllib.parse import urlsplit

from bestseller.base.errors import BestsellerError
from bestseller.sources.base import Crawled
from bestseller.sources.carry import Shop
from bestseller.web.site import Site, origin_of_shop

SPIDER = "bestseller.web.feed_spider:FeedSpider"


class Feed(Crawled):
    """A file of products, here or at an address, with the settings `feed` and `url`.

    Attributes:
        name: of the source.
        reader: ``module:function`` that reads the file, see `feed_spider.FeedOptions`.
    """

    name: ClassVar[str]
    reader: ClassVar[str]

    def reading(self) -> dict[str, Any]:
        """Return further arguments of the reader."""
        raise NotImplementedError

    def _shop(self) -> tuple[str, str]:
        """Return the address of the shop, and the setting that it stands under."""
        url, feed = self.settings.url.strip(), self.settings.feed.strip()
        if url or not _is_address(feed):
            return url, f"catalogue.{self.name}.url"
        parts = urlsplit(feed)
        return f"{parts.scheme}://{parts.netloc}", f"catalogue.{self.name}.feed"

    def site(self) -> AbstractContextManager[Site]:
        section, feed = f"catalogue.{self.name}", self.settings.feed.strip()
        if not feed:
            raise BestsellerError(
                f"params.yaml: {section}.feed: empty; set the path or the address of the file"
            )
        origin = self.permitted(*self._shop())
        options = {"reader": self.reader, "settings": self.reading()}
        if _is_address(feed):
            parts = urlsplit(feed)
            self.permitted(f"{parts.scheme}://{parts.netloc}", f"{section}.feed")
            options["address"] = feed
        else:
            path = self.context.root / feed
            if not path.is_file():
                raise BestsellerError(f"{path}: no file; mend {section}.feed in params.yaml")
            options["file"] = str(path)
        manners = self.manners() | {"spider": SPIDER, "setting": section}
        return nullcontext(Site(origin, options=options, **manners))

    def identity(self) -> Shop:
        return {"source": self.name, "origin": origin_of_shop(*self._shop())}


def _is_address(feed: str) -> bool:
    return urlsplit(feed).scheme in ("http", "https")
