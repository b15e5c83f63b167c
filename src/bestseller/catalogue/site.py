"""A shop to be asked, and who may ask it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from bestseller.errors import BestsellerError

FORBIDDEN = "Forbidden by robots.txt"  # in the words of Scrapy
# Reasons that say that a page or a file is no more, and not just out of reach.
GONE = ("HTTP 404", "HTTP 410", "no such file")


@dataclass(frozen=True)
class Site:
    """A shop and the manners in which it is asked.

    Attributes:
        origin: scheme, host and port of the shop.
        cache: folder of the HTTP cache; a later crawl downloads only what changed.
        kind: how its products are found: on pages, or in the product list of a Shopify store.
        product_path: addresses whose path contains this are product pages.
        listings: addresses of the first pages of listings; empty for the sitemaps.
        max_listing_pages: pages read of each listing.
        currency: of a Shopify store's prices, which its product list leaves out; empty = not told.
        line: what a Shopify store's lines are: product_type, vendor, or ``tag:<prefix>``.
        connect_to: address that is asked in the origin's place, as through a proxy; for a shop
            whose port changes from run to run, so that its pages keep their addresses.
        user_agent: product token, also the name looked up in robots.txt.
        contact: mail address or URL sent along.
        delay_s: seconds between two requests to one host.
        concurrency: requests in flight to one host.
        timeout_s: seconds until a request counts as failed.
        max_body_mb: megabytes of one response, after decompression.
    """

    origin: str
    cache: Path
    kind: Literal["pages", "shopify"] = "pages"
    product_path: str = "/products/"
    listings: tuple[str, ...] = ()
    max_listing_pages: int = 500
    currency: str = ""
    line: str = "product_type"
    connect_to: str = ""
    user_agent: str = "bestseller"
    contact: str = ""
    delay_s: float = 1.0
    concurrency: int = 1
    timeout_s: float = 30.0
    max_body_mb: float = 20.0


def is_loopback(url: str) -> bool:
    """Tell whether an address names this machine itself."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


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
