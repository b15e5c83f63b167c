"""A tiny catalogue with a known taste: coloured shapes, one shape a line, red sells."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Shop = tuple[NDArray[np.uint8], pd.DataFrame, pd.DataFrame]
LINES = ("cross", "disc", "ring", "square")


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
    sold["units_per_day"] = sold["units"] / sold["days_on_sale"]
    index["redness"] = redness
    return images, index, sold
