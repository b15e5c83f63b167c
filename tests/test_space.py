"""The plane of the real images, and that the figures draw what they are given."""

import numpy as np
import pandas as pd
import pytest

from bestseller.comparison.plots import curves_figure
from bestseller.comparison.space import distance_figure, scatter_figure
from bestseller.evaluation.plane import Plane

MODELS = pd.DataFrame(
    {
        "model": ["dcgan-plain-0", "dcgan-centroid-0"],
        "gan": "dcgan",
        "constraint": ["plain", "centroid"],
    }
)
NAMES = list(MODELS["model"])


def test_the_plane_holds_the_two_widest_directions() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    real = (rng.normal(size=(500, 6)) * [9, 1, 0.5, 4, 0.1, 0.1] + 3) @ turn
    points = Plane.of(real).points(real)
    assert points.shape == (500, 2)
    assert points.mean(axis=0) == pytest.approx([0, 0], abs=1e-9)
    values = np.sort(np.linalg.eigvalsh(np.cov(real, rowvar=False)))[::-1]
    assert np.cov(points, rowvar=False) == pytest.approx(np.diag(values[:2]), abs=1e-9)
    again = Plane.of(real[::-1]).points(real)
    assert again == pytest.approx(points, abs=1e-9)


def test_each_model_has_a_panel_over_the_same_real_images() -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(50, 2))
    made = {name: rng.normal(size=(30, 2)) for name in NAMES}
    panels = scatter_figure(real, made, MODELS).axes
    assert [axes.get_title() for axes in panels] == NAMES
    for axes, points in zip(panels, made.values(), strict=True):
        drawn = [line.get_xydata() for line in axes.lines]
        assert np.array_equal(drawn[0], real) and np.array_equal(drawn[1], points)
        assert np.asarray(drawn[2]).tolist() == [[0, 0]]


def test_distances_stand_beside_the_reference_distance() -> None:
    rng = np.random.default_rng(2)
    made = {NAMES[0]: rng.normal(1.2, 0.1, 40), NAMES[1]: np.repeat([0.9, 1.1], [30, 10])}
    panels = distance_figure(rng.normal(1, 0.1, 60), made, MODELS).axes
    assert panels[1].get_title() == f"{NAMES[1]}: 25 % outside d_ref"
    assert panels[1].lines[0].get_xdata() == [1.0, 1.0]


def test_curves_share_their_columns() -> None:
    plain = pd.DataFrame({"epoch": [1, 2], "images": [9, 18], "g_loss": [3.0, 2.0], "d_loss": 1.0})
    centroid = plain.assign(centroid_loss=5.0, g_loss=[4.0, 1.0])
    panels = curves_figure(dict(zip(NAMES, (plain, centroid), strict=True)), MODELS).axes
    assert [axes.get_title() for axes in panels] == ["d_loss", "g_loss"]
    drawn = [np.asarray(line.get_ydata()).tolist() for line in panels[1].lines]
    assert drawn == [[3.0, 2.0], [4.0, 1.0]]
