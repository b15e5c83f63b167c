"""The spider for files of products: one file, here or at an address, and the pictures it names."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrapy.http import Request, Response
from scrapy.utils.gz import gunzip
from twisted.python.failure import Failure

from bestseller.catalogue.diagnosis import PASSWORD, mend_of
from bestseller.catalogue.product import Entry
from bestseller.web.empty import why_empty
from bestseller.web.guard import origin_of
from bestseller.web.reasons import TOO_LARGE, reason_of
from bestseller.web.sitemap import GZIP
from bestseller.web.spider import SITEMAP_PRIORITY, CatalogueSpider

Reader = Callable[..., list[Entry]]


@dataclass(frozen=True)
class FeedOptions:
    """Where the file is and who reads it.

    Attributes:
        reader: ``module:function`` that takes the file's bytes and the shop's origin, and raises
            ValueError where it is none of its kind.
        settings: further arguments of the reader.
        file: path of the file here; empty where it has an address.
        address: of the file.
    """

    reader: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    file: str = ""
    address: str = ""


class FeedSpider(CatalogueSpider):
    """Collects the products that a file names; their pages are not asked for."""

    Options = FeedOptions
    options: FeedOptions

    @property
    def _name(self) -> str:
        return self.options.file or self.options.address

    def nothing(self) -> tuple[str, str]:
        """Say that the file is empty."""
        return f"{self._name} holds no product", f"mend {self.site.setting}.feed"

    def discover(self) -> Iterator[Request]:
        """Read the file here, or ask for it."""
        if self.options.file:
            yield from self._read(Path(self.options.file).read_bytes())
            return
        address = self.options.address
        yield Request(
            address,
            self.read_feed,
            errback=self.no_feed,  # without `asked` in the meta: its loss ends the crawl
            meta={"page": origin_of(address) == origin_of(self.site.origin)},
            priority=SITEMAP_PRIORITY,
        )

    def no_feed(self, failure: Failure) -> None:
        """End the crawl: without the file there is no product."""
        reason = reason_of(failure)
        mend = mend_of([reason], self.site.setting) or f"mend {self.site.setting}.feed"
        self.give_up(f"{self._name}: {reason}", mend)

    def read_feed(self, response: Response) -> Iterator[Request]:
        """Read the file that was served."""
        if why_empty(response) == PASSWORD:
            self.give_up(f"{self._name}: {PASSWORD}", mend_of([PASSWORD], self.site.setting))
        yield from self._read(response.body)

    def _read(self, body: bytes) -> Iterator[Request]:
        limit = self.crawler.settings.getint("DOWNLOAD_MAXSIZE")
        module, _, function = self.options.reader.partition(":")
        reader: Reader = getattr(importlib.import_module(module), function)
        try:
            if len(body) > limit:
                raise ValueError(TOO_LARGE)
            text = gunzip(body, max_size=limit) if body.startswith(GZIP) else body
            entries = reader(text, self.site.origin, **self.options.settings)
        except (ValueError, OSError, EOFError) as error:
            self.give_up(f"{self._name}: {error}", f"mend {self.site.setting}.feed")
        for entry in entries:
            unique = entry.url
            while unique in self.listed:  # two products that the file gives one page
                unique = f"{entry.url}#{len(self.listed)}"
            yield from self.take(entry._replace(url=unique))
        self._progress.total = len(self.listed)
