"""Sample each line's best models and choose a diverse shortlist, each design with its evidence."""

from pathlib import Path

import pandas as pd

from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, read_json, require
from bestseller.catalogue.raw import read_catalogue
from bestseller.designs.evidence import Naming
from bestseller.designs.explain import Explainer
from bestseller.designs.export import write_choice
from bestseller.designs.feedback import Feedback
from bestseller.designs.looks import Looks
from bestseller.designs.selection import best_models
from bestseller.designs.shortlist import shortlist
from bestseller.designs.uncertainty import ScoreUncertainty
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.params import Params
from bestseller.preference.scorer import Scorer
from stages import run

COMPARISON = Path("metrics/comparison.json")
BACKTEST = Path("metrics/backtest.json")
SIMILARITY = Path("metrics/similarity.csv")
MODELS = Path("data/models")
BACKBONES = Path("data/backbones")
CLASSIFIER = Path("data/classifier")
PREFERENCE = Path("data/preference")
CATALOGUE = Path("data/raw/catalogue.jsonl")
UNITS = Path("data/sales/units.parquet")
PROCESSED = Path("data/processed")
FEEDBACK = Path("data/feedback")
DESIGNS = Path("data/designs")


def main(params: Params) -> None:
    configure_torch(params.threads, params.shortlist.seed)
    similarity = pd.read_csv(require(SIMILARITY, "dvc repro compare"))
    nearest = read_json(COMPARISON, "dvc repro compare")["nearest"]  # the nearest and its ties
    models = best_models(similarity[similarity["model"].isin(nearest)])
    names = sorted({name for of_line in models.values() for name in of_line})
    scorer = Scorer.load(BACKBONES, PREFERENCE, CLASSIFIER)
    sold = pd.read_parquet(require(UNITS, "dvc repro sales"))
    naming = Naming(
        {product.sku: product.name for product in read_catalogue(CATALOGUE)},
        {str(sku): int(units) for sku, units in zip(sold["sku"], sold["units"], strict=True)},
    )
    generators = {name: load_generator(MODELS / name) for name in names}
    worth = read_json(BACKTEST, "dvc repro backtest")["sentence"]
    rejected = Feedback.read(FEEDBACK).sized(params.images.size)
    choice = shortlist(
        models,
        generators,
        scorer,
        naming,
        params.shortlist,
        worth=worth,
        rejected=rejected if len(rejected) else None,
    )
    real = ImageSet.open(PROCESSED).of_main_view()
    explainer = Explainer(
        scorer,
        ScoreUncertainty.of(scorer.ranker),
        Looks.of(real.images, list(real.index["sku"]), list(real.index["line"])),
        params.compare.confidence,
        params.shortlist.occlusion,
    )
    with atomic_path(DESIGNS) as folder:
        write_choice(folder, explainer.explain(choice))


if __name__ == "__main__":
    run(main)
