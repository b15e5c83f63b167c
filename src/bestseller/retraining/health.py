"""Checks the data of a refresh against those of the last commit; broken data are refused.

The stages themselves refuse what they cannot read: a broken schema, too many unknown SKUs, too few
pages. The checks here compare with the last data: a shop or a ledger that lost much at once, a
ledger that went back in time or doubled, a jump in the number of refused rows.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bestseller.params import Health

Flat = Mapping[str, Any]
CATALOGUE, SALES = "catalogue", "sales"
MENDS = {
    CATALOGUE: "mend the shop",
    SALES: "mend the ledger",
}
MEND = "or, where this is right, run `make refresh repro` and commit what it leaves"
LAST_DATE = "last_date"


@dataclass(frozen=True)
class Measure:
    """A number that is read from a stage's facts.

    Attributes:
        stage: whose facts, metrics/<stage>.json.
        name: in words.
        of: the number from the facts; raises KeyError where they do not tell it.
        limit: the key of params.yaml's retrain.health that bounds its fall or its rise.
    """

    stage: str
    name: str
    of: Callable[[Flat], float]
    limit: str


def _share(part: str, *whole: str) -> Callable[[Flat], float]:
    def of(facts: Flat) -> float:
        total = sum(facts[key] for key in whole)
        return float(facts[part] / total) if total else 0.0

    return of


def _key(name: str) -> Callable[[Flat], float]:
    return lambda facts: facts[name]


COUNTS = (
    # Products that the crawl did not find stay in the catalogue, carried over from the last one.
    Measure(
        CATALOGUE,
        "products found",
        lambda facts: facts["products"] - facts["products_carried_over"],
        "max_lost_share",
    ),
    Measure(CATALOGUE, "photos", _key("images"), "max_lost_share"),
    Measure(CATALOGUE, "lines", _key("lines"), "max_lost_share"),
    Measure(SALES, "rows counted", _key("rows_clean"), "max_lost_sales_share"),
    Measure(SALES, "units sold", _key("units_sold"), "max_lost_sales_share"),
)
SHARES = (
    Measure(CATALOGUE, "rejects", _share("rejects", "rejects", "products"), "max_share_rise"),
    Measure(
        CATALOGUE,
        "products without a photo",
        _share("products_without_image", "products"),
        "max_share_rise",
    ),
    Measure(SALES, "quarantined rows", _share("rows_quarantined", "rows_in"), "max_share_rise"),
    Measure(SALES, "repeated rows", _share("rows_repeated", "rows_in"), "max_share_rise"),
    Measure(SALES, "units on unknown SKUs", _key("unknown_unit_share"), "max_share_rise"),
    Measure(SALES, "units returned", _key("return_share"), "max_share_rise"),
)
GROWS = ("units sold",)  # of the counts, those that are bounded above as well


def problems(
    before: Mapping[str, Flat] | None, now: Mapping[str, Flat], limits: Health
) -> list[str]:
    """Return what speaks against the new catalogue and ledger, a line each; empty = healthy.

    Args:
        before: the facts of the last commit, ``catalogue`` and ``sales``, as metrics/*.json hold
            them; None at the first run. What they do not tell yet is not compared.
        now: the same of this refresh.
        limits: the section retrain.health of params.yaml.
    """
    found = [
        _problem(count, f"no {count.name} at all")
        for count in COUNTS
        if count.of(now[count.stage]) <= 0
    ]
    if before is None or found:
        return found
    for count in COUNTS:
        found += _moved(count, before, now, limits)
    for share in SHARES:
        found += _risen(share, before, now, limits)
    return [*found, *_went_back(before[SALES], now[SALES])]


def _moved(
    count: Measure, before: Mapping[str, Flat], now: Mapping[str, Flat], limits: Health
) -> Iterator[str]:
    """Yield that a count fell, or grew, by more than its limit."""
    old, new = _both(count, before, now)
    if old is None or old <= 0:
        return
    change = new / old - 1
    told = f"{count.name} went from {old:,} to {new:,} ({change:+.1%})"
    lost = getattr(limits, count.limit)
    if -change > lost:
        yield _problem(count, f"{told}, a loss above retrain.health.{count.limit} {lost:g}")
    if count.name in GROWS and change > limits.max_growth:
        yield _problem(count, f"{told}, above retrain.health.max_growth {limits.max_growth:g}")


def _risen(
    share: Measure, before: Mapping[str, Flat], now: Mapping[str, Flat], limits: Health
) -> Iterator[str]:
    """Yield that a share rose by more than its limit."""
    old, new = _both(share, before, now)
    most = getattr(limits, share.limit)
    if old is not None and new - old > most:
        yield _problem(
            share,
            f"the share of {share.name} rose from {old:.1%} to {new:.1%}, by more than "
            f"retrain.health.{share.limit} {most:g}",
        )


def _went_back(before: Flat, now: Flat) -> Iterator[str]:
    """Yield that the ledger ends on an earlier day than it did (ISO dates)."""
    old, new = before.get(LAST_DATE), now[LAST_DATE]
    if old is not None and new < old:
        yield f"{_file(SALES)}: the ledger's last day went back from {old} to {new}; {_mend(SALES)}"


def _both(
    measure: Measure, before: Mapping[str, Flat], now: Mapping[str, Flat]
) -> tuple[float | None, float]:
    """Return a measure then and now; None where the facts of then do not tell it."""
    new = measure.of(now[measure.stage])
    try:
        return measure.of(before[measure.stage]), new
    except KeyError:
        return None, new


def _problem(measure: Measure, told: str) -> str:
    return f"{_file(measure.stage)}: {told}; {_mend(measure.stage)}"


def _file(stage: str) -> str:
    return f"metrics/{stage}.json"


def _mend(stage: str) -> str:
    return f"{MENDS[stage]}, {MEND}"
