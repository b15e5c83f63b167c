"""The crawler's process: reads one job on standard input, crawls, prints what it found."""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from scrapy.crawler import CrawlerProcess

from bestseller.catalogue.limits import peak_memory_mb
from bestseller.catalogue.settings import crawler_settings
from bestseller.catalogue.shopify_spider import ShopifySpider
from bestseller.catalogue.site import Site
from bestseller.catalogue.spider import CatalogueSpider

SPIDERS = {"pages": CatalogueSpider, "shopify": ShopifySpider}


def main() -> None:
    """Crawl as the parent says; an end of standard input is the parent's end, and then ours."""
    job: dict[str, Any] = json.loads(sys.stdin.readline())
    threading.Thread(target=_follow_parent, daemon=True).start()
    values = job["site"]
    site = Site(**values | {"cache": Path(values["cache"]), "listings": tuple(values["listings"])})
    process = CrawlerProcess(crawler_settings(site))
    crawler = process.create_crawler(SPIDERS[site.kind])
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
