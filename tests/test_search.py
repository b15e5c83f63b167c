"""Latent search: its slope, its steps, the region that it stays in, what it leaves behind."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from bestseller.backbones import FeatureSpace
from bestseller.backbones.backbone import Backbone
from bestseller.backbones.networks import architecture
from bestseller.base.compute import to_signed
from bestseller.designs.candidates import sample
from bestseller.designs.climbing import ascent, features_of
from bestseller.designs.design import design_id
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.expected import Expectation
from bestseller.designs.noise import Noise
from bestseller.designs.region import bounds, inside, passing
from bestseller.designs.search import search
from bestseller.designs.searched import with_searched
from bestseller.designs.walk import SHARE, Found, Task, budget
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import MIDDLE, Codes, Drawn
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config
from bestseller.params import load_params
from bestseller.preference.ranker import fit_ranker
from bestseller.preference.scorer import Scorer
from conftest import REPOSITORY
from test_belief import PHI, pair, sold

LINES, SIDE, CODES = ["A", "B"], 32, 12
Array = NDArray[np.float64]


class Means:
    """A feature space of three numbers: the mean of each channel, 0..255."""

    name, layers, side = "means", (), 0

    def __init__(self) -> None:
        self.backbone = self

    def normalise(self, images: Tensor, side: int) -> Tensor:
        del side
        return images

    def network(self, images: Tensor) -> Tensor:
        return (images.double() + 1).mean((2, 3)) * 4

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        signed = torch.from_numpy(images).permute(0, 3, 1, 2).double() / 127.5 - 1
        return self.network(signed).float().numpy()


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    features, products = sold(80, seed=6, dispersion=PHI)
    known = SimpleNamespace(
        training=products[["sku", "line"]],
        novelty=SimpleNamespace(reference=np.concatenate([features, -features])),
    )
    ranker = fit_ranker(features, products)
    scorer = SimpleNamespace(ranker=ranker, known=known, space=Means())
    return Expectation.of(cast(Scorer, scorer), 0.95)


def model(gan: str = "vanilla", latents: str = "blend") -> TrainedGenerator:
    """A small generator as it starts; a blend's has codes of forty products."""
    torch.manual_seed(0)
    settings: Any = getattr(load_params(REPOSITORY / "params.yaml").train, gan)
    changes: dict[str, Any] = {"width": 16} if gan != "pggan" else {"fmap_base": 64}
    codes = None
    if gan == "blend":
        changes |= {"low": 4, "high": 4, "latents": latents}
    settings = settings.model_copy(update=changes)
    size = 2 * CODES if gan == "blend" else CODES  # an outside and a middle
    network = gan_class(gan).make_generator(settings, Shape(SIDE, size, len(LINES)))
    for weight in network.parameters():
        weight.data += 0.02 * torch.randn_like(weight)  # a blend's last layer starts at zero
    if gan == "blend":
        cast(Any, network).components.fit(
            np.random.default_rng(0).integers(0, 256, (40, SIDE, SIDE, 3), dtype=np.uint8)
        )
        rows = np.random.default_rng(1).normal(size=(40, CODES)).astype(np.float32)
        rows[:, -4:] = rows[:, :4]  # of a product's code the low part stands twice
        products = {
            "skus": [f"{row:03d}" for row in range(40)],
            "lines": [LINES[row % 2] for row in range(40)],
            "views": ["front"] * 40,
        }
        codes = Codes.of(rows, products, settings.model_dump())
    shape = vars(Shape(SIDE, size, len(LINES)))
    config = Config(f"{gan}-plain-0", gan, {}, shape, {line: ["front"] for line in LINES})
    return TrainedGenerator(config, network, "ab" * 32, codes)


def look(expectation: Expectation, line: str = "A", **fixed: Any) -> Any:
    """What is known of images, all of them sound; `fixed` are columns that say otherwise."""

    def judge(images: NDArray[np.uint8], parents: list[Any]) -> tuple[Any, pd.DataFrame]:
        features = expectation.scorer.space.features(images)
        table = expectation.judge(features, line, parents)
        sound = {"novelty": "novel", "abstains": False, "picture": 0.5, "centre": 0.9}
        return features, table.assign(**{**sound, **fixed})

    return judge


def searched(
    expectation: Expectation, generator: TrainedGenerator, steps: int, **fixed: Any
) -> Any:
    """Search from three of eight candidates; return these, and what was found."""
    drawn = generator.draw(["A"] * 8, 5)
    features, judged = look(expectation)(generator.images(drawn.latents, ["A"] * 8), drawn.parents)
    judge, starts = look(expectation, **fixed), np.array([6, 0, 3])
    task = Task(generator, "A", drawn, features, judged, starts, steps, judge, expectation)
    found = search(task)
    return drawn, judged, found


def test_the_slope_is_that_of_the_lower_bound(expectation: Expectation) -> None:
    rng = np.random.default_rng(2)
    features = rng.normal(size=(4, 3)).astype(np.float32)
    parents = [pair(3, 8, 0.55), None, pair(10, 4, 0.5), None]
    found = expectation.slope(features, "A", parents)
    for i in range(3):
        ends = []
        for sign in (1, -1):
            moved = features.copy()
            moved[:, i] += sign * np.float32(2**-7)
            ends.append(np.log(expectation.judge(moved, "A", parents)["score_low"].to_numpy()))
        steps = (features[:, i] + np.float32(2**-7)) - (features[:, i] - np.float32(2**-7))
        assert found[:, i] == pytest.approx((ends[0] - ends[1]) / steps, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("gan", ["vanilla", "dcgan", "d2gan", "pggan", "blend"])
def test_the_ascent_goes_through_any_generator(gan: str, expectation: Expectation) -> None:
    generator = model(gan, "density")  # a blend's seam may jump under a step
    drawn = generator.draw(["B"] * 2, 3)
    found = ascent(generator, "B", drawn.latents, drawn.parents, expectation)

    def low(latents: Array) -> Array:
        z = torch.from_numpy(latents.astype(np.float32))
        with torch.inference_mode():
            images = generator.network(z, torch.ones(2, dtype=torch.int64))
        features = Means().network(images).numpy().astype(np.float32)
        return np.log(expectation.judge(features, "B", drawn.parents)["score_low"].to_numpy())

    wide, step = drawn.latents.astype(np.float64), 0.02
    length = np.linalg.norm(found, axis=1, keepdims=True)
    assert (length > 0).all()
    along = found / length
    rise = (low(wide + step * along) - low(wide - step * along)) / (2 * step)
    assert rise == pytest.approx(length[:, 0], rel=0.1)


@pytest.mark.parametrize("layers", [(), (2, 4)])
def test_features_with_their_graph_are_those_of_the_space(layers: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    backbone = Backbone("efficientnet_lite0", "test", architecture("efficientnet_lite0").build())
    space = FeatureSpace(backbone, layers, 48)
    images = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    signed = to_signed(torch.from_numpy(images)).requires_grad_()
    found = features_of(space, signed)
    assert found.detach().numpy() == pytest.approx(space.features(images), rel=1e-3, abs=1e-5)
    found.sum().backward()
    assert signed.grad is not None and signed.grad.abs().sum() > 0


@pytest.mark.parametrize("latents", ["blend", "density"])
def test_noise_and_centre_give_the_latent_back(latents: str) -> None:
    generator = model("blend", latents)
    drawn = generator.draw(["A"] * 6, 4)
    noise = Noise.of(generator, "A", drawn)
    assert noise.latents(noise.n) == pytest.approx(drawn.latents, abs=1e-5)
    assert 0.5 < np.linalg.norm(noise.n, axis=1).mean() / np.sqrt(noise.n.shape[1]) < 2
    uphill = noise.tangent(np.random.default_rng(0).normal(size=(6, 2 * CODES)), np.arange(6))
    assert (uphill * noise.n).sum(axis=1) == pytest.approx(np.zeros(6), abs=1e-9)
    turned = noise.turned(uphill, np.full(6, 0.4))
    assert np.linalg.norm(turned, axis=1) == pytest.approx(np.linalg.norm(noise.n, axis=1))


@pytest.mark.parametrize(("gan", "latents"), [("dcgan", ""), ("blend", "density")])
def test_a_climb_gains_and_comes_again_from_its_latents(
    gan: str, latents: str, expectation: Expectation
) -> None:
    generator = model(gan, latents)
    drawn, judged, found = searched(expectation, generator, 4)
    assert set(found.starts) <= {6, 0, 3} and len(found.starts) >= 2
    assert ((found.steps >= 1) & (found.steps <= 4)).all()
    began = judged["score_low"].to_numpy()[found.starts]
    assert (found.judged["score_low"].to_numpy() > began).all()
    assert found.drawn.parents == [drawn.parents[row] for row in found.starts]
    lengths = [
        np.linalg.norm(Noise.of(generator, "A", part).n, axis=1)
        for part in (Drawn(drawn.latents[found.starts], found.drawn.parents), found.drawn)
    ]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-3)
    for row, latent in enumerate(found.drawn.latents):
        told = np.array([float(value) for value in latent], np.float32)  # as JSON keeps it
        assert (generator.images(told[None], ["A"])[0] == found.images[row]).all()
    again = searched(expectation, generator, 4)[2]
    assert (again.drawn.latents == found.drawn.latents).all()


def test_blends_are_crossed_and_stay_blends(expectation: Expectation) -> None:
    generator = model("blend")
    codes = generator.codes
    assert codes is not None
    drawn, _, found = searched(expectation, generator, 5)
    assert sorted(found.steps) == [step for step in range(1, 6) for _ in range(3)]
    began = [drawn.parents[row] for row in (6, 0, 3)]
    known = {parent.sku for both in began for parent in both or ()}
    seconds = set()
    for start, both in zip(found.starts, found.drawn.parents, strict=True):
        own = drawn.parents[start]
        assert own is not None and both is not None
        first, second = both
        assert first.sku == own[0].sku and first.line == "A"
        assert second.sku in known - {first.sku}
        assert codes.least_own <= (first.share - MIDDLE) / (1 - 2 * MIDDLE) <= codes.most_own
        seconds.add(second.sku)
    assert len(seconds) > 1
    lengths = np.linalg.norm(Noise.of(generator, "A", found.drawn).n, axis=1)
    first_n = Noise.of(generator, "A", Drawn(drawn.latents[[6, 0, 3]], began)).n
    assert lengths.max() < 1.6 * np.linalg.norm(first_n, axis=1).max()
    for row, latent in enumerate(found.drawn.latents):
        told = np.array([float(value) for value in latent], np.float32)
        assert (generator.images(told[None], ["A"])[0] == found.images[row]).all()
    again = searched(expectation, generator, 5)[2]
    assert (again.drawn.latents == found.drawn.latents).all()


@pytest.mark.parametrize("gan", ["vanilla", "blend"])
@pytest.mark.parametrize(
    "left",
    [{"novelty": "near-copy"}, {"abstains": True}, {"picture": 0.51}, {"centre": 1.01}],
)
def test_no_step_leaves_the_region(
    gan: str, left: dict[str, Any], expectation: Expectation
) -> None:
    found: Found = searched(expectation, model(gan), 3, **left)[2]
    assert not len(found.steps) and not len(found.drawn.latents) and not len(found.judged)


def test_the_region_by_hand() -> None:
    judged = pd.DataFrame(
        {
            "novelty": ["novel", "near-copy", "variation", "novel"],
            "abstains": [False, False, False, True],
            "picture": [0.2, 0.4, 0.8, 1.2],
            "centre": [0.7, 0.8, 1.3, 0.9],
        }
    )
    assert passing(judged).tolist() == [True, False, True, False]
    limits = bounds(judged, np.array([2, 0]))
    assert limits["picture"].tolist() == pytest.approx([0.8, 0.6])  # its own; the median
    assert limits["centre"].tolist() == [1.3, 1.0]  # its own; d_ref
    tried = judged.iloc[[2, 2]].assign(picture=[0.8, 0.61], centre=[1.3, 0.2])
    assert inside(tried, limits).tolist() == [True, False]


@pytest.mark.parametrize("candidates", [1, 4, 32, 64])
@pytest.mark.parametrize("steps", [0, 1, 4, 9])
def test_a_search_makes_no_more_images_than_a_draw(candidates: int, steps: int) -> None:
    count, starts = budget(candidates, steps)
    assert count >= 1
    if steps == 0:
        assert (count, starts) == (candidates, 0)
    elif candidates >= 32:
        assert count + steps * starts == candidates
        assert starts * steps <= (1 - SHARE) * candidates < (starts + 1) * steps


def test_a_searched_design_names_what_it_began_at(expectation: Expectation) -> None:
    generator = model("blend")
    candidates = sample([generator], "A", 6, 5)
    judge = look(expectation, training_row=0, similarity=50.0, distance=1.0, percentile=50.0)
    features, judged = judge(candidates.images, candidates.parents)
    both, seen, table = with_searched(
        candidates,
        features,
        judged,
        {generator.name: generator},
        starts=2,
        steps=3,
        choose=lambda low, features, count: [int(row) for row in np.argsort(-low)[:count]],
        judge=judge,
        expectation=expectation,
    )
    assert len(both.images) == len(seen) == len(table) == len(both.latents) > 6
    assert (both.images[:6] == candidates.images).all()
    best = set(np.argsort(-judged["score_low"].to_numpy())[:2])
    assert set(both.table["start"][6:]) <= best
    scorer = SimpleNamespace(
        known=SimpleNamespace(training=pd.DataFrame({"sku": ["S"], "line": ["A"]})),
        space=SimpleNamespace(name="means"),
    )
    for row in range(len(both.images)):
        told = evidence(both, row, table.iloc[row], cast(Scorer, scorer), Naming({}))
        start = int(both.table["start"][row])
        if row < 6:
            assert "search" not in told
            continue
        latent = candidates.latents[start]
        assert told["search"]["from"] == design_id(generator.hash, "A", latent)
        assert told["id"] != told["search"]["from"]
        assert 1 <= told["search"]["steps"] <= 3
        assert told["latent_index"] == start
        parents = both.parents[row]
        assert parents is not None
        assert {p["sku"] for p in told["parents"]} == {p.sku for p in parents}
        again = generator.images(np.array([told["latent"]], np.float32), ["A"])[0]
        assert (again == both.images[row]).all()
