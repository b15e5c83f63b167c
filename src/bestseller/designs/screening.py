"""Which latents are worth an image: pairs of parents, judged by what is known of their sales.

A blend has two parents, real products whose sales are known, before it has an image. So more
latents are drawn than images are wanted, and some are kept:

- ``drawn``: the first, as the model draws them; no more are drawn than wanted.
- ``sales``: at random, with the chances in proportion to what the parents sell, each counted by
  its share: units per day over those of their line's average product, drawn towards the score of
  their photo where few days tell of them (Clayton & Kaldor 1987).
- ``score``: those whose prior (`expected`) has the highest lower bound; sales enter by the score
  of the parents' photos alone.

The share of each parent is part of a latent and is screened with it. Latents without parents are
kept as they are drawn, but a model that was told of sales (`train.sales: conditioned`) is asked for
the top tenth of a line: the percentile in each latent is squeezed to there. The place of a latent
in the model's draw, and so its name, stays the same.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from bestseller.designs.expected import Expectation
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parents

Screen = Literal["drawn", "sales", "score"]
TOP = 0.1  # of a line's products by sales, that a model is asked for


def screened(  # noqa: PLR0917 (what is drawn, then by what it is kept)
    generator: TrainedGenerator,
    line: str,
    count: int,
    seed: int,
    screen: Screen,
    draws: int,
    expectation: Expectation,
) -> tuple[Drawn, NDArray[np.int64]]:
    """Draw latents of a line and keep `count` of them.

    Args:
        generator: draws latents.
        line: of all of them.
        count: how many to keep.
        seed: of the draw, and of the chances.
        screen: by what they are kept.
        draws: latents for each that is kept, where they have parents.
        expectation: of sales.

    Returns:
        The kept latents with their parents, and their places in the draw, ascending.
    """
    drawn = generator.draw([line] * count, seed)
    if screen == "drawn" or any(pair is None for pair in drawn.parents):
        return asked(generator, drawn), np.arange(count)
    drawn = generator.draw([line] * count * draws, seed)
    if screen == "score":
        prior, _, doubt = expectation.prior(line, drawn.parents)
        low, _ = expectation.belief.interval(np.exp(prior), doubt, expectation.confidence)
        order = np.argsort(-low, kind="stable")
    else:
        sold = expectation.parents_sales(drawn.parents)
        chance = np.random.default_rng([seed, count]).exponential(size=len(sold))
        order = np.argsort(chance / sold, kind="stable")  # Efraimidis & Spirakis 2006
    kept = np.sort(order[:count])
    parents: list[Parents | None] = [drawn.parents[row] for row in kept]
    return Drawn(drawn.latents[kept], parents), kept


def asked(generator: TrainedGenerator, drawn: Drawn) -> Drawn:
    """Return latents that ask for the top `TOP` of a line, where the model knows of sales.

    Each percentile p, of which the last number of a latent is the normal quantile, becomes
    1 - TOP (1 - p): its place in the top is what its place among all was.
    """
    if not generator.sales:
        return drawn
    latents = drawn.latents.copy()
    latents[:, -1] = -ndtri(TOP * ndtr(-latents[:, -1].astype(np.float64)))
    return Drawn(latents, drawn.parents)
