"""Latent search: designs whose score has a higher lower bound, in the region where it holds.

Latents that are normal numbers, or draws from a density, climb by gradients (`climbing`). Blends
are crossed (`crossing`), which keeps them blends of two products. Either starts at the best of the
drawn candidates, chosen as the shortlist chooses. Half of the images that a shortlist may make are
drawn, the others are steps of the search, and every image is made from its latent alone, so that
the generator draws it again bit by bit.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.designs.climbing import climb
from bestseller.designs.crossing import cross
from bestseller.designs.expected import Expectation
from bestseller.designs.walk import Found, Judge
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn


def search(
    generator: TrainedGenerator,
    line: str,
    drawn: Drawn,
    features: NDArray[np.float32],
    judged: pd.DataFrame,
    *,
    starts: NDArray[np.int64],
    steps: int,
    judge: Judge,
    expectation: Expectation,
) -> Found:
    """Search from some candidates of one model, as fits its latents; see `climbing.climb`."""
    by = climb if any(drawn.parents[row] is None for row in starts) else cross
    return by(
        generator,
        line,
        drawn,
        features,
        judged,
        starts=starts,
        steps=steps,
        judge=judge,
        expectation=expectation,
    )
