"""The comparison in words and in few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.metrics.comparison import best_arms, centroid_effects, compared_metrics, limits
from bestseller.metrics.quality import INFINITY
from bestseller.metrics.references import REAL
from bestseller.metrics.statistics import Estimate, normal_interval


@dataclass(frozen=True)
class Comparison:
    """What the models' numbers say.

    Attributes:
        model: the best model's row: the lowest kernel distance to the real images.
        quality, frechet, diversity: names of the kernel distance, the Frechet distance and the
            perceptual diversity.
        effects: of the centroid constraint, see `centroid_effects`.
        best: arm of each metric, see `best_arms`.
        answers: sentences.
    """

    model: pd.Series
    quality: str
    frechet: str
    diversity: str
    effects: pd.DataFrame
    best: pd.DataFrame
    answers: list[str]

    def summary(self) -> dict[str, float | int | str]:
        """Return the few numbers by which experiments are told apart: of the best model, and the
        mean effect of the centroid constraint over the gans where there is one."""
        names, row = ["similarity", self.quality, self.frechet, "near_copy_rate"], self.model
        values: dict[str, float | int | str] = {"best_model": str(row["model"])}
        values |= {n: float(row[n]) for n in names if n in row and pd.notna(row[n])}
        values["diversity"] = float(row[self.diversity])
        for key, metric in (("kid", self.quality), ("diversity", self.diversity)):
            effects = self.effects.loc[self.effects["metric"] == metric, "difference"].dropna()
            if len(effects):
                values[f"centroid_{key}"] = float(effects.mean())
        return values

    def as_json(self) -> dict[str, object]:
        """Return everything as plain values; NaN becomes None."""
        return {
            "best_model": str(self.model["model"]),
            "answers": self.answers,
            "best": _records(self.best),
            "centroid_effects": _records(self.effects),
        }


def compare(
    models: pd.DataFrame,
    references: pd.DataFrame,
    confidence: float,
    costs: Sequence[str] = (),
) -> Comparison:
    """Compare the models with one another and with the references.

    Args:
        models: a row per model: model, gan, constraint, seed, metrics, standard errors (_se).
        references: model, metrics, of images that no generator made.
        costs: sentences on what the constraint costs.
    """
    metrics = compared_metrics(list(models.columns))
    quality = next(name for name in metrics if name.startswith("kid"))
    frechet = next(name for name in metrics if name.startswith(("fd", "fid")))
    diversity = next(name for name in metrics if name.startswith(("lpips", "diversity")))
    effects = centroid_effects(models, confidence)
    best = best_arms(models, confidence)
    others = best[["tied", "lost", "unsettled"]].map(len)
    lowest = models.iloc[int(models[quality].to_numpy().argmin())]
    answers = [
        limits(models, confidence),
        f"The model nearest to the real images is {lowest['model']}, by {quality}: unlike "
        f"{frechet}, it has no bias that depends on the number of images.",
        *_few_images(models, frechet, metrics),
        *_settled(
            best, others["unsettled"] < others.sum(axis=1).clip(lower=1), "which arm is best in"
        ),
        *_settled(effects, effects["verdict"] != "unknown", "the effect of the constraint on"),
        *costs,
        *(_beside(row, models, quality, diversity) for _, row in references.iterrows()),
    ]
    return Comparison(lowest, quality, frechet, diversity, effects, best, answers)


def _few_images(models: pd.DataFrame, frechet: str, metrics: Sequence[str]) -> list[str]:
    """Say what the bias of few images does to the Frechet distance, where its limit is known."""
    limit = f"{frechet}{INFINITY}"
    if limit not in models or "n_images" not in models:
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
    others = " and ".join(name for name in metrics if name.startswith(("kid", "mind")))
    return [f"{text}, which that bias could make: it may prefer the wrong one, go by {others}."]


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Put the columns in reading order: the model, the compared metrics, the rest.

    Every metric is followed by the ends of its interval.
    """
    identity = [name for name in ("model", "gan", "constraint", "seed") if name in table]
    names = list(identity)
    for metric in compared_metrics(list(table.columns)):
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
    text = f"{row['model']}: {quality} {row[quality]:.4g}, {diversity} {row[diversity]:.4g}"
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
