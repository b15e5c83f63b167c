"""The pictures of a product page: where they are, which show the product, and from which side."""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree, html
from lxml.html import HtmlElement

from bestseller.catalogue.formats import MEND
from bestseller.catalogue.product import Image, View
from bestseller.page.facts import Picture

MAX_PICTURES = 16
MAX_TOLD = 200  # characters of an address that is none, in rejects.csv
MAX_ADDRESS = 8_000  # characters; RFC 9110, 4.1: what every server is to take
LAZY = ("data-zoom-image", "data-large", "data-original", "data-lazy-src", "data-lazy", "data-src")
HINTS: dict[str, View] = {
    **dict.fromkeys(("front", "face", "frontal", "vorne", "devant"), "front"),
    **dict.fromkeys(("back", "rear", "reverse", "caseback", "behind", "hinten", "dos"), "back"),
    **dict.fromkeys(("side", "profile", "lateral", "left", "right", "seite"), "side"),
    **dict.fromkeys(("detail", "closeup", "macro", "clasp", "buckle", "crown", "swatch"), "detail"),
    **dict.fromkeys(
        ("lifestyle", "wrist", "worn", "packaging", "box", "scene", "ambiance"), "other"
    ),
}
_AREA = re.compile(
    r"product|gallery|zoom|media|carousel-main|main-?image|artikel|detail", re.IGNORECASE
)
_ELSEWHERE = re.compile(
    r"relat|recommend|similar|upsell|cross-?sell|sponsor|recent|footer|header|nav|breadcrumb|menu"
    r"|review|logo|banner|payment|social|avatar|icon",
    re.IGNORECASE,
)
# Words by which a picture that merely stands on the page is told from the product's. What the
# shop's own list names is the product's, whatever its name.
_NO_PRODUCT = re.compile(
    r"(?:^|[/_.-])(?:logo|icon|sprite|pixel|spacer|blank|loading|placeholder)s?\b"
    r"|\.svg(?:$|\?)|\.gif(?:$|\?)",
    re.IGNORECASE,
)
_NO_ADDRESS = re.compile(r"(?:data|about|blob|javascript):", re.IGNORECASE)
_SVG = re.compile(r"\.svg$", re.IGNORECASE)
# What tells two sizes of one picture apart. A bare number, as in W1001.jpg, does not.
_SIZE = re.compile(  # the first as in ?w=200
    r"(?<=[?&;])(?:s?[wh]|wid|hei|(?:im)?(?:width|height)|size|quality|q)=\d{2,4}(?![^&;#])"
    r"|(?<=/)w(?:idth)?[=_-]?\d{2,4}[,_-]h(?:eight)?[=_-]?\d{2,4}(?=[,/])"  # /w50-h60/
    r"|(?<=[/,])[wh]_\d{2,4}(?=[,/])"  # /c_fill,w_200/
    r"|(?<=/)(?:\d{2,4}x\d{2,4}|\d{2,4}x|x\d{2,4})(?=/)"  # /600x600/
    r"|(?<=/)\d{2,4}/\d{2,4}(?=/(?:resize|fit|fill|crop|thumb))"  # /380/374/resize
    r"|(?<=resize/)\d{2,4}/\d{2,4}(?=/)"
    r"|[_-](?:\d{3,4}x\d{3,4}|\d{2,4}x|x\d{2,4})(?=(?:_crop_\w+)?(?:@\dx)?\.\w+(?:[?#]|$))"
    r"|@\dx(?=\.\w+(?:[?#]|$))",  # name_500x500.jpg, name_500x.jpg, name@2x.jpg
    re.IGNORECASE,
)


class Gallery(NamedTuple):
    """The pictures of a product, and those that are left out: (address, reason)."""

    images: tuple[Image, ...]
    left_out: tuple[tuple[str, str], ...]


def source(element: HtmlElement) -> str | None:
    """Return the address of an ``img`` or ``source``: the largest offered, lazy ones included.

    One that is named like a placeholder counts only where no other is offered.
    """
    sets = [element.get(name) for name in ("data-srcset", "srcset")]
    # The parser does not know that a source has no content, and puts what follows inside it.
    frame = next(element.iterancestors("picture"), None) if element.tag == "img" else None
    for other in frame.iter("source") if frame is not None else ():
        sets += [other.get(name) for name in ("data-srcset", "srcset")]
    largest = max((c for text in sets if text for c in _candidates(text)), default=None)
    named = [element.get(name) for name in LAZY]
    found = [*named[:2], largest[1] if largest else None, *named[2:], element.get("src")]
    offered = [a.strip() for a in found if a and not _NO_ADDRESS.match(a.strip())]
    plain = (address for address in offered if not _NO_PRODUCT.search(address))
    return next(plain, next(filter(None, offered), None))


def _candidates(srcset: str) -> list[tuple[float, str]]:
    """Return (size, address) of a srcset's entries; a comma inside an address does not split it."""
    entries = re.findall(r"(\S*[^\s,])(?:\s+([\d.]+)[wx])?\s*(?:,|$)", srcset)
    return [
        (float(size) if re.fullmatch(r"\d+(\.\d+)?", size) else 1.0, url) for url, size in entries
    ]


def on_page(tree: HtmlElement) -> tuple[Picture, ...]:
    """Return the pictures in the page's product area, for pages whose metadata names none.

    Those that are named like logos and placeholders count only where there are no others.
    """
    images = [image for image in tree.iter("img") if not _inside(image, _ELSEWHERE)]
    for script in tree.iter("noscript"):
        if not _inside(script, _ELSEWHERE):
            images += _of_noscript(script)
    area = [image for image in images if _inside(image, _AREA)]
    found = [(url, image) for image in area or images if (url := source(image))]
    plain = [(url, image) for url, image in found if not _NO_PRODUCT.search(url)]
    return tuple(Picture(url, _words(image)) for url, image in plain or (found if area else []))


def _of_noscript(script: HtmlElement) -> list[HtmlElement]:
    """Return the images inside a noscript, which some parsers leave as text."""
    if script.text and "<img" in script.text:
        try:
            return list(html.fragment_fromstring(script.text, create_parent="div").iter("img"))
        except (etree.ParserError, ValueError):
            return []
    return []


def _inside(element: HtmlElement, pattern: re.Pattern[str]) -> bool:
    chain = [element, *element.iterancestors()]
    return any(
        pattern.search(f"{item.tag} {item.get('class', '')} {item.get('id', '')}")
        for item in chain
        if item.tag not in ("html", "body")
    )


def _words(image: HtmlElement) -> str:
    return " ".join(filter(None, (image.get("alt"), image.get("title"))))


def images(pictures: Iterable[Picture], base: str, name: str) -> tuple[Image, ...]:
    """Return the images of `gallery`."""
    return gallery(pictures, base, name).images


def gallery(pictures: Iterable[Picture], base: str, name: str) -> Gallery:
    """Return the pictures with absolute addresses, one size of each, and the view each shows.

    The view is the one that a file name or description tells. Of the pictures that tell none, the
    first is the front, the way galleries are sorted, and the others are `other`. Where all tell
    another view, the first of all is the front: a word may be part of a product's name.

    Args:
        pictures: in the gallery's order.
        base: address that theirs are relative to.
        name: of the product; its words tell no view.
    """
    kept: dict[str, Picture] = {}
    left_out: list[tuple[str, str]] = []
    for picture in pictures:
        url = absolute(picture.url, base)
        if url is None:
            left_out.append((picture.url[:MAX_TOLD], "no http or https address"))
            continue
        if _SVG.search(urlsplit(url).path):
            left_out.append((url, f"SVG is not an image of pixels: {MEND}"))
            continue
        key = _SIZE.sub("", url.split("#")[0])
        if key not in kept:
            kept[key] = Picture(url, picture.words)
        elif url != kept[key].url:
            smaller, larger = sorted((kept[key].url, url), key=_pixels)
            if _pixels(smaller) == _pixels(larger):
                smaller, larger = url, kept[key].url
            left_out.append((smaller, f"another size of {larger}"))
            if larger == url:
                kept[key] = Picture(url, picture.words)
    shown = list(kept.values())
    too_many = f"more than {MAX_PICTURES} pictures of one product"
    left_out += [(picture.url, too_many) for picture in shown[MAX_PICTURES:]]
    views = _views(shown[:MAX_PICTURES], set(_tokens(name)))
    result = (Image(url=p.url, view=v) for p, v in zip(shown[:MAX_PICTURES], views, strict=True))
    return Gallery(tuple(result), tuple(left_out))


def _views(pictures: list[Picture], plain_name: set[str]) -> list[View]:
    views: list[View] = []
    for picture in pictures:
        view = _hinted(picture, plain_name)
        views.append(view or ("other" if "front" in views else "front"))
    return views if "front" in views else ["front", *views[1:]][: len(views)]


def absolute(address: str, base: str) -> str | None:
    """Return an http(s) address joined to `base`, None where there is none to fetch."""
    if len(address) > MAX_ADDRESS:
        return None
    try:
        url = urljoin(base, address.strip())
        parts = urlsplit(url)
        return url if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def _hinted(picture: Picture, name: set[str]) -> View | None:
    """Return the view that the file name or the words tell, but for words of the product's name."""
    stem = unquote(urlsplit(picture.url).path).rsplit("/", 1)[-1].rsplit(".", 1)[0]
    words = [word for word in _tokens(f"{stem} {picture.words}") if word not in name]
    return next((HINTS[word] for word in reversed(words) if word in HINTS), None)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _pixels(url: str) -> int:
    numbers = [int(n) for part in _SIZE.findall(url) for n in re.findall(r"\d+", part)]
    return max(numbers, default=0)
