"""The embedded shop: what it sells, what it has sold, and what stands at each of its addresses."""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from urllib.parse import parse_qs, urlsplit

import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from bestseller.demo import pages, sales
from bestseller.demo.lines import LINES
from bestseller.demo.markup import image_paths
from bestseller.demo.render import render, renderer_version
from bestseller.demo.server import Request, Resource, serve
from bestseller.demo.world import Product, make_extras, make_products

JPEG_QUALITY = 92
PLACEHOLDER_SIDE = 96  # pixels
LEDGER_PATH = "/export/ledger.csv"


class DemoShop:
    """A watch shop that is made up, whole and the same every time.

    Args:
        scale: share of the reference catalogue's 5,516 kinds and of its units, in (0, 1].
        seed: of the designs, the launch dates and the sales.
        season: 1 for 2019-04-05 to 2022-03-01; each later one adds three months of sales and new
            products, changes one product's page, and leaves all else as it was.
        image_size: pixels of the side of its photos.

    Attributes:
        products: the sellable designs by SKU; at scale 1 exactly 5,516 in season 1.
        extras: further pages, nothing of which is sold (`world.EXTRAS`).
        requests: what was asked of the server so far.
    """

    def __init__(self, scale: float, seed: int, season: int = 1, image_size: int = 256) -> None:
        self.scale, self.seed, self.season, self.image_size = scale, seed, season, image_size
        self.products = make_products(scale, seed, season)
        self.extras = make_extras(self.products)
        self.requests: list[Request] = []
        self._listed = [*self.products, *self.extras]
        self._pages = {pages.product_path(product): product for product in self._listed}
        self._images = {
            path: (product, view)
            for product in self._listed
            for path, view in zip(image_paths(product), product.views, strict=True)
        }
        self._lines = {pages.line_path(line.name): line.name for line in LINES}
        self._by_sku = {product.sku: product for product in self.products}
        self._photo = lru_cache(maxsize=512)(self._take_photo)

    def ledger(self) -> pd.DataFrame:
        """Return all sales: sku (text), date (ISO text), units (int > 0), kind (sale | return)."""
        return self._ledger.copy()

    def expected_units(self) -> pd.DataFrame:
        """Return the hidden truth: sku, line, expected_units (float, net). Never served."""
        return sales.expected_units(self.products, self.scale, self.seed, self.season)

    @contextmanager
    def serve(self, port: int = 0) -> Iterator[str]:
        """Serve the shop on 127.0.0.1 and yield its origin; port 0 takes a free one."""
        with serve(self.resource, self.requests, port) as origin:
            yield origin

    def resource(self, target: str, origin: str) -> Resource | None:
        """Return what stands at a path with or without a query; None where nothing stands.

        Args:
            target: such as ``/products/datejust-010001?utm_source=mail``.
            origin: scheme, host and port by which the client calls the shop, for the sitemaps.
        """
        path = urlsplit(target).path
        if path in self._images:
            return self._image(*self._images[path])
        found = self._text(path, urlsplit(target).query, origin)
        if found is None:
            return None
        content_type, body = found
        return Resource(content_type, _etag(body), lambda: body)

    def _text(self, path: str, query: str, origin: str) -> tuple[str, bytes] | None:
        """Return the content type and the bytes of everything but pictures."""
        html, xml = "text/html; charset=utf-8", "application/xml"
        if path in self._pages:
            product = self._pages[path]
            return html, pages.product_page(product, self._related(product))
        if path in self._lines:
            line = self._lines[path]
            members = [p for p in self.products if p.line == line]
            return html, pages.line_page(line, members, _page_number(query))
        for category, address in pages.SITEMAPS.items():
            if path == address:
                kind = "application/gzip" if path.endswith(".gz") else xml
                return kind, pages.sitemap(category, self._listed, origin)
        hidden = [p for p in self.extras if p.role == "forbidden"]
        others: dict[str, Callable[[], tuple[str, bytes]]] = {
            "/": lambda: (html, pages.home_page(self.products, hidden)),
            "/robots.txt": lambda: ("text/plain; charset=utf-8", pages.robots_txt(origin)),
            "/sitemap.xml": lambda: (xml, pages.sitemap_index(origin)),
            LEDGER_PATH: lambda: ("text/csv; charset=utf-8", self._csv),
        }
        return others[path]() if path in others else None

    @cached_property
    def _ledger(self) -> pd.DataFrame:
        return sales.draw_ledger(self.products, self.scale, self.seed, self.season)

    @cached_property
    def _csv(self) -> bytes:
        return self._ledger.to_csv(index=False, lineterminator="\n").encode()

    def _related(self, product: Product) -> list[Product]:
        """Return up to two older products of the line: they never change with the season."""
        number = int(product.sku)
        neighbours = (self._by_sku.get(f"{number - back:06d}") for back in (1, 2))
        return [p for p in neighbours if p is not None and p.line == product.line]

    def _image(self, product: Product, view: str) -> Resource:
        photo = (product.watch, product.shot, view, product.suffix, self.image_size)
        picture: object = photo if product.role != "corrupt_image" else (*photo, "corrupt")
        if product.role.startswith("placeholder"):
            picture = "placeholder"
        content_type = "image/png" if product.suffix == "png" else "image/jpeg"
        tag = _etag(f"{renderer_version()} {picture}".encode())
        return Resource(content_type, tag, lambda: self._photo(product, view))

    def _take_photo(self, product: Product, view: str) -> bytes:
        if product.role.startswith("placeholder"):
            return _encoded(_no_photo(), product.suffix)
        photo = render(product.watch, self.image_size, shot=product.shot, view=view)
        data = _encoded(photo, product.suffix)
        return data[: len(data) // 2] if product.role == "corrupt_image" else data


def _page_number(query: str) -> int:
    """Return the number in ``page=3``, 1 where there is none."""
    number = parse_qs(query).get("page", ["1"])[0]
    return max(1, int(number)) if number.isascii() and number.isdigit() else 1


def _etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def _encoded(image: Image.Image, suffix: str) -> bytes:
    buffer = io.BytesIO()
    if suffix == "png":
        image.save(buffer, "PNG", compress_level=4)
    else:
        image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def _no_photo() -> Image.Image:
    side = PLACEHOLDER_SIDE
    image = Image.new("RGB", (side, side), (226, 226, 226))
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((side / 2, side / 2), "NO PHOTO", (120, 120, 120), font, anchor="mm")
    return image
