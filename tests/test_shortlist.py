"""The shortlist: which models propose, which candidates pass, what is written about them."""

import csv
import hashlib
import io
import struct
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import cdist

from bestseller.backbones import FeatureSpace
from bestseller.base.errors import BestsellerError
from bestseller.classifier.classifier import Classifier
from bestseller.designs.candidates import sample
from bestseller.designs.design import SOURCE_TYPE, Choice, Design, design_id
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.expected import Expectation
from bestseller.designs.explain import Explainer
from bestseller.designs.export import defused, read_choice, write_choice, write_spreadsheet
from bestseller.designs.looks import Looks
from bestseller.designs.selection import (
    best_models,
    choose_diverse,
    recognisable,
)
from bestseller.designs.sellers import BestSellers, palette
from bestseller.designs.shortlist import shortlist
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Drawn, Parent
from bestseller.images.store import ImageSet
from bestseller.params import Shortlist
from bestseller.preference.known import KnownImages
from bestseller.preference.ranker import SalesRanker
from bestseller.preference.scorer import Scorer

SIZE, LINES = 8, ["A", "B"]
WORTH = "WARNING: Of two held-out designs of one line, the score names the better seller 51 of 100."


def test_a_model_is_tied_when_its_interval_reaches_the_best_ones() -> None:
    rows = [
        ("A", "best", 60.0, 55.0, 65.0),
        ("A", "tied", 50.0, 44.0, 55.0),
        ("A", "beaten", 50.0, 46.0, 54.0),
        ("B", "best", np.nan, np.nan, np.nan),
        ("B", "tied", np.nan, np.nan, np.nan),
    ]
    table = pd.DataFrame(rows, columns=["line", "model", "similarity", "low", "high"])
    assert best_models(table) == {"A": ["best", "tied"], "B": ["best", "tied"]}


def test_without_an_interval_the_best_model_stands_alone() -> None:
    rows = [("A", "x", 60.0, np.nan, np.nan), ("A", "y", 59.0, np.nan, np.nan)]
    table = pd.DataFrame(rows, columns=["line", "model", "similarity", "low", "high"])
    assert best_models(table) == {"A": ["x"]}
    with pytest.raises(BestsellerError, match=r"similarity\.csv"):
        best_models(table.iloc[:0])


def test_the_recognisable_share_is_the_most_similar() -> None:
    similarity = np.array([10.0, 90.0, 50.0, 70.0, 30.0])
    assert np.flatnonzero(recognisable(similarity, 0.6)).tolist() == [1, 2, 3]
    assert recognisable(similarity, 1.0).all()
    assert recognisable(np.full(5, np.nan), 0.2).all()


def test_choice_by_hand() -> None:
    score = np.array([1.0, 0.9, 0.0, 0.6])
    features = np.array([[0.0], [0.5], [9.0], [2.0]])

    def choose(diversity: float, **more: Any) -> list[int]:
        given = {"count": 3, "diversity": diversity, "scale": 2.0, "least_distance": 0.1} | more
        return choose_diverse(score, features, **given)

    assert choose(0.0) == [0, 1, 3]  # by score alone
    # second: 0.5 x 0.9 + 0.5 x 0.25 = 0.575; 0.5 x 0 + 0.5 = 0.5; 0.5 x 0.6 + 0.5 = 0.8 wins.
    # third: 0.575 (its nearest is row 0) beats 0.5
    assert choose(0.5) == [0, 3, 1]
    assert choose(1.0) == [0, 2, 3]  # rows 2 and 3 are equally different; the lower index first
    assert choose(0.0, least_distance=0.6) == [0, 3, 2]  # row 1 is a near-duplicate of row 0
    assert choose(0.0, taken=np.array([[0.05]])) == [1, 3, 2]  # so is row 0 of a taken one
    assert choose(0.0, count=9) == [0, 1, 3, 2]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.integers(1, 12), st.floats(0, 2))
def test_no_two_chosen_are_near(seed: int, diversity: float, count: int, least: float) -> None:
    rng = np.random.default_rng(seed)
    score, features = rng.normal(size=20), rng.normal(size=(20, 3))
    chosen = choose_diverse(
        score, features, count=count, diversity=diversity, scale=1.0, least_distance=least
    )
    assert len(set(chosen)) == len(chosen) <= count
    assert chosen[0] == score.argmax()
    for i, a in enumerate(chosen):
        for b in chosen[:i]:
            assert np.linalg.norm(features[a] - features[b]) >= least - 1e-9
    left = set(range(20)) - set(chosen)
    if len(chosen) < count:  # only because nothing was far enough
        near = [min(np.linalg.norm(features[r] - features[c]) for c in chosen) for r in left]
        assert all(distance < least + 1e-9 for distance in near)


def test_an_id_is_a_hash_of_model_line_and_latent() -> None:
    latent = np.array([0.5, -1.25], dtype=np.float32)
    parts = [b"ab12", b"Yacht-Master", struct.pack("<2f", 0.5, -1.25)]
    expected = hashlib.sha256(b"".join(struct.pack("<Q", len(p)) + p for p in parts)).hexdigest()
    assert design_id("ab12", "Yacht-Master", latent) == expected[:12]
    others = {
        design_id("ab13", "Yacht-Master", latent),
        design_id("ab12", "Yacht-Master II", latent),
        design_id("ab12", "Yacht-Master", latent[::-1]),
    }
    assert len(others | {expected[:12]}) == 4


@given(st.text())
def test_no_text_becomes_a_formula(text: str) -> None:
    safe = str(defused(text))
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert safe in (text, f"'{text}")


def test_numbers_stay_numbers() -> None:
    assert defused(-3) == -3
    assert defused("-3") == "'-3"
    assert defused("\uff1dSUM(A1)") == "'\uff1dSUM(A1)"
    assert defused("A-3") == "A-3"


class Pixels:
    """A feature extractor whose features are the pixels."""

    name = "raw_pixels"

    def features(self, images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / 255


class BrightIsA:
    """A classifier that takes bright images for line A, and knows everything."""

    lines = LINES

    def __init__(self) -> None:
        self.detector = self

    def outputs(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        bright = images.reshape(len(images), -1).mean(axis=1) / 255.0
        return np.stack([bright, 1 - bright], axis=1), bright[:, None]

    def probabilities_of(self, logits: np.ndarray) -> np.ndarray:
        return logits

    def abstains(self, features: np.ndarray) -> np.ndarray:
        return np.zeros(len(features), dtype=bool)


class LikesBrightFirstPixel:
    """A ranker by the first pixel, whose best sellers are all products but the first ten."""

    detector = None

    def __init__(self, products: pd.DataFrame, bank: np.ndarray) -> None:
        self.products, self.bank = products, bank

    def score(self, features: np.ndarray, lines: list[str]) -> np.ndarray:
        return np.exp(self.log_rate(features))

    def log_rate(self, features: np.ndarray) -> np.ndarray:
        return features[:, 0].astype(np.float64)

    def neighbours(self, features: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        distances = cdist(features, self.bank[10:])
        order = np.argsort(distances, axis=1)[:, :k]
        return order + 10, np.take_along_axis(distances, order, axis=1)


class HalfToTwice:
    """A score may be half or twice of what it is; above 2.5 no product has been."""

    def __init__(self, scorer: Scorer) -> None:
        self.ranker = scorer.ranker

    def judge(self, features: np.ndarray, line: str, parents: list[Any]) -> pd.DataFrame:
        score = self.ranker.score(features, [line] * len(features))
        return pd.DataFrame(
            {
                "picture_score": score * 1.5,
                "score": score,
                "score_low": score / 2,
                "score_high": score * 2,
                "beyond_seen": score > 2.5,
            }
        )


class Memory:
    """A generator of noise that repeats a training image for every latent above 0."""

    name, hash, lines, z_dim, sales = "dcgan-plain-0", "ab" * 32, LINES, 4, False

    def __init__(self, training: np.ndarray) -> None:
        self.training = training

    def draw(self, lines: list[str], seed: int) -> Drawn:
        z = np.random.default_rng(seed).standard_normal((len(lines), 4)).astype(np.float32)
        return Drawn(z, [None] * len(lines))

    def images(self, latents: np.ndarray, lines: list[str]) -> np.ndarray:
        made = []
        for latent in latents:
            rng = np.random.default_rng(int(abs(latent[0]) * 1e6))
            new = rng.integers(0, 256, self.training.shape[1:], dtype=np.uint8)
            copy = self.training[int(abs(latent[0]) * 1e6) % len(self.training)]
            made.append(copy[:, ::-1] if latent[0] > 0 else new)
        return np.stack(made)


def known_images(pixels: Pixels, catalogue: ImageSet) -> KnownImages:
    """Remember a catalogue in the space of its pixels, with a floor that no noise falls below."""
    network = SimpleNamespace(network_name=pixels.name)
    space = SimpleNamespace(name=pixels.name, backbone=network, layers=(), side=0)
    known = KnownImages.of(cast(FeatureSpace, space), catalogue, pixels.features)
    known.floor.detector.threshold = 100.0
    return known


@pytest.fixture(scope="module")
def world() -> tuple[Memory, Scorer]:
    """Thirty random training images in two lines, and a scorer that is easy to foresee."""
    rng = np.random.default_rng(0)
    training = rng.integers(0, 256, (30, SIZE, SIZE, 3), dtype=np.uint8)
    held_out = rng.integers(0, 256, (30, SIZE, SIZE, 3), dtype=np.uint8)
    pixels = Pixels()
    bank = pixels.features(training)
    index = pd.DataFrame(
        {"sku": [f"S{i}" for i in range(60)], "line": [LINES[i % 2] for i in range(60)]}
    ).assign(cluster=range(60), split=["train"] * 30 + ["test"] * 30)
    index = index.assign(category="c", view="front", sha256="0")
    catalogue = ImageSet(np.concatenate([training, held_out]), index)
    index = index[["sku", "line"]][:30]
    ranker = LikesBrightFirstPixel(index.assign(units=range(30)), bank)
    scorer = Scorer(
        cast(FeatureSpace, pixels),
        cast(SalesRanker, ranker),
        cast(Classifier, BrightIsA()),
        known_images(pixels, catalogue),
    )
    return Memory(training), scorer


def choose(
    world: tuple[Memory, Scorer], rejected: np.ndarray | None = None, **changes: Any
) -> Choice:
    memory, scorer = world
    given: dict[str, Any] = {
        "candidates": 40,
        "per_line": 3,
        "recognisable": 1.0,
        "diversity": 0.0,
        "seed": 3,
    }
    given |= {"occlusion": 2, "sharing": "equal", "seller_share": 1.0, "seller_units": 10}
    given |= {"parents": "drawn", "draws": 4, "search": 0}
    expectation = cast(Expectation, changes.pop("expectation", HalfToTwice(scorer)))
    known = scorer.known.training
    looks = Looks.of(memory.training, list(known["sku"]), list(known["line"]))
    skus = known["sku"].tolist()
    products = pd.DataFrame({"sku": skus, "name": skus, "line": known["line"].tolist()})
    products = products.assign(units=range(len(skus)), price=10.0, currency="EUR")
    sellers = BestSellers.of(memory.training, products, share=1.0, least_units=10)
    explainer = Explainer(scorer, looks, sellers, 2)
    wanted = Shortlist.model_validate(given | changes)
    choice = shortlist(
        {line: [memory.name] for line in LINES},
        {memory.name: cast(TrainedGenerator, memory)},
        scorer,
        Naming({"S1": "One"}),
        wanted,
        expectation=expectation,
        worth=WORTH,
        places=dict.fromkeys(LINES, wanted.per_line),
        rejected=rejected,
    )
    return explainer.explain(choice)


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


def test_a_blend_names_its_parents_in_the_record_and_the_spreadsheet(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    memory, scorer = world
    pair = (Parent("S1", "B", 0.4), Parent("S4", "A", 0.6))
    blended = sample([cast(TrainedGenerator, memory)], "A", 2, 3)
    blended = replace(blended, parents=[pair, None])
    features, judged = scorer.judge(blended.images, ["A", "A"])
    expected = HalfToTwice(scorer).judge(features, "A", blended.parents)
    judged = pd.concat([judged.drop(columns="score"), expected], axis=1)
    naming = Naming({"S1": "One"}, {"S4": 17})
    records = [
        evidence(blended, row, judged.iloc[row], scorer, naming)
        | {"rank": row, "seed": 3, "score_worth": WORTH}
        | {"departs": {"line": []}, "best_sellers": []}
        for row in (0, 1)
    ]
    assert records[0]["parents"] == [
        {"sku": "S1", "line": "B", "share": 0.4, "name": "One", "units": 0},
        {"sku": "S4", "line": "A", "share": 0.6, "name": "S4", "units": 17},
    ]
    assert "parents" not in records[1]
    write_spreadsheet(tmp_path / "s.csv", records)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text("utf-8-sig"))))
    assert [rows[0][f"parent_1{end}"] for end in ("", "_share", "_units")] == ["S1 One", "0.4", "0"]
    assert [rows[0][f"parent_2{end}"] for end in ("", "_share", "_units")] == ["S4 S4", "0.6", "17"]
    assert rows[1]["parent_1"] == rows[1]["parent_2_units"] == ""


def test_files_come_back_and_are_the_same_bytes(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_choice(tmp_path / name, choose(world))
    one = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    two = {p.name: p.read_bytes() for p in (tmp_path / "two").iterdir()}
    assert one == two
    back, choice = read_choice(tmp_path / "one"), choose(world)
    assert [d.record for d in back.designs] == [d.record for d in choice.designs]
    assert all(
        (a.image == b.image).all() for a, b in zip(back.designs, choice.designs, strict=True)
    )
    pd.testing.assert_frame_equal(back.counts, choice.counts, check_like=True)


def test_a_png_says_that_it_is_synthetic_and_where_it_comes_from(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    choice = choose(world)
    write_choice(tmp_path / "designs", choice)
    record = choice.designs[0].record
    with Image.open(tmp_path / "designs" / f"{record['id']}.png") as image:
        text = dict(image.text)  # type: ignore[attr-defined]
    assert text["model_hash"] == "ab" * 32
    assert (text["line"], text["seed"], text["model"]) == ("A", "3", "dcgan-plain-0")
    packet = text["XML:com.adobe.xmp"]
    root = ElementTree.fromstring(packet[packet.index("<x:") : packet.rindex("<?")])
    key = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert [e.get(key) for e in root.iter() if e.get(key)] == [SOURCE_TYPE]


def test_the_spreadsheet_holds_every_design_and_no_formula(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    designs = choose(world).designs
    designs[0].record["best_sellers"][0] |= {"sku": "=1+1", "name": '";x'}
    designs[0].record["training"]["sku"] = "0042"
    write_spreadsheet(tmp_path / "s.csv", [design.record for design in designs])
    data = (tmp_path / "s.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["file"] for row in rows] == [f"{d.record['id']}.png" for d in designs]
    assert rows[0]["best_seller_1"] == "'=1+1 \";x"
    assert rows[0]["nearest_training"].startswith("0042 ")  # text: no spreadsheet drops its zeros
    assert [int(rows[1][f"best_seller_{i}_units"]) for i in range(1, 6)] == [
        seller["units"] for seller in designs[1].record["best_sellers"]
    ]
    assert float(rows[0]["score"]) == designs[0].record["score"]
    assert {row["score_worth"] for row in rows} == {WORTH}  # the list says so too


def test_a_missing_part_is_named(tmp_path: Path, world: tuple[Memory, Scorer]) -> None:
    with pytest.raises(BestsellerError, match=r"lines\.json: not found; run `dvc repro shortlist`"):
        read_choice(tmp_path)
    design = choose(world).designs[0]
    write_choice(tmp_path, Choice([Design(design.image, design.record)], pd.DataFrame()))
    (tmp_path / f"{design.record['id']}.png").unlink()
    with pytest.raises(BestsellerError, match=r"\.png: not found"):
        read_choice(tmp_path)


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
