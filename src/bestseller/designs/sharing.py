"""How many designs each line gets: the places of the list, shared out by what the lines sell."""

from collections.abc import Mapping

import numpy as np

POWER = {"equal": 0.0, "sqrt": 0.5, "units": 1.0}


def share_out(units: Mapping[str, int], per_line: int, sharing: str) -> dict[str, int]:
    """Share `per_line` places for each line among the lines, at least one for each.

    The places go in proportion to the units, their square roots, or evenly; what is left after
    whole places goes to the largest remainders (Hamilton's method), ties in the order of names.

    Args:
        units: net units of each line; below 0 counts as 0.
        per_line: the mean number of places, at least 1.
        sharing: ``equal``, ``sqrt`` or ``units``.

    Returns:
        Places by line, which add up to per_line times the number of lines.
    """
    lines = sorted(units)
    sold = np.array([max(units[line], 0) for line in lines], np.float64)
    weight = sold ** POWER[sharing] if sold.any() else np.ones(len(lines))
    free = (per_line - 1) * len(lines)
    quota = free * weight / weight.sum() if lines else weight
    places = np.floor(quota).astype(int)
    rest = free - int(places.sum())
    order = np.argsort(places - quota, kind="stable")
    places[order[:rest]] += 1
    return {line: int(1 + n) for line, n in zip(lines, places, strict=True)}
