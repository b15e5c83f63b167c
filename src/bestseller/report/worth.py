"""What the score is worth, as tables: every score beside the trivial ones, on unseen sales."""

from bestseller.preference.backtest import LAUNCHED, MEASURES
from bestseller.report.results import Flat
from bestseller.report.tables import Cell, Table
from bestseller.report.words import DASH, number, percent, times

SCORES = {
    "score": "The score",
    "neighbours": "Five nearest neighbours",
    "combined": "Picture and attributes",
    "attributes": "Attributes, no picture",
    "metadata": "Price and first sale, no picture",
    "mean_colour": "Mean colour",
    "line_mean": "Line's mean",
    "shuffled_sales": "The score, taught shuffled sales",
}
OF_ATTRIBUTES = ("combined", "attributes")  # where a catalogue has none, there are no such scores
TITLES = {
    "pair_auc": "Pairs in order (%)",
    "pair_auc_matched": "Of like price and season (%)",
    "spearman_within_line": "Rank correlation in a line",
    "spearman_overall": "Rank correlation overall",
    "top_decile_lift": "Sales of the top tenth",
}
IN_PERCENT = ("pair_auc", "pair_auc_matched")


def worth_tables(facts: Flat | None) -> list[Table]:
    """Return the backtests on held-out products and on later launches, those that were made."""
    if facts is None:
        return []
    captions = {
        "": "Backtest: {products_tested} products that the score did not see, in {lines_tested} "
        "lines.",
        LAUNCHED: "Backtest in time: {products_tested} products first sold after {after}, judged "
        "by what was known on that day.",
    }
    return [
        _table(told, caption)
        for prefix, caption in captions.items()
        if MEASURES[0] in (told := _named(facts, prefix))
    ]


def _named(facts: Flat, prefix: str) -> Flat:
    return {key.removeprefix(prefix): v for key, v in facts.items() if key.startswith(prefix)}


def _table(facts: Flat, caption: str) -> Table:
    """Return a row per score and a column per measure, each with its interval."""
    measures = [name for name in MEASURES if name in facts]
    rows = [
        [Cell(title), *(_cell(facts, name, measure) for measure in measures)]
        for name, title in SCORES.items()
        if name not in OF_ATTRIBUTES or f"{MEASURES[0]}_{name}" in facts
    ]
    told = f"{caption.format_map(facts)} {facts.get('attributes_sentence', '')}".strip()
    return Table(told, ["Score", *map(TITLES.__getitem__, measures)], rows)


def _cell(facts: Flat, name: str, measure: str) -> Cell:
    key = measure if name == "score" else f"{measure}_{name}"
    if key not in facts:
        return Cell(DASH)
    ends = (facts[key], facts[f"{key}_low"], facts[f"{key}_high"])
    value, low, high = (_written(measure, float(end)) for end in ends)
    return Cell(value, f"{low} to {high}")


def _written(measure: str, value: float) -> str:
    if measure in IN_PERCENT:
        return percent(100 * value)
    return times(value) if measure == "top_decile_lift" else number(value, 2)
