"""The backtest in time: trained on what was known on a day, tested on what came after it."""

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.classifier.sellers import sales_history
from bestseller.preference.backtest import SMALLEST_LINE, Backtest
from bestseller.preference.metadata import TOLD
from bestseller.preference.ranker import SalesRanker
from bestseller.preference.study import Pictures, fit_and_test, rankable
from bestseller.sales import units_per_product
from bestseller.sales.periods import PERIOD_END, last_whole

HELD_OUT = 0.2  # share of the launches that are tested where no date is given


@dataclass(frozen=True)
class Launches:
    """The products known on a day, and those that came later.

    Attributes:
        after: the day; it belongs to what was known.
        fitted: the known products with their sales up to the day, from `metadata.with_table`.
        held_out: the later products with all their sales.
        problem: why they cannot be tested, in one sentence; empty where they can.
    """

    after: dt.date
    fitted: pd.DataFrame
    held_out: pd.DataFrame
    problem: str = ""


def split_by_launch(
    history: pd.DataFrame, ledger: pd.DataFrame, index: pd.DataFrame, after: str
) -> Launches:
    """Cut the ledger at a day, and hold out the products first sold after it.

    A launch is a first sale, since the ledger has no launch dates. A later product that is a
    near-duplicate of a known one is no new design and is left out. Prices and attributes are those
    of today's catalogue.

    Args:
        history: of all products and sales, from `metadata.with_table`.
        ledger: the cleaned sales: sku, date, units, of a ledger by period period_end.
        index: a row per image: sku, line, cluster, split.
        after: the day, ISO date; empty takes the day that leaves about the last fifth of the
            launches.
    """
    day = pd.Timestamp(after) if after else _last_fifth(history["first_sale"])
    cut = ledger[ledger["date"] <= day]
    until = last_whole(cut) if PERIOD_END in cut and len(cut) else day
    units = units_per_product(cut, history["sku"], until.date())
    told = history[TOLD]
    fitted = sales_history(units, index, []).merge(told, on="sku", validate="one_to_one")
    known = history["first_sale"] <= day
    again = history["cluster"].isin(history.loc[known, "cluster"])
    held_out = history[~known & ~again].reset_index(drop=True)
    problem = ""
    if not rankable(held_out):
        problem = (
            f"Of the {len(held_out)} designs first sold after {day.date()} no {SMALLEST_LINE} are "
            "of one line, too few to test the score on later launches."
        )
    elif not rankable(fitted):
        problem = (
            f"No line had {SMALLEST_LINE} products that sold until {day.date()} to learn from."
        )
    return Launches(day.date(), fitted, held_out, problem)


def _last_fifth(first_sales: pd.Series) -> pd.Timestamp:
    """Return the day after which nearest to a fifth of the products, but some, was first sold."""
    days, products = np.unique(first_sales.to_numpy(), return_counts=True)
    later = 1 - np.cumsum(products) / len(first_sales)
    nearest = int(np.argmin(np.abs(later[:-1] - HELD_OUT))) if len(days) > 1 else 0
    return pd.Timestamp(days[nearest])


def study_launches(
    pictures: Pictures, launches: Launches, confidence: float, seed: int
) -> tuple[SalesRanker, Backtest] | str:
    """Fit on what was known, test on what came later; or say in one sentence why not.

    The frozen features may come from a backbone that was fitted on photos of later products,
    never on their sales; with published weights there is no such photo.
    """
    if launches.problem:
        return launches.problem
    try:
        return fit_and_test(
            pictures, launches.fitted, launches.held_out, confidence=confidence, seed=seed
        )
    except BestsellerError:  # no line has two products of which one sold twice
        return f"Too little was sold until {launches.after} to learn a ranking from."
