"""Sample each line's best models and choose a diverse shortlist, each design with its evidence."""

from pathlib import Path

import pandas as pd

from bestseller.backbones import load_backbone
from bestseller.catalogue.raw import read_catalogue
from bestseller.compute import prepare
from bestseller.designs.evidence import Naming
from bestseller.designs.export import write_choice
from bestseller.designs.judges import Judges
from bestseller.designs.selection import best_models, realistic_models
from bestseller.designs.shortlist import shortlist
from bestseller.files import atomic_path, require
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.quality import RealFeatures, split
from bestseller.params import Params
from bestseller.preference import load_classifier, load_ranker
from stages import run

MEASURED = Path("metrics/models.csv")
SIMILARITY = Path("metrics/similarity.csv")
MODELS = Path("data/models")
PROCESSED = Path("data/processed")
BACKBONES = Path("data/backbones")
CLASSIFIER = Path("data/classifier")
PREFERENCE = Path("data/preference")
CATALOGUE = Path("data/raw/catalogue.jsonl")
DESIGNS = Path("data/designs")


def main(params: Params) -> None:
    prepare(params.threads, params.shortlist.seed)
    similarity = pd.read_csv(require(SIMILARITY, "dvc repro compare"))
    measured = pd.read_csv(require(MEASURED, "dvc repro compare"))
    realistic = realistic_models(measured[measured["model"].isin(params.items())])
    models = best_models(similarity[similarity["model"].isin(realistic)])
    names = sorted({name for of_line in models.values() for name in of_line})
    backbone = load_backbone(BACKBONES, params.backbones.metric)
    images = ImageSet.open(PROCESSED)
    judges = Judges(
        backbone,
        load_ranker(PREFERENCE),
        load_classifier(CLASSIFIER),
        RealFeatures.extract(backbone, images).novelty,
        split(images)[0].index,
    )
    naming = Naming({product.sku: product.name for product in read_catalogue(CATALOGUE)})
    generators = {name: load_generator(MODELS / name) for name in names}
    choice = shortlist(models, generators, judges, naming, params.shortlist)
    with atomic_path(DESIGNS) as folder:
        write_choice(folder, choice)


if __name__ == "__main__":
    run(main)
