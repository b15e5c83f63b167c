"""All that the study's report tells, and what stands of it in one sentence."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bestseller.study.answers import FAILS, HOLDS, OPEN, Answer
from bestseller.study.claims import Arm, Claims


@dataclass(frozen=True)
class Findings:
    """All that the report tells.

    Attributes:
        claims, arms: of claims.yaml.
        rows: the newest row of each arm and seed.
        answers: to the statements.
        confidence: of the intervals.
    """

    claims: Claims
    arms: Sequence[Arm]
    rows: pd.DataFrame
    answers: Sequence[Answer]
    confidence: float

    @property
    def budgets(self) -> list[str]:
        """The budgets that have rows, in the order of claims.yaml."""
        present = set(self.rows["budget"]) if len(self.rows) else set()
        return [budget for budget in self.claims.budgets if budget in present]


def sentence(findings: Findings) -> str:
    """Return what stands in a sentence, for the report page and the model card.

    A statement counts with the answer of the last budget that has one, since the later budgets are
    nearer to the published settings; a budget of which too few rows stand takes no answer away.
    """
    best: dict[int, Answer] = {}
    for answer in findings.answers:
        before = best.get(id(answer.statement))
        if before is None or _weight(answer) >= _weight(before):
            best[id(answer.statement)] = answer
    told = [a for a in best.values() if a.statement.claim in ("A", "B", "C")]
    count = {verdict: sum(a.verdict == verdict for a in told) for verdict in (HOLDS, FAILS, OPEN)}
    seeds = max((one.seeds for a in told for one in a.differences), default=0)
    budgets = findings.claims.budgets
    measured = [budgets[a.budget].published for a in told if a.differences]
    where = ""
    if measured and not all(measured):
        part = "partly " if any(measured) else ""
        where = f", {part}at settings smaller than the published ones"
    return (
        f"Of {len(told)} published comparisons repeated on photos of watches over up to {seeds} "
        f"training seeds{where}, {count[HOLDS]} hold, {count[FAILS]} do not hold and {count[OPEN]} "
        "cannot be told: docs/reproduction.md has the numbers, and what is not run yet."
    )


def _weight(answer: Answer) -> int:
    """Return 2 for an answer, 1 for one that cannot be told yet, 0 where nothing was measured."""
    return (answer.verdict != OPEN) + bool(answer.differences)
