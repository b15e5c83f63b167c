"""A shop to be asked, and who may ask it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bestseller.base.errors import BestsellerError

FORBIDDEN = "Forbidden by robots.txt"  # in the words of Scrapy
PAGES = "bestseller.web.page_spider:PageSpider"
# Reasons that say that a page or a file is no more, and not just out of reach.
GONE = ("HTTP 404", "HTTP 410", "no such file")


@dataclass(frozen=True)
class Site:
    """A shop and the manners in which it is asked.

    Attributes:
        origin: scheme, host and port of the shop.
        cache: folder of the HTTP cache; a later crawl downloads only what changed.
        spider: class that finds its products, ``module:name``.
        options: what that class is told, by the names of its own `Options`.
        setting: section of params.yaml that the shop stands in, for errors to name.
        connect_to: address that is asked in the origin's place, as through a proxy; for a shop
            whose port changes from run to run, so that its pages keep their addresses.
        user_agent: product token, also the name looked up in robots.txt.
        contact: mail address or URL sent along.
        delay_s: seconds between two requests to one host.
        concurrency: requests in flight to one host.
        timeout_s: seconds until a request counts as failed.
        max_wait_s: seconds in all that one host may make the crawl wait by answering that it is
            asked too often.
        max_body_mb: megabytes of one response, after decompression.
    """

    origin: str
    cache: Path
    spider: str = PAGES
    options: Mapping[str, Any] = field(default_factory=dict)
    setting: str = "catalogue.site"
    connect_to: str = ""
    user_agent: str = "bestseller"
    contact: str = ""
    delay_s: float = 1.0
    concurrency: int = 1
    timeout_s: float = 30.0
    max_wait_s: float = 600.0
    max_body_mb: float = 20.0


def is_loopback(url: str) -> bool:
    """Tell whether an address names this machine itself."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def origin_of_shop(url: str, key: str, mend: str = "") -> str:
    """Return the origin that a setting names: scheme, host and, unless it is the usual one, port.

    Args:
        url: the setting's value.
        key: its name.
        mend: what to do about a path, where there is something better than to leave it out.

    Raises:
        BestsellerError: it is no address, names a user, or has a path: robots.txt and the pages
            stand at the root of a host.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise BestsellerError(
            f"params.yaml: {key}: {url!r} is no address; such as https://shop.example"
        )
    usual = {"http": ":80", "https": ":443"}[parts.scheme]
    origin = f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise BestsellerError(
            f"params.yaml: {key}: {url!r} has a path, and an origin is wanted: "
            f"{origin}{f'; {mend}' if mend else ''}"
        )
    return origin


def check_permission(
    origin: str, permission: bool, contact: str, key: str = "catalogue.site.url"
) -> None:
    """Refuse to crawl a shop of others without its owner's word and a way to reach the operator.

    Args:
        origin: scheme, host and port of the shop.
        permission: whether its owner allows the crawl.
        contact: where the owner can reach the operator.
        key: the setting that the origin stands under, named where it is no address.

    Raises:
        BestsellerError: names the key of params.yaml to set.
    """
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BestsellerError(
            f"params.yaml: {key}: {origin!r} is no address; such as https://shop.example"
        )
    if is_loopback(origin):
        return
    if not permission:
        raise BestsellerError(
            "params.yaml: catalogue.permission: false; set it to true once the owner of "
            f"{origin} allows the crawl"
        )
    if not contact:
        raise BestsellerError(
            "params.yaml: catalogue.contact: empty; set a mail address or URL where the owner of "
            f"{origin} can reach you"
        )
