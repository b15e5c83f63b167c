"""The embedded shop as arrays, without its server: for benchmarks that know the hidden truth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.demo.render import render
from bestseller.demo.shop import DemoShop
from bestseller.demo.world import Product, last_day
from bestseller.images.align import align
from bestseller.images.duplicates import find_clusters
from bestseller.images.split import split_designs
from bestseller.params import Params
from bestseller.sales import units_per_product

PHOTO = 256  # pixels, side of the shop's photos


@dataclass(frozen=True)
class Embedded:
    """A shop of one seed.

    Attributes:
        images: uint8 N x S x S x 3, aligned.
        index: a row per image: sku, line, cluster, split.
        units: as the stage sales makes it.
        ledger: its sales and returns: sku, date, units (negative for a return), kind.
        prices: sku, price, currency.
        truth: by sku: line, expected_units (mean net units before chance), days (on sale, from the
            true launch), units (net, observed).
    """

    images: np.ndarray
    index: pd.DataFrame
    units: pd.DataFrame
    ledger: pd.DataFrame
    prices: pd.DataFrame
    truth: pd.DataFrame


def make_embedded(params: Params, scale: float, seed: int, shots: int = 1) -> Embedded:
    """Make the shop and take `shots` photos of each product, all of one cluster.

    Photos go from the renderer to the alignment without a JPEG between them.
    """
    shop = DemoShop(scale, seed)
    products = [product for product in shop.products for _ in range(shots)]
    images = take_photos(products, shots, params)
    skus, lines = [p.sku for p in products], [p.line for p in products]
    clusters = find_clusters(images, params.images.duplicate_rmse, skus)
    index = pd.DataFrame({"sku": skus, "line": lines, "cluster": clusters})
    index["split"] = split_designs(index, params.images.split, params.images.seed)
    until, ledger = last_day(shop.season), sales_of(shop)
    units = units_per_product(ledger, skus[::shots], until)
    truth = shop.expected_units().set_index("sku")
    truth["days"] = [(until - product.launch).days + 1 for product in shop.products]
    truth["units"] = units.set_index("sku")["units"]
    prices = [(product.sku, str(product.price), "EUR") for product in shop.products]
    table = pd.DataFrame(prices, columns=["sku", "price", "currency"])
    return Embedded(images, index, units, ledger, table, truth)


def take_photos(products: Sequence[Product], shots: int, params: Params) -> np.ndarray:
    """Return the aligned photos, uint8 N x S x S x 3; each of a product is placed and lit anew."""
    settings = params.images
    photos = [
        align(
            render(product.watch, PHOTO, shot=product.shot + row % shots),
            settings.size,
            settings.fill,
            settings.max_aspect,
        )
        for row, product in enumerate(products)
    ]
    return np.stack([np.asarray(photo) for photo in photos])


def sales_of(shop: DemoShop) -> pd.DataFrame:
    """Return the shop's ledger as the stage sales cleans it, by product."""
    ledger = shop.ledger()
    design = {variant: p.sku for p in shop.products for variant in p.variants}
    ledger["sku"] = ledger["sku"].replace(design)
    ledger["date"] = pd.to_datetime(ledger["date"])
    ledger["units"] = ledger["units"].where(ledger["kind"] == "sale", -ledger["units"])
    return ledger
