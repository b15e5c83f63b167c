"""Waits and asks again if a server says that it gets too many requests.

The server says so by 429 (RFC 6585), by Shopify's 430, or by 503 with Retry-After (RFC 9110,
10.2.3). Its host gets no request until the time that it names. If it names none, or names now and
refuses again, the crawler waits twice as long as before.
"""

import asyncio
import datetime as dt
import email.utils
import re
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.http import Request, Response

WAITED = "throttle_waited"  # key in the meta of a request that was asked again as often as allowed
TOO_OFTEN = (429, 430)
UNAVAILABLE = 503
FIRST_WAIT_S = 1.0  # where the server names no time
MAX_TRIES = 50  # of one address
SECONDS = re.compile(r"\d{1,30}(?:\.\d{1,9})?", re.ASCII)
MOST_S = 1e9  # longer is as long
_ASKED = "throttle_asked"


@dataclass
class _Host:
    """What is known of a host: until when it rests, and how long it was waited for in all."""

    until: float = 0.0
    waited_s: float = 0.0
    named_no_time: int = 0


class Throttle:
    """Downloader middleware: waits for hosts within a bound, then hands their refusal on."""

    def __init__(self, max_wait_s: float) -> None:
        self._max_wait_s = max_wait_s
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler.settings.getfloat("THROTTLE_MAX_WAIT_S"))

    async def process_request(self, request: Request) -> None:
        """Let the request pass once its host has rested."""
        host = self._hosts[urlsplit(request.url).netloc]
        while (rest_s := host.until - time.monotonic()) > 0:
            await asyncio.sleep(rest_s)

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """Hand a response on, or have its request asked again after a rest."""
        named = retry_after(response)
        host = self._hosts[urlsplit(request.url).netloc]
        unavailable = response.status == UNAVAILABLE and "Retry-After" in response.headers
        if response.status not in TOO_OFTEN and not unavailable:
            host.named_no_time = 0
            return response
        now, asked = time.monotonic(), request.meta.get(_ASKED, 1)
        again = named == 0 and asked > 1
        wait_s = FIRST_WAIT_S * 2**host.named_no_time if named is None or again else named
        longer_s = max(0.0, now + wait_s - max(now, host.until))
        if asked >= MAX_TRIES or host.waited_s + longer_s > self._max_wait_s:
            request.meta[WAITED] = True
            return response
        if longer_s:
            host.waited_s += longer_s
            host.until = now + wait_s
            host.named_no_time += named is None or again
        return request.replace(meta={**request.meta, _ASKED: asked + 1}, dont_filter=True)


def retry_after(response: Response) -> float | None:
    """Return the seconds that a response asks to wait, None where it names no time.

    The time is a number of seconds, perhaps with decimals, or an HTTP date, in UTC without
    a zone; one that is past is no wait.
    """
    value = (response.headers.get("Retry-After") or b"").decode("latin-1").strip()
    if SECONDS.fullmatch(value):
        return min(float(value), MOST_S)
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    then = then if then.tzinfo else then.replace(tzinfo=dt.UTC)
    return max(0.0, then.timestamp() - time.time())
