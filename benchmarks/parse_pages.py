"""Measure how well product pages are read, on saved pages with known answers.

Run: ``python benchmarks/parse_pages.py product_pages.tar [--errors]`` with ``src`` on the path.

The archive holds ``*/ground-truth.json`` (page id -> field -> accepted values, and url) and
``*/html/<id>.html.gz``. One value is predicted a page. It counts as right when it equals an
accepted one: prices as numbers, text exactly; the second column forgives case and punctuation.
"""

import argparse
import gzip
import json
import re
import tarfile
import time
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath

from bestseller.page.parse import parse_product_page

FIELDS = ("sku", "brand", "price", "availability")


def exact(field: str, value: str) -> str | Decimal:
    """Return a value as the benchmark compares it."""
    try:
        return Decimal(value) if field == "price" else value
    except InvalidOperation:
        return value


def lenient(field: str, value: str) -> str | Decimal:
    """Return a value without what does not make it another one."""
    if field == "price":
        return exact(field, value)
    return re.sub(r"[\W_]", "", value).casefold() or value


def f1(hits: int, predicted: int, expected: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * hits / (predicted + expected) if predicted + expected else 1.0


def main() -> None:
    """Print F1, precision, recall and support of each field."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", help="tar file with the pages")
    parser.add_argument("--errors", action="store_true", help="show each wrong value")
    arguments = parser.parse_args()
    with tarfile.open(arguments.archive) as archive:
        files = {m.name: archive.extractfile(m) for m in archive.getmembers() if m.isfile()}
        contents = {name: file.read() for name, file in files.items() if file}
    truth = next(json.loads(v) for k, v in contents.items() if k.endswith("ground-truth.json"))
    pages = {
        PurePosixPath(name).name.removesuffix(".html.gz"): gzip.decompress(data)
        for name, data in contents.items()
        if name.endswith(".html.gz")
    }
    started = time.process_time()
    parsed = {page: parse_product_page(pages[page], truth[page]["url"]) for page in sorted(truth)}
    seconds = time.process_time() - started
    print(f"{len(truth)} pages, {seconds / len(truth) * 1000:.0f} CPU ms a page")
    for field in FIELDS:
        counts = {exact: 0, lenient: 0}
        predicted = expected = 0
        for page, products in parsed.items():
            value = (getattr(products[0], field) or None) if products else None
            accepted = truth[page].get(field, [])
            predicted, expected = predicted + bool(value), expected + bool(accepted)
            for normalise in counts:
                hit = value and normalise(field, value) in {normalise(field, a) for a in accepted}
                counts[normalise] += bool(hit)
            if arguments.errors and (value or accepted) and not hit:
                print(f"  {field}: {accepted} read as {value!r} on {truth[page]['url']}")
        scores = [f1(hits, predicted, expected) for hits in counts.values()]
        print(
            f"{field}: F1 {scores[0]:.3f} exact, {scores[1]:.3f} lenient; precision "
            f"{counts[exact] / max(1, predicted):.3f}, recall {counts[exact] / expected:.3f}, "
            f"n {expected}"
        )


if __name__ == "__main__":
    main()
