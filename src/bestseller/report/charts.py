"""Line charts as SVG geometry; the template draws them in the page's own colours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from bestseller.report.words import label, number

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 10, 30  # margins around the plotted area
X_AXIS = "epoch"
NOT_PLOTTED = (X_AXIS, "images", "step")


@dataclass(frozen=True)
class Tick:
    """A tick: its place on the axis in SVG units and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """One curve: its name, an SVG path, its last value as text."""

    name: str
    path: str
    last: str


@dataclass(frozen=True)
class Chart:
    """A chart ready to draw in a box of `WIDTH` x `HEIGHT`."""

    title: str
    x_label: str
    lines: list[Curve]
    x_ticks: list[Tick]
    y_ticks: list[Tick]

    @property
    def alt(self) -> str:
        """Say in words what the chart shows."""
        ends = ", ".join(f"{line.name} ends at {line.last}" for line in self.lines)
        return f"{self.title} over {self.x_label}: {ends}"


def training_charts(curves: pd.DataFrame) -> list[Chart]:
    """Draw every numeric column of a training's curves over the epochs.

    Losses share one chart, what a discriminator says of real and generated images another; each
    other column has its own.
    """
    if X_AXIS not in curves or curves.empty:
        return []
    numeric = curves.select_dtypes("number").columns
    groups: dict[str, list[str]] = {}
    for name in (name for name in numeric if name not in NOT_PLOTTED):
        if name.endswith("_loss"):
            groups.setdefault("Losses", []).append(name)
        elif name.endswith(("_real", "_fake")):
            groups.setdefault("Discriminator on real and generated images", []).append(name)
        else:
            groups.setdefault(label(name), []).append(name)
    return [chart(title, curves, names) for title, names in groups.items()]


def chart(title: str, table: pd.DataFrame, names: Sequence[str]) -> Chart:
    """Draw the columns `names` of a table over its column ``epoch``; gaps where not finite."""
    x = table[X_AXIS].to_numpy(np.float64)
    columns = {name: table[name].to_numpy(np.float64) for name in names}
    finite = np.concatenate([y[np.isfinite(y)] for y in columns.values()])
    x_values, x_range = _axis(x, integer=True)
    y_values, y_range = _axis(finite if len(finite) else np.zeros(1))

    def place_x(value: float) -> float:
        span = x_range[1] - x_range[0]
        return round(LEFT + (value - x_range[0]) / span * (WIDTH - LEFT - RIGHT), 1)

    def place_y(value: float) -> float:
        share = (value - y_range[0]) / (y_range[1] - y_range[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for name, y in columns.items():
        commands, pen_down = [], False
        for value_x, value_y in zip(x, y, strict=True):
            if np.isfinite(value_y):
                commands.append(f"{'L' if pen_down else 'M'}{place_x(value_x)} {place_y(value_y)}")
            pen_down = bool(np.isfinite(value_y))
        lines.append(Curve(label(name), "".join(commands), number(float(y[-1]), 3)))
    return Chart(
        title,
        X_AXIS,
        lines,
        [Tick(place_x(value), number(value, 3)) for value in x_values],
        [Tick(place_y(value), number(value, 3)) for value in y_values],
    )


def _axis(values: np.ndarray, integer: bool = False) -> tuple[list[float], tuple[float, float]]:
    """Return ticks inside an axis, and the axis' range, a little wider than the values."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    elif not integer:
        margin = 0.04 * (high - low)
        low, high = low - margin, high + margin
    ticks = MaxNLocator(nbins=5, integer=integer).tick_values(low, high)
    return [float(t) for t in ticks if low <= t <= high], (low, high)
