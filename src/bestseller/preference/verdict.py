"""The backtests as flat metrics: every measure, and in a sentence what the score is worth."""

import math
from typing import Any

from bestseller.metrics.statistics import Interval
from bestseller.preference.backtest import LAUNCHED, Backtest
from bestseller.preference.launches import Launches
from bestseller.preference.ranker import SalesRanker

UNOBSERVED = (
    "WARNING: Sales are known by line only and were shared among its products by the rule {!r}: "
    "which product of a line sells better was not observed, so nothing was tested."
)


def facts(ranker: SalesRanker, backtest: Backtest, abstained: float) -> dict[str, Any]:
    """Return the backtest on held-out products.

    Args:
        ranker: what was tested.
        backtest: its result.
        abstained: share of the held-out products that the ranker's gate abstains on.
    """
    return _of_ranker(ranker) | {"abstained_test": round(abstained, 6)} | _of(backtest)


def launch_facts(launches: Launches, found: tuple[SalesRanker, Backtest] | str) -> dict[str, Any]:
    """Return the backtest on later launches; each name begins with ``launched_``.

    Args:
        launches: the day and the products.
        found: what `launches.study_launches` returned.
    """
    values: dict[str, Any] = {"after": launches.after.isoformat()}
    if isinstance(found, str):
        values |= {"beats_baselines": False, "sentence": f"WARNING: {found}"}
    else:
        ranker, backtest = found
        named = f"designs of one line first sold after {launches.after}, judged as of that day"
        values |= _of_ranker(ranker) | _of(backtest, named)
    return {f"{LAUNCHED}{name}": value for name, value in values.items()}


def unobserved_facts(ranker: SalesRanker, abstained: float, allocation: str) -> dict[str, Any]:
    """Return what can be told where the sales of lines were shared among their products.

    Args:
        ranker: fitted on the shares.
        abstained: share of the held-out products that its gate abstains on.
        allocation: the rule of the shares.
    """
    told = {"beats_baselines": False, "sentence": UNOBSERVED.format(allocation)}
    return _of_ranker(ranker) | {"abstained_test": round(abstained, 6)} | told


def _of_ranker(ranker: SalesRanker) -> dict[str, Any]:
    fitted = ranker.fitted
    return {
        "products_fitted": len(ranker.products),
        "prior_variance": round(fitted.variance, 6),
        "dispersion": round(fitted.dispersion, 6),
    }


def _of(backtest: Backtest, held_out: str = "held-out designs of one line") -> dict[str, Any]:
    """Return every measure; what could not be measured, such as without a pair, is left out."""
    named: dict[str, Any] = {
        "beats_baselines": backtest.beats_baselines(),
        "best_baseline": backtest.best_baseline(),
        "sentence": backtest.sentence(held_out),
        "products_tested": backtest.products,
        "lines_tested": backtest.lines,
    }
    for (name, measure), interval in backtest.intervals.items():
        named |= _flat(measure if name == "score" else f"{measure}_{name}", interval)
    for (name, measure), interval in backtest.leads.items():
        named |= _flat(f"{measure}_lead_over_{name}", interval)
    for (name, measure), interval in backtest.adds.items():
        named |= _flat(f"{measure}_added_by_{name}", interval)
    if told := backtest.attributes_sentence(held_out):
        named |= {"attributes": ", ".join(backtest.attributes), "attributes_sentence": told}
    return named


def _flat(key: str, interval: Interval) -> dict[str, float]:
    if math.isnan(interval.value):
        return {}
    values = {key: interval.value, f"{key}_low": interval.low, f"{key}_high": interval.high}
    return {name: round(value, 6) for name, value in values.items()}
