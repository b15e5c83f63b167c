"""Held-out products as a promise needs them: their scores, and which of them sold badly."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.preference.ranker import SalesRanker


def held_out_table(
    ranker: SalesRanker, features: NDArray[np.float32], products: pd.DataFrame
) -> pd.DataFrame:
    """Return the scores of held-out products, and which of them sold badly.

    Bad is a rate of sales below that of the median product of the line that the ranker was fitted
    on. Lines without one are left out.

    Args:
        ranker: not fitted on these products.
        features: float32 N x d.
        products: sku, line, counted, days of each.

    Returns:
        A row per product, in order: sku, line, score, bad (bool).
    """
    fitted = ranker.products
    medians = (fitted["counted"] / fitted["days"]).groupby(fitted["line"]).median()
    median = medians.reindex(products["line"]).to_numpy(np.float64)
    rate = (products["counted"] / products["days"]).to_numpy(np.float64)
    table = products[["sku", "line"]].assign(
        score=ranker.score(features, list(products["line"])), bad=rate < median
    )
    return table[~np.isnan(median)].reset_index(drop=True)
