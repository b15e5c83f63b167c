"""Scrapy settings of the crawler; each departs from a default for the reason beside it."""

from typing import Any
from urllib.parse import urlsplit

from scrapy.dupefilters import BaseDupeFilter

from bestseller.web.cache import AlwaysRevalidate, SqliteCacheStorage
from bestseller.web.guard import GuardedResolver, MarkupGuard, OriginGuard
from bestseller.web.handler import BoundedHandler
from bestseller.web.optout import OptOut
from bestseller.web.site import Site
from bestseller.web.throttle import Throttle

GUARD_PRIORITY = 50  # before every other downloader middleware
OPT_OUT_PRIORITY = 110  # after robots.txt; its answers come last, unpacked and not redirected
THROTTLE_PRIORITY = 560  # it sees answers before those that would ask again at once
MARKUP_PRIORITY = 120  # it sees answers before any parser does


def crawler_settings(site: Site) -> dict[str, Any]:
    """Return the settings for one crawl of `site`."""
    trusted = [urlsplit(url).hostname for url in (site.origin, site.connect_to) if url]
    agent, contact = site.user_agent, site.contact
    return {
        # Who asks, and how often.
        "USER_AGENT": f"{agent} (+{contact})" if contact else agent,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": agent,
        "DOWNLOAD_DELAY": site.delay_s,
        "RANDOMIZE_DOWNLOAD_DELAY": False,  # it would go below the delay
        "CONCURRENT_REQUESTS": max(8, site.concurrency),
        "CONCURRENT_REQUESTS_PER_DOMAIN": site.concurrency,
        "AUTOTHROTTLE_ENABLED": site.delay_s > 0,
        "AUTOTHROTTLE_START_DELAY": site.delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": site.concurrency,
        # Whom: see guard.py. Other schemes would read this machine's files.
        "DOWNLOADER_MIDDLEWARES": {
            OriginGuard: GUARD_PRIORITY,
            OptOut: OPT_OUT_PRIORITY,
            MarkupGuard: MARKUP_PRIORITY,
            Throttle: THROTTLE_PRIORITY,
        },
        "THROTTLE_MAX_WAIT_S": site.max_wait_s,
        "DNS_RESOLVER": GuardedResolver,
        "GUARD_ORIGIN": site.origin,
        "GUARD_CONNECT_TO": site.connect_to,
        "GUARD_TRUSTED_HOSTS": [host for host in trusted if host],
        "DOWNLOAD_HANDLERS": {
            **dict.fromkeys(("http", "https"), BoundedHandler),
            **dict.fromkeys(("file", "ftp", "s3", "data")),
        },
        "HTTPPROXY_ENABLED": False,  # a proxy of the environment would resolve names unguarded
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        "COOKIES_ENABLED": False,
        "REFERRER_POLICY": "no-referrer",
        "TELNETCONSOLE_ENABLED": False,
        # How much: of one response, also after decompression.
        "DOWNLOAD_MAXSIZE": int(site.max_body_mb * 1024 * 1024),
        "DOWNLOAD_WARNSIZE": 0,
        "DOWNLOAD_TIMEOUT": site.timeout_s,
        "DOWNLOAD_FAIL_ON_DATALOSS": True,
        "REDIRECT_MAX_TIMES": 5,
        # The spider asks for nothing twice, and this would lose the second of two redirects to
        # one address without a word.
        "DUPEFILTER_CLASS": BaseDupeFilter,
        "URLLENGTH_LIMIT": 0,  # as silent; pictures.MAX_ADDRESS stands for it
        "RETRY_TIMES": 2,
        "RETRY_HTTP_CODES": [408, 500, 502, 503, 504, 522, 524],  # not 429: Throttle waits first
        "METAREFRESH_ENABLED": False,
        # What is kept.
        "HTTPCACHE_ENABLED": True,
        "HTTPCACHE_POLICY": AlwaysRevalidate,
        "HTTPCACHE_STORAGE": SqliteCacheStorage,
        "HTTPCACHE_DIR": str(site.cache),
        "LOG_LEVEL": "CRITICAL",  # what went wrong is in the rejects
    }
