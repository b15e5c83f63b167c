"""A shop to be asked, and who may ask it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bestseller.errors import BestsellerError


@dataclass(frozen=True)
class Site:
    """A shop and the manners in which it is asked.

    Attributes:
        origin: scheme, host and port of the shop.
        cache: folder of the HTTP cache; a later crawl downloads only what changed.
        product_path: sitemap addresses whose path contains this are product pages.
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
    product_path: str = "/products/"
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


def check_permission(origin: str, permission: bool, contact: str) -> None:
    """Refuse to crawl a shop of others without its owner's word and a way to reach the operator.

    Raises:
        BestsellerError: names the key of params.yaml to set.
    """
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BestsellerError(
            f"params.yaml: catalogue.site.url: {origin!r} is no address; such as https://shop.example"
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
