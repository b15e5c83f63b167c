"""Microdata in the shape of JSON-LD, so that one reader serves both."""

from urllib.parse import urljoin

from lxml.html import HtmlElement

from bestseller.page.jsonld import Graph, Node
from bestseller.page.pictures import source
from bestseller.page.text import plain

ADDRESSES = frozenset(["url", "image", "logo", "availability", "itemcondition", "sameas"])


def read_microdata(tree: HtmlElement, base: str) -> Graph:
    """Read the microdata of a page; addresses in it become absolute against `base`.

    Beyond the standard, ``content`` is read on every tag, a link's text is preferred where a name
    is expected (``<a itemprop=brand>``), and a lazy image gives its real address.
    """
    scopes = tree.xpath("//*[@itemscope][not(@itemprop) or not(ancestor::*[@itemscope])]")
    return Graph(_item(scope, tree, base) for scope in scopes)


def _item(scope: HtmlElement, tree: HtmlElement, base: str) -> Node:
    node: Node = {"@type": (scope.get("itemtype") or "").split()}
    if scope.get("itemid"):
        node["@id"] = scope.get("itemid")
    for child in scope:
        _collect(child, node, tree, base)
    for name in (scope.get("itemref") or "").split():
        for element in tree.xpath("//*[@id=$name]", name=name)[:1]:
            if element is not scope and scope not in element.iterdescendants():
                _collect(element, node, tree, base)
    if node.keys() <= {"@type", "@id"}:
        node["name"] = scope.get("content") or plain(scope)
    return node


def _collect(element: HtmlElement, node: Node, tree: HtmlElement, base: str) -> None:
    """Add the properties at and below an element, stopping at the next item."""
    if not isinstance(element.tag, str):
        return
    names = (element.get("itemprop") or "").lower().split()
    nested = element.get("itemscope") is not None
    for name in names:
        value = _item(element, tree, base) if nested else _value(element, name, base)
        node.setdefault(name, []).append(value)
    if not nested:
        for child in element:
            _collect(child, node, tree, base)


def _value(element: HtmlElement, name: str, base: str) -> str:
    attribute = element.get("content") or element.get("datetime")
    if attribute or element.tag == "meta":
        return attribute or ""
    if element.tag in ("img", "source"):
        return source(element) or ""
    if element.tag == "link" or (name in ADDRESSES and element.get("href")):
        return _join(base, element.get("href") or "")
    return element.get("value") or plain(element)


def _join(base: str, address: str) -> str:
    try:
        return urljoin(base, address.strip())
    except ValueError:  # such as an unclosed bracket in the host
        return ""
