"""Write the merchandiser's page, what goes along with it, and the engineer's page and cards."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from bestseller.base.files import atomic_path, read_json, read_table, reading, require, write_json
from bestseller.catalogue.raw import read_catalogue
from bestseller.designs.export import KEPT, read_choice
from bestseller.designs.feedback import Feedback
from bestseller.designs.sellers import prices_of
from bestseller.images.store import ImageSet
from bestseller.metrics.registry import from_records
from bestseller.params import Params
from bestseller.report.cards import datasheet, model_card
from bestseller.report.changes import remembered
from bestseller.report.engineer import render_engineer
from bestseller.report.history import read_history, remember
from bestseller.report.line_sheet import write_line_sheet
from bestseller.report.page import render
from bestseller.report.results import Results
from bestseller.report.workbook import write_workbook
from stages import run

METRICS = Path("metrics")
DESIGNS = Path("data/designs")
CATALOGUE = Path("data/raw/catalogue.jsonl")
PAGE = Path("data/report/index.html")
HISTORY = PAGE.with_name("history.json")
HELD_OUT = Path("data/preference/held_out.parquet")
FORESIGHT = METRICS / "foresight.json"
STUDY = Path("studies/answers.json")
RETRAINING = Path("data/retrain/last.json")
HEALTH = ("catalogue", "sales", "preprocess", "backbone", "classifier")


def main(params: Params) -> None:
    choice = read_choice(require(DESIGNS, "dvc repro shortlist"))
    products = read_catalogue(require(CATALOGUE, "dvc repro scrape"))
    items = params.item_names()
    comparison = read_json(METRICS / "comparison.json", "dvc repro compare")
    ledger = read_table("data/sales/ledger.parquet", "dvc repro sales")
    health = {name: read_json(METRICS / f"{name}.json", f"dvc repro {name}") for name in HEALTH}
    results = Results(
        params=params,
        designs=choice.designs,
        counts=choice.counts,
        images=ImageSet.open("data/processed"),
        ledger=ledger,
        models=read_table(METRICS / "models.csv", "dvc repro compare"),
        similarity=read_table(METRICS / "similarity.csv", "dvc repro compare"),
        answers=comparison["answers"],
        columns=from_records(comparison["columns"]),
        leaders=comparison["nearest"],
        made={item: made for item in items if (made := _made(item))},
        curves={item: _curves(item) for item in items},
        health=health,
        anchors=read_table(METRICS / "anchors.csv", "dvc repro classifier"),
        costs=read_table(METRICS / "cost.csv", "dvc repro compare"),
        backtest=read_json(path) if (path := METRICS / "backtest.json").exists() else None,
        held_out=read_table(path) if (path := HELD_OUT).exists() else pd.DataFrame(),
        foresight=read_json(path).get("sentence", "") if (path := FORESIGHT).exists() else "",
        samples=_pictures(Path(f"data/models/{item}/samples.png") for item in items),
        nearest=_pictures(Path(f"data/evaluation/{item}/nearest.png") for item in items),
        prices=prices_of({p.sku: (p.price, p.currency) for p in products}),
        kept=read_json(DESIGNS / KEPT, "dvc repro shortlist"),
        feedback=Feedback.read(Path("data/feedback")).table,
        study=read_json(STUDY, "make study-report")["sentence"],
        retraining=read_json(RETRAINING, f"git checkout {RETRAINING}"),
        comparison={p.stem: Image.open(p) for p in sorted(Path("data/comparison").glob("*.png"))},
    )
    designs = remembered(results)
    history = remember(read_history(HISTORY), results.window[1], health, designs)
    results = replace(results, history=history)
    for file, text in {
        PAGE: render(results),
        PAGE.with_name("engineer.html"): render_engineer(results),
        PAGE.with_name("model-card.md"): model_card(results),
        PAGE.with_name("datasheet.md"): datasheet(results),
    }.items():
        with atomic_path(file) as path:
            path.write_text(text, encoding="utf-8")
    write_workbook(PAGE.with_name("line-review.xlsx"), results)
    write_line_sheet(PAGE.with_name("line-sheet.pdf"), results)
    write_json(HISTORY, history)


def _curves(item: str) -> pd.DataFrame:
    table: pd.DataFrame = read_table(METRICS / "train" / f"{item}.csv", f"dvc repro train@{item}")
    return table


def _made(item: str) -> dict[str, np.ndarray]:
    """Return the images that a model made for each line; none where evaluate left no file."""
    path = Path(f"data/evaluation/{item}/samples.npz")
    if not path.exists():
        return {}
    with (
        reading(path, f"dvc repro -f evaluate@{item}"),
        np.load(path, allow_pickle=False) as stored,
    ):
        return dict(zip(stored["lines"].tolist(), stored["images"], strict=True))


def _pictures(paths: Iterable[Path]) -> dict[str, Image.Image]:
    """Open the pictures that exist, by the name of their folder; the page says what is missing."""
    return {path.parent.name: Image.open(path) for path in paths if path.exists()}


if __name__ == "__main__":
    run(main)
