"""Nearest references of images, and how near real images come by chance."""

from dataclasses import dataclass

from bestseller.metrics.distances import Array

FLAG_SHARE = 0.01  # share of held-out real images below a threshold


@dataclass(frozen=True)
class Neighbours:
    """The nearest references of N images.

    index: row of the nearest reference image; distance: to it; ratio: what a test's threshold is
    held against, small for a copy.
    """

    index: Array
    distance: Array
    ratio: Array


def lowest_share(values: Array, share: float = FLAG_SHARE) -> tuple[float, float]:
    """Return the value that a further one is below with a chance of about `share`, and the chance.

    The k-th smallest of n exchangeable values has a new one below it with chance k / (n + 1).
    """
    rank = max(1, int(share * (len(values) + 1)))
    return float(sorted(values)[rank - 1]), rank / (len(values) + 1)
