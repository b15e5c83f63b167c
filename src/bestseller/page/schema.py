"""From schema.org products to facts; the vocabulary is that of JSON-LD and microdata alike."""

import datetime as dt
import re
from dataclasses import replace

from bestseller.catalogue.product import Variant
from bestseller.page import text
from bestseller.page.facts import Facts, Picture
from bestseller.page.jsonld import Graph, Node, types

PRODUCTS = frozenset(["product", "individualproduct", "productmodel", "someproducts"])
GROUPS = frozenset(["productgroup"])
# schema.org's PriceTypeEnumeration, and Google's words for prices that are struck through.
LIST_PRICES = frozenset(
    ["listprice", "strikethroughprice", "msrp", "srp", "minimumadvertisedprice", "invoiceprice"]
)
REGULAR, LISTED = 3, 4  # ranks, see `_rank`; what is LISTED is not asked
ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
NO_PRODUCT_PRICE = frozenset(["deliverychargespecification", "paymentchargespecification"])
LINE_NAMES = frozenset(["line", "productline", "collection", "series", "range", "family", "model"])


def products(graph: Graph) -> list[Facts]:
    """Return the products of a graph in page order; a group and its variants are one product."""
    nodes = [node for node in graph.walk() if _is_product(node)]
    children = [child for node in nodes for child in _nodes(graph, node, "hasvariant")]
    claimed = {key for child in children for key in (child.get("@id"), _sku(graph, child)) if key}
    found: list[Facts] = []
    for node in nodes:
        is_child = {node.get("@id"), _sku(graph, node)} & claimed
        if not is_child or _nodes(graph, node, "hasvariant"):
            found.append(_product(graph, node))
    return _joined(found)


def _joined(found: list[Facts]) -> list[Facts]:
    """Join products of one group that stand side by side into one design.

    Products of one name and one address that differ in number are the sizes of one design, which
    some shops write as products of their own.
    """
    sizes: dict[tuple[str, str], set[str]] = {}
    for facts in found:
        if facts.name and facts.sku:
            sizes.setdefault(_same(facts), set()).add(facts.sku)
    designs: dict[object, list[Facts]] = {}
    for place_, facts in enumerate(found):
        one = _same(facts) if len(sizes.get(_same(facts), ())) > 1 and facts.sku else None
        designs.setdefault(facts.group or one or place_, []).append(facts)
    return [
        _design(members[0], members) if len(members) > 1 else members[0]
        for members in designs.values()
    ]


def _same(facts: Facts) -> tuple[str, str]:
    """Return what the products of one design's sizes have in common: name, and address if any."""
    address = re.split(r"[?#]", facts.url or "")[0].rstrip("/")
    return (facts.name or "").casefold(), address


def trail(graph: Graph) -> list[str]:
    """Return the names of the page's breadcrumbs, from the shop's root to the page."""
    for node in graph.walk():
        if "breadcrumblist" in types(node):
            items = _nodes(graph, node, "itemlistelement")
            return [name for item in items if (name := _crumb(graph, item))]
    return []


def _is_product(node: Node) -> bool:
    kinds = types(node)
    return bool(kinds & PRODUCTS or kinds & GROUPS) or bool(
        kinds and "offers" in node and {"sku", "gtin13", "productid", "isbn"} & node.keys()
    )


def _product(graph: Graph, node: Node) -> Facts:
    """Read one product: what it leaves out is taken from its group, then from its variants."""
    facts = _own(graph, node)
    for parent in _nodes(graph, node, "isvariantof"):
        facts = facts.or_else(replace(_own(graph, parent), sku=None, group=_group(graph, parent)))
    told = [_own(graph, child) for child in _nodes(graph, node, "hasvariant")]
    return _design(facts, told) if told else facts


def _design(facts: Facts, members: list[Facts]) -> Facts:
    """Return the record of a group: its own facts, then those of the first member on offer."""
    variants = {
        member.sku: Variant(sku=member.sku, name=member.name or facts.name or member.sku)
        for member in members
        if member.sku
    }
    shown = next((member for member in members if member.availability == "InStock"), members[0])
    pictures = dict.fromkeys(p for item in [facts, *members] for p in item.pictures)
    whole = Facts(
        sku=facts.group or facts.sku,
        variants=tuple(variants.values()),
        availability=shown.availability,
        pictures=tuple(pictures),
    )
    return whole.or_else(facts).or_else(shown)


def _own(graph: Graph, node: Node) -> Facts:
    offers = _offers(graph, node)
    category, line = place(_word(graph, node, "category"))
    stated = [_word(graph, offer, "availability") for offer in offers]
    stock = [found for word in stated if (found := text.availability(word))]
    price, currency = _price(graph, offers)
    return Facts(
        sku=_sku(graph, node),
        name=_word(graph, node, "name"),
        line=_line(graph, node) or line,
        category=category,
        brand=text.brand(_word(graph, node, "brand", "manufacturer")),
        price=price or text.amount(_word(graph, node, "price")),
        currency=currency,
        availability="InStock" if "InStock" in stock else next(iter(stock), None),
        gtin=next(
            (
                found
                for key in ("gtin13", "gtin", "gtin14", "gtin12", "gtin8", "ean", "isbn")
                for item in [node, *offers]
                if (found := text.gtin(_word(graph, item, key)))
            ),
            None,
        ),
        mpn=_number(graph, node, "mpn"),
        url=_word(graph, node, "url") or _word(graph, node, "@id"),
        group=_group(graph, node),
        discontinued=any(word and word.lower().endswith("discontinued") for word in stated),
        pictures=_pictures(graph, node),
        variants=_offered(graph, node, offers),
    )


def _offered(graph: Graph, node: Node, offers: list[Node]) -> tuple[Variant, ...]:
    """Return what offers of their own numbers sell: the variants, where there are several."""
    name = _word(graph, node, "name")
    named: dict[str, str] = {}
    for offer in offers:
        if sku := _number(graph, offer, "sku"):
            named.setdefault(sku, _word(graph, offer, "name") or name or sku)
    return tuple(Variant(sku=k, name=v) for k, v in named.items()) if len(named) > 1 else ()


def place(category: str | None) -> tuple[str | None, str | None]:
    """Split a category path such as ``Professional > Daytona`` into (category, line)."""
    parts = [
        part.strip() for part in re.split(r"\s*[>|\u203a\xbb/]\s*", category or "") if part.strip()
    ]
    if not parts:
        return None, None
    return parts[0], parts[-1]


def _line(graph: Graph, node: Node) -> str | None:
    """Return the product line, which schema.org has no property of its own for."""
    for item in _nodes(graph, node, "additionalproperty"):
        name = re.sub(r"\W", "", (_word(graph, item, "name", "propertyid") or "").lower())
        if name in LINE_NAMES and (value := _word(graph, item, "value")):
            return value
    return None


def _offers(graph: Graph, node: Node) -> list[Node]:
    """Return the offers of a product, those inside an AggregateOffer or another offer too."""
    found: list[Node] = []
    for offer in _nodes(graph, node, "offers") or _nodes(graph, node, "offerdetails"):
        found += [offer, *_nodes(graph, offer, "offers")]
    return found


def _price(graph: Graph, offers: list[Node]) -> tuple[str | None, str | None]:
    """Return (price, currency) that is asked by the first offer that names one.

    A price that is called a sale's is asked, whatever stands beside it; then the offer's own; then
    that of a specification, one that is called regular last. A list price, or one for a measure
    such as a kilogram, is better than none alone. What is over or not yet valid does not count.
    """
    today = dt.datetime.now(dt.UTC).date().isoformat()
    last: tuple[str | None, str | None] = None, None
    for offer in offers:
        specified = [
            node
            for node in _nodes(graph, offer, "pricespecification")
            if not types(node) & NO_PRODUCT_PRICE
            and not node.get("validformembertier")
            and _is_valid(graph, node, today)
        ]
        ranked = sorted([offer, *specified], key=lambda node: _rank(graph, offer, node))
        for node in ranked:
            for key in ("price", "lowprice", "minprice"):
                if price := text.amount(_word(graph, node, key)):
                    word = _word(graph, node, "pricecurrency") or _word(
                        graph, offer, "pricecurrency"
                    )
                    if _rank(graph, offer, node) < LISTED:
                        return price, word
                    last = (price, word) if last[0] is None else last
    return last


def _rank(graph: Graph, offer: Node, node: Node) -> int:
    """Return the order in which the prices of an offer count, the asked one first."""
    kind = re.split(r"[/#:]", _word(graph, node, "pricetype") or "")[-1].lower()
    if kind in LIST_PRICES or node.get("referencequantity"):
        return LISTED
    if kind == "saleprice":
        return 0
    if node is offer:
        return 1
    return REGULAR if kind == "regularprice" else 2


def _is_valid(graph: Graph, node: Node, today: str) -> bool:
    """Tell whether a price is asked on a day, as far as its ISO dates say."""
    first, last = _word(graph, node, "validfrom"), _word(graph, node, "validthrough")
    began = not first or not ISO_DAY.match(first) or first[:10] <= today
    return began and (not last or not ISO_DAY.match(last) or today <= last[:10])


def _sku(graph: Graph, node: Node) -> str | None:
    named = _number(graph, node, "sku")
    offered = [_number(graph, offer, "sku") for offer in _offers(graph, node)]
    own = named or next(filter(None, offered), None) or _number(graph, node, "productid")
    return own if own == named or " " not in (own or "") else None


def _group(graph: Graph, node: Node) -> str | None:
    named = _number(graph, node, "productgroupid", "inproductgroupwithid")
    return named or (_sku(graph, node) if types(node) & GROUPS else None)


def _nodes(graph: Graph, node: Node, key: str) -> list[Node]:
    return [value for value in graph.get(node, key) if isinstance(value, dict)]


def _number(graph: Graph, node: Node, *keys: str) -> str | None:
    return next(
        (found for key in keys if (found := text.identifier(_word(graph, node, key)))), None
    )


def _word(graph: Graph, node: Node, *keys: str) -> str | None:
    """Return the first text below `keys`; a node speaks by its name or value."""
    for value in (value for key in keys for value in graph.get(node, key)):
        told = value
        if isinstance(value, dict):
            told = next(iter(graph.get(value, "name", "@value", "value")), None)
        if isinstance(told, str) and (found := text.clean(told)):
            return found
    return None


def _crumb(graph: Graph, item: Node) -> str | None:
    return _word(graph, item, "name") or _word(graph, item, "item")


def _pictures(graph: Graph, node: Node) -> tuple[Picture, ...]:
    pictures = []
    for value in graph.get(node, "image", "images", "photo"):
        url, words = value, ""
        if isinstance(value, dict):
            url = _word(graph, value, "contenturl", "url", "@id", "thumbnailurl")
            told = (_word(graph, value, key) for key in ("name", "caption", "description"))
            words = " ".join(filter(None, told))
        if isinstance(url, str) and url.strip():
            pictures.append(Picture(url.strip(), words))
    return tuple(pictures)
