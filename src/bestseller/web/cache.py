"""The crawler's HTTP cache: it makes a killed crawl resumable and a monthly crawl cheap.

It is private to this machine: never a stage output, never shared.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from scrapy import Spider
from scrapy.extensions.httpcache import RFC2616Policy
from scrapy.http import Headers, Request, Response
from scrapy.responsetypes import responsetypes
from scrapy.settings import BaseSettings

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS responses"
    " (key BLOB PRIMARY KEY, url TEXT, status INTEGER, headers TEXT, body BLOB) WITHOUT ROWID"
)
_BUSY_S = 60


class AlwaysRevalidate(RFC2616Policy):
    """Ask the server about every kept response; it answers 304 where nothing changed.

    Scrapy's own policy downloads a page anew where the server says ``no-cache``, and serves a
    changed page from the cache for as long as it guesses it fresh.
    """

    def should_cache_response(self, response: Response, request: Request) -> bool:
        known = response.headers.get("ETag") or response.headers.get("Last-Modified")
        forbidden = b"no-store" in self._parse_cachecontrol(response)
        return response.status == 200 and bool(known) and not forbidden

    def is_cached_response_fresh(self, cachedresponse: Response, request: Request) -> bool:
        self._set_conditional_validators(request, cachedresponse)
        return False

    def is_cached_response_valid(
        self, cachedresponse: Response, response: Response, request: Request
    ) -> bool:
        return response.status == 304


class SqliteCacheStorage:
    """Responses in one SQLite file: a kill at any moment loses at most the response in flight.

    Scrapy's storages keep pickles, in files that a kill leaves half written.
    """

    def __init__(self, settings: BaseSettings) -> None:
        self._path = Path(settings["HTTPCACHE_DIR"]) / "responses.sqlite"

    def open_spider(self, spider: Spider) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(_SCHEMA)
        self._fingerprint = spider.crawler.request_fingerprinter.fingerprint

    def close_spider(self, spider: Spider) -> None:
        self._database.close()

    def retrieve_response(self, spider: Spider, request: Request) -> Response | None:
        query = "SELECT url, status, headers, body FROM responses WHERE key = ?"
        with closing(self._database.execute(query, [self._fingerprint(request)])) as rows:
            row = rows.fetchone()
        if row is None:
            return None
        url, status, headers, body = row
        fields = Headers([])
        for name, value in json.loads(headers):
            fields.appendlist(name, value)
        kind = responsetypes.from_args(headers=fields, url=url, body=body)
        return kind(url=url, status=status, headers=fields, body=body)

    def store_response(self, spider: Spider, request: Request, response: Response) -> None:
        headers = json.dumps(response.headers.to_tuple_list())
        self._database.execute(
            "INSERT OR REPLACE INTO responses VALUES (?, ?, ?, ?, ?)",
            [self._fingerprint(request), response.url, response.status, headers, response.body],
        )
