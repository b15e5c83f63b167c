"""Pages that show one product in several languages (hreflang): one of them is read."""

from collections import Counter
from collections.abc import Collection, Mapping

from lxml import etree, html

from bestseller.page.pictures import absolute

DEFAULT = "x-default"
Languages = Mapping[str, str]  # hreflang in lower case -> address


def languages_of(page: bytes, url: str) -> dict[str, str]:
    """Return the addresses of a page in each language that its head names, itself among them."""
    if b"hreflang" not in page:
        return {}
    try:
        tree = html.document_fromstring(page)
    except (etree.ParserError, ValueError):
        return {}
    found: dict[str, str] = {}
    for link in tree.iter("link"):
        kinds = (link.get("rel") or "").lower().split()
        language, href = link.get("hreflang"), link.get("href")
        if "alternate" in kinds and language and href and (address := absolute(href, url)):
            found.setdefault(language.strip().lower(), address)
    return found


def elsewhere(
    pages: Mapping[str, Languages], listed: Collection[str], language: str
) -> dict[str, str]:
    """Return, by address, the pages that `listed` also has in the language that is read.

    Args:
        pages: what a page says of its languages, by the page's address.
        listed: addresses that can be read.
        language: the one to read, such as ``en`` or ``en-GB``; empty for the one that the site
            calls its default, else the one that most pages have.

    Returns:
        The address to leave out -> the one that is read in its place.
    """
    counts = Counter(name for told in pages.values() for name, url in told.items() if url in listed)
    order = sorted(counts, key=lambda name: (name != DEFAULT, -counts[name], name))
    wanted = language.strip().lower()
    if wanted:
        order.sort(key=lambda name: _distance(name, wanted))
    replaced: dict[str, str] = {}
    for url, told in sorted(pages.items()):
        chosen = next((told[name] for name in order if told.get(name) in listed), url)
        if chosen != url and chosen not in replaced:
            replaced[url] = chosen
    return replaced


def _distance(name: str, wanted: str) -> int:
    """Tell how far a language is from the wanted one: itself, its own country's, another."""
    if name == wanted:
        return 0
    return 1 if name.split("-", maxsplit=1)[0] == wanted.split("-", maxsplit=1)[0] else 2
