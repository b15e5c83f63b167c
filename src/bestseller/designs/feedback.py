"""What people said about designs: kept for the next run, with the pictures that they spoke of.

``data/feedback/feedback.csv`` holds a row per design, ``data/feedback/<id>.png`` its picture. A
later run has other models and other features, and knows a rejected design by its picture alone.
"""

import csv
import io
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.special import betaincinv

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, require
from bestseller.designs.export import FEEDBACK, MADE_BY, defused
from bestseller.metrics.statistics import Interval

NAME = "feedback.csv"
KEEP, REJECT = "keep", "reject"
GIVEN = ["file", *FEEDBACK]
COLUMNS = [*GIVEN, "line", "score"]
SUFFIX = ".png"
TAKEN_BY = "python -m stages.feedback <file>"


@dataclass(frozen=True)
class Feedback:
    """Verdicts on designs.

    Attributes:
        table: a row per design, by its file: file, verdict (keep or reject), note, line, score (as
            it was then).
        pictures: of the rejected designs, uint8 S x S x 3 each; sizes may differ between runs.
    """

    table: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    pictures: Sequence[NDArray[np.uint8]] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `take` wrote; none where the folder holds no feedback.

        Raises:
            BestsellerError: a row is unsound, or the picture of a rejected design is missing.
        """
        path = folder / NAME
        if not path.exists():
            return cls()
        table = _parse(path, COLUMNS)
        rejected = table.loc[table["verdict"] == REJECT, "file"]
        paths = [require(folder / name, TAKEN_BY) for name in rejected]
        return cls(table, [np.asarray(Image.open(p).convert("RGB")) for p in paths])

    def sized(self, size: int) -> NDArray[np.uint8]:
        """Return the rejected pictures at one size, uint8 N x size x size x 3."""
        fitted = [
            np.asarray(Image.fromarray(p).resize((size, size), Image.Resampling.LANCZOS))
            for p in self.pictures
        ]
        return np.stack(fitted) if fitted else np.empty((0, size, size, 3), np.uint8)


def take(file: Path, designs: Path, folder: Path) -> Feedback:
    """Add a file of verdicts to the folder of feedback; a later verdict replaces an earlier one.

    Args:
        file: CSV with the columns file (of the design, ``<id>.png``), verdict (keep or reject) and,
            where there is one, note: what the report page saves, or shortlist.csv filled in. Rows
            with an empty verdict are passed over.
        designs: the designs that it speaks of, as `export.write_choice` left them.
        folder: receives the rows and pictures.

    Raises:
        BestsellerError: the file is missing or unsound, or names a design of neither folder.
    """
    require(designs, MADE_BY)
    if not file.exists():
        raise BestsellerError(f"{file}: not found; save it from the report page")
    given = _parse(file, GIVEN)
    before = Feedback.read(folder).table
    rows = {row["file"]: row for row in before.to_dict("records")}
    folder.mkdir(parents=True, exist_ok=True)
    for row in given.to_dict("records"):
        name = row["file"]
        described = (designs / name).with_suffix(".json")
        if described.exists():
            record = read_json(described)
            with atomic_path(folder / name) as temporary:
                shutil.copyfile(require(designs / name, MADE_BY), temporary)
            rows[name] = row | {"line": record["line"], "score": record["score"]}
        elif name in rows:
            rows[name] |= row
        else:
            raise BestsellerError(
                f"{file}: {name} is no design of {designs}; take in the feedback on a run's "
                f"designs before the next `{MADE_BY}`"
            )
    table = pd.DataFrame([rows[name] for name in sorted(rows)], columns=COLUMNS)
    with atomic_path(folder / NAME) as temporary:
        safe = table.map(defused)
        safe.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8-sig")
    return Feedback.read(folder)


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
    for _, rows in table.groupby("line"):
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


def _parse(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read verdicts, each row checked, without those that say nothing."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BestsellerError(f"{path}: no UTF-8 text; save it as CSV UTF-8") from error
    first = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if first.count(";") > 1 else ",")
    missing = set(columns) - {FEEDBACK[1]} - set(reader.fieldnames or ())
    if missing:
        raise BestsellerError(f"{path}: no column {', '.join(sorted(missing))}")
    rows = []
    for number, cells in enumerate(reader, start=2):
        row = {name: (cells.get(name) or "").strip() for name in columns}
        row["verdict"] = row["verdict"].lower()
        if not row["verdict"]:
            continue
        if row["verdict"] not in (KEEP, REJECT):
            raise BestsellerError(
                f"{path}: line {number}: verdict {row['verdict']!r}; allowed: {KEEP}, {REJECT}"
            )
        if not re.fullmatch(rf"[0-9a-f]{{12}}\{SUFFIX}", row["file"]):
            raise BestsellerError(
                f"{path}: line {number}: file {row['file']!r} is no design's; one is <id>{SUFFIX}"
            )
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(columns)).drop_duplicates("file", keep="last")
    if "score" in columns:
        try:
            table["score"] = table["score"].astype(float)
        except ValueError as error:
            raise BestsellerError(f"{path}: score: {error}; restore it with git") from error
    return table.sort_values("file", ignore_index=True)
