"""Fit the sales ranker on frozen features and test it on products that it has not seen."""

from pathlib import Path

import pandas as pd

from bestseller.backbones import load_backbone
from bestseller.compute import prepare
from bestseller.files import require, write_json
from bestseller.images.store import ImageSet
from bestseller.params import Params
from bestseller.preference.sellers import mean_by_product, sales_history, top_sellers
from bestseller.preference.study import facts, mean_colour, study
from stages import run


def main(params: Params) -> None:
    settings = params.preference
    prepare(params.threads, settings.seed)
    images = ImageSet.open("data/processed")
    units = pd.read_parquet(require("data/sales/units.parquet", "dvc repro sales"))
    backbone = load_backbone("data/backbones", params.backbones.metric)
    sellers = top_sellers(units, images.index, settings.top_k, settings.scope)
    history = sales_history(units, images.index, list(sellers["sku"]))
    features, colours = (
        mean_by_product(extract(images.images), images.index, history["sku"])
        for extract in (backbone.features, mean_colour)
    )
    ranker, backtest = study(features, colours, history, params.compare.confidence, settings.seed)
    ranker.save(Path("data/preference"))
    held_out = features[(history["split"] == "test").to_numpy()]
    write_json("metrics/backtest.json", facts(ranker, backtest, held_out))


if __name__ == "__main__":
    run(main)
