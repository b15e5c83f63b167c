"""The sales ledger: from the text of a table to net units a product and day.

Everything is read as text and judged value by value; nothing is guessed. A row that cannot be
read with certainty is quarantined with its reasons, and every row is accounted for.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from bestseller.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.checks import failures
from bestseller.sales.read import our_columns
from bestseller.sales.values import read_values

UNKNOWN_SKU = "sku is not in the catalogue"
GROUP = ["sku", "date", "channel", "currency"]


@dataclass(frozen=True)
class CleanLedger:
    """What became of a ledger.

    Attributes:
        clean: sku (of the design), date (datetime64, the day), channel, currency (text, empty for
            none), units (int64, net), revenue (float64, units times price, NaN where a price is
            unknown); one row for each sku, day, channel and currency.
        quarantine: row (number in the file, the header is 1), the columns as read, reason.
        summary: flat counts and shares; rows_in = rows_clean + rows_quarantined + rows_dropped,
            and rows_dropped is the sum of rows_empty, rows_known_later, rows_replaced and
            rows_outside_window.
        until: last day counted.
    """

    clean: pd.DataFrame
    quarantine: pd.DataFrame
    summary: dict[str, int | float]
    until: dt.date


def clean_ledger(
    raw: pd.DataFrame, designs: Mapping[str, str], settings: Sales, name: str = "ledger"
) -> CleanLedger:
    """Judge every row of a ledger and net the good ones.

    In this order: rows that `empty` drops; rows that `as_of` makes unknown as yet; rows that
    cannot be read; rows that a later one of the same key replaces, as a correction or a repetition
    (an unreadable row replaces nothing); rows outside the window; rows of unknown skus.

    Args:
        raw: columns of text, see `read.read_table`.
        designs: sku -> what its units are counted under, see `units.designs_by_sku`.
        settings: the sales section of params.yaml.
        name: of the ledger in an error.

    Raises:
        BestsellerError: a column is missing, too many rows cannot be read, too many units are on
            unknown skus, or no row is left.
    """
    columns = our_columns(raw, settings, name)
    read = read_values(raw, columns, settings)
    rows = read.table
    reason = failures(rows, settings)

    dropped = {"empty": read.empty}
    dropped["known_later"] = _known_later(rows, settings.as_of) & ~read.empty
    reason[dropped["empty"] | dropped["known_later"]] = ""
    usable = ~dropped["empty"] & ~dropped["known_later"] & (reason == "")
    dropped["replaced"] = usable & ~_is_latest(rows[usable], settings.key).reindex(
        rows.index, fill_value=False
    )
    usable &= ~dropped["replaced"]
    last = pd.Timestamp(settings.until) if settings.until else rows.loc[usable, "date"].max()
    outside = (rows["date"] < pd.Timestamp(settings.from_)) | (rows["date"] > last)
    dropped["outside_window"] = usable & outside
    usable &= ~outside

    designs_of = rows["sku"].map(designs)
    unknown = usable & designs_of.isna()
    reason[unknown] = UNKNOWN_SKU
    counted = usable & ~unknown
    unknown_share = _share(rows["units"].abs(), unknown, usable)
    _check_quarantine(reason, settings, name)
    _check_unknown(rows.loc[unknown, "sku"], unknown_share, settings, name)
    if not counted.any():
        raise BestsellerError(
            f"{name}: none of its {len(raw)} rows can be counted; check sales.from, sales.until, "
            "sales.as_of and sales.columns in params.yaml"
        )

    clean = _net(rows[counted], designs_of[counted])
    quarantined = reason != ""
    quarantine = raw[quarantined].copy()
    quarantine.insert(0, "row", quarantine.index + 2, allow_duplicates=True)
    quarantine.insert(len(quarantine.columns), "reason", reason[quarantined], allow_duplicates=True)
    counts = {f"rows_{why}": int(which.sum()) for why, which in dropped.items()}
    units = clean.pop("sold"), clean.pop("returned")
    sold, returned = (int(part.sum()) for part in units)
    summary = {
        "rows_in": len(raw),
        "rows_clean": int(counted.sum()),
        "rows_quarantined": len(quarantine),
        "rows_dropped": sum(counts.values()),
        **counts,
        "rows_repeated": int(raw[counted].duplicated().sum()),
        "units_sold": sold,
        "units_returned": returned,
        "units_net": sold - returned,
        "return_share": round(returned / sold, 6) if sold else 0.0,
        "unknown_unit_share": round(unknown_share, 6),
    }
    if summary["rows_in"] != sum(
        summary[key] for key in ("rows_clean", "rows_quarantined", "rows_dropped")
    ):
        raise AssertionError(f"{name}: rows are lost: {summary}")
    return CleanLedger(clean, quarantine, summary, last.date())


def _known_later(rows: pd.DataFrame, as_of: str) -> pd.Series:
    """Tell which rows were not known by the end of the day `as_of`."""
    if not as_of:
        return pd.Series(False, index=rows.index)
    return rows["as_of"] >= pd.Timestamp(as_of) + pd.Timedelta(days=1)


def _is_latest(rows: pd.DataFrame, key: list[str]) -> pd.Series:
    """Tell which rows no later one of the same key replaces; a row without a key stays."""
    keyless = pd.Series(True, index=rows.index)
    for name in key:
        keyless &= rows[name].isna() | (rows[name] == "")
    in_time = rows.sort_values("as_of", kind="stable", na_position="first")
    return keyless | ~in_time.duplicated(key, keep="last").reindex(rows.index)


def _net(rows: pd.DataFrame, designs: pd.Series) -> pd.DataFrame:
    """Sum rows by design, day, channel and currency: units sold, returned and net, and revenue."""
    number = rows["units"].astype("int64")
    is_return = rows["kind"] == "return"
    table = rows[GROUP].assign(
        sku=designs.astype(str),
        sold=number.where(~is_return, 0),
        returned=number.abs().where(is_return, 0),
    )
    table["units"] = table["sold"] - table["returned"]
    table["revenue"] = table["units"] * rows["price"]
    table["priceless"] = table["revenue"].isna()
    sums = table.groupby(GROUP, as_index=False, sort=True, observed=True).sum()
    sums["revenue"] = sums["revenue"].where(sums.pop("priceless") == 0)
    return sums


def _share(units: pd.Series, part: pd.Series, whole: pd.Series) -> float:
    total = units[whole].sum()
    return float(units[part].sum() / total) if total else 0.0


def _check_quarantine(reason: pd.Series, settings: Sales, name: str) -> None:
    unread = reason[(reason != "") & (reason != UNKNOWN_SKU)]
    share, most = len(unread) / len(reason), settings.max_quarantined_share
    if share > most:
        words, times = next(iter(unread.value_counts().items()))
        raise BestsellerError(
            f"{name}: {share:.1%} of the {len(reason)} rows cannot be read with certainty, more "
            f"than sales.max_quarantined_share {most}; most often {words!r} ({times}, such as row "
            f"{unread.index[unread == words][0] + 2}); declare the format under sales in "
            "params.yaml or mend the rows"
        )


def _check_unknown(skus: pd.Series, share: float, settings: Sales, name: str) -> None:
    most = settings.max_unknown_share
    if share > most:
        examples = ", ".join(sorted(set(skus))[:3])
        raise BestsellerError(
            f"{name}: {share:.1%} of the units are on skus outside the catalogue (such as "
            f"{examples}), more than sales.max_unknown_share {most}; mend the skus "
            "or crawl the missing products"
        )
