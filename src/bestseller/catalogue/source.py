"""The outside world as the settings describe it: which shop is asked, where the ledger lies."""

import hashlib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bestseller.catalogue.demo import DemoShop
from bestseller.catalogue.sales import read_ledger
from bestseller.catalogue.site import Site, check_permission
from bestseller.errors import BestsellerError
from bestseller.params import Catalogue, Sales

DEMO_CONCURRENCY = 8
LEDGER_PATH = "/export/ledger.csv"


@contextmanager
def open_site(params: Catalogue, cache: Path) -> Iterator[Site]:
    """Yield the shop of the settings; the embedded one is served while the block runs.

    The embedded shop keeps one address whatever port it gets.

    Raises:
        BestsellerError: the shop of `catalogue.site` may not be asked.
    """
    crawl = params.crawl
    common: dict[str, Any] = {
        "user_agent": params.user_agent,
        "contact": params.contact,
        "timeout_s": crawl.timeout_s,
        "max_body_mb": crawl.max_body_mb,
    }
    if params.source == "site":
        check_permission(params.site.url, params.permission, params.contact)
        yield Site(
            params.site.url.rstrip("/"),
            cache,
            product_path=params.site.product_path,
            delay_s=crawl.delay_s,
            concurrency=crawl.concurrency,
            **common,
        )
        return
    with demo_shop(params).serve() as url:
        yield Site(
            "http://demo.example",
            cache,
            connect_to=url,
            delay_s=0.0,
            concurrency=DEMO_CONCURRENCY,
            **common,
        )


def demo_shop(params: Catalogue) -> DemoShop:
    """Return the embedded shop of the settings, not yet served."""
    demo = params.demo
    return DemoShop(demo.scale, demo.seed, demo.season, demo.image_size)


def ledger_bytes(sales: Sales, catalogue: Catalogue) -> tuple[bytes, str]:
    """Return the ledger as it is now, and its name.

    Raises:
        BestsellerError: the file of `sales.path` cannot be read.
    """
    if sales.source == "csv":
        if not sales.path:
            raise BestsellerError(
                "params.yaml: sales.path: empty; set the path of the CSV file for sales.source: csv"
            )
        try:
            return Path(sales.path).read_bytes(), sales.path
        except OSError as error:
            raise BestsellerError(
                f"{sales.path}: {error.strerror}; mend sales.path in params.yaml"
            ) from error
    with demo_shop(catalogue).serve() as url, urllib.request.urlopen(url + LEDGER_PATH) as answer:
        return answer.read(), "the embedded shop's ledger"


def open_ledger(sales: Sales, catalogue: Catalogue) -> tuple[pd.DataFrame, str]:
    """Return the ledger as a table of text, and its name."""
    data, name = ledger_bytes(sales, catalogue)
    return read_ledger(data, name), name


def catalogue_state(versions: dict[str, str]) -> dict[str, int | str]:
    """Return the watermark of a catalogue: it moves when a page comes, goes or changes."""
    lines = "".join(f"{url} {version}\n" for url, version in sorted(versions.items()))
    return {"pages": len(versions), "sha256": hashlib.sha256(lines.encode()).hexdigest()}


def ledger_state(data: bytes) -> dict[str, int | str]:
    """Return the watermark of a ledger: it moves with its bytes."""
    return {"lines": data.count(b"\n"), "sha256": hashlib.sha256(data).hexdigest()}
