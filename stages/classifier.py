"""Train the best-seller classifier, calibrate it, and measure it on held-out products."""

from pathlib import Path

import pandas as pd

from bestseller.base.compute import configure_torch
from bestseller.base.files import atomic_path, require, write_json
from bestseller.classifier.anchors import anchor_images, anchor_table
from bestseller.classifier.fitting import assess, fit_classifier
from bestseller.classifier.sellers import assign_parts, lines_of, top_sellers
from bestseller.classifier.start import starting_network
from bestseller.images.store import ImageSet
from bestseller.params import Params
from stages import WORKSPACE, run

CLASSIFIER = Path("data/classifier")


def main(params: Params) -> None:
    settings, confidence = params.preference, params.compare.confidence
    images = ImageSet.open("data/processed").of_main_view()
    units = pd.read_parquet(require("data/sales/units.parquet", "dvc repro sales"))
    sellers = top_sellers(units, images.index, settings.top_k, settings.scope)
    parts, states = assign_parts(sellers)
    lines = lines_of(parts)

    configure_torch(params.job_threads, settings.seed)
    weights_dir = WORKSPACE / params.backbones.weights_dir
    network, weights = starting_network(
        len(lines), params.backbones.weights, weights_dir, settings.seed
    )
    classifier = fit_classifier(
        network,
        weights,
        images=images.images,
        parts=parts,
        lines=lines,
        settings=settings,
        changes=params.augment,
    )
    metrics, confusion = assess(classifier, images.images, parts, confidence)
    anchors = anchor_images(images.images, images.index, parts, lines, settings.seed)

    classifier.save(CLASSIFIER)
    named = {f"lines_{state}": ", ".join(of_state) for state, of_state in states.items()}
    write_json("metrics/classifier.json", metrics | named)
    for name, table in {
        "confusion": confusion,
        "anchors": anchor_table(classifier, anchors, confidence),
    }.items():
        with atomic_path(f"metrics/{name}.csv") as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


if __name__ == "__main__":
    run(main)
