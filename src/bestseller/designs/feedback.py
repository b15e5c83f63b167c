"""What people said about designs: kept for the next run, with the pictures that they spoke of.

``data/feedback/feedback.csv`` holds a row per design, ``data/feedback/<id>.png`` its picture. A
later run has other models and other features, and knows a rejected design by its picture alone.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import betaincinv

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, reading, require
from bestseller.designs.export import MADE_BY, defused
from bestseller.designs.verdicts import BLIND, GIVEN, KEEP, REJECT, SAID, parse
from bestseller.metrics.statistics import Interval, clopper_pearson

NAME = "feedback.csv"
COLUMNS = [*GIVEN, "line", "score"]
TAKEN_BY = "make feedback FILE=<file>"
KNOWN = ("line", "score")  # of a design's evidence, kept with what was said
FEWEST = 10  # verdicts from which on it is told whether the score agrees with them


@dataclass(frozen=True)
class Feedback:
    """What people said about designs.

    Attributes:
        table: a row per design, by its file: file, verdict (keep, reject or empty), note, picked
            (for the plan), preferred and taken_for_real (of a blind review), each yes, no or empty;
            line, score (as it was then).
        pictures: of the rejected designs, uint8 S x S x 3 each; sizes may differ between runs.
        kept: of the designs that were kept or picked, likewise, by file.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    pictures: Sequence[NDArray[np.uint8]] = ()
    kept: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `take` wrote; none where the folder holds no feedback.

        Raises:
            BestsellerError: a row is unsound, or the picture of a judged design is missing.
        """
        path = folder / NAME
        if not path.exists():
            return cls()
        table = _scored(path, parse(path, COLUMNS))
        no = table["verdict"] == REJECT
        yes = (table["verdict"] == KEEP) | ((table["picked"] == "yes") & ~no)
        rejected, kept = table.loc[no, "file"], table.loc[yes, "file"]
        return cls(
            table,
            [_picture(folder / name) for name in rejected],
            {str(name): _picture(folder / name) for name in kept},
        )

    def sized(self, size: int) -> NDArray[np.uint8]:
        """Return the rejected pictures at one size, uint8 N x size x size x 3."""
        return sized(self.pictures, size)


def sized(pictures: Iterable[NDArray[np.uint8]], size: int) -> NDArray[np.uint8]:
    """Return pictures at one size, uint8 N x size x size x 3."""
    fitted = [
        np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.LANCZOS))
        for p in pictures
    ]
    return np.stack(fitted) if fitted else np.empty((0, size, size, 3), np.uint8)


def _picture(path: Path) -> NDArray[np.uint8]:
    with reading(path, TAKEN_BY), Image.open(path) as picture:
        return np.array(picture.convert("RGB"))


def _scored(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    try:
        score = table["score"].astype(float)
    except ValueError as error:
        raise BestsellerError(f"{path}: score: {error}; restore it with git") from error
    if (odd := ~np.isfinite(score)).any():
        raise BestsellerError(
            f"{path}: score: {table['score'][odd].iloc[0]} is no finite number; restore it with git"
        )
    return table.assign(score=score)


def take(file: Path, designs: Path, folder: Path) -> Feedback:
    """Add a file of verdicts to the folder of feedback; what is said later replaces the earlier.

    Args:
        file: CSV or XLSX with the columns file (of the design, ``<id>.png``), verdict (keep, reject
            or empty) and, where there are, note, preferred and taken_for_real: what the page
            saves, or shortlist.csv or line-review.xlsx filled in. What is empty takes nothing
            back; rows in which all is empty are passed over.
        designs: the designs that it speaks of, as `export.write_choice` left them.
        folder: receives the rows and pictures.

    Raises:
        BestsellerError: the file is missing or unsound, or names a design of neither folder.
    """
    require(designs, MADE_BY)
    if not file.exists():
        raise BestsellerError(f"{file}: not found; save it from the report page")
    given = parse(file)
    before = Feedback.read(folder).table
    rows = {str(row["file"]): row for row in _records(before)}
    pictures = []
    for row in _records(given):
        name = row["file"]
        described = (designs / name).with_suffix(".json")
        if described.exists():
            record = read_json(described)
            pictures.append(require(designs / name, MADE_BY))
            rows[name] = _over(rows.get(name, {}), row) | {key: record[key] for key in KNOWN}
        elif name in rows:
            rows[name] = _over(rows[name], row)
        else:
            raise BestsellerError(
                f"{file}: {name} is no design of {designs}; take in the feedback on a run's "
                f"designs before the next `{MADE_BY}`"
            )
    for picture in pictures:  # now that every row is known to be sound
        with atomic_path(folder / picture.name) as temporary:
            shutil.copyfile(picture, temporary)
    table = pd.DataFrame([rows[name] for name in sorted(rows)], columns=COLUMNS)
    with atomic_path(folder / NAME) as temporary:
        safe = table.map(defused)
        safe.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8-sig")
    return Feedback.read(folder)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _over(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row that keeps an earlier answer where the new row has none."""
    told = {name: now[name] or before.get(name, "") for name in SAID}
    return {**before, **now, **told}


def blind(table: pd.DataFrame, confidence: float) -> dict[str, tuple[Interval, int]]:
    """Return the share of yes in each answer of the blind reviews, by its name in `BLIND`.

    The interval is that of Clopper and Pearson.

    Args:
        table: `Feedback.table`.
        confidence: of the intervals.

    Returns:
        The share and the number of each answer that was given.
    """
    found = {}
    for name in (name for name in BLIND if name in table):
        given = table.loc[table[name] != "", name]
        if len(given):
            yes = int((given == "yes").sum())
            found[name] = (clopper_pearson(yes, len(given), confidence), len(given))
    return found


def agreement(table: pd.DataFrame, confidence: float) -> tuple[Interval, int] | None:
    """Return how often the score puts a kept design before a rejected one of its line.

    Pairs that share a design tell the same thing twice. The interval is Clopper and Pearson's for
    as many pairs as can be made with each design used once.

    Args:
        table: `Feedback.table`.
        confidence: of the interval.

    Returns:
        The share of the pairs (a tie counts half), and the number of pairs; None without a pair.
    """
    right, total, apart = 0.0, 0, 0
    for _, rows in table[table["verdict"] != ""].groupby("line"):
        score, kept = rows["score"].to_numpy(np.float64), (rows["verdict"] == KEEP).to_numpy()
        sign = np.sign(score[kept][:, None] - score[~kept][None, :])
        right, total = right + float((0.5 * (1 + sign)).sum()), total + sign.size
        apart += min(sign.shape)
    if total == 0:
        return None
    share, tail = right / total, (1 - confidence) / 2
    wins = share * apart
    low = float(betaincinv(wins, apart - wins + 1, tail)) if wins > 0 else 0.0
    high = float(betaincinv(wins + 1, apart - wins, 1 - tail)) if wins < apart else 1.0
    return Interval(share, low, high), total
