"""The seam between two products: its path by brute force, where it runs, what it leaves alone."""

from itertools import product

import pytest
import torch
from torch import Tensor

from bestseller.gans.seam import _closed_path, middles

SIDE = 64


def discs(radius: float, color: tuple[float, float, float], rim: float = 26.0) -> Tensor:
    """A grey disc of radius `rim` on white ground, with a coloured disc in its middle."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    away = torch.hypot(x - 31.5, y - 31.5)
    image = torch.ones(3, SIDE, SIDE)
    image[:, away < rim] = 0.2
    image[:, away < radius] = torch.tensor(color)[:, None]
    return image[None]


def test_the_path_is_the_cheapest_closed_one() -> None:
    cost = torch.rand(5, 6, 4, generator=torch.Generator().manual_seed(0))
    found = _closed_path(cost)
    for one, path in zip(cost, found, strict=True):
        closed = [
            p
            for p in product(range(4), repeat=6)
            if all(abs(p[i] - p[i - 1]) <= 1 for i in range(6))  # the last is beside the first
        ]
        best = min(closed, key=lambda p: sum(float(one[i, r]) for i, r in enumerate(p)))
        assert tuple(path.tolist()) == best


@pytest.mark.parametrize("radius", [17.0, 18.5, 20.0])
def test_the_seam_follows_a_rim_that_both_products_have(radius: float) -> None:
    outer, inner = discs(radius, (-0.8, -0.8, 0.5)), discs(radius, (0.9, -0.6, -0.6))
    inside = middles(outer, inner)[0, 0]
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    away = torch.hypot(x - 31.5, y - 31.5)
    assert (inside[away < radius - 2] > 0.95).all()
    assert (inside[away > radius + 2.5] < 0.05).all()
    set_in = torch.lerp(outer, inner, inside)
    assert (set_in - inner).abs().mean() < 0.01, "the grey around is the same in both"


def test_the_middle_moves_with_the_product_and_has_the_image_s_size() -> None:
    outer, inner = discs(18, (-0.8, -0.8, 0.5)), discs(18, (0.9, -0.6, -0.6))
    here = middles(outer, inner)
    there = middles(outer.roll((2, -3), (2, 3)), inner.roll((2, -3), (2, 3)))
    assert (there - here.roll((2, -3), (2, 3))).abs().max() < 0.05
    large = [image.repeat_interleave(4, 2).repeat_interleave(4, 3) for image in (outer, inner)]
    wide = middles(*large)
    assert wide.shape == (1, 1, 256, 256)
    shrunk = torch.nn.functional.avg_pool2d(wide, 4)
    assert (shrunk - here).abs().max() < 0.35 and (shrunk - here).abs().mean() < 0.02


def test_images_do_not_depend_on_those_beside_them() -> None:
    pairs = [(discs(r, (-0.5, 0.1, 0.5)), discs(r - 1, (0.9, 0.0, -0.6))) for r in (17, 18, 19)]
    together = middles(*(torch.cat(images) for images in zip(*pairs, strict=True)))
    for row, pair in enumerate(pairs):
        torch.testing.assert_close(together[row : row + 1], middles(*pair))


@pytest.mark.parametrize("value", [1.0, 0.0])
def test_an_image_without_a_product_is_no_error(value: float) -> None:
    empty = torch.full((2, 3, 16, 16), value)
    inside = middles(empty, empty)
    assert torch.isfinite(inside).all() and inside.min() >= 0 and inside.max() <= 1
