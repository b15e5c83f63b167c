"""How the study's report writes numbers and tables."""

import math
from collections.abc import Iterable, Sequence

from bestseller.metrics.statistics import Interval

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def number(value: float, digits: int = 3) -> str:
    """Write a number with some significant figures; a dash for none."""
    if math.isnan(value):
        return DASH
    if abs(value) >= 10**digits:
        return f"{value:,.0f}".replace("-", MINUS, 1)
    if 0 < abs(value) < 1e-3:
        return f"{value:.0e}".replace("e-0", "e-").replace("-", MINUS)
    return f"{value:#.{digits}g}".rstrip(".").replace("-", MINUS, 1)


def spread(interval: Interval, digits: int = 3) -> str:
    """Write a number with its interval."""
    if math.isnan(interval.low):
        return number(interval.value, digits)
    low, high = (number(end, digits) for end in (interval.low, interval.high))
    return f"{number(interval.value, digits)} ({low} to {high})"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def percent(value: float) -> str:
    """Write a change in percent with its sign."""
    return f"{value:+.1f} %".replace("-", MINUS, 1)
