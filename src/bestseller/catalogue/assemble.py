"""From what the spider found to one record a design, and a reason for what is left out."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from bestseller.catalogue.product import Image, Product, Rejected, Variant

PLACEHOLDER_LINES = 2  # a picture on products of as many lines shows none of them
PLACEHOLDER_PRODUCTS = 5  # as many products of one line
ONE_LINE = "all"  # of a shop that names neither lines nor categories


@dataclass(frozen=True)
class CrawlResult:
    """What a crawl found.

    Attributes:
        products: one record a design, sorted by sku, without pictures that failed.
        rejects: pages and pictures that are not in the catalogue, sorted.
        stats: counts; `pages_listed` in the sitemaps, `pages_read`, `pages_forbidden`,
            `images_read`, `requests`, `not_modified` (answers 304), `body_bytes` (downloaded).
    """

    products: list[Product]
    rejects: list[Rejected]
    stats: dict[str, int]

    def counts(self) -> dict[str, int]:
        """Return what the catalogue holds, as flat metrics that depend on the shop alone."""
        images = [image for product in self.products for image in product.images]
        return {
            "products": len(self.products),
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
    rejects: list[Rejected] = []
    by_sku: dict[str, list[Product]] = defaultdict(list)
    for url in found["listed"]:
        records = [Product.model_validate(record) for record in found["products"].get(url, [])]
        if url in found["failed"]:
            rejects.append(Rejected("", url, found["failed"][url]))
        elif not records:
            rejects.append(Rejected("", url, "no product on the page"))
        for record in records:
            if record.sku:
                by_sku[record.group or record.sku].append(record)
            else:
                rejects.append(Rejected("", url, "the page names no sku"))
    shown = {
        image.url for records in by_sku.values() for record in records for image in record.images
    }
    rejects += [
        Rejected("", url, reason)
        for url, reason in found["failed"].items()
        if url not in shown and url not in found["listed"]
    ]
    designs = [_design(records) for _, records in sorted(by_sku.items())]
    placeholders = _placeholders(designs, found["stored"])
    products = []
    for design in designs:
        images = []
        for image in design.images:
            stored = found["stored"].get(image.url)
            if stored is None:
                rejects.append(
                    Rejected(design.sku, image.url, found["failed"].get(image.url, "not fetched"))
                )
            elif stored[0] in placeholders:
                rejects.append(
                    Rejected(
                        design.sku, image.url, "placeholder: the same picture on other products"
                    )
                )
            else:
                images.append(
                    Image(url=image.url, view=image.view, sha256=stored[0], file=stored[1])
                )
        products.append(design.model_copy(update={"images": tuple(images)}))
    products.sort(key=lambda product: product.sku)
    stats = {
        "pages_listed": len(found["listed"]),
        "pages_read": len(found["products"]),
        "pages_forbidden": len(found["forbidden"]),
        "images_read": len(found["stored"]),
        **{key: found[key] for key in ("requests", "not_modified", "body_bytes")},
    }
    return CrawlResult(products, sorted(set(rejects)), stats)


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


def _placeholders(designs: list[Product], stored: dict[str, Any]) -> set[str]:
    """Return the hashes of pictures that stand for "no photo": shown by many products or lines."""
    shown: dict[str, set[tuple[str | None, str]]] = defaultdict(set)
    for design in designs:
        for image in design.images:
            if image.url in stored:
                shown[stored[image.url][0]].add((design.line, design.sku))
    return {
        digest
        for digest, uses in shown.items()
        if len(uses) >= PLACEHOLDER_PRODUCTS or len({line for line, _ in uses}) >= PLACEHOLDER_LINES
    }
