"""What a source of products is, and what all that are crawled have in common."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bestseller.page.assemble import CrawlResult
from bestseller.params import Catalogue
from bestseller.sources.carry import Shop
from bestseller.web.crawl import crawl_site, probe_site
from bestseller.web.site import Site, check_permission, origin_of_shop


@dataclass(frozen=True)
class Context:
    """What a source is opened with.

    Attributes:
        params: section catalogue of params.yaml.
        cache: folder of the HTTP cache.
        root: folder that paths in params.yaml are relative to.
    """

    params: Catalogue
    cache: Path
    root: Path


class Source(Protocol):
    """Where products come from.

    Attributes:
        unit: what its versions are of: ``pages`` or ``files``.
    """

    unit: str

    def collect(self, images: Path, known: Iterable[str]) -> CrawlResult:
        """Collect the products, and their pictures' bytes into a folder.

        Args:
            images: folder that receives each picture's bytes as ``<sha256>.<ext>``.
            known: addresses of the last catalogue, to learn which may not be used any more.

        Raises:
            BestsellerError: the source may not be asked, cannot be read, or gives too little.
        """

    def probe(self) -> dict[str, str]:
        """Return by name the version of each page or file; it moves where products may have.

        Raises:
            BestsellerError: the source may not be asked, cannot be read, or lists nothing.
        """

    def identity(self) -> Shop:
        """Return what tells its catalogue from that of another shop."""


class Crawled:
    """A source that is crawled: it says which `Site` that is."""

    unit = "pages"

    def __init__(self, settings: Any, context: Context) -> None:
        self.settings, self.context = settings, context

    def site(self) -> AbstractContextManager[Site]:
        """Return the shop to crawl, which can be asked while the block runs."""
        raise NotImplementedError

    def collect(self, images: Path, known: Iterable[str]) -> CrawlResult:
        crawl = self.context.params.crawl
        with self.site() as site:
            return crawl_site(
                site, images, crawl.min_found_share, known, crawl.max_lost_photo_share
            )

    def probe(self) -> dict[str, str]:
        with self.site() as site:
            return probe_site(site)

    def manners(self) -> dict[str, Any]:
        """Return what the settings say of how any shop is asked, as arguments of `Site`."""
        params = self.context.params
        return {
            "cache": self.context.cache,
            "user_agent": params.user_agent,
            "contact": params.contact,
            "delay_s": params.crawl.delay_s,
            "concurrency": params.crawl.concurrency,
            "timeout_s": params.crawl.timeout_s,
            "max_wait_s": params.crawl.max_wait_s,
            "max_body_mb": params.crawl.max_body_mb,
        }

    def permitted(self, url: str, key: str, mend: str = "") -> str:
        """Return the origin that a setting names, once its owner's word is given.

        Raises:
            BestsellerError: it is no origin, or it may not be asked.
        """
        origin = origin_of_shop(url, key, mend)
        check_permission(origin, self.context.params.permission, self.context.params.contact, key)
        return origin
