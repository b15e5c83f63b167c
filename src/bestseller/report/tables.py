"""The tables of the page: models, similarity, and the facts of each stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bestseller.classifier.similarity import REPORTED_MODELS, reported_similarity
from bestseller.comparison.references import COPIES, WORDS
from bestseller.metrics.registry import of_metric, space_title
from bestseller.metrics.statistics import Interval
from bestseller.metrics.yardstick import blur_words
from bestseller.report.results import Flat, Results
from bestseller.report.words import (
    DASH,
    fact,
    fact_label,
    label,
    model_label,
    number,
    percent,
    times,
)

MOST_COLUMNS = 8  # models beyond which the similarity table shows the mean over the seeds
IDENTITY = ("model", "gan", "constraint", "seed")
ENDS = ("_low", "_high")
SAMPLE_SIZES = "n_"


@dataclass(frozen=True)
class Cell:
    """A cell: its text, a smaller second text such as an interval, and a CSS class."""

    text: str
    note: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table with a row header in its first column."""

    caption: str
    columns: list[str]
    rows: list[list[Cell]]


def models_table(results: Results) -> Table:
    """Every model with every metric that compare wrote; references are marked as such.

    The references are what real photos, degraded ones and noise score: the ladder.
    """
    table, columns = results.models, results.columns
    metrics = [
        name
        for name in table.columns
        if name not in IDENTITY
        and pd.api.types.is_numeric_dtype(table[name])
        and not name.startswith(SAMPLE_SIZES)
        and not any(name.endswith(end) and name.removesuffix(end) in table for end in ENDS)
    ]
    rows = []
    for row in table.to_dict("records"):
        kind = "" if row["model"] in results.trained else "reference"
        name = str(row["model"])
        cells = [Cell(WORDS.get(name) or model_label(name), kind=kind)]
        for metric in metrics:
            cells.append(Cell(fact(metric, float(row[metric])), _interval(row, metric), kind))
        rows.append(cells)
    heads = [columns[name].label if name in columns else fact_label(name) for name in metrics]
    return Table(
        "Every model and every metric, with the interval where one is known; below them real "
        "photos, the same photos degraded step by step, and noise.",
        ["Model", *heads],
        rows,
    )


def yardstick_table(results: Results) -> Table | None:
    """How far each model is from real photos, in each metric space, in words.

    None where the run has no such distance.
    """
    names = [name for name in of_metric(results.columns, "blur") if name in results.models]
    if not names:
        return None
    rows = []
    for row in results.models[results.models["model"].isin(results.trained)].to_dict("records"):
        cells = [Cell(model_label(str(row["model"])))]
        for name in names:
            ends = [float(row[f"{name}{end}"]) for end in ("", *ENDS)]
            ratio = row.get(results.columns[name].sibling("kid_ratio"), float("nan"))
            note = "" if pd.isna(ratio) else f"{number(ratio, 3)} times real photos' own distance"
            cells.append(Cell(_capital(blur_words(Interval(*ends))), note, "text"))
        rows.append(cells)
    titles = [space_title(results.columns[name].space) for name in names]
    return Table(
        "How far from real photos: the blur, of one Gaussian, that puts real photos as far from "
        "real photos (by KID against held-out photos). A model is better than another only where "
        "every column says so.",
        ["Model", *(title[:1].upper() + title[1:] for title in titles)],
        rows,
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _interval(row: Mapping[Any, Any], name: str) -> str:
    low, high = (row.get(f"{name}{end}", float("nan")) for end in ENDS)
    known = pd.notna(low) and pd.notna(high)
    return f"{fact(name, float(low))} to {fact(name, float(high))}" if known else ""


def similarity_table(results: Results) -> Table:
    """Similarity by line: every model, then what was published for the reference catalogue.

    With one seed a cell holds the mean over images and its interval. With several, or with more
    than eight models, it holds the mean over the seeds and their range.
    """
    groups, untested = _columns(results), results.untested_lines
    measured = results.similarity.set_index(["line", "model"])
    published = reported_similarity().set_index(["line", "model"])["similarity"]
    rows = []
    for line in sorted(set(results.similarity["line"])):
        grey = "reference" if line in untested else ""
        cells = [Cell(line, kind=grey)]
        of_line = [_similarity_cell(measured, line, models) for models in groups.values()]
        best = max((value for _, value in of_line if value is not None), default=None)
        for (cell, value), models in zip(of_line, groups.values(), strict=True):
            leads = value is not None and value == best and models[0] in results.trained
            kind = grey or ("best" if leads else cell.kind)
            cells.append(Cell(cell.text, cell.note, kind))
        for model in REPORTED_MODELS:
            known = (line, model) in published.index
            cells.append(Cell(percent(published[line, model]) if known else DASH, kind="published"))
        rows.append(cells)
    several = any(len(models) > 1 for models in groups.values())
    what = "the mean over the seeds and their range" if several else "the mean and its interval"
    columns = ["Line", *groups, *(f"{model_label(m)} (published)" for m in REPORTED_MODELS)]
    ceiling = COPIES in set(results.similarity["model"])
    share = "; the share is of what real training photos of the line reach" if ceiling else ""
    grey_words = " Grey: lines that the classifier could not be tested on." if untested else ""
    return Table(
        f"Similarity, 100 p(line | image): {what}{share}.{grey_words} "
        "The published columns are of another catalogue "
        "(5,516 products, photographs), unconditional models, and a classifier with its images "
        "split one by one, which near-identical shots flatter: a scale to set beside, not a "
        "target.",
        columns,
        rows,
    )


def _columns(results: Results) -> dict[str, list[str]]:
    """Return the columns of the similarity table: title to the models that it sums up."""
    names = results.trained
    references = {WORDS.get(n) or model_label(n): [n] for n in results.references}
    if len(results.params.seeds) == 1 and len(names) <= MOST_COLUMNS:
        return {model_label(name): [name] for name in names} | references
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(model_label(name).rsplit(",", 1)[0], []).append(name)
    return grouped | references


def _similarity_cell(
    measured: pd.DataFrame, line: str, models: list[str]
) -> tuple[Cell, float | None]:
    keys = [(line, model) for model in models if (line, model) in measured.index]
    rows = measured.loc[keys].dropna(subset=["similarity"])
    if rows.empty:
        return Cell(DASH), None
    mean = float(rows["similarity"].mean())
    if len(rows) > 1:
        low, high = rows["similarity"].min(), rows["similarity"].max()
    else:
        low, high = rows["low"].iloc[0], rows["high"].iloc[0]
    note = f"{percent(low)} to {percent(high)}" if pd.notna(low) and pd.notna(high) else ""
    if (line, COPIES) in measured.index and COPIES not in models:
        ceiling = float(measured["similarity"].loc[(line, COPIES)])
        if ceiling > 0:
            note = f"{100 * mean / ceiling:.0f} % of {percent(ceiling)}; {note}".rstrip("; ")
    return Cell(percent(mean), note), mean


def anchors_table(anchors: pd.DataFrame) -> Table | None:
    """Known images on the similarity scale, lowest first."""
    if anchors.empty:
        return None
    rows = [
        [
            Cell(label(row["anchor"].replace("-", "_"))),
            Cell(percent(row["similarity"]), f"{percent(row['low'])} to {percent(row['high'])}"),
        ]
        for row in anchors.sort_values("similarity").to_dict("records")
    ]
    return Table("What the scale means: known images on it.", ["Images", "Similarity"], rows)


def cost_table(costs: pd.DataFrame) -> Table | None:
    """What training each gan costs, plain and with the constraint."""
    if costs.empty:
        return None
    rows = [
        [
            Cell(f"{model_label(row['gan'])}, {row['constraint']}"),
            Cell(number(row["seconds"], 3)),
            Cell(number(row["images_per_second"], 3)),
            Cell(DASH if pd.isna(row["times_plain"]) else times(row["times_plain"])),
        ]
        for row in costs.to_dict("records")
    ]
    columns = ["Model", "Training (s)", "Images a second", "Time an image, against plain"]
    return Table("What training costs in time, the mean over the seeds.", columns, rows)


def line_table(results: Results) -> Table:
    """How the shortlist of each line was come by."""
    rows = []
    units = results.units_of_line
    counted = ["candidates", "near_copies", "abstained", "held_back", "rejected"]
    counted += ["considered", "places", "chosen"]
    for row in results.counts.to_dict("records"):
        real, sold = results.designs_of_line.get(row["line"], 0), units.get(row["line"])
        models = "; ".join(model_label(name) for name in row["models"].split())
        rows.append(
            [
                Cell(row["line"]),
                Cell(number(float(real))),
                Cell(DASH if sold is None else number(float(sold))),
                Cell(models, kind="text"),
                *(Cell(number(row[key])) for key in counted),
            ]
        )
    columns = ["Line", "Real designs", "Units sold", "Models", "Candidates", "Near-copies"]
    columns += ["Unlike any product", "Below the picture floor", "Near a rejected design"]
    columns += ["Considered", "Places", "Chosen"]
    return Table("From candidates to designs, line by line.", columns, rows)


def facts_table(caption: str, facts: Flat) -> Table:
    """The flat facts of one stage, in their order; ``<key>_low`` and ``_high`` join their key."""
    ends = {f"{key}{end}" for key in facts for end in ENDS}
    rows = [
        [Cell(fact_label(key)), Cell(fact(key, value), _interval(facts, key))]
        for key, value in facts.items()
        if key not in ends
    ]
    return Table(caption, ["Fact", "Value"], rows)
