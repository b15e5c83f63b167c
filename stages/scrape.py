"""Collect the shop's products, their original photos by content, and what was rejected."""

from pathlib import Path

from bestseller.base.files import require, temporary_folder, write_json
from bestseller.catalogue.raw import write_raw
from bestseller.params import Params
from bestseller.sources.carry import carry_over, open_last, write_source
from bestseller.sources.gather import gather, shop_of
from stages import WORKSPACE, run

SOURCE = "data/source/catalogue.json"
RAW = Path("data/raw")
METRICS = "metrics/catalogue.json"


def http_cache() -> Path:
    """Return the folder of the HTTP cache, which temporary experiments share."""
    return WORKSPACE / ".scratch" / "httpcache"


def main(params: Params) -> None:
    require(SOURCE, "python -m stages.refresh")
    shop = shop_of(params.catalogue)
    last = open_last(RAW, shop)
    cache = http_cache()
    cache.mkdir(parents=True, exist_ok=True)
    with temporary_folder(cache, "images") as images:
        found = gather(params.catalogue, cache, WORKSPACE, images, last.addresses())
        result = carry_over(found, last, RAW, images)
        write_raw(RAW, result.products, result.rejects, images)
    write_source(RAW, shop, result.pages)
    write_json(METRICS, result.counts())
    if last.other_shop:
        print(f"{RAW}: the last catalogue was of {last.other_shop}; it is replaced")
    for url, reason in result.incomplete.items():
        print(f"{url}: {reason}")
    stats = result.stats
    print(
        f"{len(result.products)} products, {result.carried_over} of them kept from the last "
        f"catalogue, {stats['images_read']} images, {len(result.rejects)} rejects; "
        f"{stats['requests']} requests, {stats['not_modified']} unchanged, "
        f"{stats['body_bytes'] / 1e6:.1f} MB downloaded"
    )


if __name__ == "__main__":
    run(main)
