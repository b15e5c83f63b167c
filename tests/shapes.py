"""A tiny catalogue with a known taste: coloured shapes, one shape a line, red sells."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.catalogue.product import Product
from bestseller.images.store import ImageSet

Shop = tuple[NDArray[np.uint8], pd.DataFrame, pd.DataFrame]
LINES = ("cross", "disc", "ring", "square")
LAST_DAY = pd.Timestamp("2024-06-30")


def draw_shape(
    line: str, colour: NDArray[np.float64], size: int, noise: float, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Return a shape of the colour (RGB, 0..255) on white, a little off the centre.

    `noise` is the standard deviation of what is added to every pixel.
    """
    y, x = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    x, y = x - rng.uniform(-0.1, 0.1), y - rng.uniform(-0.1, 0.1)
    radius = np.hypot(x, y)
    inside = {
        "cross": (np.minimum(abs(x), abs(y)) < 0.2) & (np.maximum(abs(x), abs(y)) < 0.8),
        "disc": radius < 0.7,
        "ring": (radius < 0.8) & (radius > 0.45),
        "square": np.maximum(abs(x), abs(y)) < 0.6,
    }[line]
    image = np.where(inside[..., None], colour, 250.0) + rng.normal(0, noise, (size, size, 3))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def make_shop(n: int, size: int = 32, noise: float = 3.0, seed: int = 0) -> Shop:
    """Return images, their index and the units of n products.

    The sales rate of a product is exp(2 x redness), redness uniform in 0..1, times 8 units in 100
    days; a third of the products was launched half way.
    """
    rng = np.random.default_rng(seed)
    redness = rng.uniform(size=n)
    line = [LINES[i % 4] for i in range(n)]
    colours = np.stack([230 * redness, rng.uniform(0, 120, n), 230 * (1 - redness)], axis=1)
    shapes = zip(line, colours, strict=True)
    images = np.stack([draw_shape(name, c, size, noise, rng) for name, c in shapes])
    skus = [f"{i:04d}" for i in range(n)]
    split = np.array(["train", "validation", "train", "test", "train"] * 2)[np.arange(n) // 4 % 10]
    index = pd.DataFrame({"sku": skus, "line": line, "cluster": np.arange(n), "split": split})
    days = np.where(rng.uniform(size=n) < 1 / 3, 50, 100)
    units = rng.poisson(8 * np.exp(2 * redness) * days / 100)
    sold = pd.DataFrame({"sku": skus, "units": units, "days_on_sale": days})
    sold["first_date"] = LAST_DAY - pd.to_timedelta(days - 1, unit="D")
    sold["units_per_day"] = sold["units"] / sold["days_on_sale"]
    index["redness"] = redness
    return images, index, sold


def make_ledger(units: pd.DataFrame, lines: pd.Series, seed: int = 0) -> pd.DataFrame:
    """Return a clean ledger with the units of `make_shop`, each on a day of its own choice.

    A product sells its first unit on its first day.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for sku, sold, first, days in zip(
        *(units[name] for name in ("sku", "units", "first_date", "days_on_sale")), strict=True
    ):
        offsets = rng.integers(0, days, sold)
        offsets[:1] = 0
        dates = first + pd.to_timedelta(offsets, unit="D")
        parts.append(pd.DataFrame({"sku": sku, "date": dates, "units": 1}))
    ledger = pd.concat(parts, ignore_index=True)
    ledger.insert(1, "line", ledger["sku"].map(lines))
    return ledger


def save_shop(count: int, **facts: str) -> None:
    """Write the outputs that a shop of `count` products has before anything is learned.

    They lie in data/ of the current folder; `facts` are fields of every product, such as a price.
    """
    images, index, units = make_shop(count)
    filled = index.assign(category="shapes", view="front", sha256="0" * 64)
    ImageSet(images, filled.drop(columns="redness")).save("data/processed")
    for folder in ("data/sales", "data/raw"):
        Path(folder).mkdir()
    units.to_parquet("data/sales/units.parquet")
    make_ledger(units, index.set_index("sku")["line"]).to_parquet("data/sales/ledger.parquet")
    products = [Product(sku=sku, name=sku, url="", **facts) for sku in index["sku"]]  # type: ignore[arg-type]
    text = "".join(product.model_dump_json() + "\n" for product in products)
    Path("data/raw/catalogue.jsonl").write_text(text)
