"""Scrapy's HTTP client with a bound on headers, which it would collect as long as they come."""

from typing import Any

from scrapy.core.downloader.handlers.http11 import (
    HTTP11DownloadHandler,
    _LenientHTTP11ClientFactory,
    _LenientHTTP11ClientProtocol,
    _LenientHTTPClientParser,
)
from scrapy.crawler import Crawler

MAX_HEADERS_KB = 256


class HeadersTooLarge(Exception):
    """A response has more than MAX_HEADERS_KB of headers."""


class BoundedHandler(HTTP11DownloadHandler):
    """Download over HTTP; a response with too many headers fails with HeadersTooLarge."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._pool._factory = _Factory


class _Parser(_LenientHTTPClientParser):
    _header_bytes = 0

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        self._header_bytes += len(line)
        if self._header_bytes > MAX_HEADERS_KB * 1024:
            raise HeadersTooLarge
        super().lineReceived(line)


class _Protocol(_LenientHTTP11ClientProtocol):
    def request(self, request: Any) -> Any:
        answer = super().request(request)
        self._parser.__class__ = _Parser  # Twisted has the class of the parser fixed
        return answer


class _Factory(_LenientHTTP11ClientFactory):
    def buildProtocol(self, addr: Any) -> _Protocol:  # noqa: N802
        return _Protocol(self._quiescentCallback)
