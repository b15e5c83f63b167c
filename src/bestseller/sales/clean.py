"""The sales ledger: from the text of a table to net units a product and day.

Everything is read as text and judged value by value; nothing is guessed. A row that cannot be
read with certainty is quarantined with its reasons, and every row is accounted for.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.params import Sales
from bestseller.sales.checks import failures
from bestseller.sales.columns import our_columns
from bestseller.sales.notes import ledger_notes, window_notes
from bestseller.sales.once import check_filled
from bestseller.sales.orders import filled_down, not_counted
from bestseller.sales.periods import PERIOD_END, Period, detect_period, period_ends
from bestseller.sales.read import RawTable
from bestseller.sales.values import read_values

UNKNOWN_SKU = "sku is not in the catalogue"
SHARED_SKU = "sku is on several products: "
GROUP = ["sku", "date", "channel", "currency"]


@dataclass(frozen=True)
class CleanLedger:
    """A cleaned ledger.

    Attributes:
        clean: sku (of the design), date (datetime64, the day), channel, currency (text, empty for
            none), units (int64, net), revenue (float64, NaN where a price is unknown); one row for
            each sku, day, channel and currency. A ledger by period has period_end (datetime64)
            beside: the last day of the period that the day stands for.
        quarantine: row (line in the file, or row of the sheet), the columns as read, reason.
        summary: flat counts and shares; rows_in = rows_clean + rows_quarantined + rows_dropped,
            rows_dropped is the sum of rows_totals, rows_empty, rows_not_counted, rows_known_later,
            rows_replaced and rows_outside_window, and lines_in = 1 + lines_above + lines_blank +
            lines_continued + rows_in.
        until: last day counted: `sales.until`, else the last day, or period's last day, of a row
            that could be read.
        period: what a row is the sum of: day, week, month, quarter or year.
        notes: what a person should know, one line each.
    """

    clean: pd.DataFrame
    quarantine: pd.DataFrame
    summary: dict[str, int | float]
    until: dt.date
    period: Period = "day"
    notes: tuple[str, ...] = ()


def clean_ledger(
    raw: RawTable,
    designs: Mapping[str, str],
    settings: Sales,
    name: str = "ledger",
    shared: Mapping[str, Sequence[str]] = MappingProxyType({}),
    *,
    keep: Callable[[pd.DataFrame], None] | None = None,
) -> CleanLedger:
    """Check every row of a ledger, and sum the net units of those that can be read.

    In this order: rows that `empty` drops; rows that do not count; rows that `as_of` makes unknown
    as yet; rows that do not fit the header or cannot be read, or whose
    order does not tell what they lack; rows that a later one of the same key
    replaces, as a correction or a repetition (an unreadable row replaces nothing); rows outside the
    window; rows of unknown skus, and of skus that several products share.

    Args:
        raw: the table of text, see `read.read_table`.
        designs: sku -> what its units are counted under, see `units.designs_by_sku`.
        settings: the sales section of params.yaml.
        name: of the ledger in an error.
        shared: skus that are no single product's -> those products.
        keep: gets the quarantine before it is judged, so that it can be read where it is too much.

    Raises:
        BestsellerError: a column is missing, too many rows cannot be read, too many units are on
            skus of no single product, or no row is left.
    """
    columns = our_columns(raw, settings, name)
    texts, unclear = filled_down(raw.rows, settings, raw.problems, name)
    check_filled(texts, columns, settings, name)
    read = read_values(texts, columns, settings)
    rows = read.table
    reason = failures(rows, settings)
    misfits = pd.Series(raw.problems | unclear, dtype=object).reindex(rows.index)
    reason = misfits.where(misfits.notna(), reason)

    fits = misfits.isna()
    dropped = {"empty": read.empty & fits}
    dropped["not_counted"] = (
        fits & ~read.empty & (read.not_counted | not_counted(texts, settings, name))
    )
    left_out = dropped["empty"] | dropped["not_counted"]
    dropped["known_later"] = _known_later(rows, settings.as_of) & fits & ~left_out
    left_out = left_out | dropped["known_later"]
    reason[left_out] = ""
    usable = ~left_out & (reason == "")
    stays, of_no_line = _latest(rows[usable], settings.key)
    dropped["replaced"] = usable & ~stays.reindex(rows.index, fill_value=False)
    usable &= ~dropped["replaced"]
    readable = rows.loc[usable, "date"]
    period = detect_period(readable) if settings.period == "auto" else settings.period
    ends = period_ends(readable, period)
    last = pd.Timestamp(settings.until) if settings.until else ends.max()
    outside = (rows["date"] < pd.Timestamp(settings.from_)) | (rows["date"] > last)
    dropped["outside_window"] = usable & outside
    usable &= ~outside

    designs_of = rows["sku"].map(designs)
    in_several = usable & rows["sku"].isin(list(shared))
    unknown = usable & designs_of.isna() & ~in_several
    _tell_unjoined(reason, rows["sku"], unknown, in_several, shared)
    quarantine = _quarantined(raw.rows, reason)
    if keep:
        keep(quarantine)
    counted = usable & ~unknown & ~in_several
    units = rows["units"].abs()
    unknown_share = _share(units, unknown, usable)
    unjoined = unknown | in_several
    _check_quarantine(reason[~unjoined], len(reason), settings, name)
    _check_joined(rows.loc[unjoined, "sku"], _share(units, unjoined, usable), settings, name)
    _check_counted(counted, reason, name)

    clean = _net(rows[counted], designs_of[counted], settings)
    if period != "day":
        clean[PERIOD_END] = clean["date"].map(ends.groupby(readable).first())
    counts = {"rows_totals": raw.lines["rows_totals"]} | {
        f"rows_{why}": int(which.sum()) for why, which in dropped.items()
    }
    sold, returned = (int(part.sum()) for part in (clean.pop("sold"), clean.pop("returned")))
    summary = {
        **{key: count for key, count in raw.lines.items() if key.startswith("lines_")},
        "rows_in": len(rows) + counts["rows_totals"],
        "rows_clean": int(counted.sum()),
        "rows_quarantined": len(quarantine),
        "rows_dropped": sum(counts.values()),
        **counts,
        "rows_repeated": int(raw.rows[counted].duplicated().sum()),
        "rows_of_no_line": len(of_no_line),
        "rows_shared_sku": int(in_several.sum()),
        "units_shared_sku": int(units[in_several].sum()),
        "units_outside_window": int(units[dropped["outside_window"]].sum()),
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
    notes = (
        *ledger_notes(
            rows, settings, of_no_line, in_several, raw, replaced=counts["rows_replaced"]
        ),
        *window_notes(rows[dropped["outside_window"]], last, settings),
    )
    return CleanLedger(clean, quarantine, summary, last.date(), period, notes)


def _known_later(rows: pd.DataFrame, as_of: str) -> pd.Series:
    """Tell which rows were not known by the end of the day `as_of`."""
    if not as_of:
        return pd.Series(False, index=rows.index)
    return rows["as_of"] >= pd.Timestamp(as_of) + pd.Timedelta(days=1)


def _tell_unjoined(
    reason: pd.Series,
    skus: pd.Series,
    unknown: pd.Series,
    in_several: pd.Series,
    shared: Mapping[str, Sequence[str]],
) -> None:
    """Write down why rows of no single product do not count."""
    reason[unknown] = UNKNOWN_SKU
    for sku in skus[in_several].unique():
        reason[in_several & (skus == sku)] = SHARED_SKU + ", ".join(shared[sku])


def _quarantined(rows: pd.DataFrame, reason: pd.Series) -> pd.DataFrame:
    """Return the rows with a reason, as read, between their line and the reason."""
    table = rows[reason != ""].copy()
    table.insert(0, "row", table.index, allow_duplicates=True)
    table.insert(len(table.columns), "reason", reason[reason != ""], allow_duplicates=True)
    return table


def _latest(rows: pd.DataFrame, key: list[str]) -> tuple[pd.Series, pd.Index]:
    """Tell which rows no later one of the same key replaces, and which have a key of no line.

    Of a key's rows those of its latest as_of count. Where these differ in sku, the key is an
    order's and no line's: all of them count, and are named. Else the last one counts. A row without
    a key stays.
    """
    keyless = pd.Series(True, index=rows.index)
    for name in key:
        keyless &= rows[name].isna() | (rows[name] == "")
    in_time = rows.sort_values("as_of", kind="stable", na_position="first")
    last = ~in_time.duplicated(key, keep="last").reindex(rows.index)
    if last.all() or "sku" in key:
        return keyless | last, rows.index[:0]
    again = in_time[in_time.duplicated(key, keep=False) & ~keyless.reindex(in_time.index)]
    groups = again.groupby(key, sort=False, dropna=False)
    newest = groups["as_of"].transform("max")
    now = again[(again["as_of"] == newest) | newest.isna()]
    several = now.groupby(key, sort=False, dropna=False)["sku"].transform("nunique") > 1
    of_no_line = now.index[several]
    return keyless | last | rows.index.isin(of_no_line), of_no_line


def _net(rows: pd.DataFrame, designs: pd.Series, settings: Sales) -> pd.DataFrame:
    """Sum rows by design, day, channel and currency: units sold, returned and net, and revenue."""
    number = rows["units"].astype("int64")
    back = rows["returned"].astype("int64")
    is_return = rows["kind"] == "return"
    table = rows[GROUP].assign(
        sku=designs.astype(str),
        sold=number.where(~is_return, 0),
        returned=number.abs().where(is_return, back),
    )
    table["units"] = table["sold"] - table["returned"]
    if settings.price_of == "line":  # of what came back in the same row, its part of the price
        kept = (1 - back / number.where(number != 0)).where(back != 0, 1.0)
        table["revenue"] = (rows["price"] * kept).where(~is_return, -rows["price"])
    else:
        table["revenue"] = table["units"] * rows["price"]
    table["priceless"] = table["revenue"].isna()
    sums = table.groupby(GROUP, as_index=False, sort=True, observed=True).sum()
    sums["revenue"] = sums["revenue"].where(sums.pop("priceless") == 0)
    return sums


def _share(units: pd.Series, part: pd.Series, whole: pd.Series) -> float:
    total = units[whole].sum()
    return float(units[part].sum() / total) if total else 0.0


def _check_quarantine(reason: pd.Series, rows: int, settings: Sales, name: str) -> None:
    unread = reason[reason != ""]
    share, most = len(unread) / rows, settings.max_quarantined_share
    if share > most:
        words, times = next(iter(unread.value_counts().items()))
        raise BestsellerError(
            f"{name}: {share:.1%} of the {rows} rows cannot be read with certainty, more "
            f"than sales.max_quarantined_share {most}; most often {words!r} ({times}, such as row "
            f"{unread.index[unread == words][0]}); declare the format under sales in "
            "params.yaml or mend the rows"
        )


def _check_counted(counted: pd.Series, reason: pd.Series, name: str) -> None:
    if not counted.any():
        told = reason[reason != ""].value_counts()
        why = f"; most often {told.index[0]!r} ({told.iloc[0]})" if len(told) else ""
        raise BestsellerError(
            f"{name}: none of its {len(counted)} rows can be counted{why}; check sales.from, "
            "sales.until, sales.as_of and sales.columns in params.yaml"
        )


def _check_joined(skus: pd.Series, share: float, settings: Sales, name: str) -> None:
    most = settings.max_unknown_share
    if share > most:
        examples = ", ".join(sorted(set(skus))[:3])
        raise BestsellerError(
            f"{name}: {share:.1%} of the units are on skus outside the catalogue, or on several "
            f"products at once (such as {examples}), more than sales.max_unknown_share {most}; "
            "mend the skus or crawl the missing products"
        )
