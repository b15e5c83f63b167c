"""What the numbers say, in sentences: first what they do not allow, then what was found."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bestseller.designs.selection import best_models
from bestseller.metrics.registry import of_metric
from bestseller.preference.backtest import LAUNCHED
from bestseller.report.feedback import feedback_sentence
from bestseller.report.results import Results
from bestseller.report.words import DASH, count, joined, model_label, percent

SEEDS_FOR_A_TEST = 6  # fewest pairs for which a sign-flip test can fall below 0.05: 2 / 2^6
FEW_DESIGNS = 10  # real designs in a line below which a model can hardly learn it
BEATS, SENTENCE = "beats_baselines", "sentence"  # keys of the backtest's verdict


@dataclass(frozen=True)
class Warning:
    """What a reader must know before the numbers: a short title, and a sentence or two."""

    title: str
    text: str


def warnings(results: Results) -> list[Warning]:
    """Return what cannot be concluded from this run, the gravest first."""
    checks = (
        _simulated,
        _no_ledger,
        _one_line,
        _backtest,
        _launches,
        _few_designs,
        _missing_designs,
        _few_seeds,
        _tied_models,
        _nothing_near,
        _feature_space,
        _missing_parts,
    )
    return [warning for check in checks if (warning := check(results)) is not None]


def _simulated(results: Results) -> Warning | None:
    if results.params.catalogue.source != "demo":
        return None
    return Warning(
        "The shop is a simulation",
        "Products, photos and sales come from the embedded demo shop, whose customers follow a "
        "taste written in code. Nothing here says anything about a real market.",
    )


def _no_ledger(results: Results) -> Warning | None:
    return Warning("There is no ledger", results.no_ledger) if results.no_ledger else None


def _one_line(results: Results) -> Warning | None:
    if not results.no_classifier or results.no_ledger:
        return None
    return Warning("No similarity is measured", results.no_classifier)


def _backtest(results: Results) -> Warning | None:
    facts = results.backtest
    if results.no_ledger:
        return None  # told by itself
    if facts is None:
        return Warning(
            "The score is not backtested",
            "It has not been held against the sales of products that it did not see. Read the "
            "ranking as a proposal, not as a forecast.",
        )
    if facts.get(BEATS) is True:
        return None
    found = str(facts.get(SENTENCE, "")).removeprefix("WARNING: ")
    if results.params.sales.allocation != "none":
        return Warning("The score is not backtested", found)
    return Warning(
        "The score does not clear its baseline",
        f"{found} Until it does, the order of the designs carries little information.".strip(),
    )


def _launches(results: Results) -> Warning | None:
    facts = results.backtest or {}
    if facts.get(LAUNCHED + BEATS, True):
        return None
    found = str(facts[LAUNCHED + SENTENCE]).removeprefix("WARNING: ")
    if LAUNCHED + "pair_auc" not in facts:
        return Warning("The score is not tested on later launches", found)
    return Warning("On later launches the score does not clear its baseline", found)


def _few_designs(results: Results) -> Warning | None:
    return small_lines(
        results,
        FEW_DESIGNS,
        "real designs",
        "designs made for such a line lean on the other lines, and what is said about them rests "
        "on very little.",
    )


def small_lines(results: Results, least: int, things: str, then: str) -> Warning | None:
    """Name the lines with fewer than `least` products, called `things`; say what follows."""
    small = results.designs_of_line[results.designs_of_line < least]
    if small.empty:
        return None
    named = joined([f"{line} ({n})" for line, n in small.sort_values().items()])
    title = f"{count(len(small), 'line')} with fewer than {least} {things}"
    return Warning(title, f"{named}: {then}")


def _missing_designs(results: Results) -> Warning | None:
    if results.no_ledger:
        return None
    return unfilled(
        results,
        "the other candidates were near-copies of a training image, unlike every product, below "
        "the floor of picture quality, or too near to a design already chosen or rejected. Sample "
        "more candidates or train longer.",
    )


def unfilled(results: Results, then: str) -> Warning | None:
    """Name the lines with fewer designs than places; say what follows."""
    short = results.counts[results.counts["chosen"] < results.counts["places"]]
    if short.empty:
        return None
    named = [f"{r['line']} ({r['chosen']} of {r['places']})" for r in short.to_dict("records")]
    title = f"Fewer designs than places in {count(len(short), 'line')}"
    return Warning(title, f"{joined(named)}: {then}")


def _few_seeds(results: Results) -> Warning | None:
    seeds = len(results.params.seeds)
    if seeds >= SEEDS_FOR_A_TEST:
        return None
    return Warning(
        f"{count(seeds, 'training seed')} per model",
        "A difference between two models may be the luck of one training. No significance is "
        f"claimed; it takes {SEEDS_FOR_A_TEST} seeds or more.",
    )


def _tied_models(results: Results) -> Warning | None:
    if len(results.leaders) < 2:
        return None
    named = joined([model_label(name) for name in results.leaders])
    return Warning(
        "No model is the best",
        f"{named} are tied: the metric spaces do not agree which is nearer to real photos, or the "
        "paired interval of their difference holds 0. They share the shortlist.",
    )


def _nothing_near(results: Results) -> Warning | None:
    """Name the models that have a precision or a coverage of 0 in some space."""
    models = results.models[results.models["model"].isin(results.trained)]
    names = [n for metric in ("precision", "coverage") for n in of_metric(results.columns, metric)]
    found: dict[str, list[str]] = {}
    for row in models.to_dict("records"):
        if zeros := [results.columns[n].label for n in names if n in row and row[n] == 0]:
            found.setdefault("; ".join(zeros), []).append(model_label(str(row["model"])))
    if not found:
        return None
    told = " ".join(f"{'; '.join(them)}: 0 in {zeros}." for zeros, them in found.items())
    return Warning(
        "Models with no image near a real photo",
        f"{told} A precision of 0 means that not one image lies where real photos do, a coverage "
        "of 0 that not one real photo has an image near it.",
    )


def _feature_space(results: Results) -> Warning | None:
    backbones = results.params.backbones
    network = backbones.metric_spaces[0].network
    if network == "inception_v3" and backbones.weights == "imagenet":
        return None
    return Warning(
        "Distances are not comparable with published ones",
        f"They are measured in features of {network}, not of the Inception-v3 that FID is "
        "defined with, and are named for it; they compare the models of this page with one "
        "another, and with nothing else.",
    )


def _missing_parts(results: Results) -> Warning | None:
    parts = {
        "training curves": results.curves,
        "sample grids": results.samples,
        "nearest training images": results.nearest,
    }
    missing = [name for name, part in parts.items() if not part]
    if not missing:
        return None
    return Warning("Parts of this page are missing", f"Not found: {joined(missing)}.")


def findings(results: Results) -> str:
    """Return one paragraph that sums up the run, made from its numbers alone."""
    if results.no_ledger:
        return f"{_models_alone(results)} {results.no_ledger}"
    parts = (_what(results), _novelty(results), _scores(results), _models(results))
    said = feedback_sentence(results.feedback, results.params.compare.confidence)
    return " ".join(filter(None, (*parts, said)))


def _models_alone(results: Results) -> str:
    """Say who learned from what where no design is chosen."""
    products = int(results.designs_of_line.sum())
    lines = count(len(results.designs_of_line), "line")
    return (
        f"{count(len(results.trained), 'model')} learned from {products:,} real designs in {lines}."
    )


def _what(results: Results) -> str:
    first, last = results.window
    products = int(results.designs_of_line.sum())
    lines = results.counts.loc[results.counts["chosen"] > 0, "line"]
    proposing = {design.record["model"] for design in results.designs}
    return (
        f"{count(len(results.designs), 'design')} in {count(len(lines), 'line')} were chosen "
        f"from {count(int(results.counts['candidates'].sum()), 'candidate')} by "
        f"{len(proposing)} of the {count(len(results.trained), 'model')} that learned from "
        f"{products:,} real designs; "
        f"{count(results.units_sold, 'unit')} sold from {first} to {last} say what sells."
    )


def _novelty(results: Results) -> str:
    classes = Counter(design.record["novelty"] for design in results.designs)
    named = [f"{n} {'is' if n == 1 else 'are'} {name}" for name, n in _novelty_words(classes)]
    dropped, total = (int(results.counts[key].sum()) for key in ("near_copies", "candidates"))
    share = f"{100 * dropped / total:.1f} %" if total else DASH
    return (
        f"Of the designs {joined(named) if named else 'none is left'}; {dropped:,} of the "
        f"candidates ({share}) came too near to a training image and were dropped."
        f"{_held_back(results)}"
    )


def _held_back(results: Results) -> str:
    held, total = (int(results.counts[key].sum()) for key in ("held_back", "candidates"))
    if not held:
        return ""
    return (
        f" {held:,} ({100 * held / total:.1f} %) were held back for their picture: they lie "
        "farther from real photos than most real photos that were blurred by 1 px."
    )


def _novelty_words(classes: Counter[str]) -> list[tuple[str, int]]:
    words = {"novel": "novel", "variation": "variations of a known product"}
    single = {"variation": "a variation of a known product"}
    return [
        (single.get(key, word) if classes[key] == 1 else word, classes[key])
        for key, word in words.items()
        if classes[key]
    ]


def _scores(results: Results) -> str:
    if not results.designs:
        return ""
    low = np.array([design.record["score_low"] for design in results.designs])
    return (
        f"By the lower ends of the scores' intervals, the median design sells {np.median(low):.2f} "
        f"times as much as its line's average product, and {int((low > 1).sum())} of {len(low)} "
        f"sell more than that average.{_worth(results)}"
    )


def _worth(results: Results) -> str:
    """Return the backtests' sentences that are good news; bad news stands in the warnings."""
    facts = results.backtest or {}
    told = [facts[p + SENTENCE] for p in ("", LAUNCHED) if facts.get(p + BEATS) is True]
    return "".join(f" {sentence}" for sentence in told)


def _models(results: Results) -> str:
    table = results.similarity[results.similarity["model"].isin(results.trained)]
    means = table.groupby("model")["similarity"].mean().dropna().sort_values(ascending=False)
    if means.empty:
        return "The similarity of no model is known."
    found = (
        f"Averaged over the lines, {model_label(str(means.index[0]))} has the highest similarity "
        f"to the best sellers ({percent(means.iloc[0])})"
    )
    if len(means) == 1:
        return f"{found}; it is the only model."
    tied = sum(len(models) > 1 for models in best_models(table).values())
    lines = count(table["line"].nunique(), "line")
    return (
        f"{found}, before {model_label(str(means.index[1]))} ({percent(means.iloc[1])}); "
        f"in {tied} of {lines} the leader is tied with another model, its interval reaching theirs."
    )
