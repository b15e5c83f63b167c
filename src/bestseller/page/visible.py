"""What a reader sees on a product page: used where the page's metadata is silent."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from bestseller.page import text, vocabulary
from bestseller.page.facts import Facts
from bestseller.page.text import UNREAD, plain

# Matched against class, id and test id in lower case, with camelCase split at dashes.
_PRICE_AREA = re.compile(r"price|preis|prix|precio|prezzo|pre[çc]o|cena|cijena|hinta|amount")
_NOT_THE_PRICE = re.compile(
    r"old(?![a-z])|strike|list-?price|original|crossed|rrp|msrp|uvp|saving|discount|coupon|shipping"
    r"|deliver|instal+ment|recommended"
    r"|(?<![a-z])(?:was|regular|before|compare|save|unit|per|from|month|monthly|tax|range|total)"
    r"(?![a-z])"
)
_STRUCK = re.compile(
    r"old(?![a-z])|strike|crossed|original|list-?price|rrp|msrp|uvp"
    r"|(?<![a-z])(?:was|regular|before)(?![a-z])"
)
_ELSEWHERE = re.compile(
    r"relat|recommend|similar|upsell|cross-?sell|carousel|slider|sponsor|bundle|accessor|recently"
    r"|footer|minicart|basket|filter|review"
)
_STOCK_AREA = re.compile(r"avail|stock|verf[uü]g|dispo")
_BRAND_AREA = re.compile(r"(?<![a-z])(?:brand|byline|marca|marque)")
_BRAND_TEXT = re.compile(
    rf"^(?:{vocabulary.BRAND})\s*(?:[:\uff1a]|$)\s*(?P<value>.*)$", re.IGNORECASE
)
_SKU_TEXT, _REFERENCE_TEXT = (
    re.compile(
        rf"^(?:{words})(?:\s*[:#\uff1a]\s*|\s+(?=\S*\d)|$)[:#\s]*(?P<value>.*)$", re.IGNORECASE
    )
    for words in (vocabulary.SKU, vocabulary.REFERENCE)
)
_OUT_OF_STOCK = re.compile(vocabulary.OUT_OF_STOCK, re.IGNORECASE)
_CENTS = re.compile(r"(?<![\d.,])(\d+)\s(\d{2})(?![\d.,])")  # written as 173<sup>34</sup>
# Classes that give a colour or the like its name say nothing of what stands there.
_STYLE = re.compile(
    r"^(?:[a-z]+:)*(?:text|bg|background|border|colou?r|font|fill|stroke|shadow|ring|outline|from|to"
    r"|via|accent|caret|divide|decoration|hover|focus|theme|has|btn|button|icon)-"
    r"|-(?:colou?r|bg|background|border|theme|font|hover)$"
)
_PRICE_TEXT = re.compile(
    rf"^(?:{vocabulary.PRICE})\s*(?:[:\uff1a]|$)\s*(?P<value>.*)$", re.IGNORECASE
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SEPARATORS = ":\uff1a# \u200e\u200f"
MAX_LABELLED = 60  # characters of a value behind a label


def read_visible(tree: HtmlElement, url: str) -> Facts:
    """Read the facts of a page's main product from what stands below its main heading."""
    body, words = _below_heading(tree)
    stock = _stock(body)
    price, former = _price(body)
    if stock == "OutOfStock":
        price = None
    elif price is None:
        price = next(filter(None, map(_labelled_price, _labelled(words, _PRICE_TEXT))), None)
    return Facts(
        sku=_number(words, _SKU_TEXT, url),
        mpn=_number(words, _REFERENCE_TEXT, url),
        brand=text.brand(next(_labelled(words, _BRAND_TEXT), None)) or _byline(body),
        price=price[0] if price else None,
        currency=price[1] or None if price else None,
        availability=stock,
        former=former,
    )


def sku_of(url: str) -> str | None:
    """Return the product number inside an address, None where it has none.

    A query value named like a number wins, then the last number of five digits or more in the
    path, or a part of capitals and digits such as ``/dp/B0756B4GVG``.
    """
    parts = urlsplit(url)
    for key, value in parse_qsl(parts.query):
        if re.fullmatch(
            r"(?:child)?_?(?:sku|pid|asin|product_?id|item_?id|articleid)", key.lower()
        ):
            return text.identifier(value)
    for segment in reversed([part for part in parts.path.split("/") if part][-3:]):
        stem = re.sub(r"\.(?:html?|php|aspx?|jsp)$", "", segment)
        if re.fullmatch(r"(?=.*\d)[A-Z0-9]{6,16}", stem):
            return stem
        if numbers := re.findall(r"(?<!\d)\d{5,}(?!\d)", stem):
            return str(numbers[-1])
    return None


def main_heading(tree: HtmlElement) -> HtmlElement | None:
    """Return the heading that is most like the page's title, the first of several that are."""
    title = " ".join(element.text_content() for element in list(tree.iter("title"))[:1])
    headings = [heading for heading in tree.iter("h1") if plain(heading)]
    return max(headings, key=lambda h: text.likeness(plain(h), title), default=None)


def _below_heading(tree: HtmlElement) -> tuple[list[HtmlElement], list[str]]:
    """Return the visible elements and texts from the main heading on, in reading order.

    All of them where there is no heading; areas about other products are left out.
    """
    body, heading = tree.find(".//body"), main_heading(tree)
    elements: list[HtmlElement] = []
    words: list[str] = []
    walker = etree.iterwalk(
        tree if body is None else body, events=("start", "end", "comment", "pi")
    )
    open_ = heading is None
    for event, element in walker:
        if event == "start":
            open_ = open_ or element is heading
            if element.tag in UNREAD or _is_hidden(element) or _is(element, _ELSEWHERE):
                walker.skip_subtree()
                continue
            elements += [element] * open_
        part = element.text if event == "start" else element.tail
        if open_ and part and (word := " ".join(part.split())):
            words.append(word)
    return elements, words


def _is_hidden(element: HtmlElement) -> bool:
    style = re.sub(r"\s", "", element.get("style") or "").lower()
    return "display:none" in style or element.get("hidden") is not None


def _is(element: HtmlElement, pattern: re.Pattern[str], *, styles: bool = True) -> bool:
    """Tell whether a class, id or test id says so; those of style alone do only with `styles`."""
    names = (element.get("class"), element.get("id"), element.get("data-testid"))
    said = [_CAMEL.sub("-", name).lower() for name in names if name]
    if not styles:
        said = [part for name in said for part in name.split() if not _STYLE.search(part)]
    return any(map(pattern.search, said))


def _number(words: list[str], label: re.Pattern[str], url: str) -> str | None:
    """Return the labelled number, where there are several the one that the address has too."""
    told = [text.identifier(value) for value in _labelled(words, label)]
    skus = [sku for sku in told if sku and len(sku) >= 4 and re.search(r"\d", sku)]
    return next((sku for sku in skus if sku.lower() in url.lower()), next(iter(skus), None))


def _labelled(words: list[str], label: re.Pattern[str]) -> Iterator[str]:
    """Yield what stands behind a label: in the same text, else in the next one."""
    for place, word in enumerate(words):
        found = label.match(word) if len(word) <= 2 * MAX_LABELLED else None
        if found:
            behind = (w for w in words[place + 1 : place + 3] if w.strip(_SEPARATORS))
            value = (found["value"] or next(behind, "")).strip(_SEPARATORS)
            if 1 < len(value) <= MAX_LABELLED and not label.match(value) and text.clean(value):
                yield text.clean(value) or ""


def _byline(body: list[HtmlElement]) -> str | None:
    """Return the brand from an element that calls itself brand or byline."""
    for element in body:
        if (
            _is(element, _BRAND_AREA, styles=False)
            and (words := plain(element))
            and len(words) <= MAX_LABELLED
        ):
            forms = (re.fullmatch(form, words, re.IGNORECASE) for form in vocabulary.BYLINE)
            return text.brand(next((found[1] for found in forms if found), words))
    return None


def _stock(body: list[HtmlElement]) -> str | None:
    """Return OutOfStock where an element about availability says so, outside a choice of sizes."""
    for element in body:
        if element.tag in ("option", "li", "label", "select") or not _is(
            element, _STOCK_AREA, styles=False
        ):
            continue
        words = plain(element)
        if words and len(words) <= 400:
            return "OutOfStock" if _OUT_OF_STOCK.search(words) else "InStock"
    return None


def _price(body: list[HtmlElement]) -> tuple[tuple[str, str] | None, tuple[str, ...]]:
    """Return (price, currency) that is asked, and the amounts that are struck through.

    The price is that of the first element about it, else the first bare one. Former prices, prices
    of a unit, of a rate or of the delivery do not count.
    """
    former: set[HtmlElement] = set()
    asked: tuple[str, str] | None = None
    bare: tuple[str, str] | None = None
    struck: list[str] = []
    for element in body:
        if element.getparent() in former or _is_former(element):
            former.add(element)
            words = plain(element) if _is_struck(element) else ""
            if len(words) <= MAX_LABELLED and (found := text.money(words)):
                struck.append(found[0])
        elif asked:
            continue
        elif _is(element, _PRICE_AREA):
            words = _CENTS.sub(r"\1.\2", plain(element, _is_former))
            if len(words) <= MAX_LABELLED and (found := text.money(words)):
                asked = found
        elif not bare and text.MONEY.fullmatch((element.text or "").strip()):
            bare = text.money(element.text or "")
    return asked or bare, tuple(dict.fromkeys(struck))


def _labelled_price(value: str) -> tuple[str, str] | None:
    """Return (price, currency) of what stands behind a label, the currency empty if untold."""
    if found := text.money(value):
        return found
    bare = re.fullmatch(text.AMOUNT, value)
    return (text.decimal(bare.group()), "") if bare else None


def _is_former(element: HtmlElement) -> bool:
    return _is_struck(element) or _is(element, _NOT_THE_PRICE)


def _is_struck(element: HtmlElement) -> bool:
    return element.tag in ("del", "s", "strike") or _is(element, _STRUCK)
