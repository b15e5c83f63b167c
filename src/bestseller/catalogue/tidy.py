"""What holds for the products of every source: one spelling of a line, one design for a number."""

import html
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from bestseller.catalogue.product import Product, Rejected, Variant


def one_spelling(products: Iterable[Product]) -> list[Product]:
    """Return the products with lines and categories that differ by form alone made one.

    Form is the case, white space, HTML entities and Unicode's compatible letters. The spelling that
    most products have stays; of equally many rather one in capitals and small letters.
    """
    products = list(products)
    told = Counter(
        _plain(word) for p in products for word in (p.line, p.category) if word is not None
    )
    best: dict[str, str] = {}
    for word in sorted(told, key=lambda w: (-told[w], w.isupper() or w.islower(), w)):
        best.setdefault(word.casefold(), word)

    def spelled(word: str | None) -> str | None:
        return None if word is None else best[_plain(word).casefold()]

    return [
        product
        if (line := spelled(product.line), category := spelled(product.category))
        == (product.line, product.category)
        else product.model_copy(update={"line": line, "category": category})
        for product in products
    ]


def _plain(word: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", html.unescape(word)).split())


def numbers_on_several(products: Iterable[Product]) -> list[Rejected]:
    """Return a row for each design that shares a number with another one.

    Both designs keep the number, so that whoever joins the sales by it sees that it names two.
    """
    designs: defaultdict[str, list[Product]] = defaultdict(list)
    for product in products:
        for number in {product.sku, *(variant.sku for variant in product.variants)}:
            designs[number].append(product)
    return [
        Rejected(
            number,
            product.url,
            f"this number is on {len(sharing)} designs, "
            f"{', '.join(sorted(repr(p.name) for p in sharing)[:3])}: its sales tell of neither",
        )
        for number, sharing in sorted(designs.items())
        if len(sharing) > 1
        for product in sharing
    ]


def told_apart(records: list[Product]) -> list[list[Product]]:
    """Split records of one number into designs: one has a name, a picture or a page in common."""
    parts: list[tuple[set[str], list[Product]]] = []
    for record in records:
        marks = {f"name {_plain(record.name).casefold()}", f"page {_page(record.url)}"}
        marks |= {f"picture {image.url}" for image in record.images}
        same = [part for part in parts if part[0] & marks]
        merged = (marks.union(*(part[0] for part in same)), [r for p in same for r in p[1]])
        parts = [part for part in parts if part not in same] + [(merged[0], [*merged[1], record])]
    return [part for _, part in parts]


def _page(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.lower() + parts.path.rstrip("/")


def numbered_by_page(design: Product) -> Product:
    """Return a design whose number is another's too, under a number made of it and its page."""
    variants = {variant.sku: variant for variant in design.variants}
    variants.setdefault(design.sku, Variant(sku=design.sku, name=design.name))
    return design.model_copy(
        update={
            "sku": f"{design.sku}@{urlsplit(design.url).path}",
            "variants": tuple(variants[sku] for sku in sorted(variants)),
        }
    )


def agreed(told: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return the attributes of a design: those that all of its parts that tell them tell alike."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for attributes in told:
        for name, value in attributes.items():
            if value:
                values[name].add(value)
    return {name: found.pop() for name, found in sorted(values.items()) if len(found) == 1}
