"""The crawler asks the configured shop and public hosts, and nothing else.

A page may name any address: of this machine, of the network behind it, of a cloud's metadata
service, or a file. So each request is checked before it is sent. Each redirect is checked as a
request of its own, and each host name once more when it is resolved.
"""

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Request, Response
from scrapy.resolver import CachingThreadedResolver
from scrapy.utils.defer import maybe_deferred_to_future
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError

from bestseller.catalogue.diagnosis import OFF_ORIGIN

PORTS = {"http": 80, "https": 443}
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
Origin = tuple[str, str, int]
MAX_HTML_MB = 5
MAX_ATTRIBUTES = 10_000
# Without "<" in it, so that each byte is looked at once.
_CROWDED_TAG = re.compile(
    rb"""<[a-z](?>[^<>"'/\s]*(?:"[^"<]*"|'[^'<]*'|[/\s]+)){%d}""" % MAX_ATTRIBUTES, re.IGNORECASE
)


def origin_of(url: str) -> Origin:
    """Return (scheme, host, port) of an address.

    Raises:
        ValueError: it is no http or https address with a host, or names a user, which readers of
            addresses take for the host as it suits an attacker.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{url!r} is no plain http or https address")
    return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that anybody on the internet could be asked at."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip.ipv4_mapped:
        return is_public(str(ip.ipv4_mapped))
    # What is outside of it may lead to any IPv4 address, as what is inside 6to4 does.
    return ip in GLOBAL_UNICAST and ip.is_global and not ip.sixtofour


class NoPublicAddressError(DNSLookupError):
    """A host name is at an address of this machine or of the network behind it."""


class MarkupGuard:
    """Downloader middleware: keeps pages on which a parser might never end from the parsers.

    A tree takes up to 80 times the memory of its page. libxml2 compares each attribute of a tag
    with all others: 250,000 take it minutes, and it cannot be interrupted.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """Hand a response on, or raise IgnoreRequest with the reason."""
        if isinstance(response, HtmlResponse):
            if len(response.body) > MAX_HTML_MB * 1_000_000:
                raise IgnoreRequest(f"refused: more than {MAX_HTML_MB} MB of HTML")
            if _CROWDED_TAG.search(response.body):
                raise IgnoreRequest(f"refused: a tag of more than {MAX_ATTRIBUTES} attributes")
        return response


class GuardedResolver(CachingThreadedResolver):
    """Resolve host names to public addresses only, except the configured shop's own."""

    trusted: frozenset[str] = frozenset()

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: Any) -> Self:
        resolver = super().from_crawler(crawler, reactor)
        resolver.trusted = frozenset(crawler.settings.getlist("GUARD_TRUSTED_HOSTS"))
        return resolver

    def getHostByName(self, name: str, timeout: Any = ()) -> "Deferred[str]":  # noqa: N802
        return super().getHostByName(name, timeout).addCallback(self._checked, name)

    def _checked(self, address: str, name: str) -> str:
        if name not in self.trusted and not is_public(address):
            raise NoPublicAddressError(f"{name} is at {address}")
        return address


class OriginGuard:
    """Downloader middleware: pages come from the shop's origin, images from it or public hosts."""

    def __init__(self, origin: str, connect_to: str) -> None:
        self._origin, self._connect_to = origin_of(origin), connect_to

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.settings["GUARD_ORIGIN"], crawler.settings["GUARD_CONNECT_TO"])

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise IgnoreRequest with the reason."""
        try:
            origin = origin_of(request.url)
        except ValueError as error:
            raise IgnoreRequest(f"refused: {error}") from None
        request.meta.pop("proxy", None)
        if origin == self._origin:
            if self._connect_to:
                request.meta["proxy"] = self._connect_to
        elif request.meta.get("page"):
            raise IgnoreRequest(f"refused: {request.url} {OFF_ORIGIN}")
        elif not await self._may_be_public(origin[1]):
            raise IgnoreRequest(f"refused: {request.url} is no public address")

    async def _may_be_public(self, host: str) -> bool:
        """Tell whether a host may be at a public address; one without any is for the downloader."""
        with suppress(ValueError):  # of a name
            return is_public(host)
        from twisted.internet import reactor  # noqa: PLC0415 (its import chooses the reactor)

        resolve: Callable[[str], Deferred[str]] = reactor.resolve  # type: ignore[assignment]
        try:
            # The resolver trusts the shop's name, but a private shop's other ports are not it.
            return is_public(await maybe_deferred_to_future(resolve(host)))
        except NoPublicAddressError:
            return False
        except DNSLookupError:
            return True
