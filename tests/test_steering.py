"""Sales in trainings: what a training is told, how images are drawn, what G and D learn from it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import kstest, nbinom, spearmanr

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.designs.screening import TOP, asked
from bestseller.gans import TrainedGenerator, load_generator
from bestseller.gans.batch import SALES_LEVELS, ProcessGroup
from bestseller.gans.codes import Drawn
from bestseller.gans.gan import ConditionProjection, Gan, Model, Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import Params, load_params, read_yaml
from bestseller.params.item import MODELS
from bestseller.params.train import GANS
from bestseller.preference.drawing import no_sales, training_sales
from bestseller.training.batches import Batches, image_weights, label_deviations
from bestseller.training.checkpoint import Checkpoint
from bestseller.training.monitor import Monitor
from bestseller.training.trainer import Plan, Trainer
from conftest import REPOSITORY
from stages import settings
from stages.train import shape_of, told_of_sales

PARAMS = load_params(REPOSITORY / "params.yaml")
TRAIN = PARAMS.train
REAL_GANS = [name for name in GANS if issubclass(gan_class(name), Gan)]


def ledger(n: int = 60, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Units of products of two lines, a third of them held out, and the index of their images."""
    rng = np.random.default_rng(seed)
    skus = [f"{i:03d}" for i in range(n)]
    index = pd.DataFrame({"sku": skus, "line": [f"L{i % 2}" for i in range(n)]})
    index = index.assign(cluster=range(n), split=["train", "validation", "test"] * (n // 3))
    index = index.assign(view="front", category="c", sha256="0")
    days = rng.integers(100, 400, n)
    units = pd.DataFrame({"sku": skus, "units": 1 + rng.poisson(rng.gamma(2, 0.02, n) * days)})
    first = pd.Timestamp("2024-01-01") - pd.to_timedelta(days, unit="D")
    return units.assign(first_date=first, days_on_sale=days), index


# What a training is told


def test_a_better_seller_weighs_more_and_a_young_one_hardly() -> None:
    units, index = ledger()
    units.loc[[0, 4, 6], "units"] = [200, 3, 1]  # of one line, none held out
    units.loc[[0, 4, 6], "days_on_sale"] = [300, 2, 300]  # 4: a unit a day, in two days
    table = training_sales(units, index).set_index("sku")
    assert set(table.index) == set(index["sku"][index["split"] != "test"])
    assert table["weight"]["000"] > table["weight"]["004"] > 1 > table["weight"]["006"] > 0
    raw = 1 / (2 / 2 * 0.04)  # a unit a day over the line's mean of about 0.04
    assert table["weight"]["004"] < raw / 5
    line = table.loc[[sku for sku in table.index if int(sku) % 2 == 0]]
    assert line["percentile"].max() == line["percentile"]["000"] == pytest.approx(1 - 0.5 / 20)
    ranks = line["weight"].rank()
    assert line["percentile"].tolist() == pytest.approx(((ranks - 0.5) / len(line)).tolist())


def test_the_weights_are_the_posterior_means_of_equal_scores() -> None:
    """By hand: two products of one line, equal days, so that the line's level is their mean."""
    units = pd.DataFrame({"sku": ["a", "b", "c"], "units": [11, 31, 0]})  # the first one counts not
    units = units.assign(first_date=pd.Timestamp("2024-01-01"), days_on_sale=100)
    index = pd.DataFrame({"sku": ["a", "b", "c"], "line": "L", "cluster": range(3)})
    table = training_sales(units, index.assign(split="train")).set_index("sku")
    size = (30 - 10 * table["weight"]["b"] / table["weight"]["a"]) / (
        table["weight"]["b"] / table["weight"]["a"] - 1
    )  # (30 + size) / (10 + size) is the ratio
    sizes = np.geomspace(0.1, 1000, 20_001)  # of SciPy's negative binomial of mean 20
    likelihood = sum(nbinom.logpmf(units, sizes, sizes / (sizes + 20)) for units in (10, 30))
    assert size == pytest.approx(sizes[np.argmax(likelihood)], rel=1e-2)
    assert table["weight"]["a"] == pytest.approx((10 + size) / (20 + size), rel=1e-3)
    assert table["weight"]["c"] == 1  # it may not have been on sale


def test_held_out_products_and_their_sales_never_enter() -> None:
    units, index = ledger()
    before = training_sales(units, index)
    held = index["split"] == "test"
    units.loc[held, "units"] = 9_999
    pd.testing.assert_frame_equal(training_sales(units, index), before)
    units.loc[~held, "units"] = units.loc[~held, "units"].to_numpy()[::-1]
    assert not training_sales(units, index).equals(before)


def test_a_ledger_that_tells_nothing_is_refused() -> None:
    units, index = ledger()
    with pytest.raises(BestsellerError, match=r"train\.sales has nothing to tell"):
        training_sales(units.assign(units=0), index)


def test_none_reads_no_ledger_and_another_ledger_changes_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings.main(PARAMS)  # no ledger is here
    folder = tmp_path / "data/settings"
    assert (folder / "sales.csv").read_text() == "sku,weight,percentile\n"
    plain = {path.name: path.read_bytes() for path in folder.iterdir()}

    units, index = ledger()
    for name, table in (("sales/units", units), ("processed/index", index)):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(tmp_path / f"data/{name}.parquet", index=False)
    settings.main(PARAMS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == plain

    steered = TRAIN.model_copy(update={"sales": "weighted"})
    params = PARAMS.model_copy(update={"train": steered})
    settings.main(params)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    units["units"] = units["units"].to_numpy()[::-1]
    units.to_parquet(tmp_path / "data/sales/units.parquet", index=False)
    settings.main(params)
    second = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in first if first[name] != second[name]} == {"sales.csv"}
    assert all(read_json(folder / f"{m}.json")["shared"]["sales"] == "weighted" for m in MODELS)

    told = told_of_sales(index[index["split"] != "test"], cast(Any, steered))
    expected = training_sales(units, index)["weight"].to_numpy()
    assert told["weights"] == pytest.approx(expected, rel=1e-5)
    assert told_of_sales(index, cast(Any, TRAIN)) == {}
    with pytest.raises(BestsellerError, match=r"sales\.csv: no row for product '002'"):
        told_of_sales(index, cast(Any, steered))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"train.sales": "conditioned"}, "blend-plain of models has no D"),
        ({"train.sales": "weighted", "sales.source": "none"}, "needs a ledger"),
        ({"train.sales": "more"}, "train.sales"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(changes: dict[str, str], told: str) -> None:
    values = read_yaml(REPOSITORY / "params.yaml")
    for key, value in changes.items():
        section, name = key.split(".")
        values[section][name] = value
    with pytest.raises(ValueError, match=told):
        Params.model_validate(values)
    assert values["train"]["sales"] != "none"


# How images are drawn


@pytest.mark.parametrize("sampling", ["proportional", "sqrt", "balanced"])
def test_weights_move_draws_within_a_line_and_no_line_s_share(sampling: str) -> None:
    conditions = np.repeat([0, 1, 2], [16, 4, 1])
    weights = np.random.default_rng(0).uniform(0.2, 5, 21)
    found = image_weights(conditions, sampling, weights).numpy()
    plain = image_weights(conditions, sampling).numpy() if sampling != "proportional" else None
    shares = {"proportional": [16, 4, 1], "sqrt": [4, 2, 1], "balanced": [1, 1, 1]}[sampling]
    for line, share in enumerate(shares):
        rows = conditions == line
        assert found[rows].sum() == pytest.approx(share)
        assert found[rows] / found[rows].sum() == pytest.approx(weights[rows] / weights[rows].sum())
        if plain is not None:
            assert plain[rows].sum() == pytest.approx(share)


def batches(n: int = 64, batch_size: int = 32, **more: Any) -> Batches:
    images = np.random.default_rng(0).integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
    given: dict[str, Any] = {"z_dim": 9, "sampling": "sqrt", "seed": 3}
    return Batches(images, np.arange(n) % 2, batch_size=batch_size, **(given | more))


def test_images_are_drawn_in_proportion_to_their_weights() -> None:
    weights = np.where(np.arange(64) < 32, 3.0, 1.0)
    drawn = np.concatenate([batches(weights=weights)[step].rows.numpy() for step in range(100)])
    assert (drawn < 32).mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / 3200))


def test_without_sales_a_batch_is_what_it_was() -> None:
    """The numbers of a batch as the code before sales drew them."""
    made = batches()
    batch, random = made[5], made.random(0, 5)
    shares = image_weights(np.arange(64) % 2, "sqrt")
    rows = torch.multinomial(shares, 32, True, generator=random)
    assert torch.equal(batch.rows, rows)
    assert torch.equal(batch.z, torch.randn(32, 9, generator=random))
    assert batch.sales is None and batch.told is batch.conditions


def test_the_told_percentile_lies_around_the_image_s_own() -> None:
    own = (np.argsort(np.random.default_rng(1).permutation(64)) + 0.5) / 64
    made, plain = batches(percentiles=own), batches()
    levels, rows = [], []
    for step in range(60):
        batch, other = made[step], plain[step]
        assert torch.equal(batch.rows, other.rows)  # the same images, the same other numbers
        assert torch.equal(batch.z[:, :-1], other.z[:, :-1])
        assert batch.sales is not None
        assert torch.equal(batch.told // SALES_LEVELS, batch.conditions)
        assert torch.equal(batch.told % SALES_LEVELS, batch.sales)
        levels.append(batch.sales.numpy() / (SALES_LEVELS - 1))
        assert ndtr(batch.z[:, -1].numpy()) == pytest.approx(levels[-1], abs=2e-3)
        rows.append(batch.rows.numpy())
    told, at = np.concatenate(levels), own[np.concatenate(rows)]
    middle = (at > 0.4) & (at < 0.6)
    deviation = 1.06 * np.sqrt(1 / 12) * 32**-0.2  # Silverman's rule, 32 images a line
    assert label_deviations(np.arange(64) % 2) == pytest.approx(np.full(64, deviation))
    assert (told - at)[middle].std() == pytest.approx(deviation, rel=0.1)
    assert told.min() >= 0 and told.max() <= 1
    assert kstest(told, "uniform").statistic < 0.06  # reflected at the ends, no heaps there
    whole = batches(percentiles=own)[7]
    parts = [batches(percentiles=own, group=ProcessGroup(rank, 2))[7] for rank in (0, 1)]
    assert whole.sales is not None
    assert torch.equal(torch.cat([cast(Any, part).sales for part in parts]), whole.sales)


# What G and D learn from it


def test_d_adds_a_function_of_the_percentile_to_its_line() -> None:
    torch.manual_seed(0)
    projection = ConditionProjection(Shape(32, 9, 3, sales=True), 5)
    features = torch.randn(4, 5)
    told = torch.tensor([0, 1, 2, 2]) * SALES_LEVELS + torch.tensor([0, 500, 1000, 250])
    assert torch.equal(torch.as_tensor(projection(features, told)), torch.zeros(4, 1))
    for weight in projection.parameters():
        torch.nn.init.normal_(weight)
    assert projection.sales is not None and projection.embedding is not None
    percentile = torch.tensor([[-1.0], [0.0], [1.0], [-0.5]])  # 0, 1/2, 1, 1/4 of -1..1
    vectors = projection.sales(percentile) + projection.embedding.weight[[0, 1, 2, 2]]
    expected = (vectors * features).sum(dim=1, keepdim=True)
    torch.testing.assert_close(torch.as_tensor(projection(features, told)), expected)
    alone = ConditionProjection(Shape(32, 9, 0, sales=True), 5)
    assert alone.embedding is None and torch.as_tensor(alone(features, told)).shape == (4, 1)


def test_without_sales_the_weights_are_those_of_before() -> None:
    """No layer and no random number more; `sales` is not even in a saved model's file."""
    for name in REAL_GANS:
        torch.manual_seed(0)
        changes = {"fmap_base": 64} if name == "pggan" else {"width": 8}
        gan = gan_class(name)(getattr(TRAIN, name).model_copy(update=changes), Shape(32, 9, 3))
        assert not [key for key in gan.state_dict() if "sales" in key]
    data = cast(Any, SimpleNamespace(images=np.zeros((4, 32, 32, 3), np.uint8)))
    conditions = cast(Any, SimpleNamespace(lines=["A", "B"], views=["front"]))
    assert shape_of(data, conditions, TRAIN, 9) == Shape(32, 9, 2)
    told = TRAIN.model_copy(update={"sales": "conditioned"})
    assert shape_of(data, conditions, told, 9) == Shape(32, 10, 2, sales=True)
    told = told.model_copy(update={"condition": "none"})
    assert shape_of(data, conditions, told, 9) == Shape(32, 10, 0, sales=True)


def trainer_of(gan: Model, plan: Plan, made: Batches, lines: int, folder: Path) -> Trainer:
    monitor = Monitor(made.latents(2), np.arange(lines), 1.0, plan.epochs)
    checkpoint = Checkpoint(folder, plan.name, "key")
    return Trainer(gan, plan, made, constraint=None, checkpoint=checkpoint, monitor=monitor)


@pytest.mark.parametrize("name", REAL_GANS)
def test_every_gan_trains_with_the_percentile(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    changes = {"fmap_base": 64} if name == "pggan" else {"width": 8}
    own = getattr(TRAIN, name).model_copy(update={**changes, "batch_size": 8, "epochs": 2})
    shared = TRAIN.model_copy(update={"z_dim": 8, "precision": "fp32", "sales": "conditioned"})
    made = batches(16, 8, percentiles=(np.arange(16) + 0.5) / 16)
    shape = Shape(32, 9, 2, sales=True)
    gan = cast(Gan, gan_class(name)(own, shape))
    plan = Plan(f"{name}-plain-0", shared, own, 16)
    trainer = trainer_of(gan, plan, made, 2, tmp_path)
    trainer.train()
    learnt = {key: w for key, w in gan.discriminator.state_dict().items() if "sales.2" in key}
    assert learnt and all(weight.abs().sum() > 0 for weight in learnt.values())
    config = Config(
        plan.name, name, own.model_dump(), vars(shape), {"A": ["front"], "B": ["front"]}
    )
    save_generator(tmp_path / plan.name, trainer.average.network, config)
    assert json.loads((tmp_path / plan.name / "generator.json").read_text())["shape"]["sales"]
    loaded = load_generator(tmp_path / plan.name)
    assert loaded.sales and loaded.z_dim == 9
    drawn = asked(loaded, loaded.draw(["A"] * 3, 1))
    assert loaded.images(drawn.latents, ["A"] * 3).shape == (3, 32, 32, 3)


def test_a_conditioned_gan_learns_what_sells(tmp_path: Path) -> None:
    """Bright products sell: asked for a higher percentile, G draws brighter ones."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    n = 128
    percentiles = (np.arange(n) + 0.5) / n
    noise = np.random.default_rng(0).integers(-15, 16, (n, 32, 32, 3))
    images = np.clip(30 + 195 * percentiles[:, None, None, None] + noise, 0, 255).astype(np.uint8)
    made = Batches(
        images,
        np.zeros(n, np.int64),
        batch_size=32,
        z_dim=5,
        sampling="sqrt",
        seed=0,
        percentiles=percentiles,
    )
    changes = {"width": 32, "batch_size": 32, "epochs": 60, "lr": 1e-3}
    own = TRAIN.vanilla.model_copy(update=changes)
    shared = TRAIN.model_copy(update={"precision": "fp32", "diffaugment": []})
    gan = gan_class("vanilla")(own, Shape(32, 5, 1, sales=True))
    plan = Plan("vanilla-plain-0", shared, own, n)
    trainer = trainer_of(gan, plan, made, 1, tmp_path)
    network = trainer.train().eval()
    z = torch.randn(200, 5)
    with torch.inference_mode():
        drawn = network(z, torch.zeros(200, dtype=torch.int64)).mean((1, 2, 3)).numpy()
    assert spearmanr(z[:, -1].numpy(), drawn)[0] > 0.5


def test_the_top_tenth_is_asked_for_where_a_model_knows_of_it() -> None:
    latents = np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32)
    drawn = Drawn(latents, [None] * 500)
    knows = cast(TrainedGenerator, SimpleNamespace(sales=True))
    found = asked(knows, drawn).latents
    assert (found[:, :-1] == latents[:, :-1]).all()
    percentiles = ndtr(found[:, -1].astype(np.float64))
    assert percentiles.min() >= 1 - TOP - 1e-6
    assert kstest((percentiles - (1 - TOP)) / TOP, "uniform").pvalue > 0.01
    assert (np.argsort(found[:, -1]) == np.argsort(latents[:, -1])).all()
    other = cast(TrainedGenerator, SimpleNamespace(sales=False))
    assert asked(other, drawn) is drawn


def test_no_sales_is_a_table_of_the_same_columns() -> None:
    assert list(no_sales().columns) == list(training_sales(*ledger()).columns)
    assert no_sales().empty
