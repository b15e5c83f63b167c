"""The engineer's page: tables, plots and settings of the run, and where each design comes from."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from bestseller.report import charts, tables, words
from bestseller.report.changes import changes
from bestseller.report.drift import drift_table
from bestseller.report.findings import findings, warnings
from bestseller.report.history import since_last
from bestseller.report.origins import origins_table
from bestseller.report.pictures import EmbeddedPicture, figure
from bestseller.report.published import published_constraint_table
from bestseller.report.results import Results
from bestseller.report.retrained import retrained
from bestseller.report.shell import asset, fill
from bestseller.report.side_by_side import line_sheets
from bestseller.report.worth import worth_tables

CAPTIONS = {
    "centroid": "Distances to the centre of the training images in the constraint's features, over "
    "the reference distance d_ref, their mean: training images and each model's images.",
    "features": "Each model's images over the real ones, in the plane of their two principal "
    "components.",
    "quality": "KID to held-out photos against diversity, a panel for each metric space, with "
    "intervals; grey lines: real photos degraded step by step.",
    "similarity": "Similarity by line, with intervals.",
    "training": "What the trainings recorded, by epoch.",
}
MOST_FIGURES = 8  # models beyond which pictures are those of the first seed, to bound the page


def render_engineer(results: Results) -> str:
    """Return the page as HTML; see `shell.fill`."""
    return fill(
        "engineer.html.j2",
        asset("style/base.css", "style/figures.css"),
        "",
        title=results.params.report.title,
        results=results,
        warnings=warnings(results),
        findings=findings(results),
        settings=_settings(results),
        origins=origins_table(results),
        line_table=tables.line_table(results),
        models_table=tables.models_table(results),
        yardstick_table=tables.yardstick_table(results),
        line_sheets=line_sheets(results),
        similarity_table=tables.similarity_table(results),
        anchors_table=tables.anchors_table(results.anchors),
        worth=worth_tables(results.backtest),
        constraint_table=published_constraint_table(results),
        cost_table=tables.cost_table(results.costs),
        figures=_figures(results),
        retrained=retrained(results.retraining),
        changes=changes(results.history, results.params.compare.confidence),
        moved=since_last(results.history),
        drift=drift_table(results.ledger, results.params.compare.confidence),
        comparison=[
            figure(image, CAPTIONS.get(name, name))
            for name, image in sorted(results.comparison.items())
        ],
        health=[
            tables.facts_table(words.label(name), facts) for name, facts in results.health.items()
        ],
        box=charts,
    )


def _settings(results: Results) -> list[tuple[str, str]]:
    params, (first, last) = results.params, results.window
    variants = [item for item in params.items() if item.seed == params.seeds[0]]
    gans = {name: getattr(params.train, name) for name in params.gan_names()}
    return [
        ("Profile", params.profile),
        ("Real designs", words.number(float(results.designs_of_line.sum()))),
        ("Product lines", words.number(float(len(results.designs_of_line)))),
        ("Image size", f"{params.images.size} px, view: {params.images.view}"),
        (
            "Ledger",
            "none" if results.no_ledger else f"{first} to {last}, {results.units_sold:,} units",
        ),
        ("Models", "; ".join(words.variant_label(item.gan, item.constraint) for item in variants)),
        ("Training seeds", ", ".join(map(str, params.seeds))),
        ("Epochs", ", ".join(f"{name} {words.number(g.epochs)}" for name, g in gans.items())),
        ("Condition", params.train.condition),
        ("Centroid weight", f"{params.centroid.weight:g}"),
        (
            "Features",
            f"{params.backbones.metric_spaces[0].network}, weights: {params.backbones.weights}",
        ),
        ("Best sellers", f"top {params.preference.top_k}, scope: {params.preference.scope}"),
        ("Candidates", f"{params.shortlist.candidates:,} a line from each of its best models"),
        ("Parents of blends", f"{params.shortlist.parents}, of {params.shortlist.draws} pairs"),
        ("Recognisable share", f"{100 * params.shortlist.recognisable:.0f} %"),
        ("Diversity weight", f"{params.shortlist.diversity:g}"),
        ("Confidence", f"{100 * params.compare.confidence:.0f} %"),
    ]


def _figures(results: Results) -> list[dict[str, Any]]:
    """Return pictures and curves by model; of many models those of the first seed alone."""
    figures = []
    first = f"-{results.params.seeds[0]}"
    many = len(results.trained) > MOST_FIGURES
    for name in (name for name in results.trained if not many or name.endswith(first)):
        label = words.model_label(name)
        curves = results.curves.get(name)
        figures.append(
            {
                "title": label,
                "samples": _maybe(results.samples, name, f"Grid of samples of {label}"),
                "nearest": _maybe(
                    results.nearest,
                    name,
                    f"Images of {label}, each beside its nearest training image",
                ),
                "charts": [] if curves is None else charts.training_charts(curves),
            }
        )
    return figures


def _maybe(pictures: Mapping[str, Image.Image], name: str, alt: str) -> EmbeddedPicture | None:
    return figure(pictures[name], alt) if name in pictures else None
