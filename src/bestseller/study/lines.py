"""Claim B's table: similarity by line, and whether larger lines are more similar."""

from collections.abc import Mapping, Sequence

import pandas as pd

from bestseller.classifier.similarity import REPORTED_MODELS, REPORTED_SIMILARITY
from bestseller.demo.lines import LINES
from bestseller.metrics.statistics import Interval
from bestseller.study.answers import arm_interval, rank_correlation
from bestseller.study.measure import LINE

SIZES = ("kinds", "units")


def published_correlations(confidence: float) -> pd.DataFrame:
    """Return the rank correlation of the published similarity with the size of a line.

    Returns:
        model, size (``kinds`` or ``units``), value, low, high, over the 16 lines.
    """
    by_model = {
        model: {line: values[place] for line, values in REPORTED_SIMILARITY.items()}
        for place, model in enumerate(REPORTED_MODELS)
    }
    return _correlations(by_model, confidence)


def own_similarity(rows: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the similarity of each arm and line over its seeds.

    Args:
        rows: of arms on a dataset with lines; others are left out.

    Returns:
        budget, variant, line, value, low, high (percent), seeds.
    """
    columns = [name for name in rows if str(name).startswith(LINE)]
    found = []
    for (budget, variant), arm in rows.groupby(["budget", "variant"], sort=False):
        for name in columns:
            values = arm[name].dropna()
            if values.empty:
                continue
            interval = arm_interval(values, confidence)
            line = str(name).removeprefix(LINE)
            row = {"budget": budget, "variant": variant, "line": line, **vars(interval)}
            found.append(row | {"seeds": len(values)})
    names = ["budget", "variant", "line", "value", "low", "high", "seeds"]
    return pd.DataFrame(found, columns=names)


def own_correlations(similarity: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Return the same of our own table, each arm's means over seeds: see `published_correlations`.

    Args:
        similarity: from `own_similarity`.
    """
    arms = similarity["budget"] + "/" + similarity["variant"]
    by_arm = {
        str(arm): dict(zip(table["line"], table["value"], strict=True))
        for arm, table in similarity.groupby(arms, sort=False)
    }
    return _correlations(by_arm, confidence)


def _correlations(by_model: Mapping[str, Mapping[str, float]], confidence: float) -> pd.DataFrame:
    rows = []
    for model, similarity in by_model.items():
        known = [line for line in LINES if line.name in similarity]
        for size in SIZES:
            sizes: Sequence[float] = [getattr(line, size) for line in known]
            values = [similarity[line.name] for line in known]
            found: Interval = rank_correlation(sizes, values, confidence)
            rows.append({"model": model, "size": size, **vars(found), "lines": len(known)})
    return pd.DataFrame(rows, columns=["model", "size", "value", "low", "high", "lines"])
