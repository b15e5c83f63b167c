"""The sales ranker and its proof: fitted on some products, tested on products held out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.base.errors import BestsellerError
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.sellers import mean_by_product
from bestseller.preference.attributes import AttributeTable
from bestseller.preference.backtest import SMALLEST_LINE, Backtest, run_backtest
from bestseller.preference.metadata import Metadata, comparable
from bestseller.preference.ranker import SalesRanker, fit_ranker

BASELINES = ("line_mean", "mean_colour", "metadata", "shuffled_sales")


@dataclass(frozen=True)
class Pictures:
    """What is seen of the products' images, a row per image.

    Attributes:
        index: sku.
        features: float32 N x d, of a frozen backbone.
        colours: float32 N x 3, the mean colours, RGB in 0..255.
    """

    index: pd.DataFrame
    features: NDArray[np.float32]
    colours: NDArray[np.float32]

    @classmethod
    def extract(
        cls,
        features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        images: NDArray[np.uint8],
        index: pd.DataFrame,
    ) -> "Pictures":
        """Extract from uint8 images N x H x W x 3 with a backbone's `features`."""
        return cls(index, features(images), mean_colour(images))

    def features_of(self, products: pd.DataFrame) -> NDArray[np.float32]:
        """Return a row of features for each product of a table with the column sku."""
        return mean_by_product(self.features, self.index, products["sku"])

    def colours_of(self, products: pd.DataFrame) -> NDArray[np.float32]:
        """Return a mean colour for each product of a table with the column sku."""
        return mean_by_product(self.colours, self.index, products["sku"])


def mean_colour(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean colour of images N x H x W x 3: float32 N x 3, RGB in 0..255."""
    result: NDArray[np.float32] = images.mean(axis=(1, 2), dtype=np.float32)
    return result


def study(
    pictures: Pictures,
    history: pd.DataFrame,
    confidence: float,
    seed: int,
    mild: Sequence[NDArray[np.float32]] = (),
) -> tuple[SalesRanker, Backtest]:
    """Fit the ranker on the train and validation parts and test it, as it is, on the test part.

    Args:
        pictures: of every product of the history.
        history: from `metadata.with_table`.
        confidence: of the intervals.
        seed: of the folds, the shuffle and the resamples.
        mild: features of mildly changed photos of the validation part, a table for each kind.

    Raises:
        BestsellerError: no line has enough held-out products, or a part is empty.
    """
    parts = {part: table.reset_index(drop=True) for part, table in history.groupby("split")}
    if not rankable(parts.get("test", history.iloc[:0])):
        raise BestsellerError(
            f"data/processed/index.parquet: no line has {SMALLEST_LINE} products in the test part "
            "that sold; to test the ranking crawl more products or raise the last of images.split"
        )
    detector = OutOfDistributionDetector.fit(
        pictures.features_of(parts["train"]), pictures.features_of(parts["validation"]), mild=mild
    )
    known = history[history["split"] != "test"].reset_index(drop=True)
    return fit_and_test(
        pictures, known, parts["test"], confidence=confidence, seed=seed, detector=detector
    )


def rankable(products: pd.DataFrame) -> bool:
    """Tell whether some line has enough products for a ranking worth measuring."""
    return len(products) > 0 and int(products["line"].value_counts().max()) >= SMALLEST_LINE


def fit_and_test(
    pictures: Pictures,
    fitted: pd.DataFrame,
    held_out: pd.DataFrame,
    *,
    confidence: float,
    seed: int,
    detector: OutOfDistributionDetector | None = None,
) -> tuple[SalesRanker, Backtest]:
    """Fit the ranker on some products and test it, as it is, on others.

    The baselines know, and do, what the ranker does, but for one thing. line_mean: every product
    of a line alike. mean_colour: three numbers an image in the place of its features. metadata:
    price and first sale in their place, no picture. shuffled_sales: fitted on the sales of other
    products of the line. The ranker's explainable twin, the score of the nearest neighbours, is
    measured beside them as ``neighbours``.

    A design has no attributes, and the ranker judges it by its picture alone. For products that
    have some, ``attributes`` is fitted on price and attributes, and ``combined`` on picture and
    attributes; what each adds to the other tells their shares apart.

    Args:
        pictures: of all products.
        fitted: what the sales of products were when the ranker was fitted, `metadata.with_table`.
        held_out: other products, with the sales that the score is compared with.
        confidence: of the intervals.
        seed: of the folds, the shuffle and the resamples.
        detector: goes into the ranker as it is.

    Raises:
        BestsellerError: no fitted line has two products of which one sold twice.
    """
    seen, unseen = pictures.features_of(fitted), pictures.features_of(held_out)
    table = Metadata.fit(fitted)
    ranker = fit_ranker(seen, fitted, seed, detector)
    colour = fit_ranker(pictures.colours_of(fitted), fitted, seed)
    metadata = fit_ranker(table.features(fitted), fitted, seed)
    shuffled = fit_ranker(seen, _shuffled(fitted, seed), seed)
    lines = list(held_out["line"])
    within = {
        "score": ranker.score(unseen, lines),
        "mean_colour": colour.score(pictures.colours_of(held_out), lines),
        "metadata": metadata.score(table.features(held_out), lines),
        "shuffled_sales": shuffled.score(unseen, lines),
        "line_mean": np.ones(len(lines)),
        "neighbours": ranker.neighbour_score(unseen, lines),
    }
    columns = AttributeTable.fit(fitted)
    if columns.names:
        known, unknown = columns.features(fitted), columns.features(held_out)
        within["attributes"] = fit_ranker(known, fitted, seed).score(unknown, lines)
        both, widths = np.concatenate([seen, known], axis=1), [seen.shape[1], known.shape[1]]
        combined = fit_ranker(both, fitted, seed, blocks=widths)
        within["combined"] = combined.score(np.concatenate([unseen, unknown], axis=1), lines)
    rate = ranker.line_rate(lines)
    return ranker, run_backtest(
        held_out,
        within,
        {name: score * rate for name, score in within.items()},
        BASELINES,
        comparable(held_out),
        attributes=columns.names,
        confidence=confidence,
        seed=seed,
    )


def _shuffled(history: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the history with the sales of each line's products dealt anew among them."""
    shuffled, rng = history.copy(), np.random.default_rng(seed)
    for rows in shuffled.groupby("line").indices.values():
        sales = shuffled.iloc[rows][["counted", "days"]].to_numpy()
        shuffled.loc[shuffled.index[rows], ["counted", "days"]] = rng.permutation(sales)
    return shuffled
