"""Dates as shops write them beyond strptime: months in other languages, and days as numbers."""

import re
import unicodedata
from calendar import month_abbr, month_name

import pandas as pd

UNIX = "unix"  # a date format: seconds since 1970 in UTC, or milliseconds where it has 13 digits
UNIX_TIME = re.compile(r"\d{9,10}|\d{13}", re.ASCII)
FIRST_MONTHS = {str(quarter): 3 * quarter - 2 for quarter in range(1, 5)}
EXCEL = "excel"  # a date format: days since 30 December 1899, as spreadsheets keep a date
EPOCH = pd.Timestamp("1899-12-30")
FIRST_SERIAL, LAST_SERIAL = 61, 2_958_465  # 1 March 1900, before which Excel counts a wrong day
SERIAL = re.compile(r"\d{2,7}(?:[.,]\d+)?", re.ASCII)
WORD = re.compile(r"[^\W\d_]+\.?")

# January to December in English, German, French, Spanish, Italian, Dutch, Portuguese and
# Scandinavian languages. No name is that of two months.
NAMES = (
    "january jan januar jänner jän janvier janv enero ene gennaio gen januari janeiro",
    "february feb februar feber février févr fév febrero febbraio februari fevereiro fev",
    "march mar märz mär mrz mars marzo maart mrt março marts",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag mei maio maj",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug août agosto ago augustus augusti",
    "september sep sept septembre septiembre setiembre set settembre setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro",
)
MONTHS = {
    unicodedata.normalize("NFKC", name): number
    for number, names in enumerate(NAMES, start=1)
    for name in names.split()
}


def english_months(text: str, pattern: str) -> str:
    """Return a date with the name of its month as strptime's %b or %B knows it.

    A pattern without these, or with the name of a weekday, leaves it as it is: "mar" is a Tuesday
    too.
    """
    names = month_name if "%B" in pattern else month_abbr if "%b" in pattern else None
    if names is None or "%a" in pattern.lower():
        return text
    dotted = "%b." in pattern.replace("%B", "%b")

    def english(found: re.Match[str]) -> str:
        word = found[0].rstrip(".")
        number = MONTHS.get(word.casefold())
        if number is None:
            return found[0]
        return names[number] + (found[0][len(word) :] if dotted else "")

    return WORD.sub(english, text)


def from_unix(texts: pd.Series) -> pd.Series:
    """Return the instants of Unix times, without a zone (they are UTC's), NaT where none is."""
    numbers = pd.to_numeric(texts.where(texts.str.fullmatch(UNIX_TIME), ""), errors="coerce")
    return pd.to_datetime(numbers.where(numbers < 10**12, numbers / 1000).round(), unit="s")


def with_day(texts: pd.Series, pattern: str) -> tuple[pd.Series, str]:
    """Return dates of whole weeks or quarters, and their pattern, as strptime takes them.

    A week without a day (%V and no weekday) is its Monday; %q, which is not strptime's, is a
    quarter and means its first month.
    """
    if "%V" in pattern and not re.search("%[aAuw]", pattern):
        return texts + " 1", f"{pattern} %u"
    if "%q" not in pattern:
        return texts, pattern
    before, _, behind = pattern.partition("%q")
    form = re.compile(f"({_loosely(before)})([1-4])({_loosely(behind)})")

    def first_month(text: str) -> str:
        found = form.fullmatch(text)
        return f"{found[1]}{FIRST_MONTHS[found[2]]:02d}{found[3]}" if found else ""

    return texts.map(first_month), f"{before}%m{behind}"


def _loosely(pattern: str) -> str:
    """Return a regular expression of the texts that a part of a pattern may stand for."""
    return "".join(
        r"\d+" if part.startswith("%") else re.escape(part)
        for part in re.findall(r"%.|[^%]+", pattern)
    )


def from_serials(texts: pd.Series) -> pd.Series:
    """Return the instants of days counted as spreadsheets do, to the second, NaT where none is."""
    days = texts.where(texts.str.fullmatch(SERIAL), "").str.replace(",", ".")
    numbers = pd.to_numeric(days, errors="coerce")
    numbers = numbers.where(numbers.between(FIRST_SERIAL, LAST_SERIAL + 1, inclusive="left"))
    return EPOCH + pd.to_timedelta((numbers * 86_400).round(), unit="s")
