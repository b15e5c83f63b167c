"""The shortlist: which candidates pass, and in which order."""
# ruff: noqa: F811 (fixtures)

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from bestseller.base.errors import BestsellerError
from bestseller.designs.sellers import palette
from bestseller.designs.shortlist import alike, usual_between
from bestseller.gans.codes import Parent
from bestseller.preference.scorer import Scorer
from toy_designs import BrightIsA, HalfToTwice, Memory, Pixels, choose, world  # noqa: F401


def test_copies_of_training_images_are_rejected(world: tuple[Memory, Scorer]) -> None:
    memory, _ = world
    copied = int((memory.draw(["Ring"] * 40, 3).latents[:, 0] > 0).sum())
    assert 10 < copied < 30
    choice = choose(world, per_line=40)
    assert choice.counts["near_copies"].ge(copied).all()
    known = {image.tobytes() for image in memory.training[:, :, ::-1]}
    assert choice.designs
    assert not known & {design.image.tobytes() for design in choice.designs}


def test_a_rejected_design_and_its_neighbours_do_not_return(world: tuple[Memory, Scorer]) -> None:
    _, scorer = world
    first = choose(world, per_line=1).designs[0]
    slightly = np.clip(first.image.astype(int) + 2, 0, 255).astype(np.uint8)
    again = choose(world, per_line=40, rejected=slightly[None])
    assert first.image.tobytes() not in {d.image.tobytes() for d in again.designs}
    assert again.counts["rejected"].min() >= 1
    radius = np.median(scorer.known.novelty.real_distances)
    away = cdist(
        Pixels().features(np.stack([d.image for d in again.designs])),
        Pixels().features(slightly[None]),
    )
    assert away.min() >= radius * 0.999
    assert choose(world).counts["rejected"].max() == 0


def test_designs_of_a_line_are_as_far_apart_as_asked(
    world: tuple[Memory, Scorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, scorer = world
    assert usual_between(scorer.known, 0) == {}
    assert usual_between(scorer.known, 50).keys() == set(scorer.known.training["line"])

    def chosen(count: int, apart: float) -> dict[str, list[bytes]]:
        found: dict[str, list[bytes]] = {}
        for design in choose(world, per_line=count, apart=apart).designs:
            found.setdefault(str(design.record["line"]), []).append(design.image.tobytes())
        return found

    every = chosen(40, 0)
    line = min(every)  # the first: nothing of another line is taken before
    best, *others = every[line]
    pixels = [np.frombuffer(image, np.uint8) / 255 for image in every[line]]
    away = [float(np.linalg.norm(other - pixels[0])) for other in pixels[1:]]
    asked = float(np.quantile(away, 0.75)) - 1e-4
    second = next(o for o, distance in zip(others, away, strict=True) if distance >= asked)
    assert second != others[0]
    usual = dict.fromkeys(every, asked)
    monkeypatch.setattr("bestseller.designs.shortlist.usual_between", lambda *_: usual)
    assert chosen(2, 50)[line] == [best, second]


def test_the_same_parents_in_the_same_order_are_alike() -> None:
    a, b = Parent("a", "A", 0.6), Parent("b", "A", 0.4)
    told = alike([(a, b), (b, a), None, (a, b)], np.array([0, 1, 3]), 2.0)
    assert told == {"apart": 2.0, "made_of": [("a", "b"), ("b", "a"), ("a", "b")]}
    assert alike([(a, b)], np.array([0]), 0.0) == {}


def test_what_is_unlike_every_product_is_dropped(
    world: tuple[Memory, Scorer], monkeypatch: pytest.MonkeyPatch
) -> None:
    light = choose(world, per_line=40)
    assert any(d.image.mean() > 128 for d in light.designs)

    def of_bright_ones(_: Any, features: np.ndarray) -> np.ndarray:
        return features[:, 0] > 128 / 255

    monkeypatch.setattr(BrightIsA, "abstains", of_bright_ones)
    dark = choose(world, per_line=40)
    assert dark.designs
    assert all(d.image.mean() <= 128 for d in dark.designs)
    assert dark.counts["abstained"].min() > 0

    monkeypatch.setattr(BrightIsA, "abstains", lambda _, features: np.ones(len(features), bool))
    none = choose(world)
    assert none.designs == []
    assert none.counts["chosen"].tolist() == [0, 0]


def test_the_evidence_says_why(world: tuple[Memory, Scorer]) -> None:
    for design in choose(world).designs:
        record = design.record
        assert record["score_low"] == pytest.approx(record["score"] / 2, rel=1e-5)
        assert record["score_high"] == pytest.approx(record["score"] * 2, rel=1e-5)
        assert record["picture_score"] == pytest.approx(record["score"] * 1.5, rel=1e-5)
        assert record["beyond_seen"] is (record["score"] > 2.5)
        parts = np.array(record["occlusion"])
        assert parts.shape == (2, 2)
        assert (parts.ravel()[1:] == 0).all()  # the score looks at the first pixel alone
        assert parts[0, 0] != 0
        assert set(record["departs"]) == {"line", "best_sellers"}


def test_the_best_scores_come_first_and_no_design_stands_in_two_lines(
    world: tuple[Memory, Scorer],
) -> None:
    memory, _ = world
    choice = choose(world)
    assert [d.record["line"] for d in choice.designs] == ["A"] * 3 + ["B"] * 3
    assert [d.record["rank"] for d in choice.designs] == [1, 2, 3] * 2
    scores = [d.record["score"] for d in choice.designs[:3]]
    assert scores == sorted(scores, reverse=True)
    # the generator takes no notice of the line, so line B gets what line A left
    assert len({d.image.tobytes() for d in choice.designs}) == 6
    images = memory.images(memory.draw(["Ring"] * 40, 3).latents, [])
    fresh = images[memory.draw(["Ring"] * 40, 3).latents[:, 0] <= 0]
    assert choice.designs[0].image[0, 0, 0] == fresh[:, 0, 0, 0].max()


def test_a_design_of_which_little_is_known_is_ranked_by_what_is_sure(
    world: tuple[Memory, Scorer],
) -> None:
    _, scorer = world

    class Unsure(HalfToTwice):
        """The brighter the first pixel, the higher the score, and the lower its lower bound."""

        def judge(self, features: np.ndarray, line: str, parents: list[Any]) -> pd.DataFrame:
            table = super().judge(features, line, parents)
            return table.assign(score_low=1 / table["score"])

    scores = [d.record["score"] for d in choose(world, expectation=Unsure(scorer)).designs[:3]]
    assert scores == sorted(scores)
    assert scores[-1] < min(d.record["score"] for d in choose(world).designs[:3])


def test_the_evidence_names_what_is_really_nearest(world: tuple[Memory, Scorer]) -> None:
    memory, _ = world
    for design in choose(world).designs:
        record = design.record
        feature = Pixels().features(design.image[None])[0]
        distances = np.linalg.norm(Pixels().features(memory.training) - feature, axis=1)
        apart = cdist(palette(design.image[None]), palette(memory.training))[0]
        best = [i for i in np.argsort(apart) if i > 9][:5]
        assert [seller["sku"] for seller in record["best_sellers"]] == [f"S{i}" for i in best]
        assert [seller["units"] for seller in record["best_sellers"]] == best
        assert record["best_sellers"][0]["distance"] == pytest.approx(apart[best[0]], rel=1e-4)
        flips = Pixels().features(memory.training[:, :, ::-1])
        both = np.minimum(distances, np.linalg.norm(flips - feature, axis=1))
        assert record["training"]["sku"] == f"S{both.argmin()}"
        assert record["training"]["distance"] == pytest.approx(both.min(), rel=1e-4)
        assert record["novelty"] in ("novel", "variation")
        bright = design.image.mean() / 2.55
        expected = bright if record["line"] == "A" else 100 - bright
        assert record["similarity"] == pytest.approx(expected, rel=1e-5)
        again = memory.images(np.array([record["latent"]], dtype=np.float32), [record["line"]])
        assert (again[0] == design.image).all()
        index = record["latent_index"]
        assert (
            memory.draw(["Ring"] * 40, record["seed"]).latents[index].tolist() == record["latent"]
        )


def test_the_stage_without_its_input_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bestseller.params import load_params
    from stages import shortlist as stage

    params = load_params("params.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BestsellerError, match=r"similarity\.csv: not found; run `dvc repro"):
        stage.main(params)
    assert not (tmp_path / "data").exists()


def test_a_picture_below_the_floor_is_held_back(world: tuple[Memory, Scorer]) -> None:
    before = choose(world).counts
    assert before["held_back"].tolist() == [0, 0]
    floor = world[1].known.floor.detector
    kept, floor.threshold = floor.threshold, 1e-9
    try:
        found = choose(world)
    finally:
        floor.threshold = kept
    assert found.designs == []
    assert (found.counts["held_back"] + found.counts["near_copies"] >= 40).all()
    assert found.counts["chosen"].tolist() == [0, 0]
