"""The products of the embedded shop: designs drawn line by line, launch dates, awkward pages.

Everything follows from (scale, seed, season). The products of a line are drawn one after another
from a generator of their own, so a smaller scale shows the first products of a larger one, and a
later season adds to the earlier ones without changing them.
"""

import datetime as dt
from bisect import bisect
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from bestseller.demo.lines import LINES, Line
from bestseller.demo.watch import Watch

BRAND = "Halden & Rook"
CURRENCY = "EUR"
FIRST_DAY = dt.date(2019, 4, 5)
LAST_DAY = dt.date(2022, 3, 1)  # of season 1; each later season adds three months
SHARE_NEW_PER_SEASON = 0.03
MIN_UNITS = 3  # units of a line at any scale
SHARE_FROM_START = 0.5  # of the products, on sale from the first day
WITHDRAWN = dt.date(2021, 9, 30)  # last day of the discontinued product
MIN_DAYS_ON_SALE = 45  # between the last launch of a season and its end
DETAIL_EVERY = 8  # every eighth product has a close-up beside the front view
MAX_DRAWS = 1000  # before a line repeats a design
PNG_EVERY = 10  # every tenth product's photo is a PNG, the others are JPEG

# What real shops do, and the line whose first product does it here. All of these are among the
# kinds and sell; their photos are sound.
AWKWARD = {
    "variants": "Datejust",  # a ProductGroup of three sizes; sales carry the sizes' SKUs
    "graph": "Lady-Datejust",  # @graph; the group's sizes and the offer are @id references
    "microdata": "Day-Date",  # no JSON-LD
    "opengraph": "Oyster Perpetual",  # neither JSON-LD nor microdata
    "relative_image": "Sky-Dweller",  # image URL relative to the page, as ../images/...
    "lazy_image": "GMT-Master II",  # no image in the JSON-LD; data-src and noscript only
    "tracking_url": "Daytona",  # listed twice, once with ?utm_source=...; the canonical link agrees
    "discontinued": "Submariner",  # schema.org/Discontinued, still listed; sold until WITHDRAWN
    "broken_json": "Yacht-Master",  # a JSON-LD script that is no JSON beside a good one
}
# Pages beyond the kinds: nothing of these is ever sold, and all but the duplicate lack a photo.
EXTRAS = {
    "duplicate": "Datejust",  # the second Datejust again: other SKU and name, same photo bytes
    "placeholder_a": "Datejust",  # both show the same small "no photo" picture
    "placeholder_b": "Lady-Datejust",
    "corrupt_image": "Day-Date",  # a JPEG cut off in the middle
    "forbidden": "Daytona",  # listed and linked, but below the path that robots.txt disallows
}

Look = dict[str, tuple[list[str], list[float]]]

_METAL_PRICE = {
    "steel": 1.0,
    "steel and yellow gold": 1.35,
    "steel and rose gold": 1.4,
    "yellow gold": 2.6,
    "rose gold": 2.7,
    "white gold": 2.8,
    "platinum": 4.0,
}


@dataclass(frozen=True)
class Product:
    """A product page: one design.

    `sku` is text with a leading zero. `role` is a key of AWKWARD or EXTRAS, else "". `season` is
    the one that brought it. `shot` seeds how the photographer placed and lit it. `variants` are
    the SKUs of its sizes, under which it is then sold. `changed` is the season that last changed
    the page, 0 for never.
    """

    sku: str
    name: str
    line: str
    category: str
    watch: Watch
    launch: dt.date
    season: int
    price: int
    shot: int
    role: str = ""
    variants: tuple[str, ...] = ()
    changed: int = 0

    @property
    def serial(self) -> int:
        return int(self.sku[2:6])

    @property
    def last_sale(self) -> dt.date:
        return WITHDRAWN if self.role == "discontinued" else dt.date.max

    @property
    def slug(self) -> str:
        return f"{self.line.lower().replace(' ', '-')}-{self.sku}"

    @property
    def views(self) -> tuple[str, ...]:
        sound = not self.role or self.role in AWKWARD
        return ("front", "detail") if sound and self.serial % DETAIL_EVERY == 4 else ("front",)

    @property
    def suffix(self) -> str:
        return "png" if not self.role and self.serial % PNG_EVERY == 5 else "jpg"


def last_day(season: int) -> dt.date:
    """Return the last day of the ledger in a season."""
    months = 3 * (season - 1) + LAST_DAY.month - 1
    return dt.date(LAST_DAY.year + months // 12, months % 12 + 1, LAST_DAY.day)


def first_day(season: int) -> dt.date:
    """Return the first day that a season adds to the ledger."""
    return FIRST_DAY if season == 1 else last_day(season - 1) + dt.timedelta(days=1)


def line_kinds(line: Line, scale: float) -> int:
    """Return the products of a line in season 1."""
    return max(1, int(line.kinds * scale + 0.5))


def line_units(line: Line, scale: float) -> int:
    """Return the net units of a line in season 1."""
    return max(MIN_UNITS, int(line.units * scale + 0.5))


def make_products(scale: float, seed: int, season: int) -> list[Product]:
    """Return the sellable products, by SKU: every design once, season 1's plus later ones."""
    products = [
        p for number in range(len(LINES)) for p in _line_products(number, scale, seed, season)
    ]
    for later in range(2, season + 1):
        last = _last_of_season_1(products, LINES[(later - 2) % len(LINES)].name)
        products[last] = replace(
            products[last], price=round(products[last].price * 1.05 / 10) * 10, changed=later
        )
    return products


def make_extras(products: list[Product]) -> list[Product]:
    """Return the pages of EXTRAS, made from the first products of their lines."""
    extras = []
    for number, (role, line) in enumerate(EXTRAS.items(), start=1):
        members = [p for p in products if p.line == line]
        model = members[min(1, len(members) - 1)]
        name = f"{model.name}, {'boutique edition' if role == 'duplicate' else 'no photo yet'}"
        sku = f"{model.sku[:2]}99{number:02d}"
        extras.append(replace(model, sku=sku, name=name, role=role, variants=(), changed=0))
    return extras


def _last_of_season_1(products: list[Product], line: str) -> int:
    return max(i for i, p in enumerate(products) if p.line == line and p.season == 1)


def _line_products(number: int, scale: float, seed: int, season: int) -> list[Product]:
    line, look = LINES[number], _look(LINES[number])
    seen: set[Watch] = set()
    products: list[Product] = []
    for now in range(1, season + 1):
        rng = np.random.default_rng([seed, number, now])
        count = line_kinds(line, scale) if now == 1 else _added(scale, now)[number]
        for _ in range(count):
            watch = _draw_design(look, rng, seen)
            seen.add(watch)
            products.append(_product(number, len(products) + 1, watch, now, rng))
    return products


def _added(scale: float, season: int) -> list[int]:
    """Return how many products a later season adds to each line, the largest lines first."""
    kinds = np.array([line_kinds(line, scale) for line in LINES])
    total = max(1, round(SHARE_NEW_PER_SEASON * int(kinds.sum())))
    exact = kinds * total / kinds.sum()
    added = np.floor(exact).astype(int)
    rest = np.argsort(-(exact - added), kind="stable")[: total - added.sum()]
    added[rest] += 1
    return [int(count) for count in added]


def _look(line: Line) -> Look:
    """Return each attribute's values in a line and their cumulated probabilities."""
    look = {}
    for attribute in line.look:
        values, shares = line.values(attribute)
        look[attribute] = values, list(accumulate(shares))
    return look


def _draw_design(look: Look, rng: np.random.Generator, seen: set[Watch]) -> Watch:
    """Draw a design that the line does not have yet; a line of few looks may repeat one."""
    for _ in range(MAX_DRAWS):
        drawn = {
            attribute: values[min(bisect(cumulated, rng.random()), len(values) - 1)]
            for attribute, (values, cumulated) in look.items()
        }
        size = int(drawn.pop("size"))
        watch = Watch(size=size, **drawn).settled()
        if watch not in seen:
            break
    return watch


def _product(
    number: int, serial: int, watch: Watch, season: int, rng: np.random.Generator
) -> Product:
    line = LINES[number]
    sku = f"{number + 1:02d}{serial:04d}"
    first = serial == 1
    span = (last_day(season) - first_day(season)).days - MIN_DAYS_ON_SALE
    delay = 0 if rng.random() < SHARE_FROM_START and season == 1 else int(rng.integers(1, span + 1))
    role = next((r for r, name in AWKWARD.items() if first and name == line.name), "")
    sizes = tuple(f"{sku}-{size}" for size in "SML") if role in ("variants", "graph") else ()
    return Product(
        sku=sku,
        name=_name(line, watch),
        line=line.name,
        category=line.category,
        watch=watch,
        launch=first_day(season) + dt.timedelta(days=0 if first else delay),
        season=season,
        price=_price(line, watch),
        shot=int(rng.integers(2**31)),
        role=role,
        variants=sizes,
    )


def _name(line: Line, watch: Watch) -> str:
    band = "strap" if watch.band in ("leather", "rubber") else "bracelet"
    return (
        f"{line.name} {watch.size}, {watch.metal}, {watch.dial} {watch.texture} dial, "
        f"{watch.bezel} bezel, {watch.band} {band}"
    )


def _price(line: Line, watch: Watch) -> int:
    plainest = min(_METAL_PRICE[metal] for metal in line.values("metal")[0])
    gems = 1 + 0.6 * (watch.bezel == "gems") + 0.2 * (watch.markers == "gems")
    price = line.price * _METAL_PRICE[watch.metal] / plainest * gems + 20 * (watch.size - 28)
    return round(price / 50) * 50
