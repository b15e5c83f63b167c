"""The best sellers beside a design, the places of the lines, and colours as the eye sees them."""

import re
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bestseller.demo.render import render
from bestseller.demo.world import make_products
from bestseller.designs.looks import Looks
from bestseller.designs.sellers import BestSellers, Price, best_rows, palette, prices_of
from bestseller.designs.sharing import share_out

SIDE = 32


def test_best_sellers_are_the_top_of_their_line_with_enough_units() -> None:
    lines = ["A"] * 5 + ["B"]
    units = np.array([9, 30, 30, 12, 1, 3])
    assert best_rows(lines, units, 0.4).tolist() == [1, 2, 5]  # two of five, one of one
    assert best_rows(lines, units, 0.5).tolist() == [1, 2, 3, 5]
    table = pd.DataFrame({"sku": list("abcdef"), "name": list("abcdef"), "line": lines})
    table = table.assign(units=units, price=[1.0] * 5 + [float("nan")], currency="EUR")
    images = np.zeros((6, SIDE, SIDE, 3), np.uint8)
    images[1:] += np.arange(10, 60, 10, dtype=np.uint8)[:, None, None, None]
    sellers = BestSellers.of(images, table, share=0.4, least_units=10)
    assert sellers.products["sku"].tolist() == ["b", "c"]
    found = sellers.nearest(images[2])
    assert [row["sku"] for row in found] == ["c", "b"]
    assert found[0] | {"distance": 0} == {
        **{"sku": "c", "name": "c", "line": "A", "units": 30, "distance": 0},
        **{"price": 1.0, "currency": "EUR"},
    }
    everything = BestSellers.of(images, table, share=1.0, least_units=0)
    assert "price" not in next(r for r in everything.nearest(images[5], 6) if r["sku"] == "f")
    assert BestSellers.of(images, table, share=1.0, least_units=99).nearest(images[0]) == []


def test_prices_of_another_currency_are_left_out() -> None:
    told = {"a": ("10.50", "EUR"), "b": ("9", "EUR"), "c": ("9", "USD"), "d": (None, "EUR")}
    assert prices_of(told) == {"a": Price(10.5, "EUR"), "b": Price(9.0, "EUR")}
    assert prices_of({"a": (None, None), "b": ("0", "EUR")}) == {}


@pytest.mark.parametrize(
    ("sharing", "expected"),
    [
        ("equal", {"A": 3, "B": 3, "C": 3}),
        # 6 free places: by units 100 : 25 : 0 = 4.8, 1.2, 0; by roots 10 : 5 : 0 = 4, 2, 0
        ("units", {"A": 6, "B": 2, "C": 1}),
        ("sqrt", {"A": 5, "B": 3, "C": 1}),
    ],
)
def test_places_by_hand(sharing: str, expected: dict[str, int]) -> None:
    assert share_out({"A": 100, "B": 25, "C": -3}, 3, sharing) == expected


@settings(deadline=None)
@given(
    st.dictionaries(st.text(max_size=3), st.integers(-5, 10**6), min_size=1, max_size=9),
    st.integers(1, 9),
    st.sampled_from(["equal", "sqrt", "units"]),
)
def test_all_places_are_given_and_more_units_never_get_fewer(
    units: dict[str, int], per_line: int, sharing: str
) -> None:
    places = share_out(units, per_line, sharing)
    assert sum(places.values()) == per_line * len(units)
    assert min(places.values()) >= 1
    for (a, sold), (b, other) in permutations(units.items(), 2):
        assert places[a] >= places[b] - 1 or max(sold, 0) < max(other, 0)


FAMILIES = {
    **{"black": "black", "slate": "grey", "white": "light", "silver": "light"},
    **{"champagne": "gold", "yellow": "gold", "blue": "blue", "deep blue": "blue"},
    **{"ice blue": "pale blue", "turquoise": "pale blue", "green": "green", "mint": "pale green"},
    **{"chocolate": "brown", "brown": "brown", "pink": "pink", "aubergine": "purple"},
    **{"red": "red", "coral": "red", "orange": "red", "tan": "brown"},
}
"""Colours of the embedded shop's dials that a person would call by one name."""


def framed(photo: Image.Image, side: int) -> np.ndarray:
    """A watch cut out as the pipeline frames it: centred, nine tenths of the side."""
    pixels = np.asarray(photo).astype(int)
    seen = (np.abs(pixels - pixels[0, 0]) > 40).any(axis=2)
    ends = [np.flatnonzero(seen.any(axis=axis))[[0, -1]] for axis in (0, 1)]
    half = max(end[1] - end[0] for end in ends) / 2 / 0.9
    x, y = (end.mean() for end in ends)
    box = (max(x - half, 0), max(y - half, 0), min(x + half, len(seen)), min(y + half, len(seen)))
    return np.asarray(photo.resize((side, side), Image.Resampling.BILINEAR, box))


@pytest.mark.slow
def test_neighbours_have_the_colour_of_the_design() -> None:
    """Of the products shown beside a watch at most a tenth has another colour without need."""
    wares = make_products(0.03, 0, 1)
    photos = np.stack([framed(render(ware.watch, 96, shot=ware.shot), 64) for ware in wares])
    family = np.array([FAMILIES[ware.watch.dial] for ware in wares], object)
    units = np.random.default_rng(0).permutation(len(wares))
    names = [str(i) for i in range(len(wares))]
    table = pd.DataFrame({"sku": names, "name": names, "line": [w.line for w in wares]})
    table = table.assign(units=units, price=1.0, currency="EUR")
    sellers = BestSellers.of(photos, table, share=0.3, least_units=0)
    best = sellers.products["sku"].astype(int).to_numpy()
    wrong = shown = 0
    for row in sorted(set(range(len(wares))) - set(best)):  # others would be their own nearest
        found = [int(seller["sku"]) for seller in sellers.nearest(photos[row])]
        needed = max(0, len(found) - int((family[best] == family[row]).sum()))
        wrong += max(0, int((family[found] != family[row]).sum()) - needed)
        shown += len(found)
    assert shown > 300
    assert wrong / shown <= 0.1


def test_distance_is_the_step_in_colour_of_a_plain_picture() -> None:
    grey, lighter = (np.full((1, SIDE, SIDE, 3), value, np.uint8) for value in (119, 124))
    # both terms are the step in L*: the whole is sqrt(2^2 + 1) of it
    apart = float(np.linalg.norm(palette(grey) - palette(lighter)))
    assert apart == pytest.approx(np.sqrt(5) * (51.76 - 49.86), rel=0.05)  # L* of 124 and of 119


def test_words_about_looks_do_not_contradict_themselves() -> None:
    rng = np.random.default_rng(0)
    for _ in range(40):
        images = rng.integers(0, 256, (12, 4, 4, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
        looks = Looks.of(images, list("abcdefghijkl"), ["A"] * 12)
        words = [part["word"] for part in looks.departures(images[0], "A", [])["line"]]
        bare = [word.removesuffix(" in the middle") for word in words]
        for pair in (("darker", "lighter"), ("cooler", "warmer"), ("greener", "redder")):
            assert not set(pair) <= set(bare), words
        assert len(set(bare)) == len(bare)
        assert not {"less colourful", "more colourful"} <= set(bare)
        assert all(re.fullmatch(r"[a-z ]+", word) for word in words)
