"""Crawl the shop; store its products, their original photos by content, and what was rejected."""

import tempfile
from pathlib import Path

from bestseller.catalogue.crawl import crawl_site
from bestseller.catalogue.raw import write_raw
from bestseller.catalogue.source import open_site
from bestseller.files import require, write_json
from bestseller.params import Params
from stages import WORKSPACE, run

SOURCE = "data/source/catalogue.json"
RAW = Path("data/raw")
METRICS = "metrics/catalogue.json"


def http_cache() -> Path:
    """Return the folder of the HTTP cache, which temporary experiments share."""
    return WORKSPACE / ".scratch" / "httpcache"


def main(params: Params) -> None:
    require(SOURCE, "python -m stages.refresh")
    cache = http_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        with open_site(params.catalogue, cache) as site:
            result = crawl_site(site, Path(folder), params.catalogue.crawl.min_found_share)
        write_raw(RAW, result.products, result.rejects, Path(folder))
    write_json(METRICS, result.counts())
    stats = result.stats
    print(
        f"{len(result.products)} products, {stats['images_read']} images, "
        f"{len(result.rejects)} rejects; {stats['requests']} requests, "
        f"{stats['not_modified']} unchanged, "
        f"{stats['body_bytes'] / 1e6:.1f} MB downloaded"
    )


if __name__ == "__main__":
    run(main)
