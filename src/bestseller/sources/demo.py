"""The embedded shop, served on loopback while it is asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from bestseller.demo.configured import demo_shop
from bestseller.params.catalogue import Demo as Settings
from bestseller.sources.base import Crawled
from bestseller.sources.carry import Shop
from bestseller.web.site import Site

ORIGIN = "http://demo.example"  # whatever port it gets, its pages keep their addresses
CONCURRENCY = 8

__all__ = ["Settings", "Source"]


class Source(Crawled):
    """The embedded shop of the settings."""

    settings: Settings

    @contextmanager
    def site(self) -> Iterator[Site]:
        manners = self.manners() | {"delay_s": 0.0, "concurrency": CONCURRENCY}
        with demo_shop(self.context.params).serve() as url:
            yield Site(ORIGIN, connect_to=url, **manners)

    def identity(self) -> Shop:
        demo = self.settings
        size = demo.image_size
        return {"source": "demo", "scale": demo.scale, "seed": demo.seed, "image_size": size}
