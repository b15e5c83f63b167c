"""The model card and the datasheet of a run, in Markdown, from its own records.

After Mitchell et al. (2019) and Gebru et al. (2021). What the records do not hold, such as who may
use the pictures, is asked as an open question and never made up.
"""

import html
import re
from collections.abc import Iterable, Sequence

from bestseller.params import Item
from bestseller.report.findings import warnings
from bestseller.report.results import Results
from bestseller.report.tables import Table, line_table, models_table
from bestseller.report.words import count, fact, fact_label, label, model_label
from bestseller.sources import SOURCES

SPECIAL = re.compile(r"([\\`*_\[\]#|])")


def model_card(results: Results) -> str:
    """Return the card of the models that proposed the designs, and of the score."""
    params = results.params
    proposing = sorted({design.record["model"] for design in results.designs})
    hashes = {d.record["model"]: d.record["model_hash"] for d in results.designs}
    worth = sorted({design.record["score_worth"] for design in results.designs})
    settings = {name: getattr(params.train, name).model_dump() for name in params.gan_names()}
    trained = [
        f"{model_label(name)}: weights SHA-256 {hashes[name]}; "
        + ", ".join(f"{key} {fact(key, v)}" for key, v in settings[Item.parse(name).gan].items())
        for name in proposing
    ]
    return _document(
        "Model card",
        [
            ("Models that proposed designs", _list(trained or ["none"])),
            (
                "Trained in all",
                _list([model_label(name) for name in results.trained])
                + _text(
                    f"Conditions: {params.train.condition}. Images of {params.images.size} by "
                    f"{params.images.size} pixels. Centroid weight {params.centroid.weight:g}."
                ),
            ),
            (
                "Intended use",
                _text(
                    "Concepts for a discussion between people who decide on an assortment. Each is "
                    "marked as made by a machine, in its file and on the page."
                ),
            ),
            (
                "Not intended",
                _list(
                    [
                        "As pictures of products that can be bought or made.",
                        "As a forecast of units: the score orders designs of one line.",
                        "Without a search for the rights of others.",
                    ]
                ),
            ),
            ("Training data", _text("See the datasheet of the same run.")),
            ("Evaluation", _table(models_table(results)) + _study(results)),
            ("What the score is worth", _list(worth or ["No design, no score."])),
            ("From candidates to designs", _table(line_table(results))),
            ("Known weaknesses", _list([f"{w.title}. {w.text}" for w in warnings(results)])),
        ],
    )


def datasheet(results: Results) -> str:
    """Return the datasheet of the catalogue and the ledger that the run learned from."""
    params, (first, last) = results.params, results.window
    sales = f"{results.units_sold:,} net units sold from {first} to {last}"
    if results.no_ledger:
        sales = "no sales"
    composition = [
        f"{line}: {count(int(n), 'design')}"
        for line, n in results.designs_of_line.sort_index().items()
    ]
    origin = SOURCES[params.catalogue.source]
    return _document(
        "Datasheet",
        [
            (
                "Composition",
                _text(
                    f"{len(results.images):,} pictures of {int(results.designs_of_line.sum()):,} "
                    f"designs in {len(results.designs_of_line)} lines, and {sales}. "
                    "No person is described in either."
                )
                + _list(composition),
            ),
            ("Collection", _text(f"The catalogue is {origin}.") + _health(results, "catalogue")),
            ("Sales", _health(results, "sales")),
            (
                "Preparation",
                _text(
                    f"Each product is cut out, centred and scaled to {params.images.size} pixels; "
                    f"near-duplicates share a cluster; the clusters of each line are split "
                    f"{' : '.join(map(str, params.images.split))} into training, validation and "
                    "test, and no design is on two sides."
                )
                + _health(results, "preprocess"),
            ),
            (
                "Uses",
                _text(
                    "Training of generators, of the classifier and of the sales score. A line of "
                    "few designs is learned mostly from the others."
                ),
            ),
            (
                "Open questions",
                _list(
                    [
                        "Who holds the rights to the pictures, and do they allow training on them?",
                        "Which products were unavailable or advertised in the window? Sales do not "
                        "tell this from taste.",
                        "Who maintains the ledger, and how are late corrections announced?",
                    ]
                ),
            ),
        ],
    )


def _study(results: Results) -> str:
    """Cite the study of the published comparisons, where there is one."""
    return _text(results.study) if results.study else ""


def _document(title: str, sections: Iterable[tuple[str, str]]) -> str:
    parts = [f"# {title}\n"] + [f"## {name}\n\n{text}" for name, text in sections]
    return "\n".join(parts)


def _text(sentence: str) -> str:
    return f"{_safe(sentence)}\n\n"


def _list(items: Sequence[str]) -> str:
    return "".join(f"- {_safe(item)}\n" for item in items) + "\n"


def _table(table: Table) -> str:
    rows = [table.columns, ["---"] * len(table.columns)]
    lines = [f"| {' | '.join(map(_safe, rows[0]))} |", f"| {' | '.join(rows[1])} |"]
    for row in table.rows:
        cells = [f"{cell.text} ({cell.note})" if cell.note else cell.text for cell in row]
        lines.append(f"| {' | '.join(map(_safe, cells))} |")
    return f"{_safe(table.caption)}\n\n" + "\n".join(lines) + "\n\n"


def _health(results: Results, stage: str) -> str:
    facts = results.health.get(stage)
    if facts is None:
        return _text(f"{label(stage)}: not recorded.")
    return _list([f"{fact_label(key)}: {fact(key, value)}" for key, value in facts.items()])


def _safe(text: str) -> str:
    """Return text that Markdown shows as it is: no element, no link, no column of its own."""
    return SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
