"""The time that training takes, for each GAN plain and with the constraint."""

import numpy as np
import pandas as pd

from bestseller.comparison.comparison import CENTROID, PLAIN

COLUMNS = ["gan", "constraint", "seeds", "seconds", "images_per_second", "times_plain"]


def training_costs(timings: pd.DataFrame) -> pd.DataFrame:
    """Return the mean cost over the seeds of each gan and constraint.

    Args:
        timings: a row per model: gan, constraint, seed, seconds (wall time of its training),
            images_per_second.

    Returns:
        `COLUMNS`, in the order given: times_plain is the time an image takes over that of the same
        gan without the constraint, NaN where that was not trained.
    """
    variants = timings.groupby(["gan", "constraint"], sort=False)
    costs = variants[["seconds", "images_per_second"]].mean()
    costs["seeds"] = variants.size()
    costs = costs.reset_index()
    plain = costs[costs["constraint"] == PLAIN].set_index("gan")["images_per_second"]
    costs["times_plain"] = costs["gan"].map(plain) / costs["images_per_second"]
    return costs[COLUMNS]


def cost_answers(costs: pd.DataFrame) -> list[str]:
    """Say for each gan with both what the constraint costs."""
    known = costs[(costs["constraint"] == CENTROID) & np.isfinite(costs["times_plain"])]
    return [
        f"{row['gan']}: training with the centroid constraint takes {row['times_plain']:.2f} times "
        f"as long an image ({row['images_per_second']:.0f} images/s, {row['seconds']:.0f} s)."
        for row in known.to_dict("records")
    ]
