"""Sitemaps and indexes of sitemaps, plain or in gzip."""

from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

_GZIP = b"\x1f\x8b\x08"


def read_sitemap(body: bytes, max_size: int) -> tuple[bool, dict[str, str]]:
    """Read a sitemap.

    Args:
        body: as it was served.
        max_size: bytes after decompression.

    Returns:
        Whether it is an index of further sitemaps, and its addresses, sorted, each with its date
        of last change or "".

    Raises:
        Exception: whatever a broken or too large archive or broken XML raises.
    """
    sitemap = Sitemap(gunzip(body, max_size=max_size) if body.startswith(_GZIP) else body)
    entries = {entry["loc"]: entry.get("lastmod", "") for entry in sitemap if entry.get("loc")}
    return sitemap.type == "sitemapindex", dict(sorted(entries.items()))
