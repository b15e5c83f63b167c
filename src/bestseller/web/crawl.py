"""Crawl one shop, in a process of its own.

Scrapy's reactor runs only once in a process, and a page that crashes a parser must not end the
caller. So each crawl is a child process, which ends when its parent does.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.diagnosis import NOT_FETCHED, mend_of
from bestseller.page.assemble import CrawlResult, assemble
from bestseller.web.site import Site

SOURCES = Path(__file__).resolve().parents[2]
MAX_NAMED = 3  # failures named in an error


def crawl_site(
    site: Site,
    images: Path,
    min_found_share: float = 0.9,
    known: Iterable[str] = (),
    max_lost_photo_share: float = 0.1,
) -> CrawlResult:
    """Crawl a shop from its robots.txt over its lists to its product pages and their pictures.

    Args:
        site: the shop.
        images: folder that receives each picture's bytes as ``<sha256>.<ext>``.
        min_found_share: share of the listed pages that must give a product.
        known: addresses of an earlier catalogue, to learn which of them robots.txt forbids now.
        max_lost_photo_share: share of the products' photos, without the forbidden ones, that may
            be missing.

    Raises:
        BestsellerError: the shop could not be asked, the crawl ended early or found too little.
    """
    images.mkdir(parents=True, exist_ok=True)
    found = _in_child(site, images, known)
    result = assemble(found)
    _check_share(site, result, found, min_found_share)
    _check_photos(site, found, max_lost_photo_share)
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
    paths = filter(None, (str(SOURCES), os.environ.get("PYTHONPATH")))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "bestseller.web.worker"]
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
    else:
        told, mend = found["nothing"]
        lost = [f"{url}: {reason}" for url, reason in found["failed"].items()][:MAX_NAMED]
        told += f" ({'; '.join(lost)})" if lost else ""
        mend = mend_of(found["failed"].values(), site.setting) or mend
    raise BestsellerError(f"{site.origin}: {told}; {mend}")


def _check_share(site: Site, result: CrawlResult, found: dict[str, Any], least: float) -> None:
    pages = _check_listed(site, found)
    named = [
        url for url in pages if any(record["sku"] for record in found["products"].get(url, []))
    ]
    if len(named) < least * len(pages):
        lost = [r for r in result.rejects if r.url in set(pages) - set(named)][:MAX_NAMED]
        examples = "; ".join(f"{row.url}: {row.reason}" for row in lost)
        mend = mend_of((row.reason for row in result.rejects), site.setting)
        raise BestsellerError(
            f"{site.origin}: {len(named)} of {len(pages)} listed pages gave a product, less than "
            f"the share {least} of catalogue.crawl.min_found_share ({examples}); "
            f"{f'{mend}; ' if mend else ''}the last catalogue stays"
        )


def _check_photos(site: Site, found: dict[str, Any], most: float) -> None:
    shown = {
        image["url"]
        for records in found["products"].values()
        for record in records
        for image in record["images"]
    } - set(found["forbidden"])
    lost = sorted(shown - found["stored"].keys())
    if len(lost) > most * len(shown):
        reasons = {url: found["failed"].get(url, NOT_FETCHED) for url in lost}
        examples = "; ".join(f"{url}: {reasons[url]}" for url in lost[:MAX_NAMED])
        mend = mend_of(reasons.values(), site.setting)
        raise BestsellerError(
            f"{site.origin}: {len(lost)} of {len(shown)} photos could not be had, more than the "
            f"share {most} of catalogue.crawl.max_lost_photo_share ({examples}); "
            f"{f'{mend}; ' if mend else ''}the last catalogue stays"
        )
