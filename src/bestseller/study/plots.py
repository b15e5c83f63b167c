"""Figures of the study's report, as SVG whose bytes are the same for the same rows."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bestseller.metrics.statistics import Interval
from bestseller.study.answers import Answer, arm_interval

DOT, MEAN, ZERO = "#7f9cb5", "#123b5d", "#999999"


def seeds_figure(
    rows: pd.DataFrame, columns: Sequence[tuple[str, str]], confidence: float
) -> Figure:
    """Draw each arm's seeds as dots and their mean with its interval, a panel for each column.

    Args:
        rows: of one budget.
        columns: name and title of each.
        confidence: of the intervals.
    """
    arms = list(dict.fromkeys(rows["variant"]))
    size = (3.1 * len(columns) + 1.2, 0.9 + 0.42 * len(arms))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for axes, (column, title) in zip(panels, columns, strict=True):
        for place, arm in enumerate(arms):
            values = rows.loc[rows["variant"] == arm, column].dropna()
            if values.empty:
                continue
            axes.plot(values, [place + 0.16] * len(values), ".", color=DOT, markersize=6)
            _bar(axes, arm_interval(values, confidence), place, MEAN)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(axis="x", alpha=0.25)
    panels[0].set_yticks(range(len(arms)), arms)
    panels[0].invert_yaxis()
    return figure


def differences_figure(answers: Sequence[Answer]) -> Figure | None:
    """Draw the differences of the statements in percent, with their intervals; None for none."""
    shown = [(answer, one) for answer in answers for one in answer.differences]
    if not shown:
        return None
    figure = Figure(figsize=(7.6, 0.9 + 0.3 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for place, (_, one) in enumerate(shown):
        ends = [one.gain * one.percent(x) for x in (one.interval.low, one.interval.high)]
        value = one.gain * one.percent(one.interval.value)
        _bar(axes, Interval(value, min(ends), max(ends)), place, MEAN)
    labels = [f"{a.statement.better} over {a.statement.than}: {one.column}" for a, one in shown]
    axes.set_yticks(range(len(shown)), labels, fontsize=7)
    axes.axvline(0.0, color=ZERO, linewidth=0.8)
    axes.set_xlabel("better by, in percent (right of 0: as published)", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.invert_yaxis()
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG without a date; its text stays text."""
    with mpl.rc_context({"svg.hashsalt": "study", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    text = path.read_text(encoding="utf-8")
    path.write_text("\n".join(map(str.rstrip, text.splitlines())) + "\n", encoding="utf-8")


def _bar(axes: Axes, found: Interval, place: float, color: str) -> None:
    """Draw a mean with its interval, where it has one."""
    axes.plot([found.low, found.high], [place, place], color=color, linewidth=1.6)
    axes.plot([found.value], [place], "|", color=color, markersize=9, mew=2)
