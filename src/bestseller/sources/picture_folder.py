"""A folder of pictures as a catalogue, with an optional table that says what they show."""

import hashlib
import os
import posixpath
import shutil
import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.base.files import sha256_file
from bestseller.catalogue.formats import HEAD_BYTES, image_format, refused_format
from bestseller.catalogue.product import Image, Product, Rejected
from bestseller.catalogue.table import SHARED, Row, numbered, read_rows
from bestseller.catalogue.tidy import agreed, numbers_on_several, one_spelling
from bestseller.page.assemble import ONE_LINE, CrawlResult
from bestseller.params.section import Section

NO_FILE = "no such file"
OUTSIDE = "refused: it leads out of the folder"


class Folder(Section):
    """The section catalogue.folder of params.yaml."""

    path: str
    table: str


def read_folder(
    params: Folder, root: Path, images: Path, max_mb: float, min_found_share: float
) -> CrawlResult:
    """Read the pictures of a folder, at any depth; names that begin with a point are passed over.

    Without a table each file is a product: its sku is the file's name without its ending, or its
    path where another file has the name too; its line is the name of the folder that it lies
    in. With one, each row is a view of the product that it names, and tells what the file's place
    would tell otherwise where it leaves a cell empty.

    Args:
        params: catalogue.folder of params.yaml.
        root: folder that its paths are relative to.
        images: folder that receives each picture's bytes as ``<sha256>.<ext>``.
        max_mb: megabytes of one picture.
        min_found_share: share of the table's rows that must give a picture.

    Raises:
        BestsellerError: the folder or the table cannot be read, the table is wrong, or too few
            are pictures.
    """
    folder, table = _places(params, root)
    images.mkdir(parents=True, exist_ok=True)
    rejects: set[Rejected] = set()
    files: list[str] = []
    for file, reason in _walk(folder, table):
        if reason:
            rejects.add(Rejected("", file, reason))
        else:
            files.append(file)
    rows = read_rows(table, _meaning(files)) if table else numbered(Row(file) for file in files)
    shown: dict[str, list[tuple[Row, Image | None]]] = {}
    lost: dict[str, str] = {}
    for row in rows:
        stored = _store(folder, row.file, images, max_mb)
        if isinstance(stored, str):
            lost[row.file] = stored
            rejects.add(Rejected(row.sku if table else "", row.file, stored))
        if table or not isinstance(stored, str):
            shown.setdefault(row.sku, []).append((row, None if isinstance(stored, str) else stored))
    rejects |= {Rejected("", f, "not in the table") for f in set(files) - {r.file for r in rows}}
    found = sum(row.file not in lost for row in rows)
    if not found or (table and found < min_found_share * len(rows)):
        examples = "; ".join(f"{file}: {reason}" for file, reason in sorted(lost.items())[:3])
        raise BestsellerError(
            f"{table or folder}: {found} of {len(rows)} {'rows' if table else 'files'} give a "
            f"picture{f' ({examples})' if examples else ''}; mend catalogue.folder in params.yaml; "
            "the last catalogue stays"
        )
    products = one_spelling(_product(sku, views) for sku, views in sorted(shown.items()))
    rejects |= set(numbers_on_several(products))
    hashes = {image.sha256 for product in products for image in product.images}
    stats = {"pages_listed": len(rows), "pages_read": found, "pages_forbidden": 0}
    stats |= {"images_read": len(hashes), "requests": 0, "not_modified": 0, "body_bytes": 0}
    first = {product.url: shown[product.sku][0][0].file for product in products}
    pages = {url: file for url, file in first.items() if url != file}
    return CrawlResult(products, sorted(rejects), stats, lost, pages=pages)


def probe_folder(params: Folder, root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, and of the table, by path.

    Raises:
        BestsellerError: the folder or the table cannot be read.
    """
    folder, table = _places(params, root)
    hashes = {file: sha256_file(folder / file) for file, why in _walk(folder, table) if not why}
    return hashes | ({f"table {params.table}": sha256_file(table)} if table else {})


def _places(params: Folder, root: Path) -> tuple[Path, Path | None]:
    if not params.path:
        raise BestsellerError(
            "params.yaml: catalogue.folder.path: empty; set the folder of the pictures for "
            "catalogue.source: folder"
        )
    folder, table = root / params.path, root / params.table if params.table else None
    if not folder.is_dir():
        raise BestsellerError(f"{folder}: no folder; mend catalogue.folder.path in params.yaml")
    if table and not table.is_file():
        raise BestsellerError(f"{table}: no file; mend catalogue.folder.table in params.yaml")
    return folder, table


def _walk(folder: Path, table: Path | None) -> Iterator[tuple[str, str]]:
    """Yield the path of each file below `folder`, sorted, and why it is refused or ""."""
    found: list[tuple[str, str]] = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        links = [name for name in folders if Path(place, name).is_symlink()]
        folders[:] = [n for n in folders if n not in links and not n.startswith(".")]
        for name in [*names, *links]:
            path = Path(place, name)
            if name.startswith(".") or (table and path.resolve() == table.resolve()):
                continue
            file = path.relative_to(folder).as_posix()
            told = file.encode(errors="replace").decode()
            found.append((told, "its name is no UTF-8" if told != file else _refusal(folder, path)))
    yield from sorted(found)


def _meaning(files: Collection[str]) -> Callable[[str], str]:
    """Return a function that finds the file for a path of the table that is written in another way.

    Such a path has backslashes, begins with ./, is in another case, or composes its accents
    differently."""
    alike: dict[str, list[str]] = {}
    for file in files:
        alike.setdefault(_in_one_way(file), []).append(file)

    def meant(written: str) -> str:
        found = alike.get(_in_one_way(written), [])
        return found[0] if len(found) == 1 and written not in found else written

    return meant


def _in_one_way(path: str) -> str:
    plain = unicodedata.normalize("NFC", path).replace("\\", "/")
    return posixpath.normpath(plain).casefold()


def _raise(error: OSError) -> None:
    raise BestsellerError(f"{error.filename}: {error.strerror}; let it be read") from error


def _refusal(folder: Path, path: Path) -> str:
    """Return why a file may not be read, or ""."""
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):  # nothing there, or links in a circle
        return NO_FILE
    if not real.is_relative_to(folder.resolve()):
        return OUTSIDE
    return "" if real.is_file() else "no file but a folder, a device or the like"


def _store(folder: Path, file: str, images: Path, max_mb: float) -> Image | str:
    """Copy a picture's bytes under their hash; return why not where it is none."""
    path = folder / file
    if reason := _refusal(folder, path):
        return reason
    try:
        if path.stat().st_size > max_mb * 2**20:
            return "larger than catalogue.crawl.max_body_mb allows"
        with path.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
            extension = image_format(head)
            if extension is None:
                return refused_format(head) or "no image"
            opened.seek(0)
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            name = f"{digest}.{extension}"
            opened.seek(0)
            with (images / name).open("wb") as copy:
                shutil.copyfileobj(opened, copy)
    except OSError as error:
        if out_of_means(error):  # this machine's fault, and no picture's
            raise
        return f"not read ({error.strerror})"
    return Image(url=file, view="other", sha256=digest, file=name)


def _product(sku: str, views: list[tuple[Row, Image | None]]) -> Product:
    """Return the product that some rows show; a cell counts for all of its rows."""
    rows = [row for row, _ in views]
    told = {key: next(filter(None, (getattr(row, key) for row in rows)), None) for key in SHARED}
    line = told["line"] or told["category"] or rows[0].folder or ONE_LINE
    front = next((row.file for row in rows if row.view == "front"), None)
    images: dict[str, Image] = {}
    for row, image in views:
        if image is not None:
            front = front or (row.file if not row.view else None)
            view = row.view or ("front" if row.file == front else "other")
            images.setdefault(row.file, image.model_copy(update={"view": view}))
    return Product(
        sku=sku,
        name=told["name"] or sku,
        line=line,
        category=told["category"] or line,
        brand=told["brand"],
        price=told["price"],
        currency=told["currency"],
        url=told["url"] or rows[0].file,
        images=tuple(images.values()),
        attributes=agreed(dict(row.attributes) for row in rows),
    )
