"""Figures of the comparison, as PNG files with the same bytes for the same tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bestseller.metrics.registry import Columns, of_metric

DPI = 120


@dataclass(frozen=True)
class Style:
    """How one model is drawn."""

    label: str
    color: str | tuple[float, float, float, float] = "#777777"
    marker: str = "s"
    hollow: bool = False


def arm_styles(models: pd.DataFrame) -> dict[str, Style]:
    """Return each model's style: colour by gan, hollow for plain; the seeds of a variant share it.

    Rows without a gan are references and grey.
    """
    gans = list(dict.fromkeys(models["gan"].dropna()))
    styles = {}
    for name, gan, constraint in models[["model", "gan", "constraint"]].to_numpy(object):
        if pd.isna(gan):
            styles[str(name)] = Style(str(name))
            continue
        color, hollow = colormaps["tab10"](gans.index(gan)), constraint == "plain"
        styles[str(name)] = Style(f"{gan}, {constraint}", color, "o" if hollow else "D", hollow)
    return styles


def similarity_figure(similarity: pd.DataFrame, models: pd.DataFrame) -> Figure:
    """Draw the similarity of each line and model with its interval.

    Args:
        similarity: line, model, similarity, low, high (percent).
        models: model, gan, constraint of those to be drawn.
    """
    known = similarity[similarity["model"].isin(models["model"])].dropna(subset="similarity")
    order = list(known.groupby("line")["similarity"].mean().sort_values().index)
    styles = arm_styles(models)
    figure = Figure(figsize=(9.0, 1.2 + 0.36 * max(len(order), 3)), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, style) in enumerate(styles.items()):
        rows = known[known["model"] == name]
        shift = 0.7 * ((number + 0.5) / len(styles) - 0.5)
        places = rows["line"].map(order.index).to_numpy(dtype=np.float64) - shift
        value = rows["similarity"].to_numpy()
        ends = rows["low"].to_numpy(), rows["high"].to_numpy()
        _points(axes, style, value, places, ends)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(-0.6, max(len(order), 1) - 0.4)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("similarity: 100 x p(line | image), mean over the images made for the line")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    for boundary in np.arange(0.5, len(order) - 1):
        axes.axhline(float(boundary), color="#eeeeee", linewidth=0.6)
    _finish(figure, axes)
    return figure


def quality_figure(
    models: pd.DataFrame, columns: Columns, diversity: str, ladder: pd.DataFrame
) -> Figure:
    """Draw KID against diversity, a panel for each metric space, a point for each model.

    Grey lines are the ladder: how far degraded real photos are in the same space.

    Args:
        models: model, gan, constraint, the metrics, with <metric>_low and <metric>_high.
        columns: the run's metrics; its KIDs are drawn.
        diversity: column of the diversity, higher is more.
        ladder: model, metrics, of the degraded photos.
    """
    kids = of_metric(columns, "kid")
    figure = Figure(figsize=(5.6 * len(kids), 5.4), layout="constrained")
    for number, kid in enumerate(kids):
        axes = figure.add_subplot(1, len(kids), number + 1)
        for name, style in arm_styles(models).items():
            row = models[models["model"] == name]
            x, y = row[diversity].to_numpy(), row[kid].to_numpy()
            _points(axes, style, x, y, _ends(row, diversity), _ends(row, kid))
        for name, y in ladder[["model", kid]].to_numpy(object):
            axes.axhline(y, color="#bbbbbb", linewidth=0.6, zorder=0)
            axes.annotate(
                name, (1.0, y), xycoords=("axes fraction", "data"), fontsize=6, color="#777777"
            )
        # Linear up to what two sets of real photos differ by, logarithmic beyond.
        axes.set_yscale("symlog", linthresh=0.01)
        axes.set_xlabel(f"{columns[diversity].label} (more is more diverse)")
        side = "more" if columns[kid].higher_is_better else "less"
        axes.set_ylabel(f"{columns[kid].label} ({side} is nearer to real photos)")
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        _finish(figure, axes, legend=number == 0)
    return figure


def curves_figure(curves: Mapping[str, pd.DataFrame], models: pd.DataFrame) -> Figure:
    """Draw what all trainings record over the epochs, a panel for each column.

    Args:
        curves: by model: epoch and other numbers; a column that some model lacks is left out.
        models: model, gan, constraint.
    """
    shared = set.intersection(*(set(table) for table in curves.values()))
    names = sorted(str(name) for name in shared - {"epoch", "images"})
    figure = Figure(figsize=(4.0 * min(3, len(names)), 0.6 + 2.6 * -(-len(names) // 3)))
    figure.set_layout_engine("constrained")
    styles = arm_styles(models)
    for number, name in enumerate(names):
        axes = figure.add_subplot(-(-len(names) // 3), min(3, len(names)), number + 1)
        for model, table in curves.items():
            style = styles[model]
            dash = "--" if style.hollow else "-"
            axes.plot(
                table["epoch"], table[name], dash, color=style.color, linewidth=1, label=style.label
            )
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("epoch", fontsize=8)
        _finish(figure, axes, legend=number == len(names) - 1)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, without the name of the software that drew it."""
    figure.savefig(path, format="png", dpi=DPI, metadata={"Software": None})


Ends = tuple[np.ndarray, np.ndarray]


def _ends(row: pd.DataFrame, metric: str) -> Ends | None:
    low, high = f"{metric}_low", f"{metric}_high"
    return (row[low].to_numpy(), row[high].to_numpy()) if low in row else None


def _points(
    axes: Axes,
    style: Style,
    x: np.ndarray,
    y: np.ndarray,
    *ends: Ends | None,
) -> None:
    """Draw points with the ends of their intervals along x and, where given, along y."""

    def bars(value: np.ndarray, ends: Ends | None) -> np.ndarray | None:
        # Rounded tables may put an end a digit inside the value.
        return None if ends is None else np.maximum([value - ends[0], ends[1] - value], 0.0)

    axes.errorbar(
        x,
        y,
        xerr=bars(x, ends[0]),
        yerr=bars(y, ends[1]) if len(ends) > 1 else None,
        linestyle="none",
        elinewidth=1,
        markersize=5,
        color=style.color,
        marker=style.marker,
        markerfacecolor="white" if style.hollow else style.color,
        label=style.label,
    )


def _finish(figure: Figure, axes: Axes, legend: bool = True) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if not legend:
        return
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    figure.legend(
        list(once.values()),
        list(once),
        loc="outside upper center",
        ncols=4,
        frameon=False,
        fontsize=8,
    )
