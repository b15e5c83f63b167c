"""Latent search: designs whose score has a higher lower bound, in the region where it holds.

Latents that are normal numbers, or draws from a density, climb by gradients (`climbing`). Blends
are crossed (`crossing`), which keeps them blends of two products. Both searches start at the best
of the drawn candidates, chosen as the shortlist chooses. Half of the images that a shortlist may
make are drawn; the others are steps of the search. Every image is made from its latent alone, so
that the generator draws it again bit by bit.
"""

from bestseller.designs.climbing import climb
from bestseller.designs.crossing import cross
from bestseller.designs.walk import Found, Task


def search(task: Task) -> Found:
    """Search from some candidates of one model, as fits its latents."""
    are_blends = all(task.drawn.parents[row] is not None for row in task.starts)
    return cross(task) if are_blends else climb(task)
