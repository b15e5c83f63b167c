"""Drift: against numbers worked by hand, images that were moved on purpose, and plain chance."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bestseller.backbones import empty_feature_stack
from bestseller.base.compute import to_signed
from bestseller.centroid.centroids import Centroids, reference, save_centroids
from bestseller.images.store import ImageSet
from bestseller.params import Params, load_params
from bestseller.retraining.drift import image_shift, measure_drift, sales_mix, top_seller_turnover
from conftest import REPOSITORY

END = pd.Timestamp("2022-03-01")
SIZE = 32


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(REPOSITORY / "params.yaml")


def ledger(now: dict[str, int], before: dict[str, int]) -> pd.DataFrame:
    """One row per line in the middle of each window, and a row long before both."""
    rows = [(line, END - pd.Timedelta(days=40), units) for line, units in now.items()]
    rows += [(line, END - pd.Timedelta(days=400), units) for line, units in before.items()]
    rows += [("A", END, 0), ("A", END - pd.Timedelta(days=900), 1000)]
    return pd.DataFrame(rows, columns=["line", "date", "units"])


def pictures(n: int, brightness: float, seed: int = 0) -> ImageSet:
    """Noise of the given mean; every fourth image is held out, and black."""
    rng = np.random.default_rng(seed)
    images = np.clip(rng.normal(brightness, 30, (n, SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
    split = np.where(np.arange(n) % 4 == 3, "test", "train")
    images[split == "test"] = 0
    index = pd.DataFrame({"sku": [f"s{i}" for i in range(n)], "line": "A", "split": split})
    index = index.assign(category="c", view="front", sha256="0", cluster=range(n))
    return ImageSet(images, index)


def write_distance(path: Path, images: ImageSet) -> torch.nn.Module:
    """Write what the stage centroid would for an untrained network; return its features."""
    torch.manual_seed(0)
    features = empty_feature_stack("alexnet", 3)
    for parameter in features.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    seen = images.select(images.index["split"] != "test").images
    found = reference(seen, torch.inference_mode()(features))
    layers: dict[str, object] = {"backbone": "alexnet", "layer": 3, "pooling": "none"}
    save_centroids(path, Centroids.of(features, found, {}), layers)
    return features


def test_the_index_of_the_sales_mix_is_that_worked_by_hand() -> None:
    """Units 60, 30, 10 now and 30, 60, 10 before, half a unit added to each of the three lines."""
    found = sales_mix(ledger({"A": 60, "B": 30, "C": 10}, {"A": 30, "B": 60, "C": 10}), 0.95)
    # 2 (60.5 - 30.5) / 101.5 ln(60.5 / 30.5); C has equal shares.
    assert found["sales_psi"] == pytest.approx(2 * 30 / 101.5 * np.log(60.5 / 30.5))
    assert found["sales_psi_chance"] == pytest.approx(5.991465 * (1 / 100 + 1 / 100))
    assert found["sales_psi_line"] in ("A", "B")
    assert sales_mix(ledger({"A": 60}, {}), 0.95) == {}


def test_chance_alone_rarely_exceeds_what_chance_makes() -> None:
    rng = np.random.default_rng(0)
    shares, above = np.array([0.5, 0.3, 0.15, 0.05]), 0
    for _ in range(200):
        now, before = (dict(zip("ABCD", rng.multinomial(400, shares), strict=True)) for _ in "ab")
        found = sales_mix(ledger(now, before), 0.95)
        above += found["sales_psi"] > found["sales_psi_chance"]
    assert 0.01 <= above / 200 <= 0.1


def test_the_turnover_is_the_share_of_new_names_among_the_best(params: Params) -> None:
    settings = params.preference.model_copy(update={"top_k": 2, "scope": "line"})
    small = params.model_copy(update={"preference": settings})
    index = pictures(6, 100).index.assign(line=["A", "A", "A", "B", "B", "B"])
    then, now = (
        pd.DataFrame({"sku": [f"s{i}" for i in range(7)], "units": units})
        for units in ([9, 8, 1, 5, 0, 0, 99], [9, 1, 8, 5, 0, 4, 99])  # s6 has no photo
    )
    # A: s0 and s1, then s0 and s2; B: s3 alone, then s3 and s5.
    assert top_seller_turnover(then, now, index, small) == {
        "top_sellers": 4,
        "top_sellers_new": 2,
        "top_seller_turnover_share": 0.5,
    }
    assert top_seller_turnover(then.assign(units=0), now, index, small) == {}


def test_the_shift_is_the_way_of_the_mean_in_the_old_features(tmp_path: Path) -> None:
    before, now = pictures(40, 100), pictures(60, 130, seed=1)
    features = write_distance(tmp_path / "distance.safetensors", before)
    found = image_shift(tmp_path / "distance.safetensors", now)

    def seen(images: ImageSet) -> np.ndarray:
        kept = images.images[(images.index["split"] != "test").to_numpy()]
        with torch.inference_mode():
            return features(to_signed(torch.from_numpy(kept))).flatten(1).double().numpy()

    old, new = seen(before), seen(now)
    centre = old.mean(axis=0)
    d_ref = np.linalg.norm(old - centre, axis=1).mean()
    assert found == {
        "images_measured": 45,
        "centroid_shift": pytest.approx(
            np.linalg.norm(new.mean(axis=0) - centre) / d_ref, rel=1e-3
        ),
        "centroid_shift_chance": pytest.approx(
            np.sqrt(new.var(axis=0, ddof=1).sum() / 45) / d_ref, rel=1e-3
        ),
        "centroid_distance": pytest.approx(
            np.linalg.norm(new - centre, axis=1).mean() / d_ref, rel=1e-3
        ),
    }
    same = image_shift(tmp_path / "distance.safetensors", before)
    assert same["centroid_shift"] < 1e-5
    assert same["centroid_distance"] == pytest.approx(1, rel=1e-4)


def test_another_draw_of_the_same_kind_shifts_by_what_chance_makes(tmp_path: Path) -> None:
    """Both centres are means of 30, so that their distance is sqrt(2) standard errors."""
    write_distance(tmp_path / "distance.safetensors", pictures(40, 100))
    found = image_shift(tmp_path / "distance.safetensors", pictures(40, 100, seed=1))
    ratio = found["centroid_shift"] / found["centroid_shift_chance"]
    assert ratio == pytest.approx(np.sqrt(2), rel=0.1)


def write_run(folder: Path, units: list[int], sold: pd.DataFrame) -> None:
    (folder / "data/sales").mkdir(parents=True)
    table = pd.DataFrame({"sku": [f"s{i}" for i in range(len(units))], "units": units})
    table.to_parquet(folder / "data/sales/units.parquet")
    sold.to_parquet(folder / "data/sales/ledger.parquet")


def test_what_moved_beyond_its_threshold_is_told(tmp_path: Path, params: Params) -> None:
    before, root = tmp_path / "before", tmp_path / "today"
    write_run(before, [5] * 8 + [0] * 12, ledger({}, {}))
    write_run(root, [5] * 20, ledger({"A": 300, "B": 100}, {"A": 100, "B": 300}))
    write_distance(before / "data/centroid/distance.safetensors", pictures(20, 90))
    pictures(20, 150).save(root / "data/processed")
    found = measure_drift(before, root, params)
    mix, sellers, centre, distance = found.pop("warnings")
    assert mix.startswith("The sales mix by line is not that of a year ago: PSI 1.09 is above 0.2")
    assert sellers == "12 of the 20 top sellers are new (60%, above 20%)."
    assert "centre in feature space moved by" in centre
    assert "d_ref from the last run's centre on average, above 1.1" in distance
    assert all(isinstance(value, float | int | str) for value in found.values()), "flat"


def test_a_first_run_and_another_image_size_say_what_they_can(
    tmp_path: Path, params: Params
) -> None:
    root = tmp_path / "today"
    write_run(root, [5] * 20, ledger({"A": 3}, {}))
    pictures(20, 150).save(root / "data/processed")
    assert measure_drift(tmp_path / "nothing", root, params) == {"warnings": []}
    small = pictures(20, 90)
    distance = tmp_path / "before/data/centroid/distance.safetensors"
    write_distance(
        distance, ImageSet(small.images[:, ::2, ::2].repeat(3, 1).repeat(3, 2), small.index)
    )
    found = measure_drift(tmp_path / "before", root, params)
    assert found["images_measured"] == 15
    assert "they have another size" in found["warnings"][0]
