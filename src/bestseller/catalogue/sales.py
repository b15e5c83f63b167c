"""The sales ledger: from the text of a table to units a product.

Everything is read as text and judged value by value; nothing is guessed. A row that cannot be
read with certainty is quarantined with its reason, and every row is accounted for.
"""

import datetime as dt
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bestseller.catalogue.product import Product
from bestseller.errors import BestsellerError

REQUIRED = ["sku", "date", "units"]
KINDS = ("sale", "return")
MAX_DIGITS = 9  # of the units in one row
UNKNOWN_SKU = "sku is not in the catalogue"


@dataclass(frozen=True)
class CleanLedger:
    """What became of a ledger.

    Attributes:
        clean: sku (of the design), date (datetime64), units (int64, net); one row a sku and day.
        quarantine: row (number in the file, the header is 1), the columns as read, reason.
        summary: flat counts and shares; rows_in = rows_clean + rows_quarantined + rows_dropped.
        until: last day counted.
    """

    clean: pd.DataFrame
    quarantine: pd.DataFrame
    summary: dict[str, int | float]
    until: dt.date


def read_ledger(source: str | Path | bytes, name: str = "") -> pd.DataFrame:
    """Read a CSV table as text: no value is taken for a number, a date or a missing one.

    Args:
        source: path, or the file's bytes.
        name: what the bytes are called in an error.

    Raises:
        BestsellerError: the file is missing, is no UTF-8 CSV, is empty, or lacks a column.
    """
    name = name or str(source)
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        table = pd.read_csv(
            io.BytesIO(data),
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            index_col=False,
        )
    except OSError as error:
        raise BestsellerError(
            f"{name}: {error.strerror}; mend sales.path in params.yaml"
        ) from error
    except UnicodeDecodeError as error:
        raise BestsellerError(
            f"{name}: no UTF-8 at byte {error.start}; save it as UTF-8"
        ) from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise BestsellerError(f"{name}: no CSV table ({str(error).strip()})") from error
    table.columns = [str(column).strip().lower() for column in table.columns]
    if missing := [column for column in REQUIRED if column not in table.columns]:
        raise BestsellerError(
            f"{name}: has no column {', '.join(missing)}; found: {', '.join(table.columns)}"
        )
    if table.empty:
        raise BestsellerError(f"{name}: holds no rows")
    return table


def designs_by_sku(products: Iterable[Product]) -> dict[str, str]:
    """Return under which design each sku is counted: a design's own and those of its variants."""
    products = list(products)
    variants = {variant.sku: product.sku for product in products for variant in product.variants}
    return variants | {product.sku: product.sku for product in products}


def clean_ledger(
    raw: pd.DataFrame,
    designs: Mapping[str, str],
    *,
    from_: str,
    until: str = "",
    max_unknown_share: float = 0.05,
    name: str = "ledger",
) -> CleanLedger:
    """Judge every row of a ledger and net the good ones to units a design and day.

    Args:
        raw: text columns sku, date (ISO), units (whole number); optional kind (sale | return,
            whose units count as negative; without it a negative number is a return) and line_id
            (a later row replaces an earlier one of the same, as a correction or a repetition).
        designs: sku -> sku of its design, see `designs_by_sku`.
        from_: first day counted, ISO date.
        until: last day counted, ISO date; empty for the last day of the ledger.
        max_unknown_share: of the units in the window, on skus that `designs` lacks.
        name: of the ledger in an error.

    Raises:
        BestsellerError: too many units are on unknown skus, or no row is left.
    """
    rows = pd.DataFrame({column: _read(raw[column], _text) for column in REQUIRED})
    rows["day"] = pd.to_datetime(_read(rows["date"], _day)).astype("datetime64[ms]")
    rows["count"] = _read(rows["units"], _count).astype("float64")  # exact: MAX_DIGITS digits
    rows["kind"] = _read(raw["kind"], lambda v: _text(v).lower()) if "kind" in raw else "sale"
    rows["design"] = _read(rows["sku"], designs.get)

    last = pd.Timestamp(until) if until else rows["day"].max()
    dropped = _replaced(raw) | (rows["day"] < pd.Timestamp(from_)) | (rows["day"] > last)
    reason = _reasons(rows, "kind" in raw).where(~dropped, "")
    unknown = ~dropped & (reason == "") & rows["design"].isna()
    reason[unknown] = UNKNOWN_SKU
    counted = ~dropped & (reason == "")
    unknown_share = _share(rows["count"].abs(), unknown, unknown | counted)
    _check(rows.loc[unknown, "sku"], unknown_share, max_unknown_share, counted, name)

    good = rows[counted]
    net = good["count"].where(good["kind"] == "sale", -good["count"].abs()).astype("int64")
    netted = pd.DataFrame({"sku": good["design"].astype(str), "date": good["day"], "units": net})
    clean = netted.groupby(["sku", "date"], as_index=False, sort=True)[["units"]].sum()
    quarantine = raw[reason != ""].copy()
    quarantine.insert(0, "row", quarantine.index + 2)
    quarantine["reason"] = reason[reason != ""]
    sold, returned = int(net[net > 0].sum()), -int(net[net < 0].sum())
    summary = {
        "rows_in": len(raw),
        "rows_clean": int(counted.sum()),
        "rows_quarantined": len(quarantine),
        "rows_dropped": int(dropped.sum()),
        "rows_repeated": int(raw[counted].duplicated().sum()),
        "units_sold": sold,
        "units_returned": returned,
        "units_net": sold - returned,
        "return_share": round(returned / sold, 6) if sold else 0.0,
        "unknown_unit_share": round(unknown_share, 6),
    }
    assert summary["rows_in"] == sum(
        summary[key] for key in ("rows_clean", "rows_quarantined", "rows_dropped")
    )
    return CleanLedger(clean, quarantine, summary, last.date())


def units_per_product(clean: pd.DataFrame, skus: Iterable[str], until: dt.date) -> pd.DataFrame:
    """Sum the clean ledger over each product of the catalogue, never sold ones included.

    Args:
        clean: the table of `CleanLedger`.
        skus: of all designs.
        until: last day counted.

    Returns:
        sku (sorted), units (int64, net, at least 0: returns of what was sold before the window do
        not count against it), units_per_day (float64, over the days on sale), first_date
        (datetime64 of the first sale, NaT for none), days_on_sale (int64, from the first sale to
        `until`, both included; 0 for never sold).
    """
    table = pd.DataFrame(index=pd.Index(sorted(set(skus)), name="sku"))
    table["units"] = clean.groupby("sku")["units"].sum().clip(lower=0)
    table["units"] = table["units"].fillna(0).astype("int64")
    table["first_date"] = clean[clean["units"] > 0].groupby("sku")["date"].min()
    days = (pd.Timestamp(until) - table["first_date"]).dt.days + 1
    table["days_on_sale"] = days.fillna(0).astype("int64")
    table["units_per_day"] = (
        table["units"] / table["days_on_sale"].where(table["days_on_sale"] > 0)
    ).fillna(0.0)
    return table.reset_index()[["sku", "units", "units_per_day", "first_date", "days_on_sale"]]


def _read(column: pd.Series, parse: Callable[[str], Any]) -> pd.Series:
    """Apply `parse` once to each distinct text of a column."""
    parsed = {value: parse(value) for value in column.unique()}
    return pd.Series([parsed[value] for value in column], index=column.index, dtype=object)


def _text(value: str) -> str:
    return unicodedata.normalize("NFKC", value).strip()


def _day(text: str) -> dt.date | None:
    try:
        return (
            dt.date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.A) else None
        )
    except ValueError:
        return None


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(rf"[+-]?\d{{1,{MAX_DIGITS}}}", text, re.A) else None


def _replaced(raw: pd.DataFrame) -> pd.Series:
    """Tell which rows a later row with the same line_id replaces; rows without one stay."""
    if "line_id" not in raw:
        return pd.Series(False, index=raw.index)
    line_id = raw["line_id"].str.strip()
    return line_id.duplicated(keep="last") & (line_id != "")


def _reasons(rows: pd.DataFrame, has_kinds: bool) -> pd.Series:
    """Return why a row cannot be counted, empty where it can."""
    checks = {
        "sku is empty": rows["sku"] == "",
        "date is no ISO date (YYYY-MM-DD)": rows["day"].isna(),
        "units is no whole number": rows["count"].isna(),
        "kind is neither sale nor return": ~rows["kind"].isin(KINDS),
        "a sale of negative units": has_kinds & (rows["kind"] == "sale") & (rows["count"] < 0),
    }
    reason = pd.Series("", index=rows.index, dtype=object)
    for words, failed in reversed(checks.items()):
        reason[failed] = words
    return reason


def _share(units: pd.Series, part: pd.Series, whole: pd.Series) -> float:
    total = units[whole].sum()
    return float(units[part].sum() / total) if total else 0.0


def _check(
    unknown_skus: pd.Series, share: float, most: float, counted: pd.Series, name: str
) -> None:
    if share > most:
        examples = ", ".join(sorted(set(unknown_skus))[:3])
        raise BestsellerError(
            f"{name}: {share:.1%} of the units are on skus outside the catalogue (such as "
            f"{examples}), more than sales.max_unknown_share {most}; mend the skus "
            "or crawl the missing products"
        )
    if not counted.any():
        raise BestsellerError(
            f"{name}: none of its {len(counted)} rows can be counted; check sales.from, "
            "sales.until and the columns sku, date, units"
        )
