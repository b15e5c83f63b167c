"""The page: templates filled with a run's results, self-contained and under a strict policy."""

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from bestseller.designs.design import Design
from bestseller.designs.export import XMP
from bestseller.report import charts, tables, words
from bestseller.report.changes import changes
from bestseller.report.drift import drift_table
from bestseller.report.explained import explained
from bestseller.report.findings import findings, warnings
from bestseller.report.history import since_last
from bestseller.report.pictures import Picture, encode_array, figure
from bestseller.report.published import published_constraint_table
from bestseller.report.results import Results
from bestseller.report.retrained import retrained
from bestseller.report.side_by_side import line_sheets
from bestseller.report.worth import worth_tables

TEMPLATES = files("bestseller.report") / "templates"
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


def render(results: Results) -> str:
    """Return the page as HTML: one file, no request, no inline handler, no timestamp.

    Everything that comes from the catalogue is escaped. The policy allows the page's own style
    and script by their hashes, pictures as data, and nothing else.
    """
    environment = Environment(
        loader=PackageLoader("bestseller.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": words.number,
        "percent": words.percent,
        "times": words.times,
        "model": words.model_label,
        "count": words.count,
    }
    thumbnails = Thumbnails(results)
    cards = [_card(place, design, thumbnails) for place, design in enumerate(results.designs)]
    style = _asset("style.css") + thumbnails.rules()
    script = _asset("script.js")
    return environment.get_template("page.html.j2").render(
        policy=policy(style, script),
        # Both come from this package, and the style's thumbnails from its own encoder.
        style=Markup(style),
        script=Markup(script),
        title=results.params.report.title,
        results=results,
        warnings=warnings(results),
        findings=findings(results),
        settings=_settings(results),
        cards=cards,
        lines=sorted({card["line"] for card in cards}),
        models=sorted({card["model"] for card in cards}),
        novelties=sorted({card["novelty"] for card in cards}),
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


def policy(style: str, script: str) -> str:
    """Return the content security policy that admits exactly this style and this script."""
    return (
        "default-src 'none'; img-src data:; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


class Thumbnails:
    """Photos of real products, each in the page once: a CSS class with a background."""

    def __init__(self, results: Results) -> None:
        shown = results.images.of_main_view()
        self.images = shown.images
        self.rows: dict[str, int] = {}
        for row, sku in enumerate(shown.index["sku"]):
            self.rows.setdefault(sku, row)
        self.used: dict[int, str] = {}

    def css_class(self, sku: str) -> str:
        """Return the class of a product's photo, or ``none`` where the set holds no photo."""
        row = self.rows.get(sku)
        return "none" if row is None else self.used.setdefault(row, f"t{len(self.used)}")

    def rules(self) -> str:
        """Return the style of every photo asked for so far."""
        return "".join(
            f".{name}{{background-image:url({encode_array(self.images[row])})}}\n"
            for row, name in self.used.items()
        )


def _card(place: int, design: Design, thumbnails: Thumbnails) -> dict[str, Any]:
    record = design.record
    sellers = [
        seller | {"thumb": thumbnails.css_class(seller["sku"])} for seller in record["best_sellers"]
    ]
    training = record["training"]
    parents = [
        parent | {"thumb": thumbnails.css_class(parent["sku"])}
        for parent in record.get("parents", [])
    ]
    return (
        record
        | explained(design)
        | {
            "place": place,
            "uri": encode_array(design.image, XMP),
            "size": design.image.shape[0],
            "best_sellers": sellers,
            "parents": parents,
            "training": training | {"thumb": thumbnails.css_class(training["sku"])},
        }
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
        ("Ledger", f"{first} to {last}, {results.units_sold:,} units"),
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


def _maybe(pictures: Mapping[str, Image.Image], name: str, alt: str) -> Picture | None:
    return figure(pictures[name], alt) if name in pictures else None
