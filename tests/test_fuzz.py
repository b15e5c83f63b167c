"""Damaged input of every kind: its reader takes it or refuses it as it promises, and nothing else.

Hypothesis damages a small sound example of each kind: cuts it, flips and repeats bytes, puts in
what parsers stumble over. `make fuzz` tries more of each than the suite does. The project's own
files are in test_fuzz_files.py.
"""

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import torch
from PIL import Image

from bestseller.base import lockfile
from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_table as read_parquet
from bestseller.catalogue.product import Product
from bestseller.designs.feedback import Feedback
from bestseller.images.intake import Reject, open_image
from bestseller.page.parse import read_product_page
from bestseller.page.shopify import read_products
from bestseller.params import load_params
from bestseller.sales import read_table
from bestseller.sources.google_feed import read_feed
from bestseller.training.checkpoint import Checkpoint
from bestseller.web.listing import read_listing
from conftest import REPOSITORY
from damage import EXAMPLES, in_file, try_damaged

pytestmark = pytest.mark.slow
PARAMS = load_params(REPOSITORY / "params.yaml")
PAGE = b"""<html><head><base href="/x/"><title>Watch | Shop</title>
<script type="application/ld+json">{"@type": "Product", "sku": "01", "name": "Watch",
"image": ["/a.png"], "offers": {"price": "9.50", "priceCurrency": "EUR"}}</script></head>
<body itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Watch</h1>
<span itemprop="price" content="9.50">9,50 &euro;</span><a href="/products/a">a</a>
<a rel="next" href="?page=2">next</a><img src="/a.png" srcset="/b.png 2x"></body></html>"""
FEED = b"""<?xml version="1.0"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel><item>
<g:id>1</g:id><g:title>Watch</g:title><g:link>https://shop.example/p/1</g:link>
<g:image_link>https://shop.example/1.png</g:image_link><g:price>9.50 EUR</g:price>
<g:product_type>Watches &gt; Steel</g:product_type></item></channel></rss>"""
STORE = b"""{"products": [{"id": 1, "title": "Watch", "handle": "watch", "vendor": "V",
"product_type": "Steel", "updated_at": "2024-01-01", "variants": [{"id": 2, "sku": "01",
"title": "S", "price": "9.50", "available": true}], "options": [{"name": "Size"}],
"images": [{"src": "https://cdn.example/1.png", "position": 1}]}]}"""
LEDGER = b"sku,date,units,kind,price\n01,2022-01-05,3,sale,9.50\n02,2022-01-06,1,return,8\n"
FEEDBACK = b"file,verdict,note,line,score\n0123456789ab.png,,good,Datejust,0.5\n"
LOCK = b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n    - path: o\n      md5: aa\n"


def picture(kind: str, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def workbook() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in ("sku", "date", "units", "kind", "price"), ("01", "2022-01-05", 3, "sale", 9.5):
        sheet.append(row)
    book.save(buffer)
    return buffer.getvalue()


def parquet() -> bytes:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame({"sku": ["a", "b"], "units": [1, 2]}).to_parquet(buffer)
    return buffer.getvalue()


def mend_lock(path: Path) -> object:
    return lockfile.mend(path.parent)


def price_of(data: bytes) -> object:
    """Read a price, which is then none, or a number that can be computed with."""
    product = Product(sku="a", name="a", url="", price=data.decode(errors="replace"))
    assert product.price is None or abs(float(product.price)) < 1e12
    return product


# kind: an example, its reader, and what the reader may raise
READERS: dict[str, tuple[bytes, Callable[[bytes], object], tuple[type[Exception], ...]]] = {
    "page": (PAGE, lambda b: read_product_page(b, "https://shop.example/p"), ()),
    "listing": (
        PAGE,
        lambda b: read_listing(b.decode(errors="replace"), "https://shop.example/l", "/products/"),
        (ValueError,),
    ),
    "feed": (FEED, lambda b: read_feed(b, "https://shop.example", "product_type"), (ValueError,)),
    "store": (
        STORE,
        lambda b: read_products(b, "https://shop.example", "vendor", "EUR"),
        (ValueError,),
    ),
    "price": (b"1299.50", price_of, ()),
    "jpeg": (picture("JPEG"), open_image, (Reject,)),
    "png": (picture("PNG"), open_image, (Reject,)),
    "webp": (picture("WEBP"), open_image, (Reject,)),
    "gif": (picture("GIF", "P"), open_image, (Reject,)),
    "tiff": (picture("TIFF", "CMYK"), open_image, (Reject,)),
    "ledger": (LEDGER, lambda b: read_table(b, PARAMS.sales), (BestsellerError,)),
    "workbook": (workbook(), lambda b: read_table(b, PARAMS.sales), (BestsellerError,)),
    "params": (
        (REPOSITORY / "params.yaml").read_bytes(),
        in_file(load_params, "params.yaml"),
        (BestsellerError,),
    ),
    "feedback": (
        FEEDBACK,
        in_file(lambda path: Feedback.read(path.parent), "feedback.csv"),
        (BestsellerError,),
    ),
    "table": (parquet(), in_file(read_parquet, "units.parquet"), (BestsellerError,)),
    "lock": (LOCK, in_file(mend_lock, "dvc.lock"), (BestsellerError,)),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_input_is_taken_or_refused_as_promised(kind: str) -> None:
    try_damaged(*READERS[kind])


def test_a_damaged_checkpoint_is_never_resumed(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, "a", "key")
    checkpoint.save({"weights": torch.arange(100.0), "step": 3})
    whole = checkpoint.path.read_bytes()
    draw = random.Random(0)
    for _ in range(EXAMPLES):
        data = bytearray(whole)
        if draw.random() < 0.5:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        else:
            del data[draw.randrange(len(data)) :]
        checkpoint.path.write_bytes(data)
        assert checkpoint.load() is None
        assert not checkpoint.path.exists()
    checkpoint.path.write_bytes(whole)
    state = checkpoint.load()
    assert state is not None
    assert torch.equal(state["weights"], torch.arange(100.0))
