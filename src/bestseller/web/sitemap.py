"""Sitemaps and indexes of sitemaps, plain or in gzip."""

from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

GZIP = b"\x1f\x8b\x08"


@dataclass(frozen=True)
class Listed:
    """What a sitemap lists.

    Attributes:
        is_index: whether its addresses are those of further sitemaps.
        entries: its addresses, sorted, each with its date of last change or "".
        languages: of an address that it has in several languages, the address in each.
        is_whole: False where the XML breaks off or is broken: entries may be missing.
    """

    is_index: bool
    entries: dict[str, str]
    languages: dict[str, dict[str, str]] = field(default_factory=dict)
    is_whole: bool = True


class _Sitemap(Sitemap):
    """Scrapy's reader, with the languages of the alternates, which it leaves out."""

    __slots__ = ()

    def _process_sitemap_element(self, elem: Any) -> dict[str, Any] | None:
        links = [link for link in elem if str(link.tag).rpartition("}")[2] == "link"]
        told = {
            link.get("hreflang").strip().lower(): link.get("href").strip()
            for link in links
            if link.get("hreflang") and link.get("href")
        }
        entry: dict[str, Any] | None = super()._process_sitemap_element(elem)
        return entry and entry | {"languages": told}

    def errors(self) -> list[Any]:
        """Return what libxml2, which goes on after an error, had to say of the XML."""
        return list(self.xmliter.error_log)


def read_sitemap(body: bytes, max_size: int) -> Listed:
    """Read a sitemap.

    Args:
        body: as it was served.
        max_size: bytes after decompression.

    Raises:
        Exception: whatever a broken or too large archive or broken XML raises.
    """
    sitemap = _Sitemap(gunzip(body, max_size=max_size) if body.startswith(GZIP) else body)
    found = [entry for entry in sitemap if entry.get("loc")]
    return Listed(
        sitemap.type == "sitemapindex",
        dict(sorted((entry["loc"], entry.get("lastmod", "")) for entry in found)),
        {entry["loc"]: entry["languages"] for entry in found if entry["languages"]},
        not any(entry.level == etree.ErrorLevels.FATAL for entry in sitemap.errors()),
    )
