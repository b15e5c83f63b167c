"""The catalogue as the outside world has it now, from whichever source the settings name."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bestseller.catalogue.assemble import CrawlResult
from bestseller.catalogue.carry import Shop
from bestseller.catalogue.sources import open_source
from bestseller.catalogue.sources.base import Source
from bestseller.params import Catalogue


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
    source: Source = open_source(params, cache, root)
    return source.collect(images, known)


def probe(params: Catalogue, cache: Path, root: Path) -> dict[str, int | str]:
    """Return the watermark of the source: it moves when a page or file comes, goes or changes.

    Raises:
        BestsellerError: the source may not be asked, cannot be read, or lists nothing.
    """
    source: Source = open_source(params, cache, root)
    versions = source.probe()
    lines = "".join(f"{name} {version}\n" for name, version in sorted(versions.items()))
    return {source.unit: len(versions), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def shop_of(params: Catalogue) -> Shop:
    """Return what tells this catalogue's shop from others: products are carried over within one.

    Raises:
        BestsellerError: the settings name no shop.
    """
    source: Source = open_source(params, Path(), Path())
    return source.identity()
