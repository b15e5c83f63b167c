"""The sales ranker and its proof: fitted on some products, tested on products held out."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.errors import BestsellerError
from bestseller.metrics.statistics import Interval
from bestseller.preference.backtest import SMALLEST_LINE, Backtest, run_backtest
from bestseller.preference.gate import NeighbourGate
from bestseller.preference.ranker import SalesRanker, fit_ranker

BASELINES = ("line_mean", "mean_colour", "shuffled_sales")


def mean_colour(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the mean colour of images N x H x W x 3: float32 N x 3, RGB in 0..255."""
    result: NDArray[np.float32] = images.mean(axis=(1, 2), dtype=np.float32)
    return result


def study(
    features: NDArray[np.float32],
    colours: NDArray[np.float32],
    history: pd.DataFrame,
    confidence: float,
    seed: int,
) -> tuple[SalesRanker, Backtest]:
    """Fit the ranker on the train and validation parts and test it, as it is, on the test part.

    The baselines know, and do, what the ranker does, but for one thing. line_mean: every product
    of a line alike. mean_colour: three numbers an image in the place of its features.
    shuffled_sales: fitted on the sales of other products of the line. The ranker's explainable
    twin, the score of the nearest neighbours, is measured beside them as ``neighbours``.

    Args:
        features: float32 N x d, a row per product of the history, of a frozen backbone.
        colours: float32 N x 3, their mean colours.
        history: from `sellers.sales_history`.
        confidence: of the intervals.
        seed: of the folds, the shuffle and the resamples.

    Raises:
        BestsellerError: no line has enough held-out products, or a part is empty.
    """
    known, tested = (
        (history["split"] != "test").to_numpy(),
        (history["split"] == "test").to_numpy(),
    )
    fitted, held_out = history[known], history[tested].reset_index(drop=True)
    if held_out["line"].value_counts().max() < SMALLEST_LINE or held_out.empty:
        raise BestsellerError(
            f"data/processed/index.parquet: no line has {SMALLEST_LINE} products in the test part "
            "that sold; to test the ranking crawl more products or raise the last of images.split"
        )
    gate = NeighbourGate.fit(
        features[history["split"] == "train"], features[history["split"] == "validation"]
    )
    shuffled = fitted.copy()
    rng = np.random.default_rng(seed)
    for rows in shuffled.groupby("line").indices.values():
        sales = shuffled.iloc[rows][["counted", "days"]].to_numpy()
        shuffled.loc[shuffled.index[rows], ["counted", "days"]] = rng.permutation(sales)
    ranker = fit_ranker(features[known], fitted, seed, gate)
    models = {
        "score": (ranker, features),
        "mean_colour": (fit_ranker(colours[known], fitted, seed), colours),
        "shuffled_sales": (fit_ranker(features[known], shuffled, seed), features),
    }
    lines = list(held_out["line"])
    within = {name: model.score(x[tested], lines) for name, (model, x) in models.items()}
    within["line_mean"] = np.ones(len(lines))
    within["neighbours"] = ranker.neighbour_score(features[tested], lines)
    rate = ranker.line_rate(lines)
    overall = {name: score * rate for name, score in within.items()}
    return ranker, run_backtest(
        held_out, within, overall, BASELINES, confidence=confidence, seed=seed
    )


def facts(ranker: SalesRanker, backtest: Backtest, features: NDArray[np.float32]) -> dict[str, Any]:
    """Return the backtest as flat metrics.

    Args:
        ranker: what was tested.
        backtest: its result.
        features: float32 N x d, of the held-out products, for the gate's share.
    """
    named: dict[str, Any] = {
        "beats_baselines": backtest.beats_baselines(),
        "best_baseline": backtest.best_baseline(),
        "sentence": backtest.sentence(),
        "products_fitted": len(ranker.products),
        "products_tested": backtest.products,
        "lines_tested": backtest.lines,
        "penalty": ranker.penalty,
        "abstained_test": float(ranker.abstains(features).mean()),
    }
    for (name, measure), interval in backtest.intervals.items():
        named |= _flat(measure if name == "score" else f"{measure}_{name}", interval)
    for (name, measure), interval in backtest.leads.items():
        named |= _flat(f"{measure}_lead_over_{name}", interval)
    return {
        key: round(value, 6) if isinstance(value, float) else value for key, value in named.items()
    }


def _flat(key: str, interval: Interval) -> dict[str, float]:
    return {key: interval.value, f"{key}_low": interval.low, f"{key}_high": interval.high}
