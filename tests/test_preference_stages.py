"""The stages classifier and backtest: their files, and their errors of one line."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bestseller.backbones.backbone import Backbone, save_backbone
from bestseller.backbones.networks import without_classifier
from bestseller.backbones.vision import models
from bestseller.base.errors import BestsellerError
from bestseller.classifier.absent import why_absent
from bestseller.classifier.classifier import load_classifier
from bestseller.images.store import ImageSet
from bestseller.params import Params, Space, load_params
from bestseller.preference.ranker import load_ranker
from shapes import save_shop
from stages import backtest, classifier


@pytest.fixture(scope="module")
def params(request: pytest.FixtureRequest) -> Params:
    params = load_params(request.config.rootpath / "params.yaml")
    short = {"steps": 2, "batch_size": 8, "precision": "fp32", "top_k": 20}
    preference = params.preference.model_copy(update=short)
    score = Space(network="resnet18", layers=[], side=0)
    backbones = params.backbones.model_copy(update={"score_space": score})
    changes = {"preference": preference, "backbones": backbones, "threads": 1}
    return params.model_copy(update=changes)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop's processed images, sales, and an untrained backbone."""
    monkeypatch.chdir(tmp_path)
    save_shop(160, price="9.50", currency="EUR")
    torch.manual_seed(0)
    network = without_classifier(models.resnet18())
    save_backbone("data/backbones", Backbone("resnet18", "catalogue", network))
    return tmp_path


def outputs(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file that is no input."""
    inputs = ("data/processed", "data/sales", "data/raw", "data/backbones")
    found = {str(p.relative_to(folder)): p for p in folder.rglob("*") if p.is_file()}
    kept = (*inputs, str(backtest.FEATURES))
    return {name: p.read_bytes() for name, p in found.items() if not name.startswith(kept)}


def test_the_classifier_stage_writes_its_files_the_same_each_time(
    params: Params, workspace: Path
) -> None:
    classifier.main(params)
    first = outputs(workspace)
    assert set(first) == {
        "data/classifier/resnet50.json",
        "data/classifier/resnet50.safetensors",
        "metrics/anchors.csv",
        "metrics/classifier.json",
        "metrics/confusion.csv",
    }
    classifier.main(params)
    assert outputs(workspace) == first
    metrics = json.loads(first["metrics/classifier.json"])
    assert metrics["lines"] == 4 and metrics["lines_left_out"] == ""
    assert not any(isinstance(value, dict | list) for value in metrics.values())
    confusion = pd.read_csv("metrics/confusion.csv")
    assert list(confusion.columns) == ["actual", "predicted"]
    assert len(confusion) == metrics["images_test"]
    assert load_classifier("data/classifier").lines == ["cross", "disc", "ring", "square"]


def test_the_backtest_stage_writes_its_files_the_same_each_time(
    params: Params, workspace: Path
) -> None:
    backtest.main(params)
    first = outputs(workspace)
    assert set(first) == {
        "data/preference/held_out.parquet",
        "data/preference/known.json",
        "data/preference/known.parquet",
        "data/preference/known.safetensors",
        "data/preference/products.parquet",
        "data/preference/ranker.json",
        "data/preference/ranker.safetensors",
        "metrics/backtest.json",
    }
    backtest.main(params)
    assert outputs(workspace) == first
    metrics = json.loads(first["metrics/backtest.json"])
    assert metrics["pair_auc_low"] <= metrics["pair_auc"] <= metrics["pair_auc_high"]
    assert metrics["pair_auc_line_mean"] == 0.5
    assert metrics["spearman_within_line_mean_colour"] > 0.7  # red sells, and nothing else
    assert metrics["beats_baselines"] is not metrics["sentence"].startswith("WARNING")
    # Prices are all the same and first sales few, so that a table tells less than a colour.
    assert metrics["pair_auc_metadata"] < metrics["pair_auc_mean_colour"]
    # Two thirds were there from the first day on, the others came fifty days later.
    assert metrics["launched_after"] < "2024-05-12" and metrics["launched_products_tested"] > 40
    assert metrics["launched_spearman_within_line_mean_colour"] > 0.5
    assert metrics["launched_sentence"].startswith(("Of two designs", "WARNING: Of two designs"))
    assert 0.8 < metrics["interval_coverage"] <= 1
    assert ("promise_products" in metrics) is ("No promise" not in metrics["promise_sentence"])
    index = ImageSet.open("data/processed").index.set_index("sku")
    ranker = load_ranker("data/preference")
    assert set(index.loc[ranker.products["sku"], "split"]) == {"train", "validation"}


def test_shares_of_a_lines_sales_are_never_called_a_test(params: Params, workspace: Path) -> None:
    """Where a line's units are shared equally no score can be right or wrong about its products."""
    sales = params.sales.model_copy(update={"level": "line", "allocation": "equal"})
    units = pd.read_parquet("data/sales/units.parquet")
    units.assign(units=8.25, days_on_sale=100).to_parquet("data/sales/units.parquet")
    backtest.main(params.model_copy(update={"sales": sales}))
    metrics = json.loads(Path("metrics/backtest.json").read_text())
    assert metrics["beats_baselines"] is False and "nothing was tested" in metrics["sentence"]
    assert not any("auc" in name or "spearman" in name for name in metrics)


@pytest.mark.parametrize("stage", [classifier, backtest])
@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        ("no images", r"data/processed/images\.npy: not found"),
        ("no sales", r"units\.parquet: not found; run `dvc repro sales`"),
        ("other skus", r"units\.parquet: no product with an image sold"),
    ],
)
def test_missing_inputs_are_told_in_one_line(
    stage: object, break_it: str, message: str, params: Params, workspace: Path
) -> None:
    sales = Path("data/sales/units.parquet")
    if break_it == "no images":
        Path("data/processed/images.npy").unlink()
    elif break_it == "no sales":
        sales.unlink()
    else:
        pd.read_parquet(sales).assign(sku=lambda t: "x" + t["sku"]).to_parquet(sales)
    main = stage.main  # type: ignore[attr-defined]
    with pytest.raises(BestsellerError, match=message) as caught:
        main(params)
    assert "\n" not in str(caught.value) and not outputs(workspace)


def test_a_single_line_has_no_classifier(
    params: Params, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = ImageSet.open("data/processed")
    images.select(images.index["line"] == "ring").save("data/processed")
    classifier.main(params)
    why = why_absent("data/classifier")
    assert why.startswith("All images are of the line 'ring', so no classifier tells lines apart")
    assert capsys.readouterr().out == f"classifier: {why}\n"
    with pytest.raises(BestsellerError, match="holds no classifier: All images are"):
        load_classifier("data/classifier")


def test_too_few_held_out_products_are_told_in_one_line(params: Params, workspace: Path) -> None:
    images = ImageSet.open("data/processed")
    kept = (images.index["split"] != "test") | (np.arange(len(images)) < 20)
    images.select(kept).save("data/processed")
    with pytest.raises(BestsellerError, match="no line has 5 products in the test part"):
        backtest.main(params)
    assert not outputs(workspace)
