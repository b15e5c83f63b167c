"""Hold the score, the calibration and the detectors against the embedded shop's hidden truth.

Run: ``python benchmarks/preference_truth.py --backbones data/backbones [--seeds 0 1 2 3 4]`` with
``src`` on the path. The features are those of a backbone that a run of the pipeline left; where
that run's shop had another seed, the backbone has seen none of these products. Everything else is
fitted anew for each seed, at the scale of params.yaml. ``--against NETWORK [LAYER ...]`` measures
another space on the same shops and prints the differences, with their interval over the shops.

Rank correlations with the truth are printed for the held-out products: within lines, with the
expected units per day on sale (averaged over lines of five or more, by products less one);
overall, with the same; and overall with the expected units of the whole period, the score then
times the days on sale. The ceiling is what the observed units of the one period reach in the
score's place: that is how well the sales themselves tell what sells. ``launched_within``: for the
products first sold in the last fifth of the launches, by what was known before.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from embedded import Embedded, make_embedded
from numpy.typing import NDArray
from scipy.stats import t
from threadpoolctl import threadpool_limits

from bestseller.backbones import FeatureSpace, load_space
from bestseller.base.compute import configure_torch
from bestseller.classifier.anchors import noise_images
from bestseller.classifier.fitting import assess, fit_classifier
from bestseller.classifier.sellers import assign_parts, lines_of, sales_history, top_sellers
from bestseller.classifier.start import starting_network
from bestseller.params import Preference, Space, load_params
from bestseller.preference.backtest import SMALLEST_LINE, spearman
from bestseller.preference.launches import split_by_launch, study_launches
from bestseller.preference.metadata import with_table
from bestseller.preference.ranker import SalesRanker, fit_ranker
from bestseller.preference.study import Pictures, study

NOISE = 1000  # images
CONFIDENCE = 0.95
STEPS = "training steps of the classifier; 0 leaves it out"
MEASURED = ("accuracy_test", "temperature", "nll_before", "nll_after", "ece_before", "ece_after")

PAIRED = ("score_within", "score_overall", "score_units", "launched_within", "launched_pair_auc")

Doubts = Mapping[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]]  # images, the score's detector


Values = dict[str, float]


def score_against_truth(
    shop: Embedded, pictures: Pictures, history: pd.DataFrame, seed: int
) -> tuple[Values, SalesRanker]:
    """Return the rank correlations of the score, of mean colour and of the observed units."""
    ranker, backtest = study(pictures, history, CONFIDENCE, seed)
    known = history[history["split"] != "test"].reset_index(drop=True)
    colour = fit_ranker(pictures.colours_of(known), known, seed)
    tested = shop.index[shop.index["split"] == "test"].drop_duplicates("sku")
    truth = shop.truth.loc[tested["sku"]]
    lines, days = list(truth["line"]), truth["days"].to_numpy(float)
    rate = ranker.line_rate(lines)
    per_day = {
        "score": ranker.score(pictures.features_of(tested), lines) * rate,
        "colour": colour.score(pictures.colours_of(tested), lines) * rate,
        "ceiling": truth["units"].to_numpy(float) / days,
    }
    expected = truth["expected_units"].to_numpy(float)
    rows = [np.flatnonzero(truth["line"] == line)[None] for line in sorted(set(lines))]
    large, every = [r for r in rows if r.shape[1] >= SMALLEST_LINE], np.arange(len(days))[None]
    values: Values = {"tested": len(days), "warns": float(not backtest.beats_baselines())}
    for name, found in per_day.items():
        values[f"{name}_within"] = float(spearman(found, expected / days, large)[0])
        values[f"{name}_overall"] = float(spearman(found, expected / days, [every])[0])
        values[f"{name}_units"] = float(spearman(found * days, expected, [every])[0])
    return values, ranker


def launches_against_truth(
    shop: Embedded, pictures: Pictures, history: pd.DataFrame, seed: int
) -> Values:
    """Return the rank correlation of the score of later launches, fitted before they came."""
    launches = split_by_launch(history, shop.ledger, shop.index, "")
    found = study_launches(pictures, launches, CONFIDENCE, seed)
    if isinstance(found, str):
        return {}
    later = launches.held_out
    truth, lines = shop.truth.loc[later["sku"]], later["line"].to_numpy(object)
    score = found[0].score(pictures.features_of(later), list(lines))
    rate = (truth["expected_units"] / truth["days"]).to_numpy(float)
    rows = [np.flatnonzero(lines == line)[None] for line in sorted(set(lines))]
    large = [r for r in rows if r.shape[1] >= SMALLEST_LINE]
    return {
        "launched_within": float(spearman(score, rate, large)[0]),
        "launched_tested": len(later),
        "launched_pair_auc": found[1].intervals["score", "pair_auc"].value,
    }


def differences(table: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the mean paired difference of two spaces over the shops, with its t-interval."""
    names = [name for name in PAIRED if name in table.index and name in other.index]
    rows = {}
    for name in names:
        gap = (table.loc[name] - other.loc[name]).dropna().to_numpy(float)
        half = t.ppf((1 + CONFIDENCE) / 2, len(gap) - 1) * gap.std(ddof=1) / np.sqrt(len(gap))
        ends = {"lead": gap.mean(), "low": gap.mean() - half, "high": gap.mean() + half}
        rows[name] = {"first": table.loc[name].mean(), "second": other.loc[name].mean()} | ends
    return pd.DataFrame(rows).T


def shuffled_ledger(pictures: Pictures, history: pd.DataFrame, seed: int) -> Values:
    """Return what the backtest says where sales are dealt at random within lines."""
    dealt, rng = history.copy(), np.random.default_rng(seed)
    for rows in dealt.groupby("line").indices.values():
        sales = dealt.iloc[rows][["counted", "days"]].to_numpy()
        dealt.loc[dealt.index[rows], ["counted", "days"]] = rng.permutation(sales)
    _, found = study(pictures, dealt, CONFIDENCE, seed)
    interval = found.intervals["score", "spearman_within_line"]
    return {
        "shuffled_low": interval.low,
        "shuffled_high": interval.high,
        "shuffled_covers_0": float(interval.covers(0)),
        "shuffled_warns": float(not found.beats_baselines()),
    }


def calibration_and_gates(
    shop: Embedded, parts: pd.DataFrame, doubts: Doubts, settings: Preference
) -> Values:
    """Return the classifier's calibration on its test part, and what both detectors let through."""
    lines = lines_of(parts)
    network, weights = starting_network(len(lines), "catalogue", Path(), settings.seed)
    classifier = fit_classifier(
        network, weights, images=shop.images, parts=parts, lines=lines, settings=settings
    )
    measured, _ = assess(classifier, shop.images, parts, CONFIDENCE)
    values = {name: float(measured[name]) for name in MEASURED}
    for name, (images, of_score) in doubts.items():
        of_classifier = classifier.abstains(images)
        values[f"{name}_abstained_by_classifier"] = float(of_classifier.mean())
        values[f"{name}_abstained_by_either"] = float((of_classifier | of_score).mean())
    return values


def measure(shop: Embedded, space: FeatureSpace, settings: Preference) -> Values:
    """Return every number of the shop, that of the seed of `settings`."""
    start, seed = time.process_time(), settings.seed
    pictures = Pictures.extract(space.features, shop.images, shop.index)
    sellers = top_sellers(shop.units, shop.index, settings.top_k, settings.scope)
    history = sales_history(shop.units, shop.index, list(sellers["sku"]))
    history = with_table(history, shop.prices)
    values, ranker = score_against_truth(shop, pictures, history, seed)
    values |= launches_against_truth(shop, pictures, history, seed)
    values |= shuffled_ledger(pictures, history, seed)
    parts, _ = assign_parts(sellers)
    best = shop.images[parts.loc[parts["split"] == "test", "row"].to_numpy()]
    doubts = {}
    for name, images in {
        "noise": noise_images(NOISE, shop.images.shape[1], seed),
        "best_sellers": best,
    }.items():
        doubts[name] = images, ranker.abstains(space.features(images))
        values[f"{name}_abstained_by_score"] = float(doubts[name][1].mean())
    if settings.steps:
        values |= calibration_and_gates(shop, parts, doubts, settings)
    return values | {"cpu_s": time.process_time() - start}


def main() -> None:
    """Print each seed as it is done, then a row per number and a column per seed."""
    params = load_params()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", default="data/backbones")
    parser.add_argument("--network", default=params.backbones.score_space.network)
    parser.add_argument("--layers", type=int, nargs="*", help="default: those of score_space")
    parser.add_argument("--side", type=int, default=params.backbones.score_space.side)
    parser.add_argument("--against", nargs="+", help="a network, and its layers where not its last")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--scale", type=float, default=params.catalogue.demo.scale)
    parser.add_argument("--steps", type=int, default=params.preference.steps, help=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    layers = params.backbones.score_space.layers if asked.layers is None else asked.layers
    spaces = [
        load_space(asked.backbones, Space(network=asked.network, layers=layers, side=asked.side))
    ]
    if asked.against:
        name, *numbers = asked.against
        side = asked.side if numbers else 0
        other = Space(network=name, layers=[int(number) for number in numbers], side=side)
        spaces.append(load_space(asked.backbones, other))
    columns: list[dict[int, Values]] = [{} for _ in spaces]
    with threadpool_limits(asked.threads):
        configure_torch(asked.threads, 0)
        for seed in asked.seeds:
            settings = params.preference.model_copy(update={"seed": seed, "steps": asked.steps})
            shop = make_embedded(params, asked.scale, seed)
            for space, found in zip(spaces, columns, strict=True):
                found[seed] = measure(shop, space, settings)
                rounded = {name: round(value, 3) for name, value in found[seed].items()}
                print(f"seed {seed}, {space.name}:", rounded, flush=True)
    tables = [pd.DataFrame(found) for found in columns]
    for space, table in zip(spaces, tables, strict=True):
        print(f"\n{space.name}")
        print(table.assign(mean=table.mean(axis=1)).to_string(float_format="{:.3f}".format))
    if len(tables) > 1:
        print()
        print(differences(*tables).to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
