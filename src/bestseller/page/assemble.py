"""From what the spider found to one record a design, and a reason for what is left out."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from bestseller.catalogue.diagnosis import NOT_FETCHED
from bestseller.catalogue.product import Image, Product, Rejected, Variant
from bestseller.catalogue.tidy import (
    numbered_by_page,
    numbers_on_several,
    one_spelling,
    told_apart,
)
from bestseller.page.languages import elsewhere

COUNTED = ("requests", "not_modified", "body_bytes", "peak_memory_mb")
ONE_LINE = "all"  # of a shop that names neither lines nor categories


@dataclass(frozen=True)
class CrawlResult:
    """What a crawl found.

    Attributes:
        products: one record a design, sorted by sku, without pictures that failed.
        rejects: pages and pictures that are not in the catalogue, sorted.
        stats: counts; `pages_listed` in the sitemaps, `pages_read`, `pages_forbidden`,
            `images_read`, `requests`, `not_modified` (answers 304), `body_bytes` (downloaded),
            `peak_memory_mb` (of the crawler's process).
        lost: listed pages that gave no product, and why.
        forbidden: addresses that robots.txt or an opt-out keeps from being used.
        incomplete: lists of pages that could not be read whole, and why.
        pages: a product's address -> the address that its page was asked at, where they differ.
        carried_over: number of products that are of an earlier catalogue.
    """

    products: list[Product]
    rejects: list[Rejected]
    stats: dict[str, int]
    lost: dict[str, str] = field(default_factory=dict)
    forbidden: frozenset[str] = frozenset()
    incomplete: dict[str, str] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    carried_over: int = 0

    def counts(self) -> dict[str, int]:
        """Return what the catalogue holds, as flat metrics that depend on the shop alone."""
        images = [image for product in self.products for image in product.images]
        return {
            "products": len(self.products),
            "products_carried_over": self.carried_over,
            "products_without_image": sum(not product.images for product in self.products),
            "products_discontinued": sum(product.discontinued for product in self.products),
            "variants": sum(len(product.variants) for product in self.products),
            "lines": len({product.line for product in self.products}),
            "categories": len({product.category for product in self.products}),
            "images": len({image.sha256 for image in images}),
            "images_front": len({image.sha256 for image in images if image.view == "front"}),
            "rejects": len(self.rejects),
            "pages_listed": self.stats["pages_listed"],
            "pages_forbidden": self.stats["pages_forbidden"],
        }


def assemble(found: dict[str, Any]) -> CrawlResult:
    """Join pages of one design, attach the stored pictures, name what is left out."""
    lost: dict[str, str] = {}
    pages: dict[str, str] = {}
    by_sku: dict[str, list[Product]] = defaultdict(list)
    read = {url for url, records in found["products"].items() if records}
    other = found["elsewhere"] | elsewhere(found["languages"], read, found["language"])
    for url in found["listed"]:
        if url in other:
            continue
        records = [Product.model_validate(record) for record in found["products"].get(url, [])]
        if url in found["failed"]:
            lost[url] = found["failed"][url]
        elif not records:
            lost[url] = "no product on the page"
        for record in records:
            if record.sku:
                by_sku[record.group or record.sku].append(record)
            else:
                lost[url] = "the page names no sku"
            if record.url not in found["products"]:
                pages.setdefault(record.url, url)
    rejects = [Rejected("", url, reason) for url, reason in lost.items()]
    rejects += [
        Rejected("", url, f"{chosen} is read in its place, in another language")
        for url, chosen in other.items()
    ]
    shown = {
        image.url for records in by_sku.values() for record in records for image in record.images
    }
    rejects += [
        Rejected("", url, reason)
        for url, reason in found["failed"].items()
        if url not in shown and url not in found["listed"]
    ]
    rejects += [Rejected(*row) for row in found["left_out"]]
    designs = [design for _, records in sorted(by_sku.items()) for design in _designs(records)]
    products = []
    for design in designs:
        images = []
        for image in design.images:
            stored = found["stored"].get(image.url)
            if stored is None:
                rejects.append(
                    Rejected(design.sku, image.url, found["failed"].get(image.url, NOT_FETCHED))
                )
            else:
                images.append(
                    Image(url=image.url, view=image.view, sha256=stored[0], file=stored[1])
                )
        products.append(design.model_copy(update={"images": tuple(images)}))
    products = one_spelling(sorted(products, key=lambda product: product.sku))
    rejects += numbers_on_several(products)
    stats = {
        "pages_listed": len(found["listed"]),
        "pages_read": len(found["products"]),
        "pages_forbidden": len(set(found["forbidden"]) & set(found["listed"])),
        "images_read": len(found["stored"]),
        **{key: found[key] for key in COUNTED},
    }
    incomplete = {url: found["failed"][url] for url in found["incomplete"]}
    forbidden = frozenset(found["forbidden"])
    return CrawlResult(products, sorted(set(rejects)), stats, lost, forbidden, incomplete, pages)


def _designs(records: list[Product]) -> list[Product]:
    """Return the designs of the records of one number or group; more than one bears a number."""
    if any(record.group for record in records):
        return [_design(records)]
    parts = [_design(part) for part in told_apart(records)]
    return parts if len(parts) == 1 else [numbered_by_page(part) for part in parts]


def _design(records: list[Product]) -> Product:
    """Return one record for the pages of a design: equal pages once, variant pages as variants."""
    records = sorted(records, key=lambda record: (record.url, record.sku))
    first = records[0]
    variants = {variant.sku: variant for record in records for variant in record.variants}
    images = {image.url: image for record in records for image in record.images}
    skus = {record.sku for record in records}
    if len(skus) > 1:
        variants |= {r.sku: Variant(sku=r.sku, name=r.name) for r in records}
    changes: dict[str, Any] = {
        "sku": first.group if len(skus) > 1 and first.group else first.sku,
        "line": first.line or first.category or ONE_LINE,
        "category": first.category or first.line or ONE_LINE,
        "variants": tuple(variants[sku] for sku in sorted(variants)),
        "images": tuple(images.values()),
        "discontinued": all(record.discontinued for record in records),
    }
    return first.model_copy(update=changes)
