"""Search among blends: the parents, shares and noise of good designs are crossed.

Blends are searched without gradients: a child of two blends is itself a blend of products, while
a step along a gradient may leave what products look like before the region's bounds see it:

- its first parent is that of the design it comes from; its second one too, or, as likely, a parent
  of another good design;
- its share is drawn anew, from the shares that the model draws;
- its noise is that of the design it comes from, turned by `TURN` radians in a random direction.

Each step makes a child of each design, and a child takes its place where its lower bound is higher
and it lies in the `region` (an evolution strategy, Rechenberg 1973). Every child in the region is
a candidate.
"""

import numpy as np

from bestseller.designs.noise import Noise
from bestseller.designs.region import bounds, inside
from bestseller.designs.walk import Found, Task, joined
from bestseller.gans.codes import Codes, Drawn, Parents

TURN = 0.5  # radians
KEPT = 0.5  # chance that both parents stay


def cross(task: Task) -> Found:
    """Cross some candidates of one model whose latents are blends."""
    generator, line, starts = task.generator, task.line, task.starts
    assert generator.codes is not None
    random = np.random.default_rng([task.steps, *starts])
    limits, parents = bounds(task.judged, starts), [task.drawn.parents[row] for row in starts]
    lows = task.judged["score_low"].to_numpy()[starts].copy()
    n = Noise.of(generator, line, Drawn(task.drawn.latents[starts], parents)).n
    depth = np.zeros(len(starts), np.int64)
    found = []
    for _ in range(task.steps):
        pairs: list[Parents | None] = [
            _pair(generator.codes, parents, row, random) for row in range(len(starts))
        ]
        fresh = random.standard_normal(n.shape)
        fresh *= np.linalg.norm(n, axis=1, keepdims=True) / np.linalg.norm(fresh, axis=1)[:, None]
        turned = np.cos(TURN) * n + np.sin(TURN) * fresh
        latents = Noise.around(generator, line, pairs).latents(turned)
        made = np.concatenate([generator.images(latent[None], [line]) for latent in latents])
        seen, table = task.judge(made, pairs)
        sound = inside(table, limits)
        better = sound & (table["score_low"].to_numpy() > lows)
        depth += 1
        rows = np.flatnonzero(sound)
        if len(rows):
            some = Drawn(latents[rows], [pairs[row] for row in rows])
            new = Found(some, made[rows], seen[rows], table.iloc[rows], starts[rows], depth[rows])
            found.append(new)
        n[better], lows[better] = turned[better], table["score_low"].to_numpy()[better]
        for row in np.flatnonzero(better):
            parents[row] = pairs[row]
    return joined(found, task.drawn, task.judged)


def _pair(
    codes: Codes, parents: list[Parents | None], row: int, random: np.random.Generator
) -> Parents:
    """Return the parents of a child of a design, with their shares."""
    own = parents[row]
    assert own is not None
    first, second = own
    others = [p for pair in parents for p in pair or () if p.sku != first.sku]
    if random.uniform() >= KEPT:
        second = others[random.integers(len(others))]
    return codes.pair(first.sku, second.sku, codes.own(random))
