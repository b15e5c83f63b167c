"""The embedded demo shop: a made-up storefront whose hidden taste is known."""

from bestseller.demo.shop import DemoShop
from bestseller.demo.world import AWKWARD, EXTRAS, Product

__all__ = ["AWKWARD", "EXTRAS", "DemoShop", "Product"]
