"""What earlier runs were: catalogue, ledger, designs; and which facts moved since the last one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.report.results import Flat
from bestseller.report.tables import Cell, Table
from bestseller.report.words import DASH, fact, fact_label, label, number

KEPT = 24  # runs remembered: two years of months
FACTS, DESIGNS = {"until", "health"}, {"designs", "lines"}  # older runs remembered the facts alone
OF_INTEREST = ("catalogue", "sales", "preprocess")  # what comes from outside

Entry = Mapping[str, Any]


def read_history(path: Path) -> list[Entry]:
    """Read what `remember` made, the oldest first; no file is no history.

    Raises:
        BestsellerError: the file is damaged.
    """
    if not path.exists():
        return []
    history = read_json(path)
    if not isinstance(history, list) or not all(
        isinstance(entry, dict) and set(entry) in (FACTS, FACTS | DESIGNS) for entry in history
    ):
        raise BestsellerError(f"{path}: no history of runs; remove it to begin a new one")
    return history


def remember(
    history: Sequence[Entry], until: str, health: Mapping[str, Flat], designs: Mapping[str, Any]
) -> list[Entry]:
    """Return the history with this run at its end, unless it says what the last one said.

    Args:
        history: of earlier runs, the oldest first.
        until: last day of the ledger, ISO date.
        health: flat facts by stage.
        designs: of `changes.remembered`: designs, lines.
    """
    facts = {"until": until, "health": {name: dict(health[name]) for name in OF_INTEREST}}
    now = facts | dict(designs)
    kept = list(history)
    if kept and kept[-1] in (facts, now):
        kept.pop()
    return [*kept, now][-KEPT:]


def since_last(history: Sequence[Entry]) -> Table | None:
    """Return the facts that differ between the last two runs, None where there are not two."""
    if len(history) < 2:
        return None
    before, now = history[-2:]
    rows = []
    for stage in OF_INTEREST:
        old, new = before["health"].get(stage, {}), now["health"].get(stage, {})
        for key in dict.fromkeys([*old, *new]):
            if old.get(key) != new.get(key):
                values = [fact(key, part[key]) if key in part else DASH for part in (old, new)]
                change = _change(old.get(key), new.get(key))
                rows.append(
                    [
                        Cell(label(stage)),
                        Cell(fact_label(key), kind="text"),
                        *(Cell(value) for value in values),
                        Cell(change),
                    ]
                )
    return Table(
        f"What moved since the last run: sales until {now['until']} against until "
        f"{before['until']}.",
        ["Of", "Fact", "Last run", "This run", "Change"],
        rows,
    )


def _change(old: Any, new: Any) -> str:
    """Return the difference of two numbers in per cent of the old one."""
    numbers = [x for x in (old, new) if isinstance(x, int | float) and not isinstance(x, bool)]
    if len(numbers) < 2 or not old:
        return DASH
    return f"{number(100 * (new - old) / abs(old), 3)} %"
