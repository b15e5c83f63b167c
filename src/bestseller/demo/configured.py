"""The embedded shop of the settings."""

from bestseller.demo import DemoShop
from bestseller.params import Catalogue


def demo_shop(params: Catalogue) -> DemoShop:
    """Return the embedded shop of the settings, not yet served."""
    demo = params.demo
    return DemoShop(demo.scale, demo.seed, demo.season, demo.image_size)
