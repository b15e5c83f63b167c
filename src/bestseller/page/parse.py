"""From a product page to product records: metadata first, then what a reader sees."""

import re
from dataclasses import replace
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lxml import etree, html
from lxml.html import HtmlElement
from w3lib.encoding import html_to_unicode

from bestseller.catalogue.product import Product, Rejected, Variant
from bestseller.page import pictures, schema, text
from bestseller.page.facts import Facts, Picture
from bestseller.page.jsonld import read_jsonld
from bestseller.page.microdata import read_microdata
from bestseller.page.variations import read_variations
from bestseller.page.visible import main_heading, read_visible, sku_of

Read = tuple[Product, tuple[tuple[str, str], ...]]  # a product, and pictures left out of it

LIKE = 0.6  # share of words from which a name is that of the page
OG_IMAGES = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image")
_VIEWED = re.compile(r"['\"]ViewContent['\"]\s*,\s*\{[^{}]*?\bvalue['\"]?\s*:\s*['\"]?(\d[\d.]*)")
_TRACKING = re.compile(r"^(?:utm_\w+|gclid|fbclid|msclkid|mc_[ce]id|ref_?)$")
META = {
    "sku": ("product:retailer_item_id", "product:retailer_part_no"),
    "name": ("og:title", "twitter:title"),
    "brand": ("product:brand", "og:brand"),
    "price": ("product:sale_price:amount", "product:price:amount", "og:price:amount"),
    "currency": ("product:price:currency", "og:price:currency"),
    "availability": ("product:availability", "og:availability"),
    "category": ("product:category",),
    "group": ("product:item_group_id",),
    "gtin": ("product:gtin", "product:ean", "product:upc", "product:isbn"),
    "mpn": ("product:mfr_part_no",),
}


def parse_product_page(page: str | bytes, url: str) -> list[Product]:
    """Read the product that a page is about.

    Args:
        page: HTML, as text or as the bytes that were served.
        url: absolute address of the page.

    Returns:
        The page's product, its variants inside it; several only where a page offers several
        products and is about none of them in particular; none where it offers no product.
    """
    return read_product_page(page, url)[0]


def read_product_page(page: str | bytes, url: str) -> tuple[list[Product], list[Rejected]]:
    """Return the products of `parse_product_page`, and a row for each picture that is left out."""
    read = _read(page, url)
    rejects = [Rejected(product.sku, *told) for product, left_out in read for told in left_out]
    return [product for product, _ in read], rejects


def _read(page: str | bytes, url: str) -> list[Read]:
    tree = _tree(page)
    if tree is None:
        return []
    base = pictures.absolute(next(iter(tree.xpath("//base/@href")), ""), url) or url
    address = _canonical(tree, base, url)
    titles = _titles(tree)
    graphs = (read_jsonld(tree), read_microdata(tree, base))
    trail = next(filter(None, map(schema.trail, graphs)), [])
    marked = [_about(schema.products(graph), titles, address, base) for graph in graphs]
    several = next((facts for facts in marked if len(facts) > 1), [])
    if several and not any(len(facts) == 1 for facts in marked):
        return [_product(facts, address, base, trail) for facts in several if facts.sku]
    meta, visible = _meta(tree), read_visible(tree, url)
    shown = tree.xpath("boolean(//*[@data-product_variations])")
    shown = shown or visible.price or visible.sku or visible.availability or visible.brand
    if not (any(marked) or meta.price or shown or _calls_itself_product(tree)):
        return []
    told = [*(f[0] for f in marked if len(f) == 1), meta]
    own = next((facts.sku for facts in [*told, visible] if facts.sku), None)
    varied = read_variations(tree, own)
    sources = [*told, _event(tree), visible, varied]
    whole = Facts(price=_offered(visible, told) or _agreed([facts.price for facts in sources]))
    for facts in [*sources, _last(tree, titles, visible.mpn or sku_of(url))]:
        whole = whole.or_else(facts)
    if visible.sku and visible.sku != whole.sku and not whole.variants:
        also = (Variant(sku=whole.sku, name=whole.name or whole.sku),) if whole.sku else ()
        whole = replace(whole, sku=visible.sku, variants=also)
    return [_product(whole, address, base, trail)]


def _about(found: list[Facts], titles: list[str], address: str, base: str) -> list[Facts]:
    """Return the product that the page is about, all of them where it is about none in particular.

    It is the one with the page's own address, else the one whose name is most like the headings.
    """
    if len(found) < 2:
        return found
    own = [
        f for f in found if f.url and _bare(pictures.absolute(f.url, base) or "") == _bare(address)
    ]
    if len(own) == 1:
        return own
    scores = [
        max((text.likeness(f.name or "", title) for title in titles), default=0.0) for f in found
    ]
    best = max(scores)
    if best < LIKE:
        return found
    named = [facts for facts, score in zip(found, scores, strict=True) if score == best]
    return [next((facts for facts in named if facts.price), named[0])]


def _agreed(prices: list[str | None]) -> str | None:
    """Return the price that most sources tell, the first source's where they all differ."""
    told = [price for price in prices if price]
    amounts = [Decimal(price) for price in told]
    return max(told, key=lambda price: amounts.count(Decimal(price)), default=None)


def _offered(visible: Facts, told: list[Facts]) -> str | None:
    """Return the price that a reader is asked where metadata tell the one that is struck through.

    None where they do not: then all sources have a say.
    """
    if not visible.price:
        return None
    struck = {Decimal(price) for price in visible.former if Decimal(price) > Decimal(visible.price)}
    regular = any(facts.price and Decimal(facts.price) in struck for facts in told)
    return visible.price if regular else None


def _event(tree: HtmlElement) -> Facts:
    """Read the value of the "product viewed" event that shops report to their advertisers."""
    for script in tree.iter("script"):
        if found := _VIEWED.search(script.text or ""):
            return Facts(price=text.amount(found[1]))
    return Facts()


def _product(facts: Facts, address: str, base: str, trail: list[str]) -> Read:
    crumbs = [crumb for crumb in trail if crumb != facts.name]
    name = facts.name or (crumbs[-1] if crumbs else address)
    line = facts.line or (crumbs[-1] if crumbs else None)
    category = facts.category or (crumbs[-2] if len(crumbs) > 1 else line)
    gallery = pictures.gallery(facts.pictures, base, name)
    product = Product(
        sku=facts.sku or facts.gtin or facts.mpn or "",
        name=name,
        line=line,
        category=category,
        brand=facts.brand,
        price=facts.price,
        currency=facts.currency,
        availability=facts.availability,
        gtin=facts.gtin,
        mpn=facts.mpn,
        url=address,
        group=facts.group,
        variants=facts.variants,
        discontinued=facts.discontinued,
        images=gallery.images,
    )
    return product, gallery.left_out


def _last(tree: HtmlElement, titles: list[str], sku: str | None) -> Facts:
    """Return what is assumed last: the heading is the name, and what is shown is in stock."""
    name = next(iter(titles), None)
    return Facts(name=name, sku=sku, availability="InStock", pictures=pictures.on_page(tree))


def _tree(page: str | bytes) -> HtmlElement | None:
    """Decode as a browser does (mark, then meta, then UTF-8) and parse; None for an empty page."""
    if isinstance(page, bytes):
        _, page = html_to_unicode(None, page, auto_detect_fun=_detect)
    page = re.sub(r"^\s*<\?xml[^>]*\?>", "", page).replace("\x00", "")
    try:
        tree = html.document_fromstring(page)
    except (etree.ParserError, ValueError):
        return None
    return tree


def _detect(page: bytes) -> str:
    try:
        page.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _meta(tree: HtmlElement) -> Facts:
    """Read OpenGraph and its product vocabulary."""
    told: dict[str, list[str]] = {}
    for element in tree.iter("meta"):
        name, content = element.get("property") or element.get("name"), element.get("content")
        if name and content:
            told.setdefault(name.lower(), []).append(content)
    first = {
        field: next((told[name][0] for name in names if name in told), None)
        for field, names in META.items()
    }
    category, line = schema.place(text.clean(first["category"]))
    return Facts(
        sku=text.identifier(first["sku"]),
        name=text.clean(first["name"]),
        line=line,
        category=category,
        brand=text.brand(first["brand"]),
        price=text.amount(first["price"]),
        currency=text.clean(first["currency"]),
        availability=text.availability(first["availability"]),
        group=text.identifier(first["group"]),
        gtin=text.gtin(first["gtin"]),
        mpn=text.identifier(first["mpn"]),
        pictures=tuple(Picture(url) for name in OG_IMAGES for url in told.get(name, ())),
    )


def _calls_itself_product(tree: HtmlElement) -> bool:
    kinds = tree.xpath("//meta[@property='og:type']/@content")
    return any(re.search(r"product|item", kind, re.IGNORECASE) for kind in kinds)


def _titles(tree: HtmlElement) -> list[str]:
    """Return the page's names for itself: headings first, then its titles."""
    heading = main_heading(tree)
    headings = [text.plain(heading)] if heading is not None else []
    titles = [title.text_content() for title in list(tree.iter("title"))[:1]]
    told = [*headings, *tree.xpath("//meta[@property='og:title']/@content"), *titles]
    return [title for words in told if (title := text.clean(words))]


def _canonical(tree: HtmlElement, base: str, url: str) -> str:
    """Return the page's canonical address if it is of its host, else `url` without tracking."""
    for href in tree.xpath("//link[translate(@rel, 'CANOIL', 'canoil')='canonical']/@href"):
        address = pictures.absolute(href, base) if href.strip() else None
        if address and urlsplit(address).netloc == urlsplit(url).netloc:
            return urlsplit(address)._replace(fragment="").geturl()
    parts = urlsplit(url)
    query = [
        (k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k)
    ]
    return urlunsplit(parts._replace(query=urlencode(query), fragment=""))


def _bare(address: str) -> str:
    """Return host and path, the part of an address that tells pages apart."""
    parts = urlsplit(address)
    return parts.netloc.lower() + parts.path.rstrip("/")
