"""The run in plain sentences, for people who decide on an assortment: no word of the workshop."""

import datetime as dt
from collections.abc import Mapping

import pandas as pd

from bestseller.designs.feedback import FEWEST, agreement, blind
from bestseller.designs.verdicts import KEEP, REJECT
from bestseller.preference.backtest import LAUNCHED
from bestseller.report.findings import BEATS, SENTENCE, Warning, small_lines, unfilled
from bestseller.report.results import Flat, Results
from bestseller.report.words import count, joined, times

MEASURE = "pair_auc"
RULES = {  # every baseline of the backtest's table, in plain words
    "neighbours": "what the five products most alike sold",
    "attributes": "what the catalogue tells of it",
    "metadata": "price and age",
    "mean_colour": "colour",
    "line_mean": "its line",
    "shuffled_sales": "chance",
}
NOT_SHOWN = {
    "near_copies": "were too near to a product that exists",
    "held_back": "looked worse than real photos out of focus",
    "abstained": "looked like no product of yours",
    "rejected": "were like a design that was rejected before",
}


def sentences(results: Results) -> list[str]:
    """Return the run in three sentences: what was made, how good it is, how far to trust it."""
    if results.no_ledger:
        return [_learned(results), "No design is proposed, for nothing says what sells."]
    return [_made(results), _best(results), _trust(results)]


def _learned(results: Results) -> str:
    products = int(results.designs_of_line.sum())
    return f"A machine studied your {count(products, 'product')}; there are no sales to rank by."


def _made(results: Results) -> str:
    products = int(results.designs_of_line.sum())
    lines = int((results.counts["chosen"] > 0).sum())
    first, last = (f"{dt.date.fromisoformat(day):%B %Y}" for day in results.window)
    return (
        f"{count(len(results.designs), 'new design')} for {count(lines, 'line')}, drawn by a "
        f"machine that studied your {count(products, 'product')} and the "
        f"{count(results.units_sold, 'unit')} sold from {first} to {last}."
    )


def _best(results: Results) -> str:
    """Speak of the line that sells most of those with enough products, and of the whole list."""
    if not results.designs:
        return "No design was good enough to show."
    records = [design.record for design in results.designs]
    line = leading_line(results)
    of_line = [record["score_low"] for record in records if record["line"] == line]
    above = sum(record["score_low"] > 1 for record in records)
    return (
        f"In {line} the surest should sell at least {times(max(of_line))} what an average product "
        f"of the line sells; {above} of the {len(records)} should beat the average of theirs."
    )


def leading_line(results: Results) -> str:
    """Return the line with designs that sold most, one of few products only for want of others."""
    least, units = results.params.report.thin_line, results.units_of_line
    lines = {str(design.record["line"]) for design in results.designs}

    def place(line: str) -> tuple[bool, int, str]:
        return results.designs_of_line.get(line, 0) < least, -units.get(line, 0), line

    return min(lines, key=place)


def _trust(results: Results) -> str:
    facts = results.backtest
    if facts is None or MEASURE not in facts:
        return "Whether looks tell what sells here was not tested: read the order as a proposal."
    return f"Of two products that it had not seen, it {_trust_of(facts)}"


def _trust_of(facts: Flat) -> str:
    right = f"{100 * facts[MEASURE]:.0f}"
    ends = f"{100 * facts[f'{MEASURE}_low']:.0f} to {100 * facts[f'{MEASURE}_high']:.0f}"
    told = f"named the better seller {right} times in 100 ({ends})"
    best = best_baseline(facts)
    if best is None:
        return f"{told}."
    name, value = best
    return f"{told}; the best simple rule, {RULES[name]}, does so {100 * value:.0f} times."


def best_baseline(facts: Flat) -> tuple[str, float] | None:
    """Return the best of the scores in the backtest's table that do not look as the score does.

    Returns:
        Its key and its share of pairs in order, 0..1; None where there is none.
    """
    known = {
        name: float(facts[f"{MEASURE}_{name}"]) for name in RULES if f"{MEASURE}_{name}" in facts
    }
    return max(known.items(), key=lambda item: item[1]) if known else None


def not_shown(results: Results) -> str:
    """Say how many candidates are not shown, and why; empty where all are fit."""
    total = int(results.counts["candidates"].sum())
    numbers = {key: int(results.counts[key].sum()) for key in NOT_SHOWN}
    told = [f"{n:,} {NOT_SHOWN[key]}" for key, n in numbers.items() if n]
    if not told:
        return ""
    return f"Not shown of {total:,} drawings: {joined(told)}. One may count twice."


def notices(results: Results) -> list[Warning]:
    """Return what a reader must know, the gravest first, each with a line and its detail."""
    checks = [_simulated]
    if not results.no_ledger:
        checks += [_untested, _launches, _few_products, _missing]
    return [notice for check in checks if (notice := check(results)) is not None]


def _simulated(results: Results) -> Warning | None:
    if results.params.catalogue.source != "demo":
        return None
    return Warning(
        "The shop is made up",
        "Products, photos and sales come from a demonstration shop, whose customers follow a taste "
        "written in code. Nothing here says anything about a real market.",
    )


def _untested(results: Results) -> Warning | None:
    facts = results.backtest
    if facts is not None and facts.get(BEATS) is True:
        return None
    if facts is None or MEASURE not in facts:
        return Warning(
            "Nothing shows yet that looks tell what sells here",
            "The expected sales were not held against products that the machine had not seen.",
        )
    return Warning(
        "The expected sales are no better than a simple rule",
        f"Of two products that it had not seen, it {_trust_of(facts)} Until it is clearly better, "
        "the order of the designs says little.",
    )


def _launches(results: Results) -> Warning | None:
    facts = results.backtest or {}
    if facts.get(LAUNCHED + BEATS, True):
        return None
    told = {key.removeprefix(LAUNCHED): v for key, v in facts.items() if key.startswith(LAUNCHED)}
    if MEASURE not in told:
        return Warning(
            "Not tested on products launched later",
            str(told[SENTENCE]).removeprefix("WARNING: "),
        )
    return Warning(
        "For products launched later the expected sales are less sure",
        f"Judged by what was known on {told['after']}, it {_trust_of(told)}",
    )


def _few_products(results: Results) -> Warning | None:
    return small_lines(
        results,
        results.params.report.thin_line,
        "products",
        "their designs lean on the other lines, and what is said about them rests on very little. "
        "They are folded at the end.",
    )


def _missing(results: Results) -> Warning | None:
    return unfilled(results, f"no design is better than a bad one. {not_shown(results)}")


def said(results: Results) -> list[str]:
    """Say what people have said so far about designs of earlier runs."""
    table, confidence = results.feedback, results.params.compare.confidence
    if table.empty:
        return []
    verdicts = table["verdict"]
    kept, rejected = (int((verdicts == verdict).sum()) for verdict in (KEEP, REJECT))
    told = []
    if kept or rejected:
        told.append(
            f"So far {kept} kept and {rejected} rejected; nothing like a rejected one is shown."
        )
    found = agreement(table, confidence) if kept + rejected >= FEWEST else None
    if found is not None:
        share, pairs = found
        told.append(
            "Of a kept and a rejected design of one line, the expected sales put the kept one "
            f"first {100 * share.value:.0f} times in 100 ({100 * share.low:.0f} to "
            f"{100 * share.high:.0f}; {count(pairs, 'pair')})."
        )
    return told + _blind(table, confidence)


def _blind(table: pd.DataFrame, confidence: float) -> list[str]:
    words: Mapping[str, str] = {
        "preferred": "Side by side with a real best seller, unlabelled, designs were preferred",
        "taken_for_real": "Designs were taken for the real product",
    }
    return [
        f"{words[name]} {100 * share.value:.0f} times in 100 ({100 * share.low:.0f} to "
        f"{100 * share.high:.0f}; {count(n, 'pair')})."
        for name, (share, n) in blind(table, confidence).items()
    ]
