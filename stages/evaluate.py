"""Measure one trained model: distances to the real images, diversity, novelty, similarity."""

from pathlib import Path

import numpy as np
import pandas as pd

from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, write_json
from bestseller.centroid.distance import CentroidDistance
from bestseller.evaluation import quality, sheets
from bestseller.evaluation.measurement import Instruments
from bestseller.evaluation.nearest import KIDS, save_kids
from bestseller.gans import load_generator
from bestseller.images.split import split
from bestseller.images.store import ImageSet
from bestseller.params import Item, Params
from stages import FEATURES, ITEM, run

PROCESSED = Path("data/processed")
BACKBONES = Path("data/backbones")
MODELS = Path("data/models")
CLASSIFIER = Path("data/classifier")
CENTROID = Path("data/centroid/distance.safetensors")
SAMPLES, SUSPECTS = 12, 20  # images a line in samples.png, pairs in nearest.png


def main(params: Params, item: str) -> None:
    name = Item.parse(item).name
    settings = params.evaluate
    configure_torch(params.job_threads, settings.seed)
    generator = load_generator(MODELS / name)
    catalogue = ImageSet.open(PROCESSED).of_main_view()
    train, _ = split(catalogue)
    instruments = Instruments.load(BACKBONES, CLASSIFIER, catalogue, params, FEATURES)

    # A sample of the catalogue, then as many images of every line; equal seeds pair the models.
    drawn = np.random.default_rng(settings.seed).choice(train.index["line"], settings.images)
    of_line = np.repeat(generator.lines, settings.images_per_line)
    latents = generator.draw([*drawn, *of_line], settings.seed).latents
    images = generator.images(latents[: len(drawn)], list(drawn))
    made_for = generator.images(latents[len(drawn) :], list(of_line))
    made = (made_for, list(of_line))
    measured = instruments.measure(images, made, params, f"evaluate {name}")

    suspects = instruments.copies.most_suspicious(measured.near, SUSPECTS)
    captions = [f"{suspect.share:.2f} {suspect.space}" for suspect in suspects]
    rows = [(line, made_for[of_line == line][:SAMPLES]) for line in generator.lines]

    points = pd.DataFrame(measured.points, columns=["x", "y"])
    centroid = CentroidDistance.load(CENTROID, params.backbones.precision)
    points["distance"] = centroid.distances(images)

    with atomic_path(Path("data/evaluation") / name) as folder:
        folder.mkdir()
        measured.similarity.to_csv(
            folder / "similarity.csv", index=False, float_format="%.6g", lineterminator="\n"
        )
        suspected = [suspect.image for suspect in suspects]
        known = [suspect.neighbour for suspect in suspects]
        pairs = sheets.pairs_sheet(images[suspected], train.images[known], captions)
        pairs.save(folder / "nearest.png")
        points.to_csv(folder / "points.csv", index=False, float_format="%.5g", lineterminator="\n")
        sheets.labelled_rows(rows).save(folder / "samples.png")
        shown = [made_for[of_line == line][:SAMPLES] for line in generator.lines]
        np.savez(folder / "samples.npz", lines=np.array(generator.lines), images=np.stack(shown))
        save_kids(folder / KIDS, measured.kids)
    write_json(Path("metrics/evaluate") / f"{name}.json", quality.rounded(measured.values))


if __name__ == "__main__":
    run(main, ITEM)
