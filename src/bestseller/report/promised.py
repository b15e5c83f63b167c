"""What the page promises of the designs above a cut, or why it promises nothing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bestseller.preference.designs_warranty import best_row, covered, design_promises, exchangeable
from bestseller.preference.warranty import BAD_SHARE
from bestseller.report.results import Results
from bestseller.report.words import count, times

FEWEST = 20  # held-out products below which nothing is said of designs
ONE_IN = "one in five"  # BAD_SHARE in words


@dataclass(frozen=True)
class Promised:
    """What stands on the page.

    Attributes:
        sentence: the promise with most designs, or that none is made and why.
        rows: JSON, a list of what the slider shows, the lowest cut first: cut, said, earned.
        start: place in it that the slider begins at.
        most: score of a picture beyond which nothing is said of a design.
    """

    sentence: str
    rows: str = "[]"
    start: int = 0
    most: float = 0.0

    @property
    def last(self) -> int:
        """Return the last place of the slider, below 0 where there is none."""
        return len(json.loads(self.rows)) - 1


def promised(results: Results) -> Promised:
    """Work out what may be promised of the designs of a run."""
    held, confidence = results.held_out, results.params.compare.confidence
    scores = np.array([design.record["picture_score"] for design in results.designs], np.float64)
    if held.empty:
        return Promised(none("which product sold what was not observed of products held back"))
    if len(held) < FEWEST:
        few = count(len(held), "product")
        return Promised(none(f"only {few} with sales were held back, and {FEWEST} are needed"))
    known, bad = held["score"].to_numpy(np.float64), held["bad"].to_numpy(bool)
    inside = covered(known, scores)
    if not inside.any():
        return Promised(
            none(
                "every design is expected to sell more than all products held back, so that none "
                "of these tells what becomes of it"
            )
        )
    if not exchangeable(known, scores):
        return Promised(
            none(
                "the designs were drawn and chosen for high expected sales, and stand higher than "
                "your products do. How often a product of such expected sales sells badly does not "
                "tell how often such a design does"
            )
        )
    table = design_promises(known, bad, scores, confidence)
    outside = int((~inside).sum())
    rows = [_row(row, confidence, outside) for row in table.to_dict("records")][::-1]
    found, most = best_row(table, BAD_SHARE), float(known.max())
    if found is not None:
        at = next(i for i, row in enumerate(rows) if row["cut"] == found["cut"])
        return Promised(rows[at]["said"], json.dumps(rows), at, most)
    surest = min(table.to_dict("records"), key=lambda row: row["bad"] / row["designs"])
    why = (
        f"at no cut is it sure at {100 * confidence:.0f} % that at most {ONE_IN} sells below its "
        f"line's median product. The most that can be said is: at most {surest['bad']} of "
        f"{surest['designs']}. The {count(len(held), 'product')} held back are too few, or their "
        "sales too much a matter of chance, to tell more"
    )
    return Promised(none(why), json.dumps(rows), 0, most)


def none(why: str) -> str:
    """Say that nothing is promised."""
    return f"No promise is made: {why}."


def _row(row: Mapping[Any, Any], confidence: float, outside: int) -> dict[str, Any]:
    """Return what the slider says at a cut."""
    earned = row["bad"] <= BAD_SHARE * row["designs"]
    named = (
        f"the {count(row['designs'], 'design')} whose picture should sell {times(row['cut'])} its "
        "line's average or more"
    )
    left = f" Not counted: {count(outside, 'design')} beyond all held back." if outside else ""
    if earned:
        said = (
            f"Promised: of {named}, at most {row['bad']} sell below their line's median product, "
            f"sure at {100 * confidence:.0f} %, wherever you set the cut."
        )
    else:
        said = (
            f"Not promised: of {named}, up to {row['bad']} may sell below their line's median "
            f"product, more than {ONE_IN}."
        )
    return {"cut": row["cut"], "said": f"{said}{left}", "earned": bool(earned)}
