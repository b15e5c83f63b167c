"""Crawl one shop, in a process of its own.

Scrapy's reactor runs once in a process, and a page that brings a parser down must not take the
caller with it; so each crawl is a child process, which ends when its parent does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bestseller.catalogue.assemble import CrawlResult, assemble
from bestseller.catalogue.site import Site
from bestseller.errors import BestsellerError

SOURCES = Path(__file__).resolve().parents[2]
MAX_NAMED = 3  # failures named in an error


def crawl_site(
    site: Site, images: Path, min_found_share: float = 0.9, known: Iterable[str] = ()
) -> CrawlResult:
    """Crawl a shop from its robots.txt over its lists to its product pages and their pictures.

    Args:
        site: the shop.
        images: folder that receives each picture's bytes as ``<sha256>.<ext>``.
        min_found_share: share of the listed pages that must give a product.
        known: addresses of an earlier catalogue, to learn which of them robots.txt forbids now.

    Raises:
        BestsellerError: the shop could not be asked, the crawl ended early or found too little.
    """
    images.mkdir(parents=True, exist_ok=True)
    found = _in_child(site, images, known)
    result = assemble(found)
    _check_share(site, result, found, min_found_share)
    return result


def probe_site(site: Site) -> dict[str, str]:
    """Return what tells each product page's versions apart, without reading the pages.

    That is the date of last change in the sitemap, else the page's ETag or Last-Modified header.

    Raises:
        BestsellerError: the shop could not be asked, or lists no product page.
    """
    found = _in_child(site, None)
    _check_listed(site, found)
    return dict(found["versions"])


def _in_child(site: Site, images: Path | None, known: Iterable[str] = ()) -> dict[str, Any]:
    """Run the spider in a child process that ends with this one, and return what it found.

    Without `images` it only looks at the versions of the pages.
    """
    values = {**asdict(site), "origin": site.origin.rstrip("/"), "cache": str(site.cache.resolve())}
    environment = {**os.environ, "PYTHONPATH": str(SOURCES)}
    command = [sys.executable, "-m", "bestseller.catalogue.worker"]
    folder = str(images.resolve()) if images else ""
    job = {"site": values, "folder": folder, "known": sorted(known)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as child:
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(json.dumps(job).encode() + b"\n")
            child.stdin.flush()  # it stays open: its end would be the child's
            answer = child.stdout.read()
            status = child.wait()
        except BaseException:
            child.kill()
            raise
    if status:
        raise BestsellerError(
            f"{site.origin}: the crawler ended with status {status}; run again, "
            "what was fetched is kept"
        )
    found: dict[str, Any] = json.loads(answer)
    if found["problem"] or found["finish_reason"] != "finished":
        problem = found["problem"] or f"the crawl ended early ({found['finish_reason']})"
        where = "" if problem.startswith(site.origin) else f"{site.origin}: "
        raise BestsellerError(f"{where}{problem}; {found['mend']}")
    return found


def _check_listed(site: Site, found: dict[str, Any]) -> list[str]:
    """Return the listed pages that may be read."""
    pages = [url for url in found["listed"] if url not in found["forbidden"]]
    if pages:
        return pages
    if found["listed"]:
        first = found["listed"][0]
        told = f"robots.txt or opt-outs forbid all {len(found['listed'])} product pages"
        told += f" ({first}: {found['failed'][first]})"
        mend = "ask its owner"
    elif site.kind == "shopify":
        told, mend = "its /products.json lists no product", "mend catalogue.shopify.url"
    else:
        lists = "the listings" if site.listings else "its sitemaps"
        told = f"{lists} name no page with {site.product_path!r} in its path"
        mend = f"mend catalogue.site.{'listings or ' if site.listings else ''}product_path"
        lost = [f"{url}: {reason}" for url, reason in found["failed"].items()][:MAX_NAMED]
        told += f" ({'; '.join(lost)})" if lost else ""
    raise BestsellerError(f"{site.origin}: {told}; {mend}")


def _check_share(site: Site, result: CrawlResult, found: dict[str, Any], least: float) -> None:
    pages = _check_listed(site, found)
    named = [
        url for url in pages if any(record["sku"] for record in found["products"].get(url, []))
    ]
    if len(named) < least * len(pages):
        lost = [r for r in result.rejects if r.url in set(pages) - set(named)][:MAX_NAMED]
        examples = "; ".join(f"{row.url}: {row.reason}" for row in lost)
        raise BestsellerError(
            f"{site.origin}: {len(named)} of {len(pages)} listed pages gave a product, less than "
            f"the share {least} of catalogue.crawl.min_found_share ({examples}); "
            "the last catalogue stays"
        )
