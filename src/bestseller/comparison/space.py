"""Where generated images lie among the real ones, in two views of a feature space."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bestseller.comparison.plots import arm_styles
from bestseller.metrics.distances import Array

COLUMNS = 4  # panels side by side
REAL_COLOR = "#999999"


def scatter_figure(real: Array, generated: Mapping[str, Array], models: pd.DataFrame) -> Figure:
    """Draw each model's images over the real ones in the plane of the real ones.

    Args:
        real: N x 2 from `Plane.points`.
        generated: by model, the same of its images.
        models: model, gan, constraint.
    """
    styles = arm_styles(models)
    figure, panels = _panels(len(generated), side=2.6)
    low, high = np.percentile(np.concatenate([real, *generated.values()]), [0.2, 99.8], axis=0)
    for axes, (name, points) in zip(panels, generated.items(), strict=True):
        axes.plot(*real.T, ".", markersize=2, color=REAL_COLOR, label="real")
        axes.plot(*points.T, ".", markersize=2, color=styles[name].color, label="generated")
        axes.plot(0, 0, "+", markersize=10, color="black", label="mean of real")
        axes.set(title=name, xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
        axes.title.set_fontsize(8)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.supxlabel("first principal component of the real images", fontsize=8)
    figure.supylabel("second", fontsize=8)
    return figure


def distance_figure(real: Array, generated: Mapping[str, Array], models: pd.DataFrame) -> Figure:
    """Draw each model's distances to the centroid beside those of the real images.

    Args:
        real: ||Phi(x) - c|| over d_ref of the images that the models learned from, N; d_ref is
            their mean distance.
        generated: by model, the same of its images.
        models: model, gan, constraint.
    """
    styles = arm_styles(models)
    figure, panels = _panels(len(generated), side=2.2)
    edges = np.histogram_bin_edges(np.concatenate([real, *generated.values()]), bins=40)
    bins = [float(edge) for edge in edges]
    for axes, (name, distances) in zip(panels, generated.items(), strict=True):
        color = styles[name].color
        axes.hist(real, bins, density=True, color=REAL_COLOR, alpha=0.6, label="real")
        axes.hist(distances, bins, density=True, histtype="step", color=color, label="generated")
        axes.axvline(1.0, color="black", linewidth=0.8, label="d_ref")
        outside = 100 * np.mean(distances > 1)
        axes.set(title=f"{name}: {outside:.0f} % outside d_ref", yticks=[])
        axes.title.set_fontsize(8)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.supxlabel(
        "distance to the centroid over d_ref, in the constraint's features", fontsize=8
    )
    return figure


def _panels(count: int, side: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each of `count` models."""
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(4.0, side * columns), 0.5 + side * rows), layout="constrained")
    return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
