"""The ledger, wherever it lies."""

import hashlib
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.demo.configured import demo_shop
from bestseller.params import Catalogue, Sales
from bestseller.sales.read import RawTable, read_table

LEDGER_PATH = "/export/ledger.csv"


def ledger_bytes(sales: Sales, catalogue: Catalogue, root: Path) -> tuple[bytes, str]:
    """Return the ledger as it is now, and its name.

    Args:
        sales: section sales of params.yaml.
        catalogue: section catalogue, of the embedded shop.
        root: folder that `sales.path` is relative to.

    Raises:
        BestsellerError: the file of `sales.path` cannot be read.
    """
    if sales.source == "csv":
        if not sales.path:
            raise BestsellerError(
                "params.yaml: sales.path: empty; set the path of the CSV file for sales.source: csv"
            )
        try:
            return (root / sales.path).read_bytes(), sales.path
        except OSError as error:
            raise BestsellerError(
                f"{sales.path}: {error.strerror}; mend sales.path in params.yaml"
            ) from error
    with demo_shop(catalogue).serve() as url, urllib.request.urlopen(url + LEDGER_PATH) as answer:
        return answer.read(), "the embedded shop's ledger"


def open_ledger(sales: Sales, catalogue: Catalogue, root: Path) -> tuple[RawTable, str]:
    """Return the ledger as a table of text, and its name."""
    data, name = ledger_bytes(sales, catalogue, root)
    return read_table(data, sales, name), name


def ledger_state(data: bytes) -> dict[str, int | str]:
    """Return the watermark of a ledger: it moves with its bytes."""
    return {"lines": data.count(b"\n"), "sha256": hashlib.sha256(data).hexdigest()}


def probe_ledger(
    sales: Sales, catalogue: Catalogue, root: Path, cache: Path
) -> dict[str, int | str]:
    """Return the watermark of the ledger as it is now, that of an empty one where there is none.

    The embedded shop's is downloaded only where it changed since it was last asked for.

    Args:
        sales: section sales of params.yaml.
        catalogue: section catalogue, of the embedded shop.
        root: folder that `sales.path` is relative to.
        cache: folder of the HTTP cache, which keeps the answer's ETag and its watermark.

    Raises:
        BestsellerError: the file of `sales.path` cannot be read.
    """
    if sales.source == "none":
        return ledger_state(b"")
    if sales.source == "csv":
        return ledger_state(ledger_bytes(sales, catalogue, root)[0])
    kept = cache / "ledger.json"
    last: dict[str, Any] = read_json(kept) if kept.exists() else {}
    with demo_shop(catalogue).serve() as url:
        headers = {"If-None-Match": last["etag"]} if last else {}
        request = urllib.request.Request(url + LEDGER_PATH, headers=headers)
        try:
            with urllib.request.urlopen(request) as answer:
                state = ledger_state(answer.read())
                write_json(kept, {"etag": answer.headers["ETag"], "state": state})
                return state
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_MODIFIED:
                raise
            return dict(last["state"])
