"""Where products come from: the crawl, the product record, the sales ledger, the embedded shop."""

import importlib
from typing import Any

_HOMES = {"Product": "product", "parse_product_page": "parse"}


def __getattr__(name: str) -> Any:
    """Load the package's two names on first use: who reads records needs no parsers for it."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
