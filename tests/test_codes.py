"""Latents from products: blends and the density by hand, parents, draws that come again."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.gans.codes import MIDDLE, PARTNERS, Codes, Drawn

LOW = 2
LINES = ["Ring"] * 8 + ["Seal"] + ["Disc"] * 3


def make(**settings: Any) -> Codes:
    values = np.random.default_rng(0).standard_normal((12, 5)).astype(np.float32)
    codes = Codes(
        values,
        skus=[f"P{row:02}" for row in range(12)],
        lines=LINES,
        views=["front"] * 12,
        low=LOW,
        latents="blend",
        partners=100,
        least_own=0.5,
        most_own=0.7,
        jitter=0.0,
        bandwidth=0.5,
    )
    return replace(codes, **settings)


def draw(codes: Codes, lines: list[str], seed: int = 3, truncation: float = np.inf) -> Drawn:
    return codes.draw(lines, seed, views=["front"] * len(lines), truncation=truncation)


def part(codes: Codes, row: int, other: int, share: float) -> list[float]:
    """The code of a row whose low part is mixed with another's, by hand."""
    own, others = (codes.codes[k].astype(float) for k in (row, other))
    mixed = [share * own[k] + (1 - share) * others[k] for k in range(LOW)]
    return [*mixed, *own[LOW:]]


def own_colours(share: float) -> float:
    """The share of its colours that the first parent keeps, from its share of the product."""
    return (share - MIDDLE) / (1 - 2 * MIDDLE)


def test_passing_from_one_product_to_another_mixes_the_low_part_alone() -> None:
    codes = make()
    drawn = codes.between("P00", "P01", [1.0, 0.75, 0.25])
    for latent, share in zip(drawn.latents, [1.0, 0.75, 0.25], strict=True):
        np.testing.assert_allclose(latent, part(codes, 0, 1, share) * 2, rtol=1e-5)
    assert drawn.latents.dtype == np.float32
    first, second = drawn.parents[1] or pytest.fail("a blend has parents")
    assert (first.sku, first.share, second.sku, second.share) == ("P00", 0.75, "P01", 0.25)


def test_every_drawn_latent_has_the_outside_of_one_parent_and_the_middle_of_the_other() -> None:
    codes = make()
    drawn = draw(codes, ["Ring"] * 60)
    firsts = set()
    for latent, parents in zip(drawn.latents, drawn.parents, strict=True):
        first, second = parents or pytest.fail("a blend has parents")
        a, b = (int(parent.sku[1:]) for parent in (first, second))
        own = own_colours(first.share)
        expected = part(codes, a, b, own) + part(codes, b, a, own)
        np.testing.assert_allclose(latent, expected, rtol=1e-4)
        np.testing.assert_allclose(codes.blend_of((first, second)), expected, rtol=1e-4)
        assert first.sku != second.sku
        assert 0.5 <= own <= 0.7 and first.share + second.share == pytest.approx(1)
        assert {first.line, second.line} == {"Ring"}
        firsts.add(first.sku)
    assert len(firsts) == 8, "every product of the line is a first parent in 60 draws"


def test_parents_that_keep_their_colours_share_a_product_as_its_middle_does() -> None:
    first, second = make().pair("P00", "P01", 1.0)
    assert (first.share, second.share) == (1 - MIDDLE, MIDDLE)
    first, second = make().pair("P00", "P01", 0.5)
    assert (first.share, second.share) == (0.5, 0.5)


def test_jitter_moves_outside_and_middle_alike_by_the_covariance_of_the_lines() -> None:
    codes = make(jitter=0.6)
    values = codes.codes.astype(np.float64)
    means = np.stack([values[[o == line for o in LINES]].mean(axis=0) for line in LINES])
    within = (values - means).T @ (values - means) / (12 - 3)
    random = np.random.default_rng(0)
    drawn = np.stack([codes.jittered(0, 1, 0.6, random) for _ in range(20000)]).astype(float)
    expected = part(codes, 0, 1, 0.6) + part(codes, 1, 0, 0.6)
    np.testing.assert_allclose(drawn.mean(axis=0), expected, atol=0.03)
    scale = np.array(([0.6] * LOW + [0.0] * 3) * 2)
    wanted = np.tile(within, (2, 2)) * np.outer(scale, scale)
    np.testing.assert_allclose(np.cov(drawn.T), wanted, atol=0.03)
    assert (drawn[:, LOW:5] == values[0, LOW:]).all() and (
        drawn[:, 5 + LOW :] == values[1, LOW:]
    ).all()


def test_blends_of_two_products_differ_and_come_again() -> None:
    codes = make(jitter=0.3)
    drawn = codes.blends("P00", "P01", 4, seed=2)
    assert len({latent.tobytes() for latent in drawn.latents}) == 4
    np.testing.assert_array_equal(drawn.latents[:2], codes.blends("P00", "P01", 2, 2).latents)
    for parents in drawn.parents:
        first, second = parents or pytest.fail("a blend has parents")
        assert (first.sku, second.sku) == ("P00", "P01")
        assert 0.5 <= own_colours(first.share) <= 0.7


def test_a_line_of_one_product_borrows_its_nearest_products_of_other_lines() -> None:
    codes = make()
    far = np.linalg.norm(codes.codes[:, :LOW] - codes.codes[8, :LOW], axis=1)
    nearest = {codes.skus[row] for row in np.argsort(far)[1 : 1 + PARTNERS]}
    seconds = set()
    for parents in draw(codes, ["Seal"] * 80).parents:
        first, second = parents or pytest.fail("a blend has parents")
        assert first.line == "Seal" and second.line != "Seal"
        seconds.add(second.sku)
    assert seconds == nearest


def test_a_small_line_is_filled_up_and_a_large_one_keeps_to_its_nearest() -> None:
    found: dict[str, set[str]] = {"P09": set(), "P00": set()}
    codes = make(partners=PARTNERS)
    for sku, seconds in found.items():
        for seed in range(200):
            second, _ = codes.partner(int(sku[1:]), np.random.default_rng(seed))
            seconds.add(codes.skus[second])
    assert {"P10", "P11"} < found["P09"] and len(found["P09"]) == PARTNERS
    far = np.linalg.norm(codes.codes[:8, :LOW] - codes.codes[0, :LOW], axis=1)
    assert found["P00"] == {codes.skus[row] for row in np.argsort(far)[1 : 1 + PARTNERS]}


def test_the_nearest_tenth_of_a_line_is_passed_over_for_it_would_give_copies() -> None:
    values = np.random.default_rng(1).standard_normal((31, 4)).astype(np.float32)
    names = [f"P{row}" for row in range(31)]
    codes = Codes(
        values,
        names,
        ["Ring"] * 31,
        ["front"] * 31,
        LOW,
        "blend",
        6,
        0.5,
        0.6,
        jitter=0.0,
        bandwidth=0.0,
    )
    far = np.linalg.norm(values[:, :LOW] - values[0, :LOW], axis=1)
    drawn = {codes.partner(0, np.random.default_rng(seed))[0] for seed in range(200)}
    assert drawn == set(np.argsort(far)[1 + 3 : 1 + 3 + 6])


def test_draws_are_reproducible_and_do_not_depend_on_what_follows() -> None:
    codes = make()
    lines = ["Ring", "Seal", "Disc"] * 4
    whole = draw(codes, lines)
    np.testing.assert_array_equal(whole.latents, draw(make(), lines).latents)
    part = draw(codes, lines[:5])
    np.testing.assert_array_equal(part.latents, whole.latents[:5])
    assert part.parents == whole.parents[:5]
    assert not np.array_equal(draw(codes, lines, seed=4).latents, whole.latents)


def test_the_density_moves_products_and_keeps_the_variance_of_the_low_part() -> None:
    codes = make(latents="density", bandwidth=0.8)
    values = codes.codes.astype(np.float64)
    means = np.stack([values[[o == line for o in LINES]].mean(axis=0) for line in LINES])
    within = (values - means).T @ (values - means) / (12 - 3)
    drawn = draw(codes, ["Ring"] * 20000)
    assert set(drawn.parents) == {None}
    own = values[:8]
    kept = np.cov(own.T, bias=True)
    expected = (kept + 0.8**2 * within) / (1 + 0.8**2)
    found = np.cov(drawn.latents.T.astype(np.float64))
    np.testing.assert_allclose(found[:2, :2], expected[:2, :2], atol=0.05)
    assert (drawn.latents[:, :5] == drawn.latents[:, 5:]).all(), "one product, no seam"
    assert set(map(tuple, drawn.latents[:, 2:5])) <= set(map(tuple, codes.codes[:8, 2:]))
    np.testing.assert_allclose(drawn.latents[:, :5].mean(axis=0), own.mean(axis=0), atol=0.03)


def test_truncation_draws_the_density_nearer_to_its_products() -> None:
    codes = make(latents="density")
    free, held = (draw(codes, ["Seal"] * 300, truncation=t).latents for t in (np.inf, 0.1))
    spread = [np.abs(z - np.tile(codes.codes[8], 2)).mean() for z in (free, held)]
    assert spread[1] < 0.2 * spread[0]


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("P00", "X", r"'X': no product of that sku was trained on"),
        ("P00", "P00", r"'P00' twice: a blend has two different parents"),
    ],
)
def test_parents_that_cannot_be_are_refused(first: str, second: str, told: str) -> None:
    with pytest.raises(BestsellerError, match=told):
        make().between(first, second, [0.5])


def test_a_single_product_has_nothing_to_be_blended_with() -> None:
    codes = make()
    alone = replace(codes, codes=codes.codes[:1], skus=["P00"], lines=["Ring"], views=["front"])
    with pytest.raises(BestsellerError, match="'P00' has none beside it"):
        draw(alone, ["Ring"])
