"""JSON-LD as shops write it: each script read for itself, references looked up on use."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml.html import HtmlElement

Node = dict[str, Any]
MAX_DEPTH = 40

# Nodes below these keys are other products, or speak about this one.
RELATED = ["isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "isconsumablefor"]
SPEAKING = ["itemlistelement", "review", "reviews", "itemreviewed", "mentions", "relatedlink"]
ELSEWHERE = frozenset([*RELATED, *SPEAKING, "hasvariant", "isvariantof"])
_WRAPPER = re.compile(r"(?:(?:/\*|//)\s*)?(?:<!\[CDATA\[|\]\]>)\s*(?:\*/)?|<!--|-->")
# Possessive: to remember where it could turn back takes 100 bytes for each character.
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]++|\\.)*+"|,(?=\s*+[}\]])', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')


class Graph:
    """Structured data as nodes with lower-case keys, and an index to follow references by.

    Attributes:
        nodes: the top-level objects in page order; lists and ``@graph`` are opened.
    """

    def __init__(self, values: Iterable[Any]) -> None:
        self.nodes = [node for value in values for node in _objects(value)]
        self._known: dict[str, Node] = {}
        for node in _inside(self.nodes):
            name = node.get("@id")
            if isinstance(name, str) and len(node) > 1:
                self._known[name] = {**node, **self._known.get(name, {})}

    def get(self, node: Node, *keys: str) -> list[Any]:
        """Return the values of the first key that has any, as a list, references followed."""
        for key in keys:
            value = node.get(key)
            values = [self.follow(item) for item in _flat(value) if item not in (None, "", {})]
            if values:
                return values
        return []

    def follow(self, value: Any) -> Any:
        """Return the node that ``{"@id": ...}`` names, completed with what is said here."""
        name = value.get("@id") if isinstance(value, dict) else None
        known = self._known.get(name) if isinstance(name, str) else None
        return {**known, **value} if known else value

    def walk(self) -> Iterator[Node]:
        """Yield every node in page order except those that belong to other products."""
        for node in self.nodes:
            yield from _inside(node, ELSEWHERE)


def read_jsonld(tree: HtmlElement) -> Graph:
    """Read the JSON-LD of a page; a broken script loses only itself.

    Numbers stay text, so that ``9.90`` and long product numbers keep their digits.
    """
    scripts = [s for s in tree.iter("script") if "ld+json" in (s.get("type") or "").lower()]
    return Graph(value for script in scripts for value in _values(script.text or ""))


def types(node: Node) -> set[str]:
    """Return the lower-case names of a node's types, without their vocabulary."""
    names = [name for name in _flat(node.get("@type")) if isinstance(name, str)]
    return {re.split(r"[/#:]", name.strip().rstrip("/"))[-1].lower() for name in names}


def _values(text: str) -> list[Any]:
    """Return the JSON values of one script, mending what shops commonly break."""
    text = _WRAPPER.sub("", text).strip()
    if '"' not in text and "&quot;" in text:
        text = html.unescape(text)
    if values := _sequence(text):
        return values
    mended = _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], text)
    return _sequence(mended) or _sequence(_BAD_ESCAPE.sub("", mended))


def _sequence(text: str) -> list[Any]:
    """Decode the JSON values that stand behind one another, up to the first that is broken."""
    decoder = json.JSONDecoder(
        strict=False, parse_float=str, parse_int=str, parse_constant=lambda _: None
    )
    values: list[Any] = []
    position = 0
    try:
        while position < len(text):
            value, position = decoder.raw_decode(text, position)
            values.append(value)
            while position < len(text) and text[position] in " \t\r\n;,":
                position += 1
    except (ValueError, RecursionError):
        pass
    return values


def _objects(value: Any, depth: int = 0) -> Iterator[Node]:
    if depth > MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, depth + 1)
    elif isinstance(value, dict):
        node = _lower_keys(value)
        graph = node.pop("@graph", None)
        if graph is not None:
            yield from _objects(graph, depth + 1)
        if node.keys() - {"@context", "@id"}:
            yield node


def _lower_keys(value: Any, depth: int = 0) -> Any:
    """Return a copy with every key in lower case; what lies too deep is dropped.

    Halves of surrogate pairs, which JSON may escape but no file can hold, become question marks.
    """
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [_lower_keys(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {str(key).lower(): _lower_keys(item, depth + 1) for key, item in value.items()}
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _inside(value: Any, but: frozenset[str] = frozenset()) -> Iterator[Node]:
    if isinstance(value, list):
        for item in value:
            yield from _inside(item, but)
    elif isinstance(value, dict):
        yield value
        for key, item in value.items():
            if key not in but:
                yield from _inside(item, but)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [inner for item in value for inner in _flat(item)]
    return [value]
