"""The sales of the embedded shop: a daily ledger drawn from the hidden taste.

Within a season, the gross units of a line are multinomial over its products and days::

    expected units of product i on day d  ~  appeal(i) * rate(line, d)   for d >= launch of i
    rate(line, d) = MONTHS[month of d] * WEEKDAYS[weekday of d] * exp(NOISE * n_d),  n_d ~ N(0, 1)

A share of the units is returned 3 to 30 days later, at the season's last day at the latest. Gross
minus returns is the line's total exactly. Each season draws from its own generator and adds only
later days, so the ledger of a season begins with that of the season before.
"""

import numpy as np
import pandas as pd

from bestseller.demo.lines import LINES, Line
from bestseller.demo.taste import appeal
from bestseller.demo.world import FIRST_DAY, Product, first_day, last_day, line_units

MONTHS = (0.85, 0.95, 0.9, 0.95, 1.05, 1.05, 0.9, 0.8, 0.95, 1.0, 1.2, 1.6)  # January first
WEEKDAYS = (0.8, 0.8, 0.85, 0.9, 1.2, 1.6, 0.85)  # Monday first
NOISE = 0.25
RETURN_RATE = 0.03  # returned units, as a share of the net units
RETURN_DAYS = (3, 30)
DAYS_SEASON_1 = (last_day(1) - FIRST_DAY).days + 1
_STREAM = 1_000  # keeps the generators of the sales apart from those of the designs


def draw_ledger(products: list[Product], scale: float, seed: int, season: int) -> pd.DataFrame:
    """Return the ledger: sku (text), date (ISO text), units (int, positive), kind (sale | return).

    One row for each SKU, day and kind, by date, SKU and kind; net units are sales minus returns.
    """
    parts = []
    for now in range(1, season + 1):
        for number, line in enumerate(LINES):
            if on_sale := _on_sale(products, line, now):
                parts.append(_draw_line(on_sale, number, _total(line, scale, now), seed, now))
    units = pd.concat(parts, ignore_index=True)
    rows = units.groupby(["day", "sku", "kind"], as_index=False, sort=True).size()
    date = pd.Timestamp(FIRST_DAY) + pd.to_timedelta(rows["day"], unit="D")
    return pd.DataFrame(
        {
            "sku": rows["sku"],
            "date": date.dt.strftime("%Y-%m-%d"),
            "units": rows["size"],
            "kind": rows["kind"],
        }
    )


def expected_units(products: list[Product], scale: float, seed: int, season: int) -> pd.DataFrame:
    """Return sku, line, expected_units: mean net units up to the season's end, before chance."""
    expected = dict.fromkeys((p.sku for p in products), 0.0)
    for now in range(1, season + 1):
        for number, line in enumerate(LINES):
            on_sale = _on_sale(products, line, now)
            shares = _shares(on_sale, _rates(number, seed, now), now)
            for product, share in zip(on_sale, shares, strict=True):
                expected[product.sku] += _total(line, scale, now) * float(share)
    return pd.DataFrame(
        {
            "sku": list(expected),
            "line": [p.line for p in products],
            "expected_units": list(expected.values()),
        }
    )


def _on_sale(products: list[Product], line: Line, season: int) -> list[Product]:
    """Return the products of a line that are sold at some time in a season."""
    return [
        p
        for p in products
        if p.line == line.name and p.season <= season and p.last_sale >= first_day(season)
    ]


def _total(line: Line, scale: float, season: int) -> int:
    """Return the net units that a season adds to a line: later ones sell at season 1's pace."""
    total = line_units(line, scale)
    days = (last_day(season) - first_day(season)).days + 1
    return total if season == 1 else max(1, round(total * days / DAYS_SEASON_1))


def _rates(number: int, seed: int, season: int) -> np.ndarray:
    """Return the pace of a line on each day of a season: float64, shape (days,), positive."""
    days = pd.date_range(first_day(season), last_day(season))
    noise = np.random.default_rng([seed, number, season, _STREAM]).normal(size=len(days))
    cycle = np.array(MONTHS)[days.month - 1] * np.array(WEEKDAYS)[days.day_of_week]
    return cycle * np.exp(NOISE * noise)


def _open(products: list[Product], rates: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cumulated pace at each product's first and behind its last day in a season."""
    cumulated = np.concatenate([[0.0], np.cumsum(rates)])
    first = [max(0, (p.launch - first_day(season)).days) for p in products]
    last = [min(len(rates), (p.last_sale - first_day(season)).days + 1) for p in products]
    return cumulated[first], cumulated[last]


def _shares(products: list[Product], rates: np.ndarray, season: int) -> np.ndarray:
    """Return the expected share of each product in its line's units: float64, sums to 1."""
    low, high = _open(products, rates, season)
    weights = np.array([appeal(p.watch) for p in products]) * (high - low)
    shares: np.ndarray = weights / weights.sum()
    return shares


def _draw_line(
    products: list[Product], number: int, total: int, seed: int, season: int
) -> pd.DataFrame:
    """Return a row for every unit sold or returned: day (since FIRST_DAY), sku, kind."""
    rng = np.random.default_rng([seed, number, season, _STREAM + 1])
    rates = _rates(number, seed, season)
    returns = round(RETURN_RATE * total)
    counts = rng.multinomial(total + returns, _shares(products, rates, season))
    which = np.repeat(np.arange(len(products)), counts)

    # The day of a unit: the inverse of the cumulated pace, while the product is on sale.
    low, high = _open(products, rates, season)
    level = low[which] + rng.random(len(which)) * (high - low)[which]
    day = np.minimum(np.searchsorted(np.cumsum(rates), level, side="right"), len(rates) - 1)

    variant = rng.integers(6, size=len(which))  # six is a multiple of any number of sizes here
    skus = [(p.variants or (p.sku,)) for p in products]
    sku = np.array([skus[i][v % len(skus[i])] for i, v in zip(which, variant, strict=True)])
    back = rng.choice(len(which), size=returns, replace=False)
    late = day[back] + rng.integers(RETURN_DAYS[0], RETURN_DAYS[1] + 1, size=returns)
    offset = (first_day(season) - FIRST_DAY).days
    return pd.DataFrame(
        {
            "day": offset + np.concatenate([day, np.minimum(late, len(rates) - 1)]),
            "sku": np.concatenate([sku, sku[back]]),
            "kind": np.repeat(["sale", "return"], [len(which), returns]),
        }
    )
