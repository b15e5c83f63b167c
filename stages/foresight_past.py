"""Run the stages that lead to a shortlist in a folder of the past; `foresight` calls it."""

from pathlib import Path

import numpy as np
import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, require, write_json
from bestseller.designs.candidates import sample
from bestseller.designs.shortlist import eligible
from bestseller.gans import load_generator
from bestseller.images.store import ImageSet
from bestseller.params import Params
from bestseller.preference.scorer import Scorer
from stages import (
    augment,
    backtest,
    centroid,
    classifier,
    preprocess,
    run,
    sales,
    settings,
    shortlist,
    train,
)

CANDIDATES = Path("data/candidates.npz")


def main(params: Params) -> None:
    """Run them on the one model that the settings of this folder name.

    Raises:
        BestsellerError: this is no folder of the past.
    """
    require(Path("data/raw/catalogue.jsonl"), "dvc repro foresight")
    if len(params.items()) != 1:
        raise BestsellerError(
            "params.yaml: foresight_past runs one model in the folder that stage foresight makes; "
            "set foresight.as_of and run `dvc repro foresight`"
        )
    (item,) = params.items()
    sales.main(params)
    preprocess.main(params)
    augment.main(params)
    centroid.main(params)
    settings.main(params)
    train.main(params, item.name)
    classifier.main(params)
    backtest.main(params)
    name_model(item.name)
    shortlist.main(params)
    save_candidates(item.name, params)


def save_candidates(item: str, params: Params) -> None:
    """Write by line the random candidates that the designs are compared with, as pictures.

    They are drawn as the model draws them, as many as for the shortlist, of its lines; dropped is
    what the shortlist drops for another reason than the score.
    """
    settings = params.shortlist
    scorer = Scorer.load(shortlist.BACKBONES, shortlist.PREFERENCE, shortlist.CLASSIFIER)
    generator = load_generator(shortlist.MODELS / item)
    lines: list[str] = []
    images = []
    for line in generator.lines:
        drawn = sample([generator], line, settings.candidates, settings.seed).images
        _, judged = scorer.judge(drawn, [line] * len(drawn))
        rows = eligible(judged, np.zeros(len(drawn), bool), settings.recognisable)
        lines += [line] * len(rows)
        images.append(drawn[rows])
    with atomic_path(CANDIDATES) as path, path.open("wb") as file:
        np.savez(file, lines=np.array(lines, str), images=np.concatenate(images))


def name_model(item: str) -> None:
    """Write what the stages evaluate and compare would: of one model it is known without them."""
    lines = sorted(set(ImageSet.open(sales.SALES.parent / "processed").index["line"]))
    table = pd.DataFrame({"line": lines, "model": item, "similarity": float("nan")})
    with atomic_path(shortlist.SIMILARITY) as path:
        table.assign(low=float("nan"), high=float("nan")).to_csv(path, index=False)
    write_json(shortlist.COMPARISON, {"nearest": [item]})


if __name__ == "__main__":
    run(main)
