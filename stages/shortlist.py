"""Sample each line's best models and choose a diverse shortlist, each design with its evidence."""

from pathlib import Path

import numpy as np

from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, read_json, read_table, write_json
from bestseller.catalogue.raw import read_catalogue
from bestseller.centroid.distance import CentroidDistance
from bestseller.classifier.absent import why_absent
from bestseller.designs.evidence import Naming
from bestseller.designs.expected import Expectation
from bestseller.designs.explain import Explainer
from bestseller.designs.export import KEPT, write_choice
from bestseller.designs.feedback import Feedback
from bestseller.designs.kept import follow
from bestseller.designs.looks import Looks
from bestseller.designs.selection import best_models
from bestseller.designs.sellers import BestSellers
from bestseller.designs.sharing import share_out
from bestseller.designs.shortlist import no_choice, shortlist
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.novelty import NOVEL_PERCENTILE
from bestseller.params import Params
from bestseller.preference.scorer import Scorer
from stages import run

COMPARISON = Path("metrics/comparison.json")
BACKTEST = Path("metrics/backtest.json")
SIMILARITY = Path("metrics/similarity.csv")
MODELS = Path("data/models")
BACKBONES = Path("data/backbones")
CENTRE = Path("data/centroid/distance.safetensors")
CLASSIFIER = Path("data/classifier")
PREFERENCE = Path("data/preference")
CATALOGUE = Path("data/raw/catalogue.jsonl")
UNITS = Path("data/sales/units.parquet")
PROCESSED = Path("data/processed")
FEEDBACK = Path("data/feedback")
DESIGNS = Path("data/designs")


def main(params: Params) -> None:
    if why := why_absent(PREFERENCE):
        with atomic_path(DESIGNS) as folder:
            write_choice(folder, no_choice(read_catalogue(CATALOGUE)))
            write_json(folder / KEPT, [])
        print(f"shortlist: {why}")
        return
    configure_torch(params.threads, params.shortlist.seed)
    similarity = read_table(SIMILARITY, "dvc repro compare")
    nearest = read_json(COMPARISON, "dvc repro compare")["nearest"]  # the nearest and its ties
    models = best_models(similarity[similarity["model"].isin(nearest)])
    names = sorted({name for of_line in models.values() for name in of_line})
    scorer = Scorer.load(BACKBONES, PREFERENCE, CLASSIFIER)
    sold = read_table(UNITS, "dvc repro sales")
    units = {str(sku): int(n) for sku, n in zip(sold["sku"], sold["units"], strict=True)}
    products = list(read_catalogue(CATALOGUE))
    naming = Naming({product.sku: product.name for product in products}, units)
    generators = {name: load_generator(MODELS / name) for name in names}
    worth = read_json(BACKTEST, "dvc repro backtest")["sentence"]
    feedback = Feedback.read(FEEDBACK)
    rejected = feedback.sized(params.images.size)
    real = ImageSet.open(PROCESSED).of_main_view()
    shown = real.index.assign(units=real.index["sku"].map(units).fillna(0).astype(int))
    of_line = shown.drop_duplicates("sku").groupby("line")["units"].sum()
    wanted = params.shortlist
    choice = shortlist(
        models,
        generators,
        scorer,
        naming,
        wanted,
        expectation=Expectation.of(scorer, params.compare.confidence),
        worth=worth,
        places=share_out(
            {line: int(of_line.get(line, 0)) for line in models}, wanted.per_line, wanted.sharing
        ),
        rejected=rejected if len(rejected) else None,
        centre=CentroidDistance.load(CENTRE, "fp32").distances if wanted.search else None,
    )
    explainer = Explainer(
        scorer,
        Looks.of(real.images, list(real.index["sku"]), list(real.index["line"])),
        BestSellers.in_catalogue(real.images, shown, products, wanted),
        wanted.occlusion,
    )
    radius = float(np.percentile(scorer.known.novelty.real_distances, NOVEL_PERCENTILE))
    with atomic_path(DESIGNS) as folder:
        write_choice(folder, explainer.explain(choice))
        write_json(folder / KEPT, follow(feedback, choice.designs, scorer.space.features, radius))


if __name__ == "__main__":
    run(main)
