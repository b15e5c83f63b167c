"""Fit the sales ranker on frozen features; test it on products and launches it has not seen."""

from functools import partial
from pathlib import Path

import numpy as np

from bestseller.backbones import load_space
from bestseller.backbones.features import FeatureCache
from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, read_table, write_json
from bestseller.catalogue.raw import read_catalogue
from bestseller.classifier.absent import write_absent
from bestseller.classifier.mild import mild_changes
from bestseller.classifier.sellers import sales_history, top_sellers
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.params import Params
from bestseller.params.sales import NO_LEDGER
from bestseller.preference.belief import Belief
from bestseller.preference.held_out import held_out_table
from bestseller.preference.known import KnownImages
from bestseller.preference.launches import split_by_launch, study_launches
from bestseller.preference.metadata import catalogue_table, with_table
from bestseller.preference.study import Pictures, study
from bestseller.preference.verdict import (
    detector_facts,
    facts,
    launch_facts,
    promise_facts,
    unobserved_facts,
)
from stages import FEATURES, run

CATALOGUE = "data/raw/catalogue.jsonl"
LEDGER = "data/sales/ledger.parquet"
PREFERENCE = Path("data/preference")


def main(params: Params) -> None:
    settings, confidence = params.preference, params.compare.confidence
    if params.sales.source == "none":
        write_absent(PREFERENCE, NO_LEDGER)
        write_json("metrics/backtest.json", {"beats_baselines": False, "sentence": NO_LEDGER})
        print(f"backtest: {NO_LEDGER}")
        return
    configure_torch(params.job_threads, settings.seed)
    images = ImageSet.open("data/processed").of_main_view()
    units = read_table("data/sales/units.parquet", "dvc repro sales")
    ledger = read_table(LEDGER, "dvc repro sales")
    space = load_space("data/backbones", params.backbones.score_space)
    kept = FeatureCache(FEATURES)

    sellers = top_sellers(units, images.index, settings.top_k, settings.scope)
    history = sales_history(units, images.index, list(sellers["sku"]))
    history = with_table(history, catalogue_table(read_catalogue(CATALOGUE)))
    pictures = Pictures.extract(partial(kept.features, space), images.images, images.index)
    validation = images.select((images.index["split"] == "validation").to_numpy())
    changed = mild_changes(np.asarray(validation.images), params.augment)
    mild = [kept.features(space, photos) for photos in changed.values()]
    ranker, backtest = study(pictures, history, confidence, settings.seed, mild)
    held = history[history["split"] == "test"]
    unseen = pictures.features_of(held)
    abstained = float(ranker.abstains(unseen).mean())
    if params.sales.allocation == "none":
        launches = split_by_launch(history, ledger, images.index, settings.launched_after)
        found = study_launches(pictures, launches, confidence, settings.seed)
        covered = Belief.of(ranker).covered(unseen, held, confidence)
        values = facts(ranker, backtest, abstained, covered) | launch_facts(launches, found)
        values |= promise_facts(ranker, unseen, held, confidence)
        told = held_out_table(ranker, unseen, held)
    else:
        told = held_out_table(ranker, unseen[:0], held[:0])
        values = unobserved_facts(ranker, abstained, params.sales.allocation)

    known = KnownImages.of(space, images, partial(kept.features, space))
    held_out = np.asarray(split(images)[1].images)
    values |= detector_facts(ranker, known.floor, held_out, partial(kept.features, space))
    known.save(PREFERENCE)
    ranker.save(PREFERENCE)
    with atomic_path(PREFERENCE / "held_out.parquet") as path:
        told.to_parquet(path, index=False)
    write_json("metrics/backtest.json", values)


if __name__ == "__main__":
    run(main)
