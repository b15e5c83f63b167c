"""The catalogue as the outside world has it now, from whichever source the settings name."""

import hashlib
import importlib
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from bestseller import sources
from bestseller.base.errors import BestsellerError
from bestseller.page.assemble import CrawlResult
from bestseller.params import Catalogue
from bestseller.params.section import first_problem
from bestseller.sources.base import Context, Source
from bestseller.sources.carry import Shop


def open_source(params: Catalogue, cache: Path, root: Path) -> Source:
    """Return the configured source; nothing is asked of it yet.

    Args:
        params: section catalogue of params.yaml.
        cache: folder of the HTTP cache.
        root: folder that paths in params.yaml are relative to.

    Raises:
        BestsellerError: a section names no source, or a setting of any source is wrong.
    """
    settings = {}
    for name, values in params.sections().items():
        if name not in sources.SOURCES:  # a source's, or a key of the catalogue's own misspelt
            raise BestsellerError(
                f"params.yaml: catalogue.{name}: unknown key; remove it or mend its spelling"
            )
        module = importlib.import_module(f"{sources.__name__}.{name}")
        try:
            settings[name] = module.Settings.model_validate(values), module.Source
        except ValidationError as error:
            told = first_problem(error, f"catalogue.{name}")
            raise BestsellerError(f"params.yaml: {told}") from error
    own, opened = settings[params.source]
    source: Source = opened(own, Context(params, cache, root))
    return source


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
    source = open_source(params, cache, root)
    return source.collect(images, known)


def probe(params: Catalogue, cache: Path, root: Path) -> dict[str, int | str]:
    """Return the watermark of the source: it moves when a page or file comes, goes or changes.

    Raises:
        BestsellerError: the source may not be asked, cannot be read, or lists nothing.
    """
    source = open_source(params, cache, root)
    versions = source.probe()
    lines = "".join(f"{name} {version}\n" for name, version in sorted(versions.items()))
    return {source.unit: len(versions), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def shop_of(params: Catalogue) -> Shop:
    """Return what tells this catalogue's shop from others: products are carried over within one.

    Raises:
        BestsellerError: the settings name no shop.
    """
    source = open_source(params, Path(), Path())
    return source.identity()
