"""The raw catalogue on disk: original pictures by content, one product a line, and the rejects."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, reading, require
from bestseller.catalogue.product import Product, Rejected

IMAGES, CATALOGUE, REJECTS = "images.zip", "catalogue.jsonl", "rejects.csv"
SOURCE = "source.json"
MADE_BY = "dvc repro scrape"
_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a ZIP can tell: equal contents give equal bytes
_READABLE = 0o644 << 16


def write_raw(
    folder: Path, products: Iterable[Product], rejects: Iterable[Rejected], images: Path
) -> None:
    """Write images.zip, catalogue.jsonl and rejects.csv into `folder`; equal input, equal bytes.

    Args:
        folder: of the three files; each is replaced whole.
        products: in any order; their pictures name files of `images`.
        rejects: rows for rejects.csv, in any order.
        images: folder with the pictures' bytes.
    """
    products = sorted(products, key=lambda product: product.sku)
    files = sorted({image.file for product in products for image in product.images})
    with atomic_path(folder / IMAGES) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in files:
            entry = zipfile.ZipInfo(name, _DATE)
            entry.external_attr = _READABLE
            archive.writestr(entry, (images / name).read_bytes(), zipfile.ZIP_STORED)
    with atomic_path(folder / CATALOGUE) as temporary:
        lines = [
            json.dumps(product.model_dump(mode="json"), sort_keys=True, ensure_ascii=False) + "\n"
            for product in products
        ]
        temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
    with atomic_path(folder / REJECTS) as temporary:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([Rejected._fields, *sorted(rejects)])
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="\n")


def read_catalogue(path: str | Path) -> list[Product]:
    """Read catalogue.jsonl.

    Raises:
        BestsellerError: the file is missing, empty or no UTF-8, a line is no product, a sku stands
            twice.
    """
    with reading(path, MADE_BY) as found:
        text = found.read_text(encoding="utf-8")
    products: list[Product] = []
    seen: set[str] = set()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            product = Product.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "line"
            raise BestsellerError(
                f"{path}: line {number}: no product ({where}: {first['msg']}); run `{MADE_BY}`"
            ) from error
        if not product.sku or product.sku in seen:
            raise BestsellerError(
                f"{path}: line {number}: sku {product.sku!r} is empty or stands twice"
            )
        seen.add(product.sku)
        products.append(product)
    if not products:
        raise BestsellerError(f"{path}: holds no product; run `{MADE_BY}`")
    return products


def read_rejects(path: str | Path) -> list[Rejected]:
    """Read rejects.csv; none where there is no such file yet.

    Raises:
        BestsellerError: the file is damaged.
    """
    if not Path(path).exists():
        return []
    with reading(path, MADE_BY) as found, found.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return [Rejected(*row) for row in rows[1:] if len(row) == len(Rejected._fields)]


class RawImages:
    """The pictures of images.zip, by hash."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.split(".")[0]: name for name in archive.namelist()}

    def __len__(self) -> int:
        return len(self._names)

    def read(self, sha256: str) -> bytes:
        """Return the original bytes of a picture.

        Raises:
            BestsellerError: there is none of this hash.
        """
        if sha256 not in self._names:
            raise BestsellerError(f"{self._archive.filename}: no image {sha256}; run `{MADE_BY}`")
        return self._archive.read(self._names[sha256])


@contextmanager
def open_images(path: str | Path) -> Iterator[RawImages]:
    """Open images.zip for reading by hash.

    Raises:
        BestsellerError: the file is missing or no ZIP.
    """
    try:
        with zipfile.ZipFile(require(path, MADE_BY)) as archive:
            yield RawImages(archive)
    except zipfile.BadZipFile as error:
        raise BestsellerError(f"{path}: no ZIP archive ({error}); run `{MADE_BY}`") from error
