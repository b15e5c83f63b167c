"""The comparison calls ties ties, finds real differences, and says what it cannot know."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bestseller.comparison.comparison import (
    best_variants,
    centroid_effects,
    difference,
    limits,
    verdict,
)
from bestseller.comparison.conclusions import (
    TIED,
    Comparison,
    compare,
    ordered,
    quality_points,
    with_intervals,
)
from bestseller.evaluation.nearest import Kids, load_kids, nearest_models, save_kids
from bestseller.metrics.kernel_distance import Projections
from bestseller.metrics.registry import columns_of, compared

COLUMNS = columns_of(
    {
        "features": ["inception_v3", "catalogue"],
        "classifier": [""],
        "perceptual": ["vgg16_catalogue"],
        "copies": [""],
    }
)


def one_space(table: pd.DataFrame) -> dict[str, Kids]:
    """Projections whose paired intervals tell all the models apart."""
    noise = np.random.default_rng(0).normal(0, 1e-6, (2, 50))
    return {
        name: {"catalogue": Projections(value + noise[0], noise[1])}
        for name, value in table[["model", "kid_catalogue"]].to_numpy(object)
    }


def compared_to(table: pd.DataFrame, references: pd.DataFrame) -> Comparison:
    return compare(table, references, 0.95, columns=COLUMNS, kids=one_space(table))


def one_seed() -> pd.DataFrame:
    rows = [
        ("vanilla", "plain", 40.0, 0.30, 0.004, 9.0, 0.30),
        ("vanilla", "centroid", 41.0, 0.31, 0.004, 9.5, 0.31),
        ("dcgan", "plain", 60.0, 0.05, 0.004, 3.0, 0.40),
        ("dcgan", "centroid", 70.0, 0.08, 0.004, 2.0, 0.35),
    ]
    names = ["gan", "constraint", "similarity", "kid_catalogue", "kid_catalogue_se"]
    table = pd.DataFrame(rows, columns=[*names, "fd_catalogue", "diversity_vgg16_catalogue"])
    table["similarity_se"], table["seed"] = 2.0, 0
    table["diversity_vgg16_catalogue_se"] = 0.01
    table["near_copy_rate"] = 0.01
    table["near_copy_rate_low"], table["near_copy_rate_high"] = 0.0, 0.02
    table["model"] = table["gan"] + "-" + table["constraint"] + "-0"
    return table


def seeded(rng: np.random.Generator, seeds: int, shift: float, gans: int = 1) -> pd.DataFrame:
    """Draw kid ~ N(10, 1) for each model; centroid lower by `shift`."""
    return pd.DataFrame(
        {
            "gan": f"gan{g}",
            "constraint": c,
            "seed": s,
            "kid": rng.normal(10 - shift * (c != "plain")),
        }
        for g in range(gans)
        for c in ("plain", "centroid")
        for s in range(seeds)
    )


def test_which_columns_are_metrics() -> None:
    columns = [*one_seed().columns, "n_images", "kid_catalogue_se", "kid_ratio_catalogue", "fid"]
    assert compared(COLUMNS, columns) == [
        "kid_catalogue",
        "similarity",
        "diversity_vgg16_catalogue",
        "fid",
        "fd_catalogue",
        "near_copy_rate",
    ]


def test_one_seed_compares_the_two_models_by_their_own_errors() -> None:
    found = difference(one_seed(), "kid_catalogue", ("dcgan", "centroid"), ("dcgan", "plain"), 0.95)
    half = 1.959964 * 0.004 * np.sqrt(2)
    assert (found.kind, found.seeds) == ("images", 1)
    assert (found.value, found.low, found.high) == pytest.approx((0.03, 0.03 - half, 0.03 + half))
    effects = centroid_effects(one_seed(), 0.95, COLUMNS).set_index(["gan", "metric"])
    verdicts = effects["verdict"]
    assert verdicts["dcgan", "kid_catalogue"] == "worse"
    assert verdicts["dcgan", "similarity"] == "better"
    assert verdicts["vanilla", "kid_catalogue"] == "tie"
    assert verdicts["dcgan", "fd_catalogue"] == "unknown"
    assert "nothing can be concluded" in effects["text"]["dcgan", "fd_catalogue"]
    assert "for these two models" in effects["text"]["dcgan", "kid_catalogue"]
    assert "One training seed" in limits(one_seed(), 0.95)


def test_pairs_are_equal_seeds() -> None:
    rng = np.random.default_rng(0)
    luck = rng.normal(0, 50, size=8)  # shared by both variants of a seed
    table = seeded(rng, 8, 0.0)
    table["kid"] = luck[table["seed"]] - 1.0 * (table["constraint"] == "centroid")
    table["kid"] += rng.normal(0, 0.1, size=len(table))
    found = difference(
        table.sample(frac=1, random_state=1), "kid", ("gan0", "centroid"), ("gan0", "plain"), 0.95
    )
    assert found.high - found.low < 0.5
    assert found.p == pytest.approx(2 / 2**8)


def test_few_seeds_leave_the_difference_open() -> None:
    table = seeded(np.random.default_rng(0), 4, 50.0)
    effect = centroid_effects(table, 0.95, COLUMNS).iloc[0]
    assert effect["high"] < 0
    assert (effect["verdict"], effect["p"]) == ("open", 0.125)
    assert "six seeds or more" in limits(table, 0.95)
    assert "six" not in limits(seeded(np.random.default_rng(0), 6, 0.0), 0.95)


@pytest.mark.slow
def test_equal_arms_are_tied_and_large_differences_found() -> None:
    rng = np.random.default_rng(1)
    table, variants = seeded(rng, 8, 0.0), (("gan0", "centroid"), ("gan0", "plain"))
    ties: list[str] = []
    found: list[str] = []
    for shift, verdicts in ((0.0, ties), (2.0, found)):
        for _ in range(300):
            table["kid"] = rng.normal(10 - shift * (table["constraint"] == "centroid"))
            one = difference(table, "kid", *variants, 0.95)
            verdicts.append(verdict(COLUMNS["kid"], one, one.p, 0.95))
    assert ties.count("tie") / 300 >= 0.95
    assert found.count("better") / 300 >= 0.90


def test_p_values_are_adjusted_over_the_gans() -> None:
    effects = centroid_effects(seeded(np.random.default_rng(2), 8, 30.0, gans=3), 0.95, COLUMNS)
    assert effects["p"].tolist() == pytest.approx([2 / 256] * 3)
    assert effects["p_holm"].tolist() == pytest.approx([6 / 256] * 3)


def test_best_names_its_ties() -> None:
    best = best_variants(one_seed(), 0.95, COLUMNS).set_index("metric")
    assert best["best"]["kid_catalogue"] == "dcgan-plain"
    assert best["tied"]["kid_catalogue"] == []
    assert best["best"]["similarity"] == "dcgan-centroid"
    table = one_seed()
    table.loc[3, "similarity"] = 61.0
    tied = best_variants(table, 0.95, COLUMNS).set_index("metric")
    assert tied["tied"]["similarity"] == ["dcgan-plain"]
    assert "tied with dcgan-plain" in tied["text"]["similarity"]
    assert len(best["unsettled"]["fd_catalogue"]) == 3


def test_a_missing_constraint_or_value_leaves_no_effect() -> None:
    plain = one_seed().query("constraint == 'plain'")
    assert centroid_effects(plain, 0.95, COLUMNS).empty
    gap = one_seed()
    gap.loc[3, "similarity"] = np.nan
    effects = centroid_effects(gap, 0.95, COLUMNS).set_index(["gan", "metric"])
    assert effects["verdict"]["dcgan", "similarity"] == "unknown"


def test_the_summary_is_flat_and_of_the_best_model() -> None:
    references = pd.DataFrame(
        {"model": ["real"], "kid_catalogue": [0.0], "diversity_vgg16_catalogue": [0.5]}
    )
    found = compared_to(one_seed(), references)
    assert found.summary() == {
        "best_model": "dcgan-plain-0",
        "nearest_model": "dcgan-plain-0",
        "similarity": 60.0,
        "kid_catalogue": 0.05,
        "near_copy_rate": 0.01,
        "diversity": 0.4,
    }
    text = json.dumps(found.as_json(), allow_nan=False)
    assert "One training seed" in text
    assert json.loads(text)["nearest"] == ["dcgan-plain-0"]
    unsettled = [answer for answer in found.answers if "cannot be concluded" in answer]
    assert any("fd_catalogue" in answer for answer in unsettled)
    assert not any("kid_catalogue" in answer for answer in unsettled[1:])
    alone = compared_to(one_seed()[:1], references).answers
    assert "fd_catalogue: best is vanilla-plain (9)." in alone


def test_columns_come_in_reading_order() -> None:
    table = ordered(with_intervals(one_seed(), 0.95), COLUMNS)
    assert list(table.columns)[:7] == [
        "model",
        "gan",
        "constraint",
        "seed",
        "kid_catalogue",
        "kid_catalogue_low",
        "kid_catalogue_high",
    ]
    assert set(table.columns) == set(with_intervals(one_seed(), 0.95).columns)


def test_standard_errors_become_intervals() -> None:
    table = with_intervals(one_seed(), 0.95)
    assert not [name for name in table.columns if str(name).endswith("_se")]
    assert table["similarity_low"][0] == pytest.approx(40 - 1.959964 * 2)
    assert table["similarity_high"][0] == pytest.approx(40 + 1.959964 * 2)
    assert table["near_copy_rate_high"][0] == 0.02


@pytest.mark.parametrize(
    ("limits_of_fd", "said"),
    [
        ([8.9, 9.4, 2.9, 1.9], "more than that bias could make"),
        ([8.0, 8.5, 1.5, 1.9], "it may prefer the wrong one, go by kid_catalogue"),
    ],
)
def test_a_frechet_distance_of_few_images_is_held_against_its_bias(
    limits_of_fd: list[float], said: str
) -> None:
    references = pd.DataFrame(
        {"model": ["real"], "kid_catalogue": [0.0], "diversity_vgg16_catalogue": [0.5]}
    )
    table = one_seed().assign(fd_infinity_catalogue=limits_of_fd, n_images=1000)
    answers = compared_to(table, references).answers
    (found,) = [answer for answer in answers if "measured on 1,000 images" in answer]
    assert found.endswith(f"{said}.")
    assert "the two best models differ by 1" in found
    alone = compared_to(table[:1], references).answers
    assert any("measured on 1,000 images" in answer for answer in alone)


def test_degraded_photos_without_a_diversity_are_told_without_one() -> None:
    references = pd.DataFrame(
        {
            "model": ["real", "blurred-1px"],
            "kid_catalogue": [0.0, 0.4],
            "diversity_vgg16_catalogue": [0.9, float("nan")],
        }
    )
    real, blurred = compared_to(one_seed(), references).answers[-2:]
    assert real == "real: kid_catalogue 0, diversity_vgg16_catalogue 0.9."
    assert blurred == "blurred-1px: kid_catalogue 0.4."


def test_the_points_of_the_plot_have_plain_names() -> None:
    references = pd.DataFrame(
        {"model": ["real"], "kid_catalogue": [0.0], "diversity_vgg16_catalogue": [0.5]}
    )
    found = compared_to(one_seed(), references)
    points = quality_points(with_intervals(one_seed(), 0.95), found)
    assert points["distance"].tolist() == [0.30, 0.31, 0.05, 0.08]
    assert points["diversity_high"].tolist() == pytest.approx(points["diversity"] + 0.0195996)
    assert list(points)[:4] == ["model", "distance", "distance_low", "distance_high"]


@pytest.mark.slow
def test_a_family_of_equal_arms_is_tied_as_a_whole() -> None:
    """Of three gans with eight seeds not one may look different: Holm's adjustment sees to it."""
    rng = np.random.default_rng(3)
    table = seeded(rng, 8, 0.0, gans=3)
    tied = 0
    for _ in range(200):
        table["kid"] = rng.normal(10, size=len(table))
        tied += set(centroid_effects(table, 0.95, COLUMNS)["verdict"]) == {"tie"}
    # A test of level 0.05 ties 0.95 of them, give or take two standard errors.
    assert tied / 200 >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 200), tied


def two_spaces(**kids: tuple[float, float]) -> dict[str, Kids]:
    """Models by name with their KID in two spaces; images vary by 1, pairs by 0.01."""
    rng = np.random.default_rng(5)
    shared = rng.normal(0, 1, (2, 2, 400))
    shared -= shared.mean(axis=2, keepdims=True)
    found: dict[str, Kids] = {}
    for name, values in kids.items():
        own = rng.normal(0, 0.01, (2, 2, 400))
        found[name] = {
            space: Projections(value + shared[i, 0] + own[i, 0], shared[i, 1] + own[i, 1])
            for i, (space, value) in enumerate(zip(("main", "mid"), values, strict=True))
        }
    return found


def test_a_model_is_best_only_where_all_spaces_agree() -> None:
    clear = nearest_models(two_spaces(a=(1.0, 1.0), b=(1.1, 1.2)), 0.95)
    assert (clear.leader, clear.tied) == ("a", [])  # paired: images alone vary by far more
    assert "is lower than that of each other model" in clear.sentence
    split = nearest_models(two_spaces(a=(1.0, 1.3), b=(1.1, 1.2), c=(2.0, 2.0)), 0.95)
    assert split.models == ["a", "b"] and "No model is called best" in split.sentence
    inside = nearest_models(two_spaces(a=(1.0, 1.0), b=(1.1, 1.0001)), 0.95)
    assert inside.tied == ["b"]


def test_tied_models_share_the_summary() -> None:
    references = pd.DataFrame(
        {"model": ["real"], "kid_catalogue": [0.0], "diversity_vgg16_catalogue": [0.5]}
    )
    table = one_seed()
    kids = one_space(table)
    kids["dcgan-centroid-0"] = kids["dcgan-plain-0"]
    found = compare(table, references, 0.95, columns=COLUMNS, kids=kids)
    summary = found.summary()
    assert (summary["best_model"], summary["nearest_model"]) == (TIED, "dcgan-plain-0")
    assert found.as_json()["nearest"] == ["dcgan-plain-0", "dcgan-centroid-0"]


def test_projections_come_back_from_their_file(tmp_path: Path) -> None:
    kids = two_spaces(a=(1.0, 2.0))["a"]
    save_kids(tmp_path / "kid.safetensors", kids)
    again = load_kids(tmp_path / "kid.safetensors", list(kids), "make it")
    for space, found in kids.items():
        assert again[space].estimate == found.estimate
