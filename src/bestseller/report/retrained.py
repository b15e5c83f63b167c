"""What the last scheduled retraining found and decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bestseller.report.tables import Table, facts_table
from bestseller.report.words import model_label

WARNINGS = "warnings"
HASH = "_sha256"  # ends the facts that are for machines


@dataclass(frozen=True)
class Retrained:
    """The last retraining, for the page.

    Attributes:
        summary: a sentence: what was decided, and who the champion is.
        reasons: of the decision, sentences.
        warnings: of the drift, sentences.
        tables: the facts behind both, those there are.
    """

    summary: str
    reasons: list[str]
    warnings: list[str]
    tables: list[Table]


def retrained(last: Mapping[str, Any]) -> Retrained | None:
    """Tell data/retrain/last.json; None before the first retraining.

    Args:
        last: run, drift, decision (promote, challenger, reasons, facts), champion; or empty.
    """
    if not last:
        return None
    decision, drift = last["decision"], last["drift"]
    verb = "was promoted" if decision["promote"] else "was not promoted"
    champion = model_label(last["champion"]) if last["champion"] else "none yet"
    tables = {
        "Drift": {key: value for key, value in drift.items() if key != WARNINGS},
        "The gate": {k: v for k, v in decision["facts"].items() if not k.endswith(HASH)},
    }
    return Retrained(
        f"Retraining {last['run']}: {model_label(decision['challenger'])} {verb}. The champion: "
        f"{champion}.",
        list(decision["reasons"]),
        list(drift[WARNINGS]),
        [facts_table(caption, found) for caption, found in tables.items() if found],
    )
