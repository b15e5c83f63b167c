"""The sales ranker: which design of a line sells more, judged by frozen image features."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, read_table, reading, write_json
from bestseller.classifier.detector import OutOfDistributionDetector
from bestseller.classifier.neighbours import nearest
from bestseller.preference.rates import Sales
from bestseller.preference.ridge import Ridge, fit_ridge, make_folds

NAME = "ranker"
MADE_BY = "dvc repro backtest"
FOLDS = 5
NEIGHBOURS = 5
CHOSEN = ("variance", "share", "dispersion")
COLUMNS = ["sku", "line", "units", "counted", "days", "best_seller"]
LARGEST = 300.0  # of a log sales rate, so that the ratio of two rates is a number: exp(710) is none


class SalesRanker:
    """A regression of sales rates within a line, and its twin made of nearest neighbours.

    Attributes:
        products: the products it was fitted on, a row each: sku, line, units (net), counted
            (units after the first sale), days (since then), best_seller (bool).
        bank: float32 N x d, their features in the same order.
        fitted: the weights, with which a product's log sales rate is features @ weights up to a
            constant of its line, and what was chosen to fit them inside the fitted products.
        detector: tells features that are like no fitted product, None where none was fitted.
    """

    def __init__(
        self,
        products: pd.DataFrame,
        bank: NDArray[np.float32],
        fitted: Ridge,
        detector: OutOfDistributionDetector | None = None,
    ) -> None:
        self.products, self.bank = products[COLUMNS].reset_index(drop=True), bank
        self.fitted, self.detector = fitted, detector
        # Nothing fixes the constant that all log rates share. It is left as it is, 0, unless the
        # weights, which sales that tell nothing may leave large, carry the rates out of range.
        self._shift = 0.0
        rates = self.log_rate(bank, clip=False)
        if np.abs(rates).max() > LARGEST:
            self._shift = float(rates.min() + rates.max()) / 2
        self._best = np.flatnonzero(self.products["best_seller"].to_numpy(bool))
        self._lines = self.products["line"].to_numpy(object)
        sums = self.products.groupby("line")[["counted", "days"]].sum()
        self._rate = dict(zip(sums.index, sums["counted"] / sums["days"], strict=True))
        scores = pd.Series(np.exp(self.log_rate(bank)))
        means = scores.groupby(self._lines).mean()
        self._mean = dict(zip(means.index, means, strict=True))
        self._overall = float(scores.mean())

    def log_rate(self, features: NDArray[np.float32], clip: bool = True) -> NDArray[np.float64]:
        """Return the log of the sales rate up to a constant of the line, float64 N.

        Args:
            features: float32 N x d, of the backbone that the ranker was fitted on.
            clip: whether to keep it within -300..300, of which each end is beyond any sales.
        """
        result: NDArray[np.float64] = features.astype(np.float64) @ self.fitted.weights
        result -= self._shift
        return np.clip(result, -LARGEST, LARGEST) if clip else result

    def score(self, features: NDArray[np.float32], lines: Sequence[str]) -> NDArray[np.float64]:
        """Return the expected sales relative to the line's fitted products, float64 N, > 0.

        1 is what a product of the line sells on average, 2 is twice that. A line without fitted
        products is compared with all of them.

        Args:
            features: float32 N x d, of the backbone that the ranker was fitted on.
            lines: N lines.
        """
        mean = np.array([self._mean.get(line, self._overall) for line in lines])
        return np.exp(self.log_rate(features)) / mean

    def line_rate(self, lines: Sequence[str]) -> NDArray[np.float64]:
        """Return the lines' units per day and product; of all products for an unknown line."""
        overall = float(self.products["counted"].sum() / self.products["days"].sum())
        return np.array([self._rate.get(line, overall) for line in lines])

    def neighbour_score(
        self, features: NDArray[np.float32], lines: Sequence[str], k: int = NEIGHBOURS
    ) -> NDArray[np.float64]:
        """Return what the k most similar products of the line sold, relative to the line.

        Units of the neighbours, after their first, over the units that average products of the
        line would have sold in the neighbours' days; one unit is added to both, so that few sales
        say little. 1 = average.
        """
        others = np.array(lines, dtype=object)[:, None] != self._lines[None, :]
        rows, _ = nearest(features, self.bank, k, skip=others)
        found = rows >= 0
        sold, days = (
            np.where(found, self.products[name].to_numpy(np.float64)[rows], 0.0).sum(axis=1)
            for name in ("counted", "days")
        )
        return (sold + 1) / (days * self.line_rate(lines) + 1)

    def neighbours(
        self, features: NDArray[np.float32], k: int = NEIGHBOURS
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the nearest best sellers, of any line: the evidence to show beside a score.

        Returns:
            rows int64 N x k into `products`, nearest first, and distances float64 N x k in
            feature space; fewer columns when there are fewer best sellers.
        """
        k = min(k, len(self._best))
        rows, distances = nearest(features, self.bank[self._best], k)
        return self._best[rows], distances

    def abstains(self, features: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell for which features the score means nothing: they are like no real product."""
        if self.detector is None:
            raise ValueError("this ranker has no detector")
        return self.detector.abstains(features)

    def save(self, folder: str | Path) -> None:
        """Write ranker.safetensors, ranker.json and products.parquet into `folder`."""
        folder = Path(folder)
        fitted = self.fitted
        tensors: dict[str, NDArray[np.generic]] = {
            "bank": self.bank,
            "weights": fitted.weights,
            "penalty": fitted.penalty,
        }
        if self.detector is not None:
            tensors["detector.bank"] = self.detector.bank
        with atomic_path(folder / f"{NAME}.safetensors") as temporary:
            save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, temporary)
        with atomic_path(folder / "products.parquet") as temporary:
            self.products.to_parquet(temporary, index=False)
        detector = None if self.detector is None else self.detector.settings()
        chosen = {name: getattr(fitted, name) for name in CHOSEN}
        write_json(folder / f"{NAME}.json", chosen | {"detector": detector})


def load_ranker(folder: str | Path) -> SalesRanker:
    """Read a ranker that `SalesRanker.save` wrote.

    Raises:
        BestsellerError: a file is missing, or the files do not belong together.
    """
    folder = Path(folder)
    described = read_json(folder / f"{NAME}.json", MADE_BY)
    with reading(folder / f"{NAME}.safetensors", MADE_BY) as path:
        tensors = load_file(path)
    products = read_table(folder / "products.parquet", MADE_BY)
    if len(products) != len(tensors["bank"]):
        raise BestsellerError(
            f"{folder}: {len(products)} products but {len(tensors['bank'])} feature vectors; "
            f"run `{MADE_BY} --force`"
        )
    detector = None
    if described["detector"] is not None:
        detector = OutOfDistributionDetector(tensors["detector.bank"], **described["detector"])
    chosen = {name: described[name] for name in CHOSEN}
    fitted = Ridge(tensors["weights"], tensors["penalty"], **chosen)
    return SalesRanker(products, tensors["bank"], fitted, detector)


def fit_ranker(
    features: NDArray[np.float32],
    products: pd.DataFrame,
    seed: int = 0,
    detector: OutOfDistributionDetector | None = None,
    blocks: Sequence[int] = (),
) -> SalesRanker:
    """Fit a ranker; how small its weights are held is chosen inside these products.

    Args:
        features: float32 N x d, a row per product. The scale of a block does not matter.
        products: in the same order, from `sellers.sales_history`.
        seed: of the folds.
        detector: goes into the ranker as it is.
        blocks: sizes of two blocks of features that tell of different things, such as a picture
            and a table, and whose weights are held small each by its own measure; none = one.

    Raises:
        BestsellerError: no line has two products of which one sold after its first sale.
    """
    sales = Sales.of(products)
    if not sales.informs.any():
        raise BestsellerError(
            "data/sales/units.parquet: no line has two products of which one sold twice; "
            "a ranking within lines cannot be learned from this ledger"
        )
    folds = make_folds(products["cluster"].to_numpy(np.int64), FOLDS, seed)
    wide = features.astype(np.float64)
    fitted = fit_ridge(wide, sales, folds, blocks or [features.shape[1]])
    return SalesRanker(products, features, fitted, detector)
