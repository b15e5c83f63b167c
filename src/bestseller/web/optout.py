"""The marks by which owners keep their works from machine learning, and the crawler that obeys.

- The header ``X-Robots-Tag`` and the meta tag ``robots`` with noai or noimageai, for everybody or
  for this crawler by name.
- TDM Reservation Protocol: ``tdm-reservation: 1`` as header, as meta tag, or for whole parts of a
  site in ``/.well-known/tdmrep.json``.
- ``Content-Signal: ai-train=no`` in the group of robots.txt that is for this crawler.

Any one of them binds, whatever the others say. A tdmrep.json that cannot be read counts as a
reservation of the whole site, as an unreachable robots.txt does (RFC 9309, 2.3.1.4): the owner
meant to say something. Where the server answers 4xx or with a page for people there is none.
"""

import asyncio
import json
import re
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import HtmlResponse, Request, Response
from scrapy.http.request import NO_CALLBACK

RESERVATIONS = "/.well-known/tdmrep.json"
_PRIORITY = 1000  # what a site allows is known before anything else of it is asked
_DIRECTIVES = frozenset(["noai", "noimageai"])
_MARKS = re.compile(r"noai|noimageai|tdm-reservation", re.IGNORECASE)
_AGENT = re.compile(r"\s*([a-z][\w.-]*)\s*:(.*)", re.IGNORECASE | re.DOTALL)
_VALUED = frozenset(
    [
        "unavailable_after",
        "max-snippet",
        "max-image-preview",
        "max-video-preview",
        "indexifembedded",
    ]
)


class OptedOut(IgnoreRequest):
    """What was asked for is reserved by its owner."""

    def __init__(self, mark: str) -> None:
        super().__init__(f"opts out of machine learning ({mark})")


class Rule(NamedTuple):
    """One entry of a tdmrep.json; the first whose location matches decides."""

    location: str
    reserved: bool


class OptOut:
    """Downloader middleware: nothing reserved is asked for, and nothing marked is handed on.

    Each site, that of pictures too, is asked once for its tdmrep.json, right after its robots.txt.
    Sitemaps (`sitemap_depth` in the meta) are read all the same: they say what there is.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._agent = product_token(crawler.settings["ROBOTSTXT_USER_AGENT"])
        self._signals: dict[str, bool] = {}
        self._rules: dict[str, asyncio.Future[list[Rule] | str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise OptedOut, or IgnoreRequest where nobody can tell."""
        if request.meta.get("dont_obey_robotstxt"):
            return
        parts = urlsplit(request.url)
        site = f"{parts.scheme}://{parts.netloc}"
        if site not in self._rules:
            self._rules[site] = asyncio.ensure_future(self._ask(site))
        rules = await self._rules[site]
        if "sitemap_depth" in request.meta:
            return
        if mark := self.site_mark(request.url):
            raise OptedOut(mark)
        if isinstance(rules, str):
            raise IgnoreRequest(f"refused: {site}{RESERVATIONS} {rules}, so all may be reserved")

    def site_mark(self, url: str) -> str:
        """Return the mark by which an address's site, if it was asked, reserves it, else "".

        Rules that cannot be read forbid to ask, but say nothing of what was fetched before.
        """
        parts = urlsplit(url)
        site = f"{parts.scheme}://{parts.netloc}"
        if self._signals.get(site):
            return "robots.txt: Content-Signal: ai-train=no"
        if site not in self._rules or not self._rules[site].done():
            return ""
        rules = self._rules[site].result()
        if isinstance(rules, str):
            return ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return f"{RESERVATIONS}: tdm-reservation: 1" if reserved(rules, path) else ""

    def process_response(self, request: Request, response: Response) -> Response:
        """Hand a response on, or raise OptedOut."""
        if request.meta.get("dont_obey_robotstxt"):
            parts = urlsplit(request.meta.get("redirect_urls", [request.url])[0])
            if parts.path == "/robots.txt" and response.status == 200:
                site = f"{parts.scheme}://{parts.netloc}"
                self._signals[site] = training_refused(response.body, self._agent)
            return response
        found = response.status == 200 and "sitemap_depth" not in request.meta
        if found and (mark := reservation_mark(response, self._agent)):
            raise OptedOut(mark)
        return response

    async def _ask(self, site: str) -> list[Rule] | str:
        """Return the rules of a site, or why they cannot be read."""
        meta = {"dont_obey_robotstxt": True}
        request = Request(site + RESERVATIONS, NO_CALLBACK, meta=meta, priority=_PRIORITY)
        assert self._crawler.engine is not None
        try:
            response = await self._crawler.engine.download_async(request)
        except Exception as error:  # whatever the network, a redirect or a broken archive raises
            return f"cannot be read ({type(error).__name__})"
        if 400 <= response.status < 500 or isinstance(response, HtmlResponse):
            return []
        if response.status != 200:
            return f"cannot be read (HTTP {response.status})"
        try:
            return read_rules(response.body)
        except ValueError as error:
            return f"cannot be read ({error})"


def product_token(user_agent: str) -> str:
    """Return the name by which owners address a crawler: ``Shop-Bot/1.2 (...)`` is shop-bot."""
    return re.split(r"[/\s]", user_agent.strip(), maxsplit=1)[0].lower()


def read_rules(body: bytes) -> list[Rule]:
    """Read a tdmrep.json.

    Raises:
        ValueError: it is no list of entries with a location and a tdm-reservation of 0 or 1.
    """
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("no JSON") from None
    if not isinstance(entries, list):
        raise ValueError("no list")
    return [_rule(entry) for entry in entries]


def _rule(entry: Any) -> Rule:
    location = entry.get("location") if isinstance(entry, dict) else None
    value = str(entry.get("tdm-reservation")) if isinstance(entry, dict) else ""
    if not isinstance(location, str) or value not in ("0", "1"):
        raise ValueError("an entry without location and tdm-reservation 0 or 1")
    return Rule(location, value == "1")


def reserved(rules: list[Rule], path: str) -> bool:
    """Tell whether the first rule that matches a path, query included, reserves it."""
    return next((rule.reserved for rule in rules if _matches(rule.location, path)), False)


def _matches(pattern: str, path: str) -> bool:
    """Match as in robots.txt: from the start, ``*`` is anything, a last ``$`` the end."""
    to_the_end = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not others:
        return path == first if to_the_end else path.startswith(first)
    if not path.startswith(first):
        return False
    position = len(first)
    # Each piece at its first place: no later one leaves more room to the rest.
    for piece in others[:-1]:
        found = path.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    rest = path[position:]
    return rest.endswith(others[-1]) if to_the_end else others[-1] in rest


def training_refused(robots: bytes, agent: str) -> bool:
    """Tell whether robots.txt says ``Content-Signal: ai-train=no`` to `agent`, a product token.

    As with its other rules, the groups that name the agent count, else those of everybody; what
    stands before any group is for everybody.
    """
    signals: dict[str, list[str]] = {"*": []}
    group, complete = ["*"], True
    for line in robots.decode("utf-8", "replace").removeprefix("\ufeff").splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip().lower()
        if key == "user-agent":
            group = [product_token(value)] if complete else [*group, product_token(value)]
            signals |= {name: signals.get(name, []) for name in group}
            complete = False
        elif key and key != "sitemap":
            complete = True
            if key == "content-signal":
                for name in group:
                    signals[name].append(value)
    told = signals.get(agent, signals["*"])
    return any(re.search(r"(?<![\w-])ai-train\s*=\s*no\b", value) for value in told)


def reservation_mark(response: Response, agent: str) -> str:
    """Return the mark by which a response reserves its use for machine learning, else "".

    Args:
        response: of a page or a picture; only HTML is looked into.
        agent: product token of this crawler.
    """
    for value in _values(response, "X-Robots-Tag"):
        if found := _directive(value, agent):
            return f"X-Robots-Tag: {found}"
    if any(value.strip() == "1" for value in _values(response, "tdm-reservation")):
        return "header tdm-reservation: 1"
    if not isinstance(response, HtmlResponse) or not _MARKS.search(response.text):
        return ""
    for meta in response.xpath("//meta[@name and @content]"):
        name = meta.attrib["name"].strip().lower()
        content = meta.attrib["content"].strip()
        if name in ("robots", agent) and (found := _directive(content, agent)):
            return f"meta {name}: {found}"
        if name == "tdm-reservation" and content == "1":
            return "meta tdm-reservation: 1"
    return ""


def _directive(value: str, agent: str) -> str:
    """Return noai or noimageai of a list like ``nofollow, otherbot: noindex, noai``, else "".

    What follows ``name:`` is for the crawler of that name alone.
    """
    binds = True
    for part in value.lower().split(","):
        named = _AGENT.fullmatch(part)
        if named and named[1] not in _VALUED:
            binds, part = named[1] == agent, named[2]
        if binds and (found := _DIRECTIVES & set(part.split())):
            return min(found)
    return ""


def _values(response: Response, name: str) -> list[str]:
    return [value.decode("latin-1") for value in response.headers.getlist(name)]
