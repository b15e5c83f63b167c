"""The comparison in words and in few numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.comparison.comparison import best_variants, centroid_effects, limits
from bestseller.comparison.references import REAL
from bestseller.evaluation.nearest import Kids, Nearest, nearest_models
from bestseller.metrics.registry import Columns, as_records, of_metric, space_title
from bestseller.metrics.statistics import Estimate, Interval, normal_interval
from bestseller.metrics.yardstick import blur_words

TIED = "tied"  # in the place of the best model's name where no one is best


@dataclass(frozen=True)
class Comparison:
    """What the models' numbers say.

    Attributes:
        model: the row of the model nearest to the real images in the main space.
        nearest: that model, and those that cannot be told from it.
        columns: the run's metrics.
        quality, diversity: names of the kernel distance in the main space, and of the perceptual
            diversity.
        effects: of the centroid constraint, see `centroid_effects`.
        best: variant of each metric, see `best_variants`.
        answers: sentences.
    """

    model: pd.Series
    nearest: Nearest
    columns: Columns
    quality: str
    diversity: str
    effects: pd.DataFrame
    best: pd.DataFrame
    answers: list[str]

    def summary(self) -> dict[str, float | int | str]:
        """Return the eight values by which experiments are told apart: of the nearest model, in the
        main space. They are columns of `dvc exp show`; all else is in metrics/models.csv and
        metrics/comparison.json."""
        row = self.model
        main = [next(iter(of_metric(self.columns, m)), "") for m in ("blur", "coverage")]
        names = ["similarity", self.quality, *main, "near_copy_rate"]
        values: dict[str, float | int | str] = {
            "best_model": TIED if self.nearest.tied else self.nearest.leader,
            "nearest_model": self.nearest.leader,
        }
        values |= {n: float(row[n]) for n in names if n in row and pd.notna(row[n])}
        values["diversity"] = float(row[self.diversity])
        return values

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values; NaN becomes None."""
        return {
            "nearest": self.nearest.models,
            "columns": as_records(self.columns.values()),
            "answers": self.answers,
            "best": _records(self.best),
            "centroid_effects": _records(self.effects),
        }


def compare(
    models: pd.DataFrame,
    references: pd.DataFrame,
    confidence: float,
    costs: Sequence[str] = (),
    *,
    columns: Columns,
    kids: Mapping[str, Kids],
) -> Comparison:
    """Compare the models with one another and with the references.

    Args:
        models: a row per model: model, gan, constraint, seed, metrics, standard errors (_se).
        references: model, metrics, of images that no generator made.
        costs: sentences on what the constraint costs.
        columns: the run's metrics.
        kids: by model and metric space, the projections of its kernel distance.
    """
    have = {name: column for name, column in columns.items() if name in models}
    quality = of_metric(have, "kid")[0]
    diversity = [*of_metric(have, "lpips"), *of_metric(have, "diversity")][0]
    effects = centroid_effects(models, confidence, have)
    best = best_variants(models, confidence, have)
    others = best[["tied", "lost", "unsettled"]].map(len)
    nearest = nearest_models(kids, confidence)
    lowest = models[models["model"] == nearest.leader].iloc[0]
    answers = [
        limits(models, confidence),
        nearest.sentence,
        *(said for _, row in models.iterrows() if (said := in_blurs(row, have))),
        *_few_images(models, have),
        *_settled(
            best, others["unsettled"] < others.sum(axis=1).clip(lower=1), "which variant is best in"
        ),
        *_settled(effects, effects["verdict"] != "unknown", "the effect of the constraint on"),
        *costs,
        *(_beside(row, models, quality, diversity) for _, row in references.iterrows()),
    ]
    return Comparison(lowest, nearest, have, quality, diversity, effects, best, answers)


def in_blurs(row: pd.Series, columns: Columns) -> str:
    """Say in every space how far a model is, in the blur of real photos; empty where unknown."""
    told = []
    for name in of_metric(columns, "blur"):
        ends = [f"{name}{end}" for end in ("", "_low", "_high")]
        if all(end in row and pd.notna(row[end]) for end in ends):
            words = blur_words(Interval(*(float(row[end]) for end in ends)))
            told.append(f"in {space_title(columns[name].space)} {words}")
    return f"{row['model']} is {'; '.join(told)}." if told else ""


def _few_images(models: pd.DataFrame, columns: Columns) -> list[str]:
    """Say what the bias of few images does to the Frechet distance, where its limit is known."""
    frechet = of_metric(columns, "fd")[0]
    limit = next(iter(of_metric(columns, "fd_infinity")), None)
    if limit is None or "n_images" not in models:
        return []
    bias = float((models[frechet] - models[limit]).max())
    text = f"{frechet} is measured on {int(models['n_images'].min()):,} images, which adds up to "
    text += f"{bias:.4g} that infinitely many would not ({limit})"
    two = np.sort(models[frechet].to_numpy())[:2]
    if len(two) < 2:
        return [f"{text}."]
    gap = float(two[1] - two[0])
    text += f"; the two best models differ by {gap:.4g}"
    if bias < gap:
        return [f"{text}, more than that bias could make."]
    others = " and ".join([*of_metric(columns, "kid"), *of_metric(columns, "mind")])
    return [f"{text}, which that bias could make: it may prefer the wrong one, go by {others}."]


def ordered(table: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """Put the columns in reading order: the model, the metrics, the rest.

    Every metric is followed by the ends of its interval.
    """
    identity = [name for name in ("model", "gan", "constraint", "seed") if name in table]
    names = list(identity)
    for metric in (name for name in columns if name in table):
        names += [n for n in (metric, f"{metric}_low", f"{metric}_high") if n in table]
    return table[names + [name for name in table.columns if name not in names]]


def quality_points(models: pd.DataFrame, found: Comparison) -> pd.DataFrame:
    """Return each model's distance to the real images and its diversity, under these plain names.

    For plots whose definition must not know the feature spaces.
    """
    kinds = {"distance": found.quality, "diversity": found.diversity}
    points = {"model": models["model"]}
    for kind, metric in kinds.items():
        ends = [end for end in ("", "_low", "_high") if f"{metric}{end}" in models]
        points |= {f"{kind}{end}": models[f"{metric}{end}"] for end in ends}
    return pd.DataFrame(points)


def _settled(table: pd.DataFrame, settled: "pd.Series[bool]", question: str) -> list[str]:
    """Return the sentences that settle something, then one that names what is not settled."""
    metrics = [m for m in table["metric"].unique() if m not in set(table["metric"][settled])]
    sentences = list(table["text"][settled])
    if metrics:
        sentences.append(f"For want of seeds, {question} {', '.join(metrics)} cannot be concluded.")
    return sentences


def _beside(row: pd.Series, models: pd.DataFrame, quality: str, diversity: str) -> str:
    """Set the models beside images that no generator made."""
    beyond = models.loc[models[diversity] > row[diversity], "model"]
    text = f"{row['model']}: {quality} {row[quality]:.4g}"
    if pd.notna(row[diversity]):  # degraded photos have none
        text += f", {diversity} {row[diversity]:.4g}"
    if row["model"] == REAL and len(beyond):
        return f"{text}; more diverse than that, by noise if not by design: {', '.join(beyond)}."
    return f"{text}."


def with_intervals(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Replace every column <metric>_se by the interval's ends <metric>_low and <metric>_high."""
    columns: dict[str, pd.Series] = {}
    for name in table.columns:
        if not name.endswith("_se"):
            columns[name] = table[name]
            continue
        metric = name.removesuffix("_se")
        half = normal_interval(Estimate(0.0, 1.0), confidence).high * table[name]
        columns |= {f"{metric}_low": table[metric] - half, f"{metric}_high": table[metric] + half}
    return pd.DataFrame(columns)


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            str(key): None if isinstance(value, float) and np.isnan(value) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]
