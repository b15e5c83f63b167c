"""What a picture looks like, in words that a buyer uses: measures, and where a design departs.

The product is what differs from the picture's border. Colours are measured in CIELAB, whose steps
are about equally visible; the middle is a disc of a fifth of the side's radius, where the face of
a product tends to be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]

WORDS = {  # measure: (what a lower value is called, what a higher one is)
    "lightness": ("darker", "lighter"),
    "warmth": ("cooler", "warmer"),
    "redness": ("greener", "redder"),
    "colour": ("less colourful", "more colourful"),
    "contrast": ("softer in contrast", "stronger in contrast"),
    "detail": ("plainer", "more detailed"),
    "width": ("narrower", "wider"),
    "middle_lightness": ("darker in the middle", "lighter in the middle"),
    "middle_warmth": ("cooler in the middle", "warmer in the middle"),
    "middle_redness": ("greener in the middle", "redder in the middle"),
    "middle_colour": ("less colourful in the middle", "more colourful in the middle"),
}
MIDDLE_OF = "middle_"  # begins the measures of the middle
STEP = 24  # grey levels of any channel by which the product differs from the border
MIDDLE = 0.2  # radius of the middle over the side
NOTABLE = 1.0  # standard deviations of the products of a line
VISIBLE = {"width": 0.02, "detail": 0.2}  # the least deviation that counts as one
VISIBLE_COLOUR = 1.0  # CIELAB, of every other measure; smaller steps are hardly seen
MOST_NAMED = 4
FEWEST = 2  # products of a line that have a spread


def measures(images: NDArray[np.uint8]) -> pd.DataFrame:
    """Return the measures of images N x S x S x 3 as N rows with the columns of `WORDS`.

    lightness, warmth, redness: means of L*, b*, a* over the product; colour: mean chroma; contrast:
    standard deviation of L*; detail: mean change of L* from pixel to pixel; width: the spread of
    the product across over that from top to bottom. A picture without a product is measured whole.
    """
    return pd.DataFrame([_measure(image) for image in images], columns=list(WORDS))


@dataclass(frozen=True)
class Looks:
    """The looks of real products.

    Attributes:
        lines: the mean measures of each line, a row each.
        products: the measures of each product, by sku.
        spread: standard deviation of each measure among the products of one line, or the least
            that is visible.
    """

    lines: pd.DataFrame
    products: pd.DataFrame
    spread: pd.Series

    @classmethod
    def of(cls, images: NDArray[np.uint8], skus: Sequence[str], lines: Sequence[str]) -> Self:
        """Measure the pictures of products, one or several of each."""
        table = measures(images)
        by_line = table.groupby(np.asarray(lines, object))
        inside = table - by_line.transform("mean")
        free = max(len(table) - by_line.ngroups, FEWEST - 1)
        spread = np.sqrt((inside**2).sum() / free)
        least = pd.Series({name: VISIBLE.get(name, VISIBLE_COLOUR) for name in WORDS})
        by_sku = table.groupby(np.asarray(skus, object))
        return cls(by_line.mean(), by_sku.mean(), np.maximum(spread, least))

    def departures(
        self, image: NDArray[np.uint8], line: str, sellers: Sequence[str]
    ) -> dict[str, list[dict[str, Any]]]:
        """Tell how an image departs from its line's average and from its nearest best sellers.

        Args:
            image: uint8 S x S x 3.
            line: of the design.
            sellers: skus of its nearest best sellers.

        Returns:
            ``line`` and ``best_sellers``, each the notable departures, the largest first, at most
            four: measure, word, deviations (of the products of a line; below 0 = lower). An empty
            list where nothing is notable, or nothing is there to compare with.
        """
        found = measures(image[None]).iloc[0]
        known = [sku for sku in sellers if sku in self.products.index]
        return {
            "line": self._named(found - self.lines.loc[line]) if line in self.lines.index else [],
            "best_sellers": self._named(found - self.products.loc[known].mean()) if known else [],
        }

    def _named(self, difference: pd.Series) -> list[dict[str, Any]]:
        deviations = difference / self.spread
        order = deviations.abs().sort_values(ascending=False, kind="stable").index
        # By what is compared, whatever its place: "darker, but lighter in the middle" would
        # contradict itself, and the larger departure is the one that is seen.
        named: dict[str, dict[str, Any]] = {}
        for measure in order:
            value = float(deviations[measure])
            word = WORDS[measure][int(value > 0)]
            if abs(value) >= NOTABLE:
                found = {"measure": measure, "word": word, "deviations": round(value, 2)}
                named.setdefault(measure.removeprefix(MIDDLE_OF), found)
        return list(named.values())[:MOST_NAMED]


def _measure(image: NDArray[np.uint8]) -> Mapping[str, float]:
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    background = np.median(border, axis=0)
    product = (np.abs(image - background) > STEP).any(axis=2)
    if not product.any():
        product = np.ones(product.shape, dtype=bool)
    side = len(image)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    middle = np.hypot(x, y) <= max(MIDDLE * side, 1.0)
    lab = to_lab(image)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    changes = [np.abs(np.diff(lab[..., 0], axis=axis)).mean() for axis in (0, 1)]
    across, down = x[product].std(), y[product].std()  # the outline's ends may be specks
    return {
        "lightness": float(lab[product, 0].mean()),
        "warmth": float(lab[product, 2].mean()),
        "redness": float(lab[product, 1].mean()),
        "colour": float(chroma[product].mean()),
        "contrast": float(lab[product, 0].std()),
        "detail": float(np.mean(changes)),
        "width": float(across / down) if down > 0 else 1.0,
        "middle_lightness": float(lab[middle, 0].mean()),
        "middle_warmth": float(lab[middle, 2].mean()),
        "middle_redness": float(lab[middle, 1].mean()),
        "middle_colour": float(chroma[middle].mean()),
    }


def to_lab(image: NDArray[np.uint8]) -> Array:
    """Return an sRGB image as CIELAB under D65: L* in 0..100, a*, b*; float64 of its shape."""
    values = image / 255.0
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(to_xyz).T / np.array([0.9505, 1.0, 1.0890])
    small = (6 / 29) ** 3
    f = np.where(xyz > small, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
