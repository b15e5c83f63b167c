"""The region in which a score holds: what a searched design must not leave.

A score is fitted on photos of products. A search without bounds ends at pictures that have a high
score and look like no product. So a step counts only if the new picture

- is taken for a product by the out-of-distribution detectors;
- copies no training image (`metrics.novelty`);
- is no farther from real photos, in the distance of `preference.floor`, than the picture that the
  search started from, or than the median of the line's drawn candidates of the model;
- is no farther from the centroid c than d_ref, or than its start where that lies outside: one
  centroid stands for all lines, and the real products of some lines lie outside.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Centre = Callable[[NDArray[np.uint8]], NDArray[np.float32]]  # distances to c over d_ref


def passing(judged: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell what nothing speaks against: no copy, like a product, above the floor; bool N.

    Args:
        judged: novelty, abstains, picture, as `Scorer.judge` has them.
    """
    dropped = (judged["novelty"] == "near-copy") | judged["abstains"] | (judged["picture"] > 1)
    return ~dropped.to_numpy(bool)


def bounds(drawn: pd.DataFrame, starts: NDArray[np.int64]) -> pd.DataFrame:
    """Return the largest picture and centre that a search from each start may reach.

    Args:
        drawn: the line's candidates of one model, judged: picture, centre.
        starts: int64 M, rows of it.

    Returns:
        M rows: picture (distance from real photos over the floor), centre (distance to c over
        d_ref).
    """
    started = drawn.iloc[starts]
    return pd.DataFrame(
        {
            "picture": np.maximum(started["picture"], drawn["picture"].median()),
            "centre": np.maximum(started["centre"], 1.0),
        }
    ).reset_index(drop=True)


def inside(judged: pd.DataFrame, limits: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which pictures lie in the region, bool M.

    Args:
        judged: M rows, as `passing` wants them, with centre.
        limits: of the same rows, from `bounds`.
    """
    near = judged["picture"].to_numpy() <= limits["picture"].to_numpy()
    near &= judged["centre"].to_numpy() <= limits["centre"].to_numpy()
    return np.asarray(passing(judged) & near)
