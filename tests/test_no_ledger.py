"""A catalogue without a ledger, and one of a single line: from photos to the page."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.params import Params, load_params, read_yaml
from bestseller.params.sales import NO_LEDGER
from bestseller.preference.scorer import Scorer
from conftest import REPOSITORY
from stages import (
    augment,
    backbone,
    backtest,
    centroid,
    classifier,
    compare,
    evaluate,
    preprocess,
    report,
    sales,
    settings,
    shortlist,
    train,
)
from stages import retrain as retrain_stage
from test_image_set import encode, write_catalogue

MODEL = "vanilla-plain"
BEFORE = (preprocess, augment, backbone, centroid, settings)


def picture(number: int) -> Image.Image:
    """A product whose colour and shape tell it from every other."""
    rng = np.random.default_rng(number)
    image = Image.new("RGB", (160, 160), "white")
    drawing, colour = ImageDraw.Draw(image), tuple(int(n) for n in rng.integers(0, 190, 3))
    left, top = (int(n) for n in rng.integers(20, 55, 2))
    drawing.rectangle((left, top, 160 - left, 160 - top), fill=colour)
    inside = tuple(int(n) for n in rng.integers(60, 256, 3))
    drawing.ellipse((70, 60, 70 + int(rng.integers(8, 30)), 100), fill=inside)
    return image


def tiny(folder: Path, **own: Any) -> Params:
    """The tiny settings with one model, some sections changed, as a file that stages read."""
    params = read_yaml(REPOSITORY / "params.yaml")
    changes = read_yaml(REPOSITORY / "tests/tiny.yaml") | {"models": [MODEL]}

    def overlay(old: dict[str, Any], new: dict[str, Any]) -> None:
        for key, value in new.items():
            if isinstance(value, dict) and isinstance(old.get(key), dict):
                overlay(old[key], value)
            else:
                old[key] = value

    overlay(params, changes)
    overlay(params, own)
    with (folder / "params.yaml").open("w") as file:
        YAML(typ="safe", pure=True).dump(params, file)
    return load_params(folder / "params.yaml")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Params]:
    """Lays out a catalogue whose product i is of line `line(i)`; returns the settings."""

    def lay_out(line: Callable[[int], str], **own: Any) -> Params:
        monkeypatch.chdir(tmp_path)
        write_catalogue(tmp_path, {f"w{i:02d}": (line(i), encode(picture(i))) for i in range(40)})
        for kept in ("data/feedback", "data/retrain", "studies/answers.json"):
            (tmp_path / kept).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (REPOSITORY / kept).is_dir() else shutil.copy
            copy(REPOSITORY / kept, tmp_path / kept)
        for name, facts in {"catalogue": {"products": 40}}.items():
            (tmp_path / "metrics").mkdir(exist_ok=True)
            (tmp_path / f"metrics/{name}.json").write_text(json.dumps(facts))
        (tmp_path / "data/source").mkdir(parents=True)
        (tmp_path / "data/source/ledger.json").write_text("{}")
        return tiny(tmp_path, **own)

    return lay_out


def run_all(params: Params) -> str:
    """Run every stage from the ledger to the page; return the page."""
    for stage in (sales, *BEFORE):
        stage.main(params)
    train.main(params, f"{MODEL}-0")
    for stage in (classifier, backtest):
        stage.main(params)
    evaluate.main(params, f"{MODEL}-0")
    for stage in (compare, shortlist, report):
        stage.main(params)
    return "".join(
        Path("data/report", name).read_text() for name in ("index.html", "engineer.html")
    )


@pytest.mark.slow
def test_without_a_ledger_models_are_trained_and_measured_and_preference_is_said_to_be_absent(
    shop: Callable[..., Params],
) -> None:
    params = shop(lambda i: f"line {i % 2}", sales={"source": "none"})
    page = run_all(params)

    measured = json.loads(Path(f"metrics/evaluate/{MODEL}-0.json").read_text())
    assert any(name.startswith("kid") for name in measured) and "near_copy_rate" in measured
    assert not {"similarity", "abstained_share", "inception_score_lines"} & set(measured)
    assert pd.read_csv("metrics/similarity.csv")["similarity"].isna().all()
    assert pd.read_parquet("data/sales/units.parquet")["units"].tolist() == [0] * 40
    assert pd.read_parquet("data/sales/ledger.parquet").empty
    assert [path.name for path in Path("data/designs").glob("*.png")] == []
    for told in (page, Path("data/report/model-card.md").read_text()):
        assert "There is no ledger" in told
    with pytest.raises(BestsellerError, match="holds no score: There is no ledger"):
        Scorer.load("data/backbones", "data/preference", "data/classifier")
    with pytest.raises(BestsellerError, match="a retraining follows the ledger"):
        retrain_stage.main(params)
    assert json.loads(Path("metrics/backtest.json").read_text())["sentence"] == NO_LEDGER


@pytest.mark.slow
def test_a_single_line_is_scored_and_its_similarity_is_said_to_be_unknown(
    shop: Callable[..., Params], tmp_path: Path
) -> None:
    rows = [f"w{i:02d},2024-01-{1 + i % 9:02d},{1 + i % 7}" for i in range(40)]
    rows += [f"w{i:02d},2024-02-{1 + i % 9:02d},{1 + i % 5}" for i in range(40)]
    (tmp_path / "ledger.csv").write_text("\n".join(["sku,date,units", *rows]) + "\n")
    params = shop(lambda i: "only", sales={"source": "csv", "path": "ledger.csv"})
    page = run_all(params)
    assert "No similarity is measured" in page
    assert "holds no classifier" not in page
    assert json.loads(Path("metrics/classifier.json").read_text())["absent"].startswith(
        "All images"
    )
    assert "pair_auc" in json.loads(Path("metrics/backtest.json").read_text())
