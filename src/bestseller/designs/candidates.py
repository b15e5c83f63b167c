"""Candidates: the images that models propose for a line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parents

Draw = Callable[[TrainedGenerator, str, int, int], tuple[Drawn, np.ndarray]]


def as_drawn(
    generator: TrainedGenerator, line: str, count: int, seed: int
) -> tuple[Drawn, np.ndarray]:
    """Draw latents of a line; return them, and their places in the draw."""
    return generator.draw([line] * count, seed), np.arange(count)


@dataclass(frozen=True)
class Candidates:
    """Images that several models made for one line; row i of each part belongs together.

    Attributes:
        line: the product line.
        images: uint8 N x S x S x 3.
        latents: N rows, each float32 z_dim of its model.
        parents: of each, the two products that it is a blend of; None where it has none.
        table: model (matrix item), model_hash (hex), latent_index (place in the model's draw),
            search_steps (0 = as drawn), start (the row that a search began at, -1 = as drawn).
    """

    line: str
    images: np.ndarray
    latents: list[np.ndarray]
    parents: list[Parents | None]
    table: pd.DataFrame


def sample(
    generators: Sequence[TrainedGenerator],
    line: str,
    count: int,
    seed: int,
    draw: Draw = as_drawn,
) -> Candidates:
    """Sample `count` images of a line from each model.

    Every model draws its latents from the same seed, so that `(model, seed, latent_index)` names
    a design for good.

    Args:
        generators: the models.
        line: of all images.
        count: images of each model.
        seed: of the latents.
        draw: gives the latents of a model, a line, a count and a seed, and their places in the
            model's draw; see `screening`.

    Raises:
        BestsellerError: no model, or one that was not trained on the line.
    """
    if not generators:
        raise BestsellerError(f"line {line!r}: no model to sample from; run `dvc repro compare`")
    drawn = [draw(generator, line, count, seed) for generator in generators]
    images = [
        generator.images(kept.latents, [line] * count)
        for generator, (kept, _) in zip(generators, drawn, strict=True)
    ]
    table = pd.DataFrame(
        {
            "model": [g.name for g in generators for _ in range(count)],
            "model_hash": [g.hash for g in generators for _ in range(count)],
            "latent_index": [int(place) for _, places in drawn for place in places],
            "search_steps": 0,
            "start": -1,
        }
    )
    latents = [row for kept, _ in drawn for row in kept.latents]
    parents = [pair for kept, _ in drawn for pair in kept.parents]
    return Candidates(line, np.concatenate(images), latents, parents, table)


def parents_record(parents: Parents | None) -> dict[str, Any]:
    """Return the entry ``parents`` of a design's record, in order; {} without.

    The first gives the outside, the second the middle. Each parent: sku, line, share (0..1,
    six decimals; the two add up to 1).
    """
    if parents is None:
        return {}
    share = round(parents[0].share, 6)
    pairs = zip(parents, (share, round(1 - share, 6)), strict=True)
    return {"parents": [{"sku": p.sku, "line": p.line, "share": part} for p, part in pairs]}
