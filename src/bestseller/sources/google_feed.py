"""A product feed as for Google Merchant Center: RSS 2.0, Atom 1.0 or text between tabs.

The names are those of Google's product data specification. Items of one `item_group_id` are one
design, or one for each colour where no two colours share their photo.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from lxml import etree

from bestseller.catalogue.product import Entry, Product, Variant, version_of
from bestseller.catalogue.tidy import agreed
from bestseller.page import pictures, text
from bestseller.page.facts import Picture
from bestseller.page.tabular import read_table
from bestseller.params.section import Section
from bestseller.sources.feed import Feed

NAMESPACE = "base.google.com"
READ = frozenset(
    [
        *("id", "title", "link", "description", "image_link", "additional_image_link", "price"),
        *("sale_price", "sale_price_effective_date", "availability", "brand", "gtin", "mpn"),
        "item_group_id",
    ]
)
# What says nothing of the design: addresses, stock, delivery, advertising.
_ASIDE = re.compile(
    r".*_link|(?:shipping|tax|ads|unit_pricing|max_handling|min_handling|transit|availability)\w*"
    r"|quantity|\w*inventory\w*|sell_on_google\w*|identifier_exists|(?:ex|in)cluded_destination"
    r"|shopping_ads_excluded_country|pause|installment|loyalty_\w+|cost_of_goods_sold"
    r"|auto_pricing_min_price|expiration_date|pickup_\w+|external_seller_id|updated|published|guid"
)
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe \t\r\n"  # marks of the order of bytes, white space
_CURRENCY = re.compile(r"\b[A-Z]{3}\b")

Item = dict[str, list[str]]


class Settings(Section):
    feed: str
    url: str
    line: str


class Source(Feed):
    """The feed of the settings."""

    name = "google_feed"
    reader = f"{__name__}:read_feed"
    settings: Settings

    def reading(self) -> dict[str, Any]:
        return {"line": self.settings.line}


def read_feed(body: bytes, origin: str, line: str) -> list[Entry]:
    """Read a feed; a broken item loses itself alone.

    Args:
        body: the file.
        origin: of the shop.
        line: attribute that tells the line; of a path such as ``A > B`` the last part, the first
            is the category.

    Raises:
        ValueError: it is no feed.
    """
    items = _of_xml(body) if _is_xml(body) else _of_table(body)
    groups: defaultdict[str, list[Item]] = defaultdict(list)
    entries = []
    for number, item in enumerate(items, start=1):
        if not _first(item, "id") or not _first(item, "title"):
            missing = "title" if _first(item, "id") else "id"
            url = f"{origin}/#item-{number}"
            entries.append(Entry(url, "", (), f"no product (item {number} has no {missing})"))
        else:
            group = _first(item, "item_group_id") or ""
            groups[f"group {group}" if group else f"item {_first(item, 'id')}"].append(item)
    for members in groups.values():
        for colour, part in _by_colour(members).items():
            entries.append(_entry(part, colour, origin, line))
    return entries


def _is_xml(body: bytes) -> bool:
    """Tell whether a file begins as XML does, in an encoding of one byte a character or of two."""
    return body[:1000].replace(b"\0", b"").lstrip(_BEFORE_XML).startswith(b"<")


def _of_xml(body: bytes) -> list[Item]:
    parser = _parser()
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        # some shops use the prefix g without saying whose it is; all else is then sound
        if {entry.type_name for entry in parser.error_log} != {"NS_ERR_UNDEFINED_NAMESPACE"}:
            raise ValueError(f"no XML ({str(error).splitlines()[0]})") from error
        root = etree.fromstring(body, _parser(recover=True))
    found = [e for e in root.iter("{*}item", "{*}entry") if len(e)]
    if not found and etree.QName(root).localname not in ("rss", "feed", "RDF"):
        raise ValueError(f"no product feed, but <{etree.QName(root).localname}>")
    return [_item(element) for element in found]


def _parser(*, recover: bool = False) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        recover=recover,
    )


def _item(element: Any) -> Item:
    """Return the attributes of an item; Google's own stand before those of RSS or Atom."""
    plain: defaultdict[str, list[str]] = defaultdict(list)
    own: defaultdict[str, list[str]] = defaultdict(list)
    for child in element.iterchildren(tag=etree.Element):
        namespace, _, name = str(child.tag).rpartition("}")
        prefix, _, local = name.rpartition(":")  # a prefix that nobody declared
        told = own if prefix or NAMESPACE in namespace else plain
        if inner := list(child.iterchildren(tag=etree.Element)):
            parts = {re.split("[}:]", part.tag)[-1]: text.clean(part.text) for part in inner}
            detail = parts.get("attribute_name")
            if local == "product_detail" and detail:
                told[detail.lower()].append(parts.get("attribute_value") or "")
        else:
            told[local].append((child.text or child.get("href") or "").strip())
    return {**plain, **own}


def _of_table(body: bytes) -> list[Item]:
    items = []
    for row in read_table(body):
        named = {name.removeprefix("g:").replace(" ", "_"): cell for name, cell in row.items()}
        item = {name: [cell] for name, cell in named.items() if name and cell}
        items.append(item)
    if items and not {"id", "title"} & items[0].keys():
        raise ValueError("no product feed: its header names neither id nor title")
    return items


def _by_colour(members: list[Item]) -> dict[str, list[Item]]:
    """Return the items of each colour, all under "" where the group is one design."""
    colours: defaultdict[str, list[Item]] = defaultdict(list)
    for item in members:
        colours[(_first(item, "color") or "").casefold()].append(item)
    photos = [{_first(item, "image_link") for item in part} for part in colours.values()]
    shared = sum(map(len, photos)) > len(set().union(*photos))
    if len(colours) < 2 or "" in colours or shared or None in set().union(*photos):
        return {"": members}
    return {_first(part[0], "color") or "": part for part in colours.values()}


def _entry(items: list[Item], colour: str, origin: str, line: str) -> Entry:
    first = next((i for i in items if _available(i) == "InStock"), items[0])
    number, group = _first(items[0], "id") or "", _first(items[0], "item_group_id")
    url = pictures.absolute(_first(first, "link") or "", f"{origin}/")
    url = url if _first(first, "link") and url else f"{origin}/#{quote(number)}"
    title = _first(first, "title") or ""
    name = f"{title}, {colour}" if colour and colour.casefold() not in title.casefold() else title
    path = [part for p in (_first(first, line) or "").split(">") if (part := text.clean(p))]
    price, currency = _asked(first)
    stock = {_available(item) for item in items} - {None}
    gtins = {found for item in items if (found := text.gtin(_first(item, "gtin")))}
    shown = dict.fromkeys(
        address
        for item in items
        for address in [*item.get("image_link", [])[:1], *_further_images(item)]
        if address.strip()
    )
    design = Product(
        sku=(f"{group}-{colour}" if colour else group) if group else number,
        name=name,
        line=path[-1] if path else None,
        category=path[0] if path else None,
        brand=_first(first, "brand"),
        price=price,
        currency=currency,
        availability="InStock" if "InStock" in stock else min(filter(None, stock), default=None),
        gtin=gtins.pop() if len(gtins) == 1 else None,
        mpn=text.identifier(_first(first, "mpn")) if len(items) == 1 else None,
        url=url,
        variants=tuple(
            Variant(sku=_first(item, "id") or "", name=_first(item, "title") or title)
            for item in items
            if group
        ),
        images=pictures.images([Picture(address.strip()) for address in shown], url, title),
        attributes=agreed(_attributes(item, line) for item in items),
    )
    version = version_of([design])
    return Entry(url, version, (design,))


def _further_images(item: Item) -> list[str]:
    """Return the addresses of further pictures, which may stand in one cell with commas between."""
    told = item.get("additional_image_link", [])
    return [address for text_ in told for address in re.split(r",(?=\s*https?:)", text_)]


def _attributes(item: Item, line: str) -> dict[str, str]:
    told = {
        name: text.clean(" | ".join(filter(None, values)))
        for name, values in item.items()
        if name not in READ and name != line and not _ASIDE.fullmatch(name)
    }
    return {name.replace("_", " "): value for name, value in told.items() if value}


def _asked(item: Item) -> tuple[str | None, str | None]:
    """Return (price, currency) that is asked now: the sale's while it lasts, else the usual one."""
    now = dt.datetime.now(dt.UTC)
    sale, usual = _first(item, "sale_price"), _first(item, "price")
    told = (
        sale
        if text.amount(sale) and _lasts(_first(item, "sale_price_effective_date"), now)
        else usual
    )
    code = _CURRENCY.search(told or "")
    return text.amount(told), code[0] if code else None


def _lasts(period: str | None, now: dt.datetime) -> bool:
    """Tell whether `now` is within ``start/end``; a period that cannot be read has no end."""
    try:
        days = [dt.datetime.fromisoformat(day.strip()) for day in (period or "").split("/")]
        start, end = (day if day.tzinfo else day.replace(tzinfo=dt.UTC) for day in days)
    except ValueError:
        return True
    return start <= now <= end


def _available(item: Item) -> str | None:
    return text.availability(_first(item, "availability"))


def _first(item: Item, name: str) -> str | None:
    values: Iterable[str] = item.get(name, ())
    return next((word for value in values if (word := text.clean(value))), None)
