"""What a shortlist of a past day foresaw: launches, the lift, and the stage as a whole."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Product
from bestseller.designs.foresight import DRAWS, FEWEST, Lift, ends, lift, sentence
from bestseller.metrics.statistics import Interval
from bestseller.params import Params, load_params
from bestseller.preference.past import later_sales, launch_days
from bestseller.sales import units_per_product
from conftest import REPOSITORY
from stages import augment, backbone, foresight, preprocess, sales
from test_image_set import encode, write_catalogue
from test_no_ledger import picture, tiny

LAST = dt.date(2024, 6, 30)


def products(**launched: str) -> list[Product]:
    return [
        Product(sku=sku, name=sku, line="one", url="", attributes={"launched": day} if day else {})
        for sku, day in launched.items()
    ]


def units_of(**days: list[str]) -> pd.DataFrame:
    """The units of a ledger with a sale of one unit on each of the days of each product."""
    rows = [(sku, day) for sku, sold in days.items() for day in sold]
    ledger = pd.DataFrame(rows, columns=["sku", "date"]).assign(units=1)
    ledger["date"] = pd.to_datetime(ledger["date"])
    return units_per_product(ledger, days, LAST)


def test_a_launch_is_told_or_the_first_sale_whichever_is_earlier() -> None:
    units = units_of(a=["2024-02-01"], b=["2024-02-01"], c=[], d=["2024-02-01"], e=[])
    shop = products(a="", b="2024-01-05", c="2024-03-01", d="2024-04-01", e="")
    found = launch_days(units, shop, "launched").set_index("sku")
    days = found["launch"].dt.strftime("%Y-%m-%d").fillna("").to_dict()
    assert days == {
        "a": "2024-02-01",
        "b": "2024-01-05",
        "c": "2024-03-01",
        "d": "2024-02-01",
        "e": "",
    }
    assert found["told"].to_dict() == {"a": False, "b": True, "c": True, "d": True, "e": False}
    assert launch_days(units, shop)["told"].sum() == 0, "nobody asked the catalogue"


@pytest.mark.parametrize(
    ("attribute", "value", "told"),
    [("launched", "1.3.2024", "'1.3.2024' is no ISO date"), ("born", "2024-03-01", "'born'")],
)
def test_what_tells_no_day_is_named(attribute: str, value: str, told: str) -> None:
    with pytest.raises(BestsellerError, match=told):
        launch_days(units_of(a=[]), products(a=value), attribute)


def test_later_sales_by_hand() -> None:
    units = units_of(
        old=["2024-01-01"],
        new=["2024-06-01", "2024-06-02", "2024-06-10"],  # 2 units behind the first in 30 days
        copy=["2024-06-01", "2024-06-02"],
        told=["2024-06-11", "2024-06-12"],  # launched on June 6: 2 units in 25 days
        young=["2024-06-25", "2024-06-26"],
        unsold=[],  # launched on June 1, as the catalogue tells: 0 units in 30 days
    )
    shop = products(old="", new="", copy="", told="2024-06-06", young="", unsold="2024-06-01")
    index = pd.DataFrame({"sku": units["sku"], "line": "one", "cluster": range(len(units))})
    cluster = index.set_index("sku")["cluster"]
    index.loc[index["sku"] == "copy", "cluster"] = cluster["old"]
    days = launch_days(units, shop, "launched")
    found = later_sales(days, units, index, dt.date(2024, 3, 1), 20).set_index("sku")
    assert found["rate"].to_dict() == pytest.approx({"new": 2 / 30, "told": 2 / 25, "unsold": 0})
    assert found["days"].to_dict() == {"new": 30, "told": 25, "unsold": 30}


def test_the_ends_of_a_line_hold_whole_ties_and_never_both() -> None:
    best, slow = ends(np.array([5.0, 1, 2, 3, 4, 5, 1, 1]), 0.25)
    assert best.tolist() == [0, 5] and slow.tolist() == [1, 6, 7]
    assert [len(end) for end in ends(np.array([1.0, 1, 1, 1]), 0.25)] == [0, 0]


def launches_at(best: list[float], slow: list[float], line: str = "one") -> tuple[Any, Any]:
    """Launches on a straight line; with a share of 1/2 the best ones are the first."""
    table = pd.DataFrame({"line": line, "rate": [2.0] * len(best) + [1.0] * len(slow)})
    return table, np.array([*best, *slow])[:, None]


def test_the_lift_by_hand() -> None:
    launches, features = launches_at([1.0] * 10, [2.0] * 9 + [0.5])
    chosen = {"one": np.array([[0.0]])}  # 90 of 100 pairs in order: odds of 9
    candidates = {"one": np.array([[0.0], [3.0]])}  # in order by turns: 90, and 10 of 100
    found = lift(launches, features, chosen, candidates, 0.5, 0.95, draws=400)
    assert isinstance(found, Lift)
    assert (found.best, found.slow, found.lines) == (10, 10, 1)
    assert found.chosen == pytest.approx(0.9)
    assert found.random == pytest.approx(0.5, abs=0.06)
    odds = found.random / (1 - found.random)
    assert found.interval.value == pytest.approx(9 / odds)
    assert found.reached == pytest.approx(0.5, abs=0.1), "every second list is the same"


def test_lines_count_by_their_launches_and_those_without_designs_not_at_all() -> None:
    one, at_one = launches_at([1.0] * 15, [2.0] * 15)
    two, at_two = launches_at([2.0] * 5, [1.0] * 5, "two")
    bare, at_bare = launches_at([1.0] * 9, [2.0] * 9, "bare")
    launches, features = pd.concat([one, two, bare]), np.concatenate([at_one, at_two, at_bare])
    both = {"one": np.zeros((1, 1)), "two": np.zeros((1, 1))}
    found = lift(launches, features, both, both, 0.5, 0.95, draws=50)
    assert isinstance(found, Lift)
    assert (found.best, found.lines) == (20, 2)
    assert found.chosen == pytest.approx(0.75)
    assert found.interval.value == pytest.approx(1.0), "the candidates are the designs"


def test_too_few_launches_are_an_answer() -> None:
    launches, features = launches_at([1.0] * (FEWEST - 1), [2.0] * (FEWEST - 1))
    given = {"one": np.zeros((1, 1))}
    found = lift(launches, features, given, given, 0.5, 0.95)
    assert found == (
        f"Of {2 * FEWEST - 2} later launches {FEWEST - 1} are best sellers and {FEWEST - 1} slow "
        f"sellers of lines with designs; {FEWEST} of each are needed to tell anything."
    )


def simulated(seed: int, pull: float) -> Lift:
    """A market in which a direction sells, and a shortlist that goes so far into it."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(120, 6))
    rates = np.exp(features[:, 0] + 0.5 * rng.normal(size=120))
    lines = np.repeat(["one", "two", "three"], 40)
    candidates = {line: rng.normal(size=(60, 6)) for line in set(lines)}
    chosen = {}
    for line, drawn in candidates.items():
        order = np.argsort(-(pull * drawn[:, 0] + (1 - pull) * rng.normal(size=60)))
        chosen[line] = drawn[order[:4]]
    table = pd.DataFrame({"line": lines, "rate": rates})
    found = lift(table, features, chosen, candidates, 0.25, 0.9, draws=100, seed=seed)
    assert isinstance(found, Lift)
    return found


def test_a_list_that_goes_where_sales_are_has_a_lift_and_a_random_one_has_none() -> None:
    sure = [simulated(seed, 1.0) for seed in range(10)]
    assert all(found.interval.value > 1.5 for found in sure)
    assert sum(found.interval.low > 1 for found in sure) >= 9
    chance = [simulated(seed, 0.0) for seed in range(40)]
    covered = sum(found.interval.covers(1.0) for found in chance)
    assert covered >= 31, "of 36 to be expected, standard deviation 1.9"
    assert np.mean([np.log(found.interval.value) for found in chance]) == pytest.approx(0, abs=0.12)


def test_the_sentence_tells_a_lift_from_chance() -> None:
    def told(low: float, high: float) -> str:
        return sentence(Lift(Interval(1.6, low, high), 0.6, 0.5, 0.02, 40, 41, 5), "2024-01-01")

    assert "foresaw something" in told(1.2, 2.1) and "1.60 (1.20 to 2.10)" in told(1.2, 2.1)
    assert "may be chance" in told(0.8, 2.5)
    assert "pointed away" in told(0.2, 0.9)


# The stage


def test_it_is_off_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    foresight.main(load_params(REPOSITORY / "params.yaml"))
    assert "Off" in capsys.readouterr().out
    assert set(json.loads(Path("metrics/foresight.json").read_text())) == {"off"}


@pytest.mark.parametrize("own", [{"source": "none"}, {"level": "line", "allocation": "equal"}])
def test_without_sales_of_products_nothing_is_told(
    own: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    foresight.main(tiny(tmp_path, sales=own, foresight={"as_of": "2024-01-01"}))
    assert json.loads(Path("metrics/foresight.json").read_text())["sentence"].startswith("Not told")


def test_networks_that_saw_later_photos_are_refused(tmp_path: Path) -> None:
    own = {"foresight": {"as_of": "2024-01-01"}, "backbones": {"weights": "catalogue"}}
    with pytest.raises(BestsellerError, match="photos of what was launched later"):
        tiny(tmp_path, **own)


def test_the_past_knows_no_later_day(tmp_path: Path) -> None:
    params = tiny(
        tmp_path,
        sales={"until": "2024-02-01", "as_of": "2025-01-01", "source": "csv", "path": "sold.csv"},
        foresight={"as_of": "2024-03-01", "model": "dcgan-centroid", "seed": 4},
    )
    past = foresight.of_the_day(params)
    assert (past.sales.until, past.sales.as_of) == ("2024-02-01", "2024-03-01")
    assert past.item_names() == ["dcgan-centroid-4"]
    assert Path(past.sales.path).is_absolute() and past.foresight.as_of == ""
    with (tmp_path / "again.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(past.model_dump(mode="json", by_alias=True), file)
    assert load_params(tmp_path / "again.yaml") == past


SKUS = [f"w{i:02d}" for i in range(96)]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """96 products of two lines, the second half launched later; the bright ones sell."""
    monkeypatch.chdir(tmp_path)
    photos = {sku: (f"line {i % 2}", encode(picture(i))) for i, sku in enumerate(SKUS)}
    write_catalogue(tmp_path, photos)
    rng, rows = np.random.default_rng(0), ["sku,date,units"]
    for i, sku in enumerate(SKUS):
        first = dt.date(2024, 1, 1) if i < 48 else dt.date(2024, 4, 1)
        sold = 1 + rng.poisson(2 + 4 * (i % 3))
        days = [0, *rng.integers(1, (LAST - first).days, sold)]
        rows += [f"{sku},{first + dt.timedelta(days=int(day))},1" for day in days]
    (tmp_path / "sold.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "data/source").mkdir(parents=True)
    (tmp_path / "data/source/ledger.json").write_text("{}")
    params = tiny(
        tmp_path,
        sales={"source": "csv", "path": "sold.csv"},
        foresight={"as_of": "2024-03-01", "model": "blend-plain", "share": 0.5},
        preference={"top_k": 50},
        shortlist={"candidates": 8, "per_line": 2, "recognisable": 1.0},
    )
    for stage in (sales, preprocess, augment, backbone):
        stage.main(params)
    return params


@pytest.mark.slow
def test_from_the_photos_of_then_to_a_sentence(
    shop: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}
    pictures_of = foresight.pictures_of

    def looked_at(past: Path) -> Any:
        """Look at what the past holds; known products stand for a tiny model's poor designs."""
        index = pd.read_parquet(past / "data/processed/index.parquet")
        ledger = pd.read_parquet(past / "data/sales/ledger.parquet")
        seen.update(skus=set(index["sku"]), last=ledger["date"].max())
        (model,) = (past / "data/models").iterdir()
        seen.update(made=pictures_of(past), model=model.name)
        photos = np.load(past / "data/processed/images.npy")
        own = {line: photos[(index["line"] == line).to_numpy()] for line in set(index["line"])}
        return {line: images[:3] for line, images in own.items()}, own

    monkeypatch.setattr(foresight, "pictures_of", looked_at)
    foresight.main(shop)
    found = json.loads(Path("metrics/foresight.json").read_text())
    assert seen["skus"] <= set(SKUS[:48]), "no photo of a later product"
    assert seen["last"] <= pd.Timestamp("2024-03-01"), "no later sale"
    assert seen["model"] == "blend-plain-0"
    for images in (*seen["made"][0].values(), *seen["made"][1].values()):
        assert images.shape[1:] == (32, 32, 3) and images.dtype == np.uint8
    assert (found["products_known"], found["launches"]) == (48, 48)
    assert found["designs"] == 6
    assert found["lift_low"] <= found["lift"] <= found["lift_high"]
    assert found["sentence"].startswith("As of 2024-03-01:")
    assert not list((tmp_path / foresight.SCRATCH).iterdir()), "the past is gone"
    assert DRAWS >= 1000


@pytest.mark.slow
def test_a_stage_that_fails_in_the_past_says_why(shop: Params) -> None:
    early = shop.foresight.model_copy(update={"as_of": "2024-01-02"})
    Path("sold.csv").write_text(
        "sku,date,units\n" + "".join(f"{s},2024-01-01,1\n" for s in SKUS[:2])
    )
    with pytest.raises(BestsellerError, match=r"as of 2024-01-02: \w"):
        foresight.main(shop.model_copy(update={"foresight": early}))
