"""From texts to values, by the rules that params.yaml declares; each distinct text is read once."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.params import Sales
from bestseller.sales.read import OURS

DROP = "drop"
MAX_DIGITS = 9  # of the units in one row
UNREADABLE = "\0"  # a text that its pattern in sales.extract does not match; no CSV value holds it


@dataclass(frozen=True)
class Rows:
    """A ledger's rows as values.

    Attributes:
        table: sku, line_id, kind, channel, currency (text, empty for none); date (datetime64, the
            day of the sale) and as_of (datetime64) or NaT; units and price (float64) or NaN, of
            which units are whole numbers; `has_price` and `has_as_of` (bool): a text was there.
        empty: rows that `sales.empty` leaves out.
    """

    table: pd.DataFrame
    empty: pd.Series


def read_values(raw: pd.DataFrame, columns: dict[str, str], settings: Sales) -> Rows:
    """Read a table of text row by row; what cannot be read with certainty is a missing value.

    Args:
        raw: columns of text.
        columns: ours to the table's, see `our_columns`.
        settings: the sales section of params.yaml.
    """
    texts = {name: _meant(raw, columns.get(name), name, settings) for name in OURS}
    drops = [name for name, meaning in settings.empty.items() if meaning == DROP]
    empty = pd.Series(False, index=raw.index)
    for name in drops:
        empty |= texts[name] == ""
    table = pd.DataFrame({name: texts[name] for name in ("sku", "line_id", "channel", "currency")})
    whole, number = _number_pattern(settings, 0), _number_pattern(settings, 6)
    table["units"] = _each(texts["units"], lambda text: _number(text, whole, settings), float)
    table["price"] = _each(texts["price"], lambda text: _number(text, number, settings), float)
    kinds = _each(texts["kind"], str.lower)
    if "kind" not in columns and "kind" not in settings.empty:
        kinds = pd.Series("sale", index=raw.index).mask(table["units"] < 0, "return")
    table["kind"] = kinds
    table["date"] = _days(texts["date"], settings)
    table["as_of"] = _parse(texts["as_of"], settings.as_of_format)
    table["has_price"], table["has_as_of"] = texts["price"] != "", texts["as_of"] != ""
    return Rows(table, empty)


def _meant(raw: pd.DataFrame, column: str | None, name: str, settings: Sales) -> pd.Series:
    """Return the text that counts of each row: extracted, translated, or what empty stands for."""
    pattern = re.compile(settings.extract[name]) if name in settings.extract else None
    values, empty = settings.values.get(name, {}), settings.empty.get(name, "")
    instead = "" if empty == DROP else empty

    def meaning(text: str) -> str:
        text = unicodedata.normalize("NFKC", text).strip()
        if pattern and text:
            found = pattern.search(text)
            text = (found[1] or "").strip() if found else UNREADABLE
        return values.get(text, text) or instead

    if column is None:
        return pd.Series(instead, index=raw.index, dtype=object)
    return _each(raw[column], meaning)


def _each(
    column: pd.Series, read: Callable[[str], object], dtype: type[float] | type[object] = object
) -> pd.Series:
    """Apply `read` once to each distinct text of a column."""
    codes, distinct = pd.factorize(column)
    values = np.empty(len(distinct), dtype=dtype)
    values[:] = [read(text) for text in np.asarray(distinct, dtype=object)]
    return pd.Series(values[codes], index=column.index)


def _number_pattern(settings: Sales, decimals: int) -> re.Pattern[str]:
    """Return what a number looks like: thousands in groups of three or none at all.

    A whole number may end in one or two zeros behind the decimal mark, as databases write it
    where a column has gaps; with three it could be thousands of another country.
    """
    mark, thousands = re.escape(settings.decimal), re.escape(settings.thousands)
    grouped = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|" if thousands else ""
    tail = rf"\d{{1,{decimals}}}" if decimals else "0{1,2}"
    return re.compile(rf"[+-]?(?:{grouped}\d{{1,{MAX_DIGITS}}})(?:{mark}{tail})?", re.ASCII)


def _number(text: str, pattern: re.Pattern[str], settings: Sales) -> float:
    if not pattern.fullmatch(text):
        return float("nan")
    plain = text.replace(settings.thousands, "") if settings.thousands else text
    value = float(plain.replace(settings.decimal, "."))
    return value if abs(value) < 10**MAX_DIGITS else float("nan")


def _days(texts: pd.Series, settings: Sales) -> pd.Series:
    """Return the business's calendar day of each date, NaT where it cannot be told."""
    pattern = settings.date_format
    if settings.zones:
        names = "|".join(map(re.escape, sorted(settings.zones, key=len, reverse=True)))
        zone = re.compile(rf"\b(?:{names})\b")
        texts = _each(texts, lambda text: zone.sub(lambda m: settings.zones[m[0]], text))
        pattern = pattern.replace("%Z", "%z")
    moments = _parse(texts, pattern, utc="%z" in pattern)
    if settings.zone:  # an hour that a clock change repeats or skips is no certain instant
        moments = moments.dt.tz_localize(settings.zone, ambiguous="NaT", nonexistent="NaT")
    if settings.business_zone:
        moments = moments.dt.tz_convert(settings.business_zone).dt.tz_localize(None)
    return moments.dt.normalize().astype("datetime64[ms]")


def _parse(texts: pd.Series, pattern: str, utc: bool = False) -> pd.Series:
    codes, distinct = pd.factorize(texts)
    strings = pd.Series(distinct, dtype=object)
    if pattern == "%Y-%m-%d":  # strptime takes 2022-1-5 and Arabic digits too
        strings = strings.where(strings.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "")
    read = pd.to_datetime(strings, format=pattern, errors="coerce", utc=utc)
    return read.take(codes).set_axis(texts.index)
