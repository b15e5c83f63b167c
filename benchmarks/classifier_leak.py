"""Show what a split by image instead of by product does to the classifier's accuracy.

Run: ``python benchmarks/classifier_leak.py [--scale 0.05] [--shots 4] [--steps 320]`` with ``src``
on the path. Each product of the embedded shop is photographed several times, placed and lit anew.
The same ResNet-50, from the same first weights, is trained twice on the same best sellers with the
same settings: once the photos are split 5:3:2 by design, as the pipeline does it, once by image, so
that photos of one product lie in training and test. A nearest neighbour on raw pixels, which can do
nothing but recognise the photo, is given beside each.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from embedded import Embedded, make_embedded
from threadpoolctl import threadpool_limits

from bestseller.base.compute import configure_torch
from bestseller.classifier.fitting import assess, fit_classifier
from bestseller.classifier.neighbours import nearest
from bestseller.classifier.sellers import assign_parts, lines_of, top_sellers
from bestseller.classifier.start import starting_network
from bestseller.metrics.statistics import clopper_pearson
from bestseller.params import Preference, load_params

CONFIDENCE = 0.95


def split_by_image(index: pd.DataFrame, shares: tuple[int, ...], seed: int) -> list[str]:
    """Deal the images of each line to the three parts at random, whatever product they show."""
    rng, split = np.random.default_rng(seed), np.empty(len(index), dtype=object)
    edges = np.cumsum(shares)[:-1] / np.sum(shares)
    for rows in index.groupby("line").indices.values():
        cuts = (edges * len(rows)).round().astype(int)
        for part, dealt in zip(
            ("train", "validation", "test"), np.split(rng.permutation(rows), cuts), strict=True
        ):
            split[dealt] = part
    return list(split)


def accuracies(
    shop: Embedded, index: pd.DataFrame, settings: Preference
) -> dict[str, float | int | str]:
    """Return the accuracies on the test part, and how many of its products were trained on."""
    sellers = top_sellers(shop.units, index, settings.top_k, settings.scope)
    parts, _ = assign_parts(sellers)
    lines = lines_of(parts)
    network, weights = starting_network(len(lines), "catalogue", Path(), settings.seed)
    classifier = fit_classifier(
        network, weights, images=shop.images, parts=parts, lines=lines, settings=settings
    )
    found, _ = assess(classifier, shop.images, parts, CONFIDENCE)
    train, test = (parts[parts["split"] == part] for part in ("train", "test"))
    pixels = shop.images.reshape(len(shop.images), -1).astype(np.float32)
    rows = nearest(pixels[test["row"]], pixels[train["row"]], 1)[0][:, 0]
    right = train["line"].to_numpy()[rows] == test["line"].to_numpy()
    interval = clopper_pearson(int(right.sum()), len(right), CONFIDENCE)
    return {
        "accuracy": found["accuracy_test"],
        "interval": f"{found['accuracy_test_low']:.3f} to {found['accuracy_test_high']:.3f}",
        "nearest_photo": interval.value,
        "its_interval": f"{interval.low:.3f} to {interval.high:.3f}",
        "test_images": len(test),
        "test_products": test["sku"].nunique(),
        "of_them_trained_on": int(test.drop_duplicates("sku")["sku"].isin(train["sku"]).sum()),
    }


def main() -> None:
    """Print a column per split."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--steps", type=int, default=params.preference.steps)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    settings = params.preference.model_copy(update={"steps": asked.steps, "seed": asked.seed})
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, asked.seed)
        shop = make_embedded(params, asked.scale, asked.seed, asked.shots)
        by_image = split_by_image(shop.index, tuple(params.images.split), asked.seed)
        columns = {
            "by product": accuracies(shop, shop.index, settings),
            "by image": accuracies(shop, shop.index.assign(split=by_image), settings),
        }
    print(pd.DataFrame(columns).to_string())


if __name__ == "__main__":
    main()
