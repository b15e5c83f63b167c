"""What moved in the sales: the ledger's last days against the same days of the year before."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from bestseller.metrics.statistics import holm
from bestseller.report.tables import Cell, Table
from bestseller.report.words import DASH, number, percent, times

DAYS = 90  # of each window
YEAR = 364  # days between the windows: whole weeks, so that both have the same weekdays
PRIOR = 0.5  # units added to each count, so that a line without sales has an interval


@dataclass(frozen=True)
class Windows:
    """Units by line in two windows.

    Attributes:
        now, before: units, not below 0, by line, the same sorted lines.
        first_now, last_now, first_before, last_before: ISO dates.
    """

    now: pd.Series
    before: pd.Series
    first_now: str
    last_now: str
    first_before: str
    last_before: str


def windows(ledger: pd.DataFrame) -> Windows | None:
    """Sum the units of both windows, None where the ledger does not reach back to the first.

    Args:
        ledger: line, date, units.
    """
    if ledger.empty:
        return None
    days = pd.to_datetime(ledger["date"])
    end = days.max()
    ends = (end, end - pd.Timedelta(days=YEAR))
    starts = [last - pd.Timedelta(days=DAYS - 1) for last in ends]
    if days.min() > starts[1]:
        return None
    lines = sorted(ledger["line"].dropna().unique())
    sums = [
        ledger[days.between(start, last)].groupby("line")["units"].sum().reindex(lines).fillna(0)
        for start, last in zip(starts, ends, strict=True)
    ]
    now, before = (units.clip(lower=0) for units in sums)
    dates = [day.date().isoformat() for pair in zip(starts, ends, strict=True) for day in pair]
    return Windows(now, before, *dates)


def drift_table(ledger: pd.DataFrame, confidence: float) -> Table | None:
    """Return each line's share of the units in both windows, and how it changed, by change.

    A change is set in bold where it is larger than chance explains, over all lines together
    (Holm). Chance is that of independent units; large orders make more of it.

    Args:
        ledger: line, date, units.
        confidence: of the intervals and of the bold print.

    Returns:
        None where the ledger does not reach back, or one of the windows has no sale.
    """
    found = windows(ledger)
    if found is None or not found.now.sum() or not found.before.sum():
        return None
    now, before = (units.to_numpy(np.float64) for units in (found.now, found.before))
    share_now, share_before = now / now.sum(), before / before.sum()
    ratio = (now + PRIOR) / (now.sum() + PRIOR) / (before + PRIOR) * (before.sum() + PRIOR)
    error = np.sqrt(
        np.maximum(1 / (now + PRIOR) - 1 / (now.sum() + PRIOR), 0)
        + np.maximum(1 / (before + PRIOR) - 1 / (before.sum() + PRIOR), 0)
    )
    sold = now + before > 0
    z = np.abs(np.log(ratio)) / np.where(error > 0, error, np.inf)
    moved = np.zeros(len(now), dtype=bool)
    moved[sold] = holm(2 * ndtr(-z[sold])) < 1 - confidence
    half = ndtri((1 + confidence) / 2) * error
    rows = []
    for i in np.argsort(-np.abs(np.log(ratio)) * sold, kind="stable"):
        low, high = ratio[i] * np.exp(-half[i]), ratio[i] * np.exp(half[i])
        change = Cell(times(ratio[i]), f"{times(low)} to {times(high)}", "best" if moved[i] else "")
        rows.append(
            [
                Cell(str(found.now.index[i])),
                Cell(number(now[i])),
                Cell(number(before[i])),
                Cell(percent(100 * share_now[i])),
                Cell(percent(100 * share_before[i])),
                change if sold[i] else Cell(DASH),
            ]
        )
    return Table(
        f"What moved: sales from {found.first_now} to {found.last_now} against those from "
        f"{found.first_before} to {found.last_before}. Bold: more than chance explains.",
        ["Line", "Units", "Units before", "Share (%)", "Share before (%)", "Change of share"],
        rows,
    )
