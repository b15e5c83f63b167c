"""The catalogue as the outside world has it now, from whichever source the settings name."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bestseller.catalogue.assemble import CrawlResult
from bestseller.catalogue.carry import Shop
from bestseller.catalogue.crawl import crawl_site, probe_site
from bestseller.catalogue.folder import probe_folder, read_folder
from bestseller.catalogue.site import Site, check_permission
from bestseller.catalogue.source import demo_shop
from bestseller.params import Catalogue

DEMO_ORIGIN = "http://demo.example"
DEMO_CONCURRENCY = 8


def gather(
    params: Catalogue, cache: Path, root: Path, images: Path, known: Iterable[str] = ()
) -> CrawlResult:
    """Collect the products and their pictures from the configured source.

    Args:
        params: section catalogue of params.yaml.
        cache: folder of the HTTP cache.
        root: folder that paths in params.yaml are relative to.
        images: folder that receives each picture's bytes as ``<sha256>.<ext>``.
        known: addresses of the last catalogue, to learn which robots.txt forbids now.

    Raises:
        BestsellerError: the source may not be asked, cannot be read, or gives too little.
    """
    crawl = params.crawl
    if params.source == "folder":
        return read_folder(params.folder, root, images, crawl.max_body_mb, crawl.min_found_share)
    with open_site(params, cache) as site:
        return crawl_site(site, images, crawl.min_found_share, known)


def probe(params: Catalogue, cache: Path, root: Path) -> dict[str, int | str]:
    """Return the watermark of the source: it moves when a page or file comes, goes or changes.

    Raises:
        BestsellerError: the source may not be asked, cannot be read, or lists nothing.
    """
    if params.source == "folder":
        return _watermark(probe_folder(params.folder, root), "files")
    with open_site(params, cache) as site:
        return _watermark(probe_site(site), "pages")


def shop_of(params: Catalogue) -> Shop:
    """Return what tells this catalogue's shop from others: products are carried over within one."""
    if params.source == "demo":
        demo = params.demo
        size = demo.image_size
        return {"source": "demo", "scale": demo.scale, "seed": demo.seed, "image_size": size}
    if params.source == "folder":
        return {"source": "folder", "path": params.folder.path}
    return {"source": params.source, "origin": _origin(params)}


@contextmanager
def open_site(params: Catalogue, cache: Path) -> Iterator[Site]:
    """Yield the shop of the settings; the embedded one is served while the block runs.

    The embedded shop keeps one address whatever port it gets.

    Raises:
        BestsellerError: the shop may not be asked.
    """
    crawl = params.crawl
    common: dict[str, Any] = {
        "user_agent": params.user_agent,
        "contact": params.contact,
        "timeout_s": crawl.timeout_s,
        "max_body_mb": crawl.max_body_mb,
    }
    if params.source == "demo":
        with demo_shop(params).serve() as url:
            common |= {"delay_s": 0.0, "concurrency": DEMO_CONCURRENCY}
            yield Site(DEMO_ORIGIN, cache, connect_to=url, **common)
        return
    common |= {"delay_s": crawl.delay_s, "concurrency": crawl.concurrency}
    origin, shopify = _origin(params), params.shopify
    check_permission(origin, params.permission, params.contact, f"catalogue.{params.source}.url")
    if params.source == "shopify":
        yield Site(origin, cache, "shopify", currency=shopify.currency, line=shopify.line, **common)
    else:
        yield Site(
            origin,
            cache,
            product_path=params.site.product_path,
            listings=tuple(params.site.listings),
            max_listing_pages=params.site.max_listing_pages,
            **common,
        )


def _origin(params: Catalogue) -> str:
    return (params.shopify.url if params.source == "shopify" else params.site.url).rstrip("/")


def _watermark(versions: dict[str, str], unit: str) -> dict[str, int | str]:
    lines = "".join(f"{name} {version}\n" for name, version in sorted(versions.items()))
    return {unit: len(versions), "sha256": hashlib.sha256(lines.encode()).hexdigest()}
