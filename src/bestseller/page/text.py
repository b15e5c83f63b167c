"""Reading the small values of a product page: text, prices, numbers, availability."""
# ruff: noqa: RUF001 (letters and digits of many scripts)

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

UNREAD = frozenset(["script", "style", "template", "noscript"])
AMOUNT = (
    r"\d{1,3}(?:[ .,'’\u00a0\u2009\u202f]\d{3})+(?:[.,]\d{1,2})?"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?"  # lakhs and crores
    r"|\d+(?:[.,]\d+)?"
)
CURRENCY = (
    r"(?:US|CA|AU|C|A|R|NZ|HK|NT)?\$|€|£|¥|￥|₹|₽|₺|₩|₪|฿|₴|₫|₸|₱|zł|Kč|Kn|kn|Lei|lei|Ft|kr\.?"
    r"|Rs\.?|р\.|руб\.?|грн\.?|лв\.?|ден\.?|ر\.س|円|元|\b(?:EUR|USD|GBP|CHF|CAD|AUD|JPY|INR|PLN|CZK|SEK|NOK|DKK|HUF|RON|BRL|SAR|AED)\b"
)
MONEY = re.compile(rf"(?:(?P<before>{CURRENCY})\s*)?(?P<amount>{AMOUNT})\s*(?P<after>{CURRENCY})?")
GTIN_LENGTHS = (8, 12, 13, 14)
MAX_TEXT = 2_000  # characters of a name, the longest of what is kept

# What a link to a brand's page says around its name; the group is the brand.
LINK_WORDS = [
    r"(?:shop|see|view|show|browse|discover|explore)(?: all| more)?(?: products| items| styles)?"
    r"(?: from| by| of)? (.+)",
    r"(?:more|all)(?: products| items| styles)? (?:from|by|of) (.+)",
    r"visit(?: the)? (.+?)(?: store| shop| website)?",
    r"(?:alle|mehr|weitere)(?: produkte| artikel)? (?:von|der marke) (.+)",
    r"(?:tous les|plus de|voir tous les) produits (?:de |d')(.+)",
    r"(?:todos los|m[áa]s|ver todos los) productos de (.+)",
    r"(?:tutti i|altri) prodotti (?:di|da) (.+)",
    r"(?:todos os|mais) produtos d[aeo] (.+)",
    r"(?:alle|meer) (?:producten|artikelen) van (.+)",
    r"(.+?)(?:の商品一覧|の他の商品|のすべての商品|の全商品)",
    r"(?:查看更多|更多|全部)\s*(.+?)\s*(?:产品|商品|產品)?",
]

# Placeholders of templates that were never filled in, such as {{brand}}, $brand or "N/A".
_EMPTY = re.compile(
    r"^(?:[$@]\w+|.*(?:\{\{|\$\{|<%).*|n/?a|null|none|undefined|nan|unknown|[\W_]*)$",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AVAILABILITY = {
    "instock": "InStock",
    "limitedavailability": "InStock",
    "onlineonly": "InStock",
    "instoreonly": "InStock",
    "available": "InStock",
    "availablefororder": "InStock",
    "outofstock": "OutOfStock",
    "soldout": "OutOfStock",
    "discontinued": "OutOfStock",
    "unavailable": "OutOfStock",
    "oos": "OutOfStock",
    "preorder": "PreOrder",
    "presale": "PreOrder",
    "backorder": "BackOrder",
    "madetoorder": "BackOrder",
}


def clean(value: Any) -> str | None:
    """Return text with entities decoded and white space collapsed, None where nothing is said.

    Control characters count as white space; what is longer than MAX_TEXT is cut.
    """
    if value is None or isinstance(value, (dict, list, bool)):
        return None
    text = html.unescape(str(value)).replace("\ufeff", "").replace("\u200b", "")
    text = " ".join(_CONTROL.sub(" ", text).split())[:MAX_TEXT].rstrip()
    return None if _EMPTY.match(text) else text


def identifier(value: Any) -> str | None:
    """Return a product number, None where the value is a sentence rather than a number."""
    text = clean(value)
    if text is None:
        return None
    text = re.sub(
        r"^(?:sku|mpn|gtin\d*|ean|upc|isbn|asin|id)\s*[:#]\s*", "", text, flags=re.IGNORECASE
    )
    return text if text and len(text) <= 64 and text.count(" ") <= 1 else None


def gtin(value: Any) -> str | None:
    """Return a GTIN as text with its leading zeros, None unless its length and digits allow it."""
    digits = re.sub(r"[\s-]", "", identifier(value) or "")
    valid = digits.isdecimal() and len(digits) in GTIN_LENGTHS and digits.strip("0")
    return digits if valid else None


def amount(value: Any) -> str | None:
    """Return a price from structured data, where a lone separator is the decimal one.

    ``26,00 €`` gives 26.00, ``1.234,56`` gives 1234.56, ``34.000`` stays 34.000 as schema.org says.
    Of a range the lower end counts, of a text what stands beside a currency, else the first number
    that is no percentage. A price of 0 is none: shops write it for what they do not tell.
    """
    text = clean(value)
    if text is None:
        return None
    text = unicodedata.normalize("NFKC", text)
    if re.fullmatch(r"\d+(\.\d+)?", text):
        told = text
    elif marked := money(text):
        told = marked[0]
    else:
        found = re.search(rf"(?<![\d.,])(?:{AMOUNT})(?![\d.,]*\s*%)", text)
        told = decimal(found.group()) if found else ""
    return told if told.strip("0.") else None


def decimal(text: str) -> str:
    """Return a written amount as digits with a decimal point.

    The last separator is the decimal one unless three digits follow it: ``1.234`` is a thousand.
    """
    digits = re.sub(r"[\s'’]", "", text)
    if found := re.fullmatch(r"(.*)[.,](\d{1,2}|\d{4,})", digits):
        return f"{re.sub(r'[.,]', '', found[1])}.{found[2]}"
    return re.sub(r"[.,]", "", digits)


def money(text: str) -> tuple[str, str] | None:
    """Return (amount, currency) of the first price written with its currency."""
    for found in MONEY.finditer(text):
        if currency := found["before"] or found["after"]:
            return decimal(found["amount"]), currency
    return None


def brand(value: Any) -> str | None:
    """Return a brand without the words of a link to its page, or the shop's name behind a bar."""
    text = clean(value)
    if text is None:
        return None
    text = re.split(r"\s+[|\uff5c\u2022\u00bb\u203a]\s+", text)[0]
    for form in LINK_WORDS:
        if found := re.fullmatch(form, text, re.IGNORECASE):
            return clean(found[1])
    return text


def likeness(name: str, title: str) -> float:
    """Return the share of the shorter text's words that stand in the other, 0..1."""
    ours, theirs = (set(re.findall(r"\w+", words.lower())) for words in (name, title))
    return len(ours & theirs) / max(1, min(len(ours), len(theirs)))


def availability(value: Any) -> str | None:
    """Return InStock, OutOfStock, PreOrder or BackOrder from a schema.org address or a word."""
    text = clean(value)
    if text is None:
        return None
    word = re.sub(r"[^a-z]", "", text.rstrip("/").rsplit("/", 1)[-1].lower())
    return _AVAILABILITY.get(word)


def plain(element: HtmlElement, hidden: Callable[[HtmlElement], bool] | None = None) -> str:
    """Return the text that a reader sees inside an element, white space collapsed.

    Args:
        element: where to read.
        hidden: tells which elements inside are left out with their contents.
    """
    parts = [element.text or ""]
    walker = etree.iterwalk(element, events=("start", "end", "comment", "pi"))
    for event, item in walker:
        if event == "start" and item is not element:
            if item.tag in UNREAD or (hidden and hidden(item)):
                walker.skip_subtree()
            else:
                parts.append(item.text or "")
        elif event != "start" and item is not element:
            parts.append(item.tail or "")
    return " ".join(" ".join(parts).split())
