"""The published comparison of DCGAN with and without the constraint, beside this run's."""

import pandas as pd

from bestseller.comparison.comparison import CENTROID, PLAIN
from bestseller.metrics.registry import of_metric
from bestseller.report.results import Results
from bestseller.report.tables import Cell, Table
from bestseller.report.words import DASH, model_label, number

REPORTED_GAN = "dcgan"
REPORTED = {PLAIN: (32.1361, 0.2918), CENTROID: (30.9519, 0.2981)}  # FID, LPIPS on CelebA


def published_constraint_table(results: Results) -> Table | None:
    """Return FID and LPIPS as published next to this run's distance and diversity.

    None where this run has no DCGAN.
    """
    models = results.models
    ours = models[models["gan"] == REPORTED_GAN] if "gan" in models else models[:0]
    have = {name: column for name, column in results.columns.items() if name in models}
    distance = next(iter(of_metric(have, "fd")), None)
    lpips = of_metric(have, "lpips")
    diversity = next(iter([*lpips, *of_metric(have, "diversity")]), None)
    if ours.empty:
        return None
    rows = []
    for constraint, reported in REPORTED.items():
        of_arm = ours[ours["constraint"] == constraint]
        measured = [_mean(of_arm, name) for name in (distance, diversity)]
        cells = [Cell(number(value, 6), kind="published") for value in reported]
        rows.append([Cell(f"{model_label(REPORTED_GAN)}, {constraint}"), *cells, *measured])
    columns = ["Model", "FID (published)", "LPIPS (published)"]
    columns += [have[name].label if name else DASH for name in (distance, diversity)]
    same = distance == "fid" and bool(lpips)
    space = "in the same feature spaces" if same else "in other feature spaces, named for them"
    return Table(
        "The constraint as published and here. Published: CelebA, 202,599 aligned photographs of "
        f"faces at 64 px, unconditional. Here: {int(results.designs_of_line.sum()):,} product "
        f"designs, condition: {results.params.train.condition}, measured {space}. Compare the "
        "direction of the change, not the numbers.",
        columns,
        rows,
    )


def _mean(models: pd.DataFrame, name: str | None) -> Cell:
    """Return the mean over the seeds, and their number where there are several."""
    values = models[name].dropna() if name else pd.Series(dtype=float)
    if values.empty:
        return Cell(DASH)
    note = f"mean of {len(values)} seeds" if len(values) > 1 else ""
    return Cell(number(float(values.mean())), note)
