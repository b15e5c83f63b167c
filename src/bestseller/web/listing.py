"""Listing pages: which links lead to products, which to further pages of the same listing."""

import re
from collections import deque
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from lxml import etree, html

# ?page=2, ?paged=2, ?currentPage=2, ?p=2, ?start=48; but not ?page_size=96.
_PAGE_KEY = re.compile(
    r"(?!.*(?:size|per|count|limit))(?:\w*page\w*|\w*pagin\w*|\w*seite\w*|p|pg|start|offset|skip)",
    re.IGNORECASE,
)
_PAGE_PATH = re.compile(r"/(?:(?:page|seite|pagina|p)[/=-]?)?\d{1,6}/?$", re.IGNORECASE)


def read_listing(page: str, url: str, product_path: str) -> tuple[list[str], list[str]]:
    """Return the addresses of products and of further pages of the same listing.

    A product's address has `product_path` in its path. A further page is the target of a
    ``rel=next`` link, or an address that differs from `url` in its page number alone, in the query
    (``?page=2``) or at the end of the path (``/page/2``).

    Args:
        page: HTML of the listing page.
        url: its absolute address.
        product_path: such as ``/products/``.

    Returns:
        Both lists in the page's order, without fragments, each address once.

    Raises:
        ValueError: the page is nested so deep that the parser drops a part of it, or the base
            that its links are relative to is no address.
    """
    parser = html.HTMLParser(huge_tree=True)  # a depth of 2,048 elements, not 256
    try:
        tree = html.document_fromstring(page, parser=parser)
    except (etree.ParserError, ValueError):  # an empty page
        return [], []
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise ValueError("nested too deep: a part of the page is lost")
    base = urljoin(url, next(iter(tree.xpath("//base/@href")), ""))
    products: dict[str, None] = {}
    further: dict[str, None] = {}
    for link in tree.iter("link", "a"):
        address = _address(link.get("href"), base)
        if address is None or address == url:
            continue
        if link.tag == "a" and product_path in urlsplit(address).path:
            products[address] = None
        elif "next" in (link.get("rel") or "").lower().split() or (
            link.tag == "a" and _without_page(address) == _without_page(url)
        ):
            further[address] = None
    return list(products), list(further)


def _address(href: str | None, base: str) -> str | None:
    """Return an absolute http(s) address without its fragment, None for anything else."""
    try:
        parts = urlsplit(urljoin(base, (href or "").strip()))
    except ValueError:
        return None
    if not href or parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return urlunsplit(parts._replace(path=parts.path or "/", fragment=""))


def _without_page(url: str) -> tuple[str, str, str, tuple[tuple[str, str], ...]]:
    """Return what an address says apart from a page number."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    kept = sorted((k, v) for k, v in query if not (_PAGE_KEY.fullmatch(k) and v.isdigit()))
    path = _PAGE_PATH.sub("", parts.path).rstrip("/")
    return parts.scheme, parts.netloc.lower(), path, tuple(kept)


class Walk:
    """The pages of one listing, one after the other, up to a limit.

    One at a time, so that what is read of a listing longer than the limit does not depend on
    which answer came first.

    Attributes:
        start: address of the first page.
        cut: whether pages were left unread because of the limit.
    """

    def __init__(self, start: str, limit: int) -> None:
        self.start, self.cut = start, False
        self._limit, self._waiting, self._seen, self._given = limit, deque([start]), {start}, 0

    def add(self, urls: list[str]) -> None:
        """Note further pages that are not known yet, one beyond the limit at most."""
        for url in urls:
            if url not in self._seen and len(self._seen) <= self._limit:
                self._seen.add(url)
                self._waiting.append(url)

    def next(self) -> str | None:
        """Return the next page to read, None after the last or at the limit."""
        if not self._waiting:
            return None
        if self._given == self._limit:
            self.cut = True
            return None
        self._given += 1
        return self._waiting.popleft()
