"""The crawler asks the configured shop and public hosts, and nothing else.

A page may name any address: of this machine, of the network behind it, of a cloud's metadata
service, or a file. Each request is checked before it is sent, each redirect as a request of its
own, and each host name again where it is resolved.
"""

import ipaddress
from typing import Any, Self
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Request
from scrapy.resolver import CachingThreadedResolver
from twisted.internet.defer import Deferred

PORTS = {"http": 80, "https": 443}
Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin:
    """Return (scheme, host, port) of an address.

    Raises:
        ValueError: it is no http or https address with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is no http or https address")
    return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]


def is_public(address: str) -> bool:
    """Tell whether an IP address is one that anybody on the internet could be asked at."""
    ip = ipaddress.ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)
    return is_public(str(mapped)) if mapped else ip.is_global and not ip.is_multicast


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
            raise OSError(f"{name} is at {address}, which is no public address")
        return address


class OriginGuard:
    """Downloader middleware: pages come from the shop's origin, images from it or public hosts."""

    def __init__(self, origin: str, connect_to: str) -> None:
        self._origin, self._connect_to = origin_of(origin), connect_to

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.settings["GUARD_ORIGIN"], crawler.settings["GUARD_CONNECT_TO"])

    def process_request(self, request: Request) -> None:
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
            raise IgnoreRequest(f"refused: {request.url} is not of the shop's origin")
        elif not self._may_be_public(origin[1]):
            raise IgnoreRequest(f"refused: {request.url} is no public address")

    @staticmethod
    def _may_be_public(host: str) -> bool:
        try:
            return is_public(host)
        except ValueError:  # a name, which the resolver checks
            return True
