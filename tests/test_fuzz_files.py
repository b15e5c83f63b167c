"""Damaged files of the project's own, and tables that people write: one line, or taken."""

import errno
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
import torch

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Image, Product
from bestseller.catalogue.raw import read_catalogue, read_rejects
from bestseller.catalogue.table import read_rows
from bestseller.centroid.centroids import load_centroids, save_centroids
from bestseller.designs.verdicts import parse
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, load_generator, save_generator
from bestseller.images.store import ImageSet
from bestseller.page.tabular import read_table
from bestseller.params import load_params
from bestseller.retraining.decision import Decision
from bestseller.retraining.journal import Journal, RunStore
from bestseller.web.optout import read_rules
from bestseller.web.reasons import unreadable
from bestseller.web.sitemap import read_sitemap
from conftest import REPOSITORY
from damage import in_file, try_damaged
from test_fuzz import FEEDBACK

pytestmark = pytest.mark.slow
NAME = "vanilla-plain-0"
CONFIG, WEIGHTS = "generator.json", "generator.safetensors"


def feedback_workbook() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in FEEDBACK.decode().splitlines():
        sheet.append(row.split(","))
    book.save(buffer)
    return buffer.getvalue()


def sitemap(data: bytes) -> object:
    """Read a sitemap as the crawler does, which has a reason for whatever its readers raise."""
    try:
        return read_sitemap(data, 10**6)
    except Exception as error:
        raise ValueError(unreadable(error)) from error


def catalogue() -> bytes:
    image = Image(url="https://shop.example/a.png", view="front", sha256="a" * 64, file="a.png")
    products = [
        Product(sku=sku, name="Uhr für Frühling", url="https://shop.example", images=(image,))
        for sku in ("a", "b")
    ]
    return "".join(product.model_dump_json() + "\n" for product in products).encode()


def journal() -> bytes:
    decision = Decision(promote=True, challenger=NAME, reasons=["a reason"], facts={"a": 1.5})
    found = Journal(run="20240101T000000Z", base="a" * 40, states={"a": {}}, decision=decision)
    return found.model_dump_json().encode()


def saved_generator(folder: Path) -> Path:
    """Write an untrained generator."""
    settings = load_params(REPOSITORY / "params.yaml").train.vanilla
    settings = settings.model_copy(update={"width": 4})
    shape = Shape(32, 8, 2)
    torch.manual_seed(0)
    network = gan_class("vanilla").make_generator(settings, shape)
    conditions = {"Disc": ["front"], "Ring": ["front"]}
    config = Config(NAME, "vanilla", settings.model_dump(), vars(shape), conditions)
    save_generator(folder, network, config)
    return folder


def no_features(backbone: str, layer: int, pooling: str) -> torch.nn.Module:
    return torch.nn.Identity()


READERS: dict[str, tuple[bytes, Callable[[bytes], object], tuple[type[Exception], ...]]] = {
    "sitemap": (
        b"""<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>https://shop.example/a</loc><lastmod>2024-01-01</lastmod></url></urlset>""",
        sitemap,
        (ValueError,),
    ),
    "opt-outs": (
        b'[{"location": "/a*$", "tdm-reservation": 1}]',
        read_rules,
        (ValueError,),
    ),
    "shop's export": (
        b'sku,name,price,images\n1,Watch,9.50,a.png\n2,"Watch, 2",8,b.png\n',
        read_table,
        (ValueError,),
    ),
    "folder's table": (
        b"file,sku,line,price,currency,view\na.png,1,Disc,9.50,EUR,front\nb.png,2,Ring,,,\n",
        in_file(read_rows, "table.csv"),
        (BestsellerError,),
    ),
    "verdicts": (FEEDBACK, in_file(parse, "feedback.csv"), (BestsellerError,)),
    "verdicts' workbook": (
        feedback_workbook(),
        in_file(parse, "feedback.xlsx"),
        (BestsellerError,),
    ),
    "catalogue": (catalogue(), in_file(read_catalogue, "catalogue.jsonl"), (BestsellerError,)),
    "rejects": (
        b"sku,url,reason\n,https://shop.example/a,no picture\n",
        in_file(read_rejects, "rejects.csv"),
        (BestsellerError,),
    ),
    "journal": (
        journal(),
        in_file(lambda path: RunStore(path.parent).read(), "journal.json"),
        (BestsellerError,),
    ),
}


@pytest.mark.parametrize("kind", READERS)
def test_a_damaged_file_is_taken_or_refused_as_promised(kind: str) -> None:
    try_damaged(*READERS[kind])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_damaged_generator_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    folder = saved_generator(tmp_path / NAME)

    def read(data: bytes) -> object:
        (folder / name).write_bytes(data)
        return load_generator(folder)

    try_damaged((folder / name).read_bytes(), read, (BestsellerError,))


def test_damaged_centroids_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_centroids(path, None, {})

    def read(data: bytes) -> object:
        path.write_bytes(data)
        return load_centroids(path, no_features)

    try_damaged(path.read_bytes(), read, (BestsellerError,))


@pytest.mark.parametrize("name", ["images.npy", "index.parquet"])
def test_a_damaged_image_set_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    rows = {"sku": ["a", "b"], "line": "Disc", "category": "x", "view": "front"}
    index = pd.DataFrame(rows | {"sha256": ["a" * 64, "b" * 64], "cluster": [0, 1]})
    pixels = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    ImageSet(pixels, index.assign(split="train")).save(tmp_path)

    def read(data: bytes) -> object:
        (tmp_path / name).write_bytes(data)
        return ImageSet.open(tmp_path)

    try_damaged((tmp_path / name).read_bytes(), read, (BestsellerError,))


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EIO, "cannot be read")])
def test_what_the_machine_lacks_is_no_damaged_file(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a person is told to remove a sound file and to train anew."""

    def fails(*_: object, **__: object) -> None:
        raise error

    folder = saved_generator(tmp_path / NAME)
    save_centroids(tmp_path / "a.safetensors", None, {})
    (tmp_path / "feedback.xlsx").write_bytes(feedback_workbook())
    for name in ("images.npy", "index.parquet"):
        (tmp_path / name).write_bytes(b"")
    for where in ("bestseller.gans.saved.safe_open", "bestseller.centroid.centroids.safe_open"):
        monkeypatch.setattr(where, fails)
    for where in ("numpy.load", "openpyxl.load_workbook"):
        monkeypatch.setattr(where, fails)
    for read in (
        lambda: load_generator(folder),
        lambda: load_centroids(tmp_path / "a.safetensors", no_features),
        lambda: ImageSet.open(tmp_path),
        lambda: parse(tmp_path / "feedback.xlsx"),
    ):
        with pytest.raises(type(error)):
            read()
