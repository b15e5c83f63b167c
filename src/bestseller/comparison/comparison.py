"""Compares models and tells which differences the numbers support.

A **variant** is a gan with a constraint; its replicates are training seeds. Two variants are
compared by the differences of equal seeds. A difference may have one of three intervals:

- ``seeds``: Student t over two or more seed pairs. It speaks of the method: what training again
  would give. Beside it stands the exact sign-flip p-value, Holm-adjusted over the gans.
- ``images``: with one seed, from the standard errors of the two models' own numbers, taken as
  independent. It speaks of these two trained models only.
- ``none``: one seed and a number without a standard error.

A difference whose interval covers 0 is a tie; over seeds so is one that the sign-flip test does not
confirm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.metrics.registry import Column, Columns, compared
from bestseller.metrics.statistics import (
    Estimate,
    holm,
    mean_interval,
    normal_interval,
    paired_difference,
    smallest_p,
)

PLAIN, CENTROID = "plain", "centroid"
Row = dict[str, object]


@dataclass(frozen=True)
class Difference:
    """Variant `a` minus variant `b` in one metric.

    Attributes:
        value, low, high: the difference with its interval; NaN ends where there is none.
        kind: ``seeds``, ``images`` or ``none``, see above.
        seeds: number of seeds that both variants have.
        p: of the sign-flip test, NaN but over seeds.
    """

    value: float
    low: float
    high: float
    kind: str
    seeds: int
    p: float


def difference(
    models: pd.DataFrame, metric: str, a: tuple[str, str], b: tuple[str, str], confidence: float
) -> Difference:
    """Compare two variants, given as (gan, constraint), over the seeds that both have.

    Args:
        models: a row per model: gan, constraint, seed, metrics, standard errors as <metric>_se.
    """
    left, right = (_variant(models, *variant).dropna(subset=metric) for variant in (a, b))
    seeds = left.index.intersection(right.index)
    nan = float("nan")
    if len(seeds) == 0:
        return Difference(nan, nan, nan, "none", 0, nan)
    left, right = left.loc[seeds], right.loc[seeds]
    if len(seeds) > 1:
        paired = paired_difference(left[metric], right[metric], confidence)
        found = paired.interval
        return Difference(found.value, found.low, found.high, "seeds", len(seeds), paired.p)
    value = float(left[metric].iloc[0] - right[metric].iloc[0])
    error = f"{metric}_se"
    if error not in models:
        return Difference(value, nan, nan, "none", 1, nan)
    spread = float(np.hypot(left[error].iloc[0], right[error].iloc[0]))
    found = normal_interval(Estimate(value, spread), confidence)
    return Difference(found.value, found.low, found.high, "images", 1, nan)


def _variant(models: pd.DataFrame, gan: str, constraint: str) -> pd.DataFrame:
    rows = models[(models["gan"] == gan) & (models["constraint"] == constraint)]
    return rows.set_index("seed").sort_index()


def verdict(metric: Column, found: Difference, p_adjusted: float, confidence: float) -> str:
    """Return what a difference says: ``better``, ``worse``, ``tie``, ``open`` or ``unknown``.

    ``tie``: the interval covers 0, or the sign-flip test does not confirm the difference. ``open``:
    the interval excludes 0, and there are too few seeds for the test to confirm anything.
    """
    if np.isnan(found.low):
        return "unknown"
    if found.low <= 0 <= found.high:
        return "tie"
    if found.kind == "seeds" and p_adjusted > 1 - confidence:
        return "tie" if smallest_p(found.seeds) <= 1 - confidence else "open"
    return "better" if (found.value > 0) == metric.higher_is_better else "worse"


def centroid_effects(models: pd.DataFrame, confidence: float, columns: Columns) -> pd.DataFrame:
    """Return centroid minus plain for each gan and metric of `columns`.

    Returns:
        gan, metric, difference, low, high, interval, seeds, p, p_holm, verdict, text. Empty where
        no gan has both constraints.
    """
    constraints = models.groupby("gan")["constraint"].agg(set)
    gans = [gan for gan in constraints.index if {PLAIN, CENTROID} <= constraints[gan]]
    rows: list[Row] = []
    for metric in compared(columns, models.columns):
        found = [difference(models, metric, (g, CENTROID), (g, PLAIN), confidence) for g in gans]
        for gan, one, p_holm in zip(gans, found, _adjusted(found), strict=True):
            said = verdict(columns[metric], one, p_holm, confidence)
            rows.append(
                {
                    "gan": gan,
                    "metric": metric,
                    "difference": one.value,
                    "low": one.low,
                    "high": one.high,
                    "interval": one.kind,
                    "seeds": one.seeds,
                    "p": one.p,
                    "p_holm": p_holm,
                    "verdict": said,
                    "text": _sentence(gan, metric, one, said, p_holm),
                }
            )
    names = ["gan", "metric", "difference", "low", "high", "interval", "seeds", "p", "p_holm"]
    return pd.DataFrame(rows, columns=[*names, "verdict", "text"])


def arm_means(models: pd.DataFrame, confidence: float, columns: Columns) -> pd.DataFrame:
    """Return the mean over seeds of each variant and metric.

    Returns:
        gan, constraint, metric, mean, low, high (over seeds; NaN with one seed), seeds.
    """
    rows: list[Row] = []
    for (gan, constraint), variant in models.groupby(["gan", "constraint"], sort=True):
        for metric in compared(columns, models.columns):
            values = variant[metric].dropna()
            if values.empty:
                continue
            row: Row = {"gan": gan, "constraint": constraint, "metric": metric}
            row |= {"mean": values.mean(), "low": np.nan, "high": np.nan, "seeds": len(values)}
            if len(values) > 1:
                found = mean_interval(values, confidence)
                row |= {"low": found.low, "high": found.high}
            rows.append(row)
    return pd.DataFrame(
        rows, columns=["gan", "constraint", "metric", "mean", "low", "high", "seeds"]
    )


def best_variants(models: pd.DataFrame, confidence: float, columns: Columns) -> pd.DataFrame:
    """Return the best variant of each metric, and those that cannot be told from it.

    Returns:
        metric, best (``gan-constraint``), mean, and the others: tied, lost, unsettled (their
        difference is open or has no interval), text.
    """
    means = arm_means(models, confidence, columns)
    rows: list[Row] = []
    for metric, of_metric in means.groupby("metric", sort=False):
        name, column = str(metric), columns[str(metric)]
        ordered = of_metric.sort_values(
            "mean", ascending=not column.higher_is_better, kind="stable"
        )
        variants = list(zip(ordered["gan"], ordered["constraint"], strict=True))
        found = [difference(models, name, variants[0], other, confidence) for other in variants[1:]]
        groups: dict[str, list[str]] = {"tied": [], "lost": [], "unsettled": []}
        for variant, one, p in zip(variants[1:], found, _adjusted(found), strict=True):
            said = verdict(column, one, p, confidence)
            group = {"tie": "tied", "open": "unsettled", "unknown": "unsettled"}.get(said, "lost")
            groups[group].append("-".join(variant))
        best, mean = "-".join(variants[0]), float(ordered["mean"].iloc[0])
        text = f"{name}: best is {best} ({mean:.4g})"
        if groups["tied"]:
            text += f", tied with {', '.join(groups['tied'])}"
        if groups["unsettled"]:
            text += f"; not settled against {', '.join(groups['unsettled'])}"
        rows.append({"metric": name, "best": best, "mean": mean, **groups, "text": text + "."})
    names = ["metric", "best", "mean", "tied", "lost", "unsettled", "text"]
    return pd.DataFrame(rows, columns=names)


def limits(models: pd.DataFrame, confidence: float) -> str:
    """Say what the number of training seeds allows to conclude."""
    counts = models.groupby(["gan", "constraint"])["seed"].nunique()
    seeds = int(counts.min())
    if seeds == 1:
        return (
            "One training seed per model: intervals are over images and speak of these trained "
            "models only; whether training again would repeat a difference cannot be concluded."
        )
    if smallest_p(seeds) > 1 - confidence:
        return (
            f"{seeds} training seeds per model: the sign-flip test cannot fall below p = "
            f"{smallest_p(seeds):.3g}, so no difference between methods can be concluded at "
            f"{1 - confidence:.2g}; six seeds or more are needed."
        )
    return (
        f"{seeds} training seeds per model: differences between methods are tested over seeds, "
        "with p-values adjusted by Holm's method over the gans within each metric."
    )


def _adjusted(found: Sequence[Difference]) -> list[float]:
    """Return the Holm-adjusted p-values of one family; NaN stays NaN."""
    p = np.array([one.p for one in found])
    tested = ~np.isnan(p)
    p[tested] = holm(p[tested])
    return [float(value) for value in p]


def _sentence(gan: str, metric: str, found: Difference, said: str, p: float) -> str:
    if found.seeds == 0:
        return f"{gan}: no seed has {metric} for both constraints."
    change = f"{gan}: the centroid constraint changes {metric} by {found.value:+.4g}"
    if found.kind == "none":
        return f"{change}; one seed and no standard error, so nothing can be concluded."
    change += f" ({found.low:.4g} to {found.high:.4g}, "
    if found.kind == "images":
        scope = "over images of one seed)"
        return f"{change}{scope}: {'a tie' if said == 'tie' else said}, for these two models."
    change += f"over {found.seeds} seeds, adjusted p = {p:.3g})"
    meaning = {
        "tie": "a tie",
        "open": "not to be confirmed by a test with so few seeds",
        "better": "better",
        "worse": "worse",
    }
    return f"{change}: {meaning[said]}."
