"""Where products may come from: a module of this package for each value of catalogue.source.

To add one, write its module with a `Settings` (its section of params.yaml) and a `Source` (see
`base`), name it in SOURCES, and put its section into params.yaml and under scrape in dvc.yaml.
"""

import importlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bestseller.errors import BestsellerError
from bestseller.params import Catalogue
from bestseller.params.section import first_problem

SOURCES = {  # the module, and what the datasheet says of it
    "demo": "the embedded demo shop: made-up products, photos and sales",
    "site": "the public pages of a shop",
    "shopify": "the product list of a Shopify store",
    "folder": "a folder of pictures",
    "google_feed": "a product feed as for Google Merchant Center",
    "shopify_export": "the products that a Shopify store exported",
    "woocommerce_export": "the products that a WooCommerce shop exported",
}


def open_source(params: Catalogue, cache: Path, root: Path) -> Any:
    """Return the configured source as a `base.Source`; nothing is asked of it yet.

    Args:
        params: section catalogue of params.yaml.
        cache: folder of the HTTP cache.
        root: folder that paths in params.yaml are relative to.

    Raises:
        BestsellerError: a section names no source, or a setting of any source is wrong.
    """
    from bestseller.catalogue.sources.base import Context  # noqa: PLC0415 (the names cost nothing)

    settings = {}
    for name, values in params.sections().items():
        if name not in SOURCES:
            raise BestsellerError(
                f"params.yaml: catalogue.{name}: unknown key; remove it or mend its spelling"
            )
        module = importlib.import_module(f"{__name__}.{name}")
        try:
            settings[name] = module.Settings.model_validate(values), module.Source
        except ValidationError as error:
            told = first_problem(error, f"catalogue.{name}")
            raise BestsellerError(f"params.yaml: {told}") from error
    own, source = settings[params.source]
    return source(own, Context(params, cache, root))
