"""The backtests as flat metrics: every measure, and in a sentence what the score is worth."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.classifier.mild import MOST
from bestseller.metrics.statistics import Interval
from bestseller.metrics.yardstick import BLURS, blurred
from bestseller.preference.backtest import LAUNCHED, Backtest
from bestseller.preference.floor import PictureFloor
from bestseller.preference.held_out import held_out_table
from bestseller.preference.launches import Launches
from bestseller.preference.ranker import SalesRanker
from bestseller.preference.warranty import BAD_SHARE, best_promise, promises, sentence

UNOBSERVED = (
    "WARNING: Sales are known by line only and were shared among its products by the rule {!r}: "
    "which product of a line sells better was not observed, so nothing was tested."
)


def facts(
    ranker: SalesRanker, backtest: Backtest, abstained: float, covered: Interval
) -> dict[str, Any]:
    """Return the backtest on held-out products.

    Args:
        ranker: what was tested.
        backtest: its result.
        abstained: share of the held-out products that the ranker's detector abstains on.
        covered: share of the held-out products whose sales lay inside the score's interval.
    """
    told = {"abstained_test": round(abstained, 6)} | _flat("interval_coverage", covered)
    return _of_ranker(ranker) | told | _of(backtest)


def promise_facts(
    ranker: SalesRanker,
    features: NDArray[np.float32],
    products: pd.DataFrame,
    confidence: float,
) -> dict[str, Any]:
    """Return what could be promised of one half of the held-out products from the other.

    Args:
        ranker: not fitted on these products.
        features: float32 N x d.
        products: sku, line, counted, days of each, by sku; every second one is promised of.
        confidence: of the promise.

    Returns:
        promise_sentence; where a promise is made also promise_products, promise_bad_most and
        promise_bad_found: how many there are above its cut, are bad at most, and were bad.
    """
    held = held_out_table(ranker, features, products)
    scores, bad = held["score"].to_numpy(), held["bad"].to_numpy()
    half = np.arange(len(scores)) % 2 == 1
    if not half.any():
        return {"promise_sentence": sentence(None, BAD_SHARE, confidence)}
    table = promises(scores[~half], bad[~half], scores[half], confidence)
    found = best_promise(table, BAD_SHARE)
    told: dict[str, Any] = {"promise_sentence": sentence(found, BAD_SHARE, confidence)}
    if found is None:
        return told
    return told | {
        "promise_products": found.products,
        "promise_bad_most": found.bad,
        "promise_bad_found": int(bad[half][scores[half] >= found.cut].sum()),
    }


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
        abstained: share of the held-out products that its detector abstains on.
        allocation: the rule of the shares.
    """
    told = {"beats_baselines": False, "sentence": UNOBSERVED.format(allocation)}
    return _of_ranker(ranker) | {"abstained_test": round(abstained, 6)} | told


def detector_facts(
    ranker: SalesRanker,
    floor: PictureFloor,
    photos: NDArray[np.uint8],
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
) -> dict[str, Any]:
    """Return which held-out photos, degraded or not, are abstained on and held back.

    Args:
        ranker: whose detector abstains.
        floor: of picture quality.
        photos: uint8 N x S x S x 3, held out; of more than 128 the first are taken.
        features: gives those of images in the score's space.

    Returns:
        abstained_on_<kind> and held_back_<kind>, shares, of ``real``, ``blurred_0_5_px``,
        ``blurred_1_px``, ``blurred_2_px`` and ``noise`` (uniform pixels).
    """
    photos = photos[:MOST]
    kinds = {"real": photos}
    kinds |= {f"blurred_{s:g}_px".replace(".", "_"): blurred(photos, s) for s in BLURS}
    kinds["noise"] = np.random.default_rng(0).integers(0, 256, photos.shape, dtype=np.uint8)
    values: dict[str, Any] = {}
    for kind, images in kinds.items():
        seen = features(images)
        if ranker.detector is not None:
            values[f"abstained_on_{kind}_share"] = round(float(ranker.abstains(seen).mean()), 6)
        values[f"held_back_{kind}_share"] = round(float(floor.holds_back(seen).mean()), 6)
    return values


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
