"""The crawler's process: reads one job on standard input, crawls, prints what it found."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess

from bestseller.catalogue.settings import crawler_settings
from bestseller.catalogue.site import Site
from bestseller.catalogue.spider import CatalogueSpider


def main() -> None:
    """Crawl as the parent says; an end of standard input is the parent's end, and then ours."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_follow_parent, daemon=True).start()
    site = Site(**job["site"] | {"cache": Path(job["site"]["cache"])})
    process = CrawlerProcess(crawler_settings(site))
    crawler = process.create_crawler(CatalogueSpider)
    process.crawl(crawler, site=site, folder=job["folder"])
    process.start()
    spider, stats = crawler.spider, crawler.stats.get_stats()
    assert isinstance(spider, CatalogueSpider)
    found = {
        "problem": spider.problem,
        "finish_reason": stats.get("finish_reason", "interrupted"),
        "listed": sorted(spider.listed),
        "forbidden": sorted(spider.forbidden),
        "failed": spider.failed,
        "stored": spider.stored,
        "versions": spider.versions,
        "products": {
            url: [product.model_dump(mode="json") for product in products]
            for url, products in sorted(spider.products.items())
        },
        "requests": stats.get("downloader/request_count", 0),
        "not_modified": stats.get("httpcache/revalidate", 0),
        "body_bytes": spider.body_bytes,
    }
    print(json.dumps(found))


def _follow_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
