"""Keeps the products of the last catalogue that the shop no longer sells, since they have sales."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.catalogue.diagnosis import is_passing
from bestseller.catalogue.product import Image, Product, Rejected, Variant
from bestseller.catalogue.raw import CATALOGUE, IMAGES, SOURCE, open_images, read_catalogue
from bestseller.catalogue.tidy import one_spelling
from bestseller.page.assemble import CrawlResult
from bestseller.web.site import GONE

FORBIDDEN_NOW = "robots.txt or its owner's opt-out forbids it now"
Shop = Mapping[str, str | int | float]


@dataclass(frozen=True)
class LastCatalogue:
    """The catalogue that an earlier run left; empty where there is none of the same shop.

    Attributes:
        products: its products.
        pages: a product's address -> the address that its page was asked at, where they differ.
        other_shop: what was there instead is of this shop, or empty.
    """

    products: list[Product] = field(default_factory=list)
    pages: dict[str, str] = field(default_factory=dict)
    other_shop: str = ""

    def addresses(self) -> set[str]:
        """Return the addresses of its pages and pictures."""
        products = {self.pages.get(product.url, product.url) for product in self.products}
        return products | {image.url for product in self.products for image in product.images}


def open_last(folder: Path, shop: Shop) -> LastCatalogue:
    """Read the catalogue in `folder` if it is of `shop`.

    Raises:
        BestsellerError: it is, or may be, of the shop and is damaged.
    """
    if not (folder / CATALOGUE).exists():
        return LastCatalogue()
    if not (folder / SOURCE).exists():
        return LastCatalogue(other_shop=f"an unknown shop, without {folder / SOURCE}")
    try:
        told = read_json(folder / SOURCE)
        pages, last = dict(told["pages"]), dict(told["shop"])
        if last != dict(shop):
            return LastCatalogue(other_shop=", ".join(f"{k} {v}" for k, v in last.items()))
        return LastCatalogue(read_catalogue(folder / CATALOGUE), pages)
    except BestsellerError as error:
        raise _damaged(folder, str(error).partition("; run ")[0]) from error
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(folder, f"{folder / SOURCE}: names no shop") from error


def write_source(folder: Path, shop: Shop, pages: Mapping[str, str]) -> None:
    """Write which shop the catalogue in `folder` is of."""
    write_json(folder / SOURCE, {"shop": dict(shop), "pages": dict(pages)})


def carry_over(result: CrawlResult, last: LastCatalogue, folder: Path, images: Path) -> CrawlResult:
    """Add the products of the last catalogue that this crawl did not find.

    A product whose page could not be read, or may be missing from a list that could not be read
    whole, stays as it was. One that robots.txt or an opt-out now forbids goes. Every other one
    is no longer sold and stays as discontinued. Of a design that is still there, the variants
    stay that are not: their sales are the design's. A photo that could not be had for a reason
    that passes stays as it was, until it is asked for again.

    Args:
        result: what the crawl found.
        last: the last catalogue of the same shop.
        folder: of its images.zip.
        images: folder that receives the pictures' bytes.

    Raises:
        BestsellerError: a picture is missing in images.zip, or damaged.
    """
    current = {product.sku: product for product in result.products}
    groups = {product.group: product.sku for product in result.products if product.group}
    taken = current.keys() | {v.sku for product in current.values() for v in product.variants}
    read = {result.pages.get(product.url, product.url) for product in result.products}
    rejects, pages = set(result.rejects), dict(result.pages)
    kept: list[Product] = []
    shown = _with_lost_photos(current, result.rejects, last.products)
    for old in last.products:
        page = last.pages.get(old.url, old.url)
        left = tuple(variant for variant in old.variants if variant.sku not in taken)
        if old.sku in current:
            current[old.sku] = _with_variants(current[old.sku], left)
        elif old.group in groups:
            sku = groups[old.group]
            left += (Variant(sku=old.sku, name=old.name),) if old.sku not in taken else ()
            current[sku] = _with_variants(current[sku], left)
        elif page in result.forbidden:
            rejects.discard(Rejected("", page, result.lost.get(page, "")))
            rejects.add(Rejected(old.sku, page, result.lost.get(page, FORBIDDEN_NOW)))
        elif old.sku not in taken:
            reason = result.lost.get(page)
            missed = bool(result.incomplete) and page not in read
            gone = reason in GONE if reason else not missed
            rejects |= {
                Rejected(old.sku, image.url, FORBIDDEN_NOW)
                for image in old.images
                if image.url in result.forbidden
            }
            kept.append(
                old.model_copy(
                    update={
                        "variants": left,
                        "images": tuple(i for i in old.images if i.url not in result.forbidden),
                        "discontinued": old.discontinued or gone,
                    }
                )
            )
            pages |= {old.url: page} if page != old.url else {}
    _copy_images([*(image for p in kept for image in p.images), *shown], folder / IMAGES, images)
    return replace(
        result,
        products=one_spelling(sorted([*current.values(), *kept], key=lambda p: p.sku)),
        rejects=sorted(rejects),
        pages=pages,
        carried_over=len(kept),
    )


def _with_lost_photos(
    current: dict[str, Product], rejects: list[Rejected], last: list[Product]
) -> list[Image]:
    """Put back the photos that were lost in passing; return those put back."""
    known = {image.url: image for product in last for image in product.images}
    put_back = []
    for row in rejects:
        if row.sku in current and row.url in known and is_passing(row.reason):
            product = current[row.sku]
            put_back.append(known[row.url])
            images = (*product.images, known[row.url])
            current[row.sku] = product.model_copy(update={"images": images})
    return put_back


def _with_variants(product: Product, left: tuple[Variant, ...]) -> Product:
    if not left:
        return product
    variants = sorted([*product.variants, *left], key=lambda variant: variant.sku)
    return product.model_copy(update={"variants": tuple(variants)})


def _copy_images(shown: list[Image], archive: Path, images: Path) -> None:
    """Copy pictures from images.zip to a folder, their bytes checked."""
    wanted = {image.sha256: image.file for image in shown}
    if not wanted:
        return
    try:
        with open_images(archive) as originals:
            for sha256, name in wanted.items():
                data = originals.read(sha256)
                if hashlib.sha256(data).hexdigest() != sha256:
                    raise BestsellerError(f"{archive}: image {sha256} is not what it was")
                (images / name).write_bytes(data)
    except BestsellerError as error:
        raise _damaged(archive.parent, str(error).partition("; run ")[0]) from error


def _damaged(folder: Path, problem: str) -> BestsellerError:
    return BestsellerError(
        f"{problem}; products no longer sold are kept from the last catalogue: restore it with "
        f"`dvc checkout --force scrape`, or remove {folder} to begin a new one"
    )
