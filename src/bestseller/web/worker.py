"""The crawler's process: reads one job on standard input, crawls, prints what it found."""

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess

from bestseller.web.limits import peak_memory_mb
from bestseller.web.settings import crawler_settings
from bestseller.web.site import Site
from bestseller.web.spider import CatalogueSpider


def main() -> None:
    """Crawl as the parent says; an end of standard input is the parent's end, and then ours."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_follow_parent, daemon=True).start()
    values = job["site"]
    site = Site(**values | {"cache": Path(values["cache"])})
    module, _, name = site.spider.partition(":")
    spider_class = getattr(importlib.import_module(module), name)
    assert issubclass(spider_class, CatalogueSpider)
    process = CrawlerProcess(crawler_settings(site))
    crawler = process.create_crawler(spider_class)
    process.crawl(crawler, site=site, folder=job["folder"], known=job["known"])
    process.start()
    spider, stats = crawler.spider, crawler.stats.get_stats()
    assert isinstance(spider, CatalogueSpider)
    found = {
        "problem": spider.problem,
        "mend": spider.mend,
        "finish_reason": stats.get("finish_reason", "interrupted"),
        "listed": sorted(spider.listed),
        "forbidden": sorted(spider.forbidden),
        "incomplete": sorted(spider.incomplete),
        "failed": spider.failed,
        "left_out": spider.left_out,
        "stored": spider.stored,
        "versions": spider.versions,
        "languages": spider.languages,
        "elsewhere": spider.elsewhere,
        "language": getattr(spider.options, "language", ""),
        "nothing": spider.nothing(),
        "products": {
            url: [product.model_dump(mode="json") for product in products]
            for url, products in sorted(spider.products.items())
        },
        "requests": stats.get("downloader/request_count", 0),
        "not_modified": stats.get("httpcache/revalidate", 0),
        "body_bytes": spider.body_bytes,
        "peak_memory_mb": peak_memory_mb(),
    }
    print(json.dumps(found))


def _follow_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
