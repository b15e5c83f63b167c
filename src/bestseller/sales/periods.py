"""Ledgers whose rows are sums of weeks, months, quarters or years, not of days.

The date of such a row stands for its whole period. What a product sold in the period of its first
sale says nothing about its rate, since it may have been launched on that period's last day. Only
the whole periods after it count for the rate, see `units.units_per_product`.
"""

import datetime as dt
from typing import Literal

import numpy as np
import pandas as pd

Period = Literal["day", "week", "month", "quarter", "year"]
PERIOD_END = "period_end"  # column of a clean ledger by period: the last day of the row's period
MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}
FEWEST = 3  # distinct days that tell weeks, or months by one day of the month
LAST_COMMON_DAY = 28  # that every month has


def detect_period(dates: pd.Series) -> Period:
    """Return what the rows of a ledger are sums of, told by the days that they are dated with.

    Months are told by days that are all the first, the last, the last working or one same day of a
    month; quarters and years by months that are all three or twelve apart; weeks by days that are
    all whole weeks apart. Everything else is days.

    Args:
        dates: datetime64, the day of each row, in any order.
    """
    days = pd.DatetimeIndex(dates.dropna().unique()).sort_values()
    if len(days) < 2:
        return "day"
    same = days.day.nunique() == 1 and days.day[0] <= LAST_COMMON_DAY
    if _are_first(days) or _are_last(days) or (same and len(days) >= FEWEST):
        months = _months(days)
        apart = int(np.gcd.reduce(np.diff(months)))
        return next(
            period for period in ("year", "quarter", "month") if apart % MONTHS[period] == 0
        )
    if len(days) >= FEWEST and (np.diff(days.to_numpy()) % np.timedelta64(7, "D") == 0).all():
        return "week"
    return "day"


def period_ends(dates: pd.Series, period: Period) -> pd.Series:
    """Return the last day of the period that each day stands for.

    Days at the end of months stand for the period that ends there; days that are the first or one
    same day of months, for the period that begins in that month; other days, for the calendar's
    period around them. Weeks begin on the day that they are dated with where it is a Monday, and
    end on it otherwise; where days are no whole weeks apart, weeks are counted from the first day.

    Args:
        dates: datetime64 without NaT.
        period: what the rows are sums of.

    Returns:
        datetime64 with the index of `dates`.
    """
    if period == "day" or dates.empty:
        return dates
    days = pd.DatetimeIndex(dates.unique()).sort_values()
    if period == "week":
        since = (dates - days[0]) // pd.Timedelta(days=7)
        begins = days[0] + since * pd.Timedelta(days=7)
        on_grid = (begins == dates).all() and days[0].day_of_week != 0
        return begins if on_grid else begins + pd.Timedelta(days=6)
    every = MONTHS[period]
    months = pd.Series(_months(pd.DatetimeIndex(dates)), index=dates.index)
    residues = set((_months(days) % every).tolist())
    last = every - 1  # of the calendar's periods, January counted as 0
    if len(residues) == 1:
        (residue,) = residues
        last = residue if _are_last(days) else (residue + every - 1) % every
    ends = months + (last - months) % every
    return pd.Series(_month_ends(ends.to_numpy()), index=dates.index)


def last_whole(clean: pd.DataFrame, until: dt.date | None = None) -> pd.Timestamp:
    """Return the last day of the last period that ends by `until`, or of the last one of all.

    Args:
        clean: a clean ledger by period.
        until: last day counted; None where the window ends with the ledger.
    """
    ends = clean[PERIOD_END]
    return ends.max() if until is None else ends[ends <= pd.Timestamp(until)].max()


def _months(days: pd.DatetimeIndex) -> np.ndarray:
    """Return months since January of year 0."""
    return np.asarray(days.year * 12 + days.month - 1)


def _month_ends(months: np.ndarray) -> np.ndarray:
    first = (months + 1 - 1970 * 12).astype("datetime64[M]").astype("datetime64[D]")
    ends: np.ndarray = (first - np.timedelta64(1, "D")).astype("datetime64[ms]")
    return ends


def _are_first(days: pd.DatetimeIndex) -> bool:
    return bool((days.day == 1).all())


def _are_last(days: pd.DatetimeIndex) -> bool:
    """Tell whether all days are the last, or all the last from Monday to Friday, of a month."""
    ends = pd.DatetimeIndex(_month_ends(_months(days)))
    working = ends - pd.to_timedelta(np.maximum(ends.day_of_week - 4, 0), unit="D")
    return bool((days == ends).all() or (days == working).all())
