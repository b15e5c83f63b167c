"""How a retraining ended, for a person, for a scheduler and for a notification."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Outcome(StrEnum):
    NOTHING_NEW = "nothing new"
    PROMOTED = "promoted"
    KEPT = "kept"
    REFUSED = "refused"
    LOCKED = "locked"
    FAILED = "failed"


# The exit status of `python -m stages.retrain`; 2 is that of a wrong command line.
EXIT_STATUS = {
    Outcome.NOTHING_NEW: 0,
    Outcome.PROMOTED: 10,
    Outcome.KEPT: 11,
    Outcome.REFUSED: 3,
    Outcome.LOCKED: 4,
    Outcome.FAILED: 1,
}

TOLD = {
    Outcome.NOTHING_NEW: "nothing new",
    Outcome.PROMOTED: "{challenger} is the new champion",
    Outcome.KEPT: "{challenger} is not promoted; the champion is {champion}",
    Outcome.REFUSED: "the new data are refused; the old ones are back",
    Outcome.LOCKED: "another retraining is running",
    Outcome.FAILED: "failed",
}


class Summary(BaseModel):
    """The result of a retraining.

    Attributes:
        outcome: how it ended.
        run: its id, empty where none began.
        branch, commit: where its results are in git, empty where nothing was committed.
        champion, challenger: names of models, empty where none was judged or promoted yet.
        reasons: of the gate, one sentence each.
        drift: warnings, one sentence each.
        problems: of the data or the run, one line each.
        notes: other failures, which a later run makes good, one line each.
        facts: what the gate measured.
    """

    model_config = ConfigDict(frozen=True)

    outcome: Outcome
    run: str = ""
    branch: str = ""
    commit: str = ""
    champion: str = ""
    challenger: str = ""
    reasons: list[str] = Field(default_factory=list)
    drift: list[str] = Field(default_factory=list)
    problems: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    facts: dict[str, Any] = Field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Yield the summary for a person."""
        none = "none yet"
        told = TOLD[self.outcome].format(challenger=self.challenger, champion=self.champion or none)
        yield f"retrain: {told}"
        for name, texts in (
            ("reason", self.reasons),
            ("drift", self.drift),
            ("problem", self.problems),
            ("note", self.notes),
        ):
            for text in texts:
                yield f"  {name}: {text}"
        if self.commit:
            yield f"  commit {self.commit[:10]} on {self.branch}; the page: data/report/index.html"
