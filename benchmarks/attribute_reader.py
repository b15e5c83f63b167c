"""Read the embedded shop's hidden taste off a picture: attribute by attribute, as a buyer would.

For each attribute that the taste weighs (dial, texture, metal, ...) a linear discriminant with a
shrunk covariance says which value a picture shows, and the utility is the expected one over these
values. The features are pooled maps of EfficientNet-Lite2 and 8 x 8 pixels of colour: the score
looks through another network, and no sale is involved. It learns from freshly rendered watches of
a shop with a seed of its own, and is held against a fifth of them that it has not seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from embedded import take_photos
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import spearmanr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from bestseller.backbones import FeatureSpace, load_space
from bestseller.demo import taste
from bestseller.demo.shop import DemoShop
from bestseller.demo.watch import Watch
from bestseller.params import Params, Space

READER_SEED = 1_001  # of the shop that the reader learns from; the runs' shops have others
SPACE = Space(network="efficientnet_lite2", layers=[2, 3, 4, 5], side=128)
COLOURS = 8  # pixels
UNSEEN = 0.2  # share of the watches that the reader is held against
LARGE = 20  # unseen watches of a line, from which a rank correlation is told

Array = NDArray[np.float64]
Images = NDArray[np.uint8]
Chances = Mapping[str, tuple[list[str], Array]]  # by attribute: values, N x values


@dataclass(frozen=True)
class AttributeReader:
    """Reads what a watch shows.

    Attributes:
        space: whose features it looks at.
        attributes: by name, what tells its value.
        unseen: watches that it has not seen, and what it read of them.
    """

    space: FeatureSpace
    attributes: Mapping[str, Pipeline]
    unseen: tuple[list[Watch], list[str], Chances]

    @classmethod
    def fit(cls, backbones: str, params: Params, scale: float) -> "AttributeReader":
        """Render a shop of the scale, learn from four fifths of it."""
        products = DemoShop(scale, READER_SEED).products
        space = load_space(backbones, SPACE)
        features = _features(space, take_photos(products, 1, params))
        held = np.random.default_rng(0).uniform(size=len(products)) < UNSEEN
        fitted = {}
        for name in taste.WEIGHTS:
            values = np.array([getattr(product.watch, name) for product in products])
            several = pd.Series(values[~held]).value_counts().loc[lambda counts: counts > 1].index
            rows = ~held & np.isin(values, several)
            if len(several) > 1:
                discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
                pipeline = make_pipeline(StandardScaler(), discriminant)
                fitted[name] = pipeline.fit(features[rows], values[rows])
        watches = [p.watch for p, out in zip(products, held, strict=True) if out]
        lines = [p.line for p, out in zip(products, held, strict=True) if out]
        return cls(space, fitted, (watches, lines, _chances(fitted, features[held])))

    def read(self, images: Images) -> Chances:
        """Return the chances of every value of every attribute."""
        return _chances(self.attributes, _features(self.space, images))

    def agreement(self) -> dict[str, float]:
        """Return by line the rank correlation of the read utility with the true one, unseen."""
        watches, lines, chances = self.unseen
        table = pd.DataFrame(
            {
                "line": lines,
                "true": [taste.utility(watch) for watch in watches],
                "read": utility_of(chances),
            }
        )
        return {
            str(line): float(spearmanr(rows["true"], rows["read"])[0])
            for line, rows in table.groupby("line")
            if len(rows) >= LARGE
        }

    def accuracy(self) -> dict[str, float]:
        """Return by attribute the share of unseen watches whose value is read rightly."""
        watches, _, chances = self.unseen
        return {
            name: float(
                np.mean(
                    [
                        values[best] == getattr(watch, name)
                        for best, watch in zip(found.argmax(axis=1), watches, strict=True)
                    ]
                )
            )
            for name, (values, found) in chances.items()
        }


def utility_of(chances: Chances) -> Array:
    """Return the expected utility by today's `taste`, float64 N, attributes being independent."""
    known = {
        name: dict(zip(values, found.T, strict=True)) for name, (values, found) in chances.items()
    }
    count = len(next(iter(chances.values()))[1])
    utility = np.zeros(count)
    for name, found in known.items():
        for value, chance in found.items():
            utility += taste.WEIGHTS[name].get(value, 0.0) * chance
    none = np.zeros(count)
    for first, value, second, other, weight in taste.INTERACTIONS:
        both = known.get(first, {}).get(value, none) * known.get(second, {}).get(other, none)
        utility += weight * both
    return utility


def _chances(fitted: Mapping[str, Pipeline], features: Array) -> Chances:
    return {
        name: (list(pipeline.classes_), pipeline.predict_proba(features))
        for name, pipeline in fitted.items()
    }


def _features(space: FeatureSpace, images: Images) -> Array:
    small = [
        np.asarray(Image.fromarray(i).resize((COLOURS, COLOURS), Image.Resampling.BOX)).ravel()
        for i in images
    ]
    return np.hstack([space.features(images).astype(np.float64), np.stack(small) / 255])


def permuted(seed: int) -> None:
    """Change the taste: each attribute's weights dealt anew among its values; 0 = the shop's own.

    It holds for all of this process. The interactions belong to the shop's own taste alone.
    """
    for name, weights in OWN.items():
        values = list(weights.values())
        dealt: Sequence[float] = values
        if seed:
            dealt = np.random.default_rng([seed, *name.encode()]).permutation(values).tolist()
        taste.WEIGHTS[name] = dict(zip(weights, dealt, strict=True))
    taste.INTERACTIONS = () if seed else OWN_INTERACTIONS  # type: ignore[assignment] # a shorter tuple


OWN = {name: dict(weights) for name, weights in taste.WEIGHTS.items()}
OWN_INTERACTIONS = taste.INTERACTIONS
