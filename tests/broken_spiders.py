"""Spiders of which one method fails, as an unforeseen page or a full disk would have it fail."""

import errno
import os
from typing import Any

from bestseller.web.page_spider import PageSpider
from bestseller.web.shopify_spider import ShopifySpider

METHOD, ERROR, AT = "BROKEN_METHOD", "BROKEN_ERROR", "BROKEN_AT"
ERRORS = {
    "recursion": RecursionError("maximum recursion depth exceeded"),
    "value": ValueError("Invalid IPv6 URL"),
    "memory": MemoryError(),
    "full": OSError(errno.ENOSPC, "No space left on device"),
}


def broken(spider: type[Any]) -> type[Any]:
    """Return a class whose method METHOD raises ERROR for an address with AT in it."""
    name = os.environ.get(METHOD, "")
    if not hasattr(spider, name):
        return spider
    sound = getattr(spider, name)

    def fail(self: Any, given: Any) -> Any:
        url = getattr(given, "url", None) or given.request.url
        if os.environ[AT] in url:
            raise ERRORS[os.environ[ERROR]]
        return sound(self, given)

    return type("Broken", (spider,), {name: fail})


Pages = broken(PageSpider)
Store = broken(ShopifySpider)
