"""What changed since the last run: lines whose numbers moved, designs new and gone, and why.

A line's score is the geometric mean of its designs' scores; the standard error of its logarithm is
at most the mean of theirs, and is taken to be that. Its similarity is that of the model leading in
it. The errors of two runs are taken as independent; the two share most of their products, so that
the intervals are rather too wide. They are over products and images: what a network fitted anew
does to a number by itself is not in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from bestseller.metrics.statistics import holm
from bestseller.report.results import Results
from bestseller.report.tables import Cell, Table
from bestseller.report.words import MINUS, count, joined, model_label, percent, times

HASH = 16  # digits of a weights' hash, as a design's evidence shows it
UNCHANGED = "no model, sale or design of its own"

Line = Mapping[str, Any]
Entry = Mapping[str, Any]


def remembered(results: Results) -> dict[str, Any]:
    """Return what the next run compares itself with, ready for JSON.

    Returns:
        designs: id, line and score of each. lines: by line, score and score_log_se, similarity and
        similarity_se (percent), units, designs (real ones), weights (hash by model that proposed a
        design); None where a number is not known.
    """
    records = [design.record for design in results.designs]
    units = results.ledger.groupby("line")["units"].sum()
    proposing = dict(zip(results.counts["line"], results.counts["models"], strict=True))
    quantile = float(ndtri((1 + results.params.compare.confidence) / 2))
    return {
        "designs": [{key: record[key] for key in ("id", "line", "score")} for record in records],
        "lines": {
            str(line): {
                **_score([r for r in records if r["line"] == line], quantile),
                **_similarity(results, str(line), models.split(), quantile),
                "units": int(units.get(line, 0)),
                "designs": int(results.designs_of_line.get(line, 0)),
                "weights": {
                    r["model"]: r["model_hash"][:HASH] for r in records if r["line"] == line
                },
            }
            for line, models in sorted(proposing.items())
        },
    }


def _score(records: Sequence[Mapping[str, Any]], quantile: float) -> dict[str, float | None]:
    if not records:
        return {"score": None, "score_log_se": None}
    log = np.log([[r["score"], r["score_low"], r["score_high"]] for r in records]).mean(axis=0)
    return {
        "score": round(float(np.exp(log[0])), 6),
        "score_log_se": round(float(log[2] - log[1]) / 2 / quantile, 6),
    }


def _similarity(
    results: Results, line: str, models: Sequence[str], quantile: float
) -> dict[str, float | None]:
    table = results.similarity
    rows = table[(table["line"] == line) & table["model"].isin(models)]
    rows = rows.dropna(subset=["similarity", "low", "high"])
    if rows.empty:
        return {"similarity": None, "similarity_se": None}
    best = rows.sort_values("similarity").iloc[-1]
    return {
        "similarity": round(float(best["similarity"]), 6),
        "similarity_se": round(float(best["high"] - best["low"]) / 2 / quantile, 6),
    }


@dataclass(frozen=True)
class Move:
    """A number of a line in two runs.

    Attributes:
        line, what: whose number it is.
        old, new: as they are written.
        change, error: with its standard error: of the score's logarithm, or in percentage points.
    """

    line: str
    what: str
    old: str
    new: str
    change: float
    error: float

    @property
    def z(self) -> float:
        """The change in standard errors, at least 0; infinite where nothing blurs it."""
        if self.error > 0:
            return abs(self.change) / self.error
        return float("inf") if self.change else 0.0

    def written(self, change: float) -> str:
        """Write a change: a factor of the score, percentage points of the similarity."""
        if self.what == "Score":
            return times(float(np.exp(change)))
        return f"{change:+.1f}".replace("-", MINUS)


@dataclass(frozen=True)
class Changes:
    """What is told of two runs.

    Attributes:
        designs_told: how many designs are new and gone, in a sentence for everybody.
        summary: the same, and how many numbers moved, for engineers.
        lines: the lines that moved, None without one.
        designs: the designs that came and went, None without one.
    """

    designs_told: str
    summary: str
    lines: Table | None
    designs: Table | None


def changes(history: Sequence[Entry], confidence: float) -> Changes | None:
    """Compare the last two runs; None where there are not two that remember their designs.

    Args:
        history: of `history.remember`, this run the last.
        confidence: of the intervals, and of all lines together that none is told to have moved by
            chance (Holm).
    """
    if len(history) < 2 or not all("lines" in entry for entry in history[-2:]):
        return None
    before, now = history[-2:]
    why = {line: _why(before["lines"].get(line), new) for line, new in now["lines"].items()}
    moved = _moved(before["lines"], now["lines"], confidence)
    return Changes(
        (told := _designs_told(before, now)),
        f"{told} {_moved_told(before, now, len(moved))}",
        _lines_table(moved, why, confidence),
        _designs_table(before, now, why),
    )


def _moved(before: Mapping[str, Line], now: Mapping[str, Line], confidence: float) -> list[Move]:
    """Return the numbers that moved by more than chance explains, over all lines together."""
    moves = [
        move for line in now if line in before for move in _moves(line, before[line], now[line])
    ]
    if not moves:
        return []
    p = holm([2 * ndtr(-move.z) for move in moves])
    return [move for move, value in zip(moves, p, strict=True) if value < 1 - confidence]


def _moves(line: str, old: Line, new: Line) -> list[Move]:
    found = []
    if old["score"] is not None and new["score"] is not None:
        change = float(np.log(new["score"] / old["score"]))
        error = float(np.hypot(old["score_log_se"], new["score_log_se"]))
        written = times(old["score"]), times(new["score"])
        found.append(Move(line, "Score", *written, change, error))
    if old["similarity"] is not None and new["similarity"] is not None:
        change = new["similarity"] - old["similarity"]
        error = float(np.hypot(old["similarity_se"], new["similarity_se"]))
        written = percent(old["similarity"]), percent(new["similarity"])
        found.append(Move(line, "Similarity", *written, change, error))
    return found


def _why(old: Line | None, new: Line) -> str:
    """Return what of a line's own changed between two runs, from facts alone."""
    if old is None:
        return "the line is new"
    told = [
        f"{model_label(model)} has new weights"
        for model in new["weights"]
        if model in old["weights"] and old["weights"][model] != new["weights"][model]
    ]
    if came := [model_label(m) for m in new["weights"] if m not in old["weights"]]:
        told.append(f"designs by {joined(came)}")
    if went := [model_label(m) for m in old["weights"] if m not in new["weights"]]:
        told.append(f"none by {joined(went)} any more")
    for key, one in (("units", "unit"), ("designs", "real design")):
        if difference := new[key] - old[key]:
            more = "more" if difference > 0 else "fewer"
            told.append(f"{count(abs(difference), one)} {more}")
    return "; ".join(told) or UNCHANGED


def _lines_table(moves: Sequence[Move], why: Mapping[str, str], confidence: float) -> Table | None:
    if not moves:
        return None
    half = float(ndtri((1 + confidence) / 2))
    rows = [
        [
            Cell(m.line),
            Cell(m.what),
            Cell(m.old),
            Cell(m.new),
            Cell(
                m.written(m.change),
                f"{m.written(m.change - half * m.error)} to {m.written(m.change + half * m.error)}",
            ),
            Cell(why[m.line], kind="text"),
        ]
        for m in moves
    ]
    return Table(
        "Lines that moved by more than chance explains: the mean score of their designs, and the "
        "similarity of the leading model.",
        ["Line", "Of", "Last run", "This run", "Change", "What changed with it"],
        rows,
    )


def _designs_table(before: Entry, now: Entry, why: Mapping[str, str]) -> Table | None:
    old, new = _ids(before), _ids(now)
    rows = []
    for line in sorted({*old, *new}):
        was, has = old.get(line, []), new.get(line, [])
        came, went = [i for i in has if i not in was], [i for i in was if i not in has]
        if came or went:
            rows.append(
                [
                    Cell(line),
                    Cell(str(len(came)), " ".join(came)),
                    Cell(str(len(went)), " ".join(went)),
                    Cell(str(len(has) - len(came))),
                    Cell(why.get(line, "the line is gone"), kind="text"),
                ]
            )
    columns = ["Line", "New", "Gone", "Stayed", "What changed with it"]
    return Table("Designs that came and went, by line.", columns, rows) if rows else None


def _ids(entry: Entry) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for design in entry["designs"]:
        found.setdefault(design["line"], []).append(design["id"])
    return found


def _designs_told(before: Entry, now: Entry) -> str:
    old, new = ({design["id"] for design in entry["designs"]} for entry in (before, now))
    return (
        f"{len(new - old)} of the {count(len(new), 'design')} are new, {len(old - new)} of the "
        "last run's are gone."
    )


def _moved_told(before: Entry, now: Entry, moved: int) -> str:
    lines = sum(line in before["lines"] for line in now["lines"])
    numbers = f"{moved:,}" if moved else "none"
    return (
        f"Of the scores and similarities of {count(lines, 'line')}, {numbers} "
        "moved by more than chance explains."
    )
