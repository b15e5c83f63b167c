"""Write the page that a merchandiser opens: the ranked designs with their evidence."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from PIL import Image

from bestseller.designs.export import read_choice
from bestseller.files import atomic_path, read_json, require
from bestseller.images.store import ImageSet
from bestseller.params import Params
from bestseller.report.page import render
from bestseller.report.results import Results
from stages import run

METRICS = Path("metrics")
PAGE = Path("data/report/index.html")
HEALTH = ("catalogue", "sales", "preprocess", "backbone", "classifier")


def main(params: Params) -> None:
    choice = read_choice(require("data/designs", "dvc repro shortlist"))
    items = params.items()
    results = Results(
        params=params,
        designs=choice.designs,
        counts=choice.counts,
        images=ImageSet.open("data/processed"),
        ledger=pd.read_parquet(require("data/sales/ledger.parquet", "dvc repro sales")),
        models=pd.read_csv(require(METRICS / "models.csv", "dvc repro compare")),
        similarity=pd.read_csv(require(METRICS / "similarity.csv", "dvc repro compare")),
        answers=read_json(METRICS / "comparison.json", "dvc repro compare")["answers"],
        curves={item: pd.read_csv(_curves(item)) for item in items},
        health={name: read_json(METRICS / f"{name}.json", f"dvc repro {name}") for name in HEALTH},
        anchors=pd.read_csv(require(METRICS / "anchors.csv", "dvc repro classifier")),
        backtest=read_json(path) if (path := METRICS / "backtest.json").exists() else None,
        samples=_pictures(Path(f"data/models/{item}/samples.png") for item in items),
        nearest=_pictures(Path(f"data/evaluation/{item}/nearest.png") for item in items),
        comparison={p.stem: Image.open(p) for p in sorted(Path("data/comparison").glob("*.png"))},
    )
    with atomic_path(PAGE) as path:
        path.write_text(render(results), encoding="utf-8")


def _curves(item: str) -> Path:
    return require(METRICS / "train" / f"{item}.csv", f"dvc repro train@{item}")


def _pictures(paths: Iterable[Path]) -> dict[str, Image.Image]:
    """Open the pictures that exist, by the name of their folder; the page says what is missing."""
    return {path.parent.name: Image.open(path) for path in paths if path.exists()}


if __name__ == "__main__":
    run(main)
