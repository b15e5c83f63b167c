"""From texts to values, by the rules that params.yaml declares; each distinct text is read once."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.params import LOCAL, Sales
from bestseller.sales.dates import (
    EXCEL,
    UNIX,
    english_months,
    from_serials,
    from_unix,
    with_day,
)
from bestseller.sales.header import OURS, visible
from bestseller.sales.money import without_mark

DROP = "drop"
MAX_DIGITS = 9  # of the units in one row
FORMULA = re.compile(r'="([^"]*)"')  # how a CSV keeps Excel from reading a text as a number
UNREADABLE = "\0"  # a text that its pattern in sales.extract does not match
DROPPED = "\0drop"  # a text that sales.values says is left out; no value holds a zero byte
GUARDED = re.compile("'(?=[=+@-])")  # the mark that keeps a spreadsheet from running a text
# What is written for a minus: Unicode's own and its hyphen, the figure and en dash of typesetters
# (Unicode 16, chapter 6.2). NFKC has made the other hyphens one of these before.
DASHES = "\\-\N{HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}"  # for the cents that a price lacks
MINUS = re.compile("[\N{MINUS SIGN}\N{HYPHEN}\N{FIGURE DASH}\N{EN DASH}]")


@dataclass(frozen=True)
class Rows:
    """A ledger's rows as values.

    Attributes:
        table: sku, line_id, kind, channel, currency (text, empty for none); date (datetime64, the
            day of the sale) and as_of (datetime64) or NaT; units, returned and price (float64) or
            NaN, of which units and returned are whole numbers; `has_price` and `has_as_of` (bool):
            a text was there; `other_money` (bool): the price's own mark is not the currency's.
        empty: rows that `sales.empty` leaves out.
        not_counted: rows that `sales.values` leaves out.
    """

    table: pd.DataFrame
    empty: pd.Series
    not_counted: pd.Series


def read_values(raw: pd.DataFrame, columns: dict[str, str], settings: Sales) -> Rows:
    """Read a table of text row by row; what cannot be read with certainty is a missing value.

    Args:
        raw: columns of text.
        columns: ours to the table's, see `our_columns`.
        settings: the sales section of params.yaml.
    """
    texts = {name: meant_texts(raw, columns.get(name), name, settings) for name in OURS}
    drops = [name for name, meaning in settings.empty.items() if meaning == DROP]
    empty = pd.Series(False, index=raw.index)
    for name in drops:
        empty |= texts[name] == ""
    left_out = pd.Series(False, index=raw.index)
    for name, meanings in settings.values.items():
        if DROP in meanings.values():
            left_out |= texts[name] == DROPPED
    table = pd.DataFrame({name: texts[name] for name in ("sku", "line_id", "channel", "currency")})
    whole, number = _number_pattern(settings, whole=True), _number_pattern(settings, whole=False)
    table["units"] = _each(texts["units"], lambda text: _number(text, whole, settings), float)
    table["returned"] = 0.0
    if "returned" in columns:
        back = texts["returned"].where(texts["returned"] != "", "0")
        table["returned"] = _each(back, lambda text: _number(text, whole, settings), float)
    prices, table["currency"], table["other_money"] = _money(texts["price"], table["currency"])
    table["price"] = _each(prices, lambda text: _number(text, number, settings), float)
    kinds = _each(texts["kind"], str.lower)
    if "kind" not in columns and "kind" not in settings.empty:
        kinds = pd.Series("sale", index=raw.index).mask(table["units"] < 0, "return")
    table["kind"] = kinds
    table["date"] = _days(texts["date"], settings)
    table["as_of"] = _parse(texts["as_of"], settings.as_of_format)
    table["has_price"], table["has_as_of"] = texts["price"] != "", texts["as_of"] != ""
    returns = table["kind"] == "return"  # whose amount is written with or without a minus
    table["price"] = table["price"].where(~returns, table["price"].abs())
    return Rows(table, empty, left_out)


def meant_texts(raw: pd.DataFrame, column: str | None, name: str, settings: Sales) -> pd.Series:
    """Return the text that counts of each row: extracted, translated, or what empty stands for."""
    pattern = re.compile(settings.extract[name]) if name in settings.extract else None
    meant = {
        text: DROPPED if meaning == DROP else meaning
        for text, meaning in settings.values.get(name, {}).items()
    }
    in_any_case = {text.casefold(): meaning for text, meaning in meant.items()}
    empty = settings.empty.get(name, "")
    instead = "" if empty == DROP else empty

    def meaning(text: str) -> str:
        text = visible(unicodedata.normalize("NFKC", text).strip()).strip()
        if text.startswith("=") and (formula := FORMULA.fullmatch(text)):
            text = formula[1].strip()
        text = GUARDED.sub("", text, count=1) if text.startswith("'") else text
        if pattern and text:
            found = pattern.search(text)
            text = (found[1] or "").strip() if found else UNREADABLE
        return meant.get(text, in_any_case.get(text.casefold(), text)) or instead

    if column is None:
        return pd.Series(instead, index=raw.index, dtype=object)
    return _each(raw[column], meaning)


def _money(prices: pd.Series, currency: pd.Series) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return prices without marks of currencies, the currencies, and where a mark is another's.

    A mark of one currency tells it where nothing else does; one of several, such as $, does not.
    """
    bare = _each(prices, without_mark)
    marks = bare.str[1]
    if not (marks != "").any():
        return prices, currency, pd.Series(False, index=prices.index)
    one = marks.str.len() == 3
    currency = currency.where((currency != "") | ~one, marks)
    fits = [code in mark.split() for code, mark in zip(currency, marks, strict=True)]
    return bare.str[0], currency, (marks != "") & ~pd.Series(fits, index=prices.index, dtype=bool)


def _each(
    column: pd.Series,
    read: Callable[[str], object],
    dtype: type[float] | type[object] | str = object,
) -> pd.Series:
    """Apply `read` once to each distinct text of a column."""
    codes, distinct = pd.factorize(column)
    values = np.empty(len(distinct), dtype=dtype)
    for i, text in enumerate(np.asarray(distinct, dtype=object)):
        values[i] = read(text)
    return pd.Series(values[codes], index=column.index)


def _number_pattern(settings: Sales, *, whole: bool) -> re.Pattern[str]:
    """Return what a number looks like: thousands in groups of three or none at all.

    Without a sign; see `_number`. Commas may also stand as in India, 12,34,567. A whole number may
    end in zeros behind the decimal mark, as databases write it. Exactly three behind a point could
    be thousands of another country, so they count only where `sales.unit_decimals` declares them,
    or where thousands stand grouped before it; a decimal comma is a declaration itself. A price may
    lack its digits before the mark, or have a dash for those behind it.
    """
    mark, thousands = re.escape(settings.decimal), re.escape(settings.thousands)
    groups, plain = rf"\d{{1,3}}(?:{thousands}\d{{3}})+", rf"\d{{1,{MAX_DIGITS}}}"
    if settings.thousands == ",":
        groups = rf"(?:{groups}|\d{{1,2}}(?:,\d{{2}})+,\d{{3}})"
    any_tail = "0+" if whole else rf"(?:\d+|[{DASHES}]{{0,2}})"
    declared = not whole or settings.decimal == "," or settings.unit_decimals == 3
    tail = any_tail if declared else "(?:0{1,2}|0{4,})"
    ways = [rf"{plain}(?:{mark}{tail})?"]
    if not whole:
        ways.append(rf"{mark}\d+")
    if thousands:
        ways.append(rf"{groups}(?:{mark}{any_tail})?")
    return re.compile("|".join(ways), re.ASCII)


SIGNED = re.compile(
    r"(?P<sign>[+-]?) ?(?P<number>[^-+()]+?)(?P<behind> ?-)?|\((?P<owed>[^-+()]+)\)"
)


def _number(text: str, pattern: re.Pattern[str], settings: Sales) -> float:
    """Return a number, NaN where `text` is none.

    A minus may stand before it, behind it as SAP writes it, or be the brackets of accountants.
    """
    if settings.thousands != "'":
        text = text.removeprefix("'")  # by which a spreadsheet tells a text from a number
    if pattern.fullmatch(text):
        return _value(text, settings)
    found = SIGNED.fullmatch(MINUS.sub("-", text).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    if not found or (found["sign"] and found["behind"]):
        return float("nan")
    number = found["number"] or found["owed"]
    if not pattern.fullmatch(number):
        return float("nan")
    negative = found["sign"] == "-" or found["behind"] or found["owed"]
    return _value(number, settings) * (-1 if negative else 1)


def _value(number: str, settings: Sales) -> float:
    plain = number.replace(settings.thousands, "") if settings.thousands else number
    value = float(plain.rstrip(DASHES).replace(settings.decimal, "."))
    return value if value < 10**MAX_DIGITS else float("nan")


def _days(texts: pd.Series, settings: Sales) -> pd.Series:
    """Return the business's calendar day of each date, NaT where it cannot be told."""
    pattern = settings.date_format
    if settings.zones:
        names = "|".join(map(re.escape, sorted(settings.zones, key=len, reverse=True)))
        zone = re.compile(rf"\b(?:{names})\b")
        texts = _each(texts, lambda text: zone.sub(lambda m: settings.zones[m[0]], text))
        pattern = pattern.replace("%Z", "%z")
    if "%b" in pattern.lower():
        texts = _each(texts, lambda text: english_months(text, pattern))
    if settings.business_zone == LOCAL and "%z" in pattern:
        return _each(texts, lambda text: _own_day(text, pattern), "datetime64[ms]")
    moments = _parse(texts, pattern, utc="%z" in pattern)
    if settings.zone:  # an hour that a clock change repeats or skips is no certain instant
        moments = moments.dt.tz_localize(settings.zone, ambiguous="NaT", nonexistent="NaT")
    if settings.business_zone and settings.business_zone != LOCAL:
        moments = moments.dt.tz_convert(settings.business_zone).dt.tz_localize(None)
    return moments.dt.normalize().astype("datetime64[ms]")


def _own_day(text: str, pattern: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, pattern).date()
    except ValueError:
        return None


def _parse(texts: pd.Series, pattern: str, utc: bool = False) -> pd.Series:
    codes, distinct = pd.factorize(texts)
    strings = pd.Series(distinct, dtype=object)
    if pattern in (EXCEL, UNIX):
        read = (from_serials if pattern == EXCEL else from_unix)(strings)
        return read.take(codes).set_axis(texts.index)
    strings, pattern = with_day(strings, pattern)
    if pattern == "%Y-%m-%d":  # strptime takes 2022-1-5 and Arabic digits too
        strings = strings.where(strings.str.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "")
    read = pd.to_datetime(strings, format=pattern, errors="coerce", utc=utc)
    return read.take(codes).set_axis(texts.index)
