"""What a file looks like before anybody has said how to read it: guesses, for a person to judge.

Nothing here is used to read a ledger; what counts stands in params.yaml.
"""

import csv
import datetime as dt
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bestseller.params import preset, preset_names
from bestseller.sales.dates import english_months
from bestseller.sales.foreign import MARKS, is_wide
from bestseller.sales.header import NEEDED, column_named, tidy_name
from bestseller.sales.lines import Records
from bestseller.sales.read import SEPARATOR
from bestseller.sales.values import MINUS

DELIMITERS = (",", ";", "\t", "|")
LINES = 200  # looked at
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "%m/%d/%y",
    "%d/%m/%y",
    "%b-%d-%y",
    "%Y%m%d",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S.%f%z",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%y",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y",
    "%d. %B %Y",
    "%d %B %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d, %Y %I:%M %p",
)
# Days counted since 1899 and seconds since 1970, of the years 2000 to 2049.
SERIAL, SECONDS = (
    re.compile(r"(3[7-9]|4\d|5[0-4])\d{3}([.,]\d+)?"),
    re.compile(r"(9|1\d|2[0-4])\d{8}(\d{3})?"),
)
TOTALS = re.compile(
    r"(grand |sub)?total(s|e|en)?\b.*|(zwischen|gesamt)?summen?\b.*|gesamt\b.*|sum\b.*|somme\b.*|"
    r"totaal\b.*|suma\b.*|summa\b.*|合計.*|итого.*",
    re.IGNORECASE,
)
# What others call our columns, in lower case.
NAMES = {
    "sku": ("sku", "artikelnummer", "artikelnr", "artikel-nr.", "material", "item sku", "item_sku",
            "product code", "référence", "reference", "codice", "artikel", "seller-sku", "article"),
    "date": ("date", "datum", "order date", "order_date", "created_at", "created at", "sale date",
             "bestelldatum", "fecha", "data", "day", "purchase-date", "order date/time"),
    "units": ("units", "quantity", "qty", "menge", "anzahl", "stück", "quantité", "cantidad",
              "quantità", "item_quantity", "qty_ordered", "units sold", "items sold"),
}  # fmt: skip


@dataclass
class Guess:
    """What a file looks like.

    Attributes:
        settings: of the section sales, as they would be declared; what is not told is left out.
        header: number of the line that looks like the header.
        columns: its cells.
        presets: those whose needed columns are all there, the most telling first.
        doubts: what a person must decide, one line each.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    header: int = 1
    columns: list[str] = field(default_factory=list)
    presets: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


def guess_encoding(data: bytes) -> str:
    """Return a codec that reads the whole file: its mark's, UTF-8, else Windows' western one."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    if is_wide(data[:256]):
        return "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    for encoding in ("utf-8", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def guess_text(text: str) -> Guess:
    """Guess how a text is to be read."""
    first = text[: text.find("\n") + 1]
    mark = SEPARATOR.fullmatch(first)
    lines = io.StringIO(text, newline="").readlines()[:LINES]
    delimiter = mark[1] if mark else max(DELIMITERS, key=lambda d: _evenness(lines, d))
    quoting, problems = "standard", _problems(lines, delimiter, quoted=True)
    if problems and not _problems(lines, delimiter, quoted=False):
        quoting = "none"
    records = [
        (line, cells)
        for line, cells, problem in Records(iter(lines), delimiter, quoting == "standard", 1)
        if not problem
    ]
    guess = guess_rows(records)
    given = {"delimiter": delimiter, "quoting": quoting}
    skipped = guess.header - 1
    if skipped and not (mark and skipped == 1):
        given["skip_lines"] = skipped
    guess.settings = given | guess.settings
    if quoting == "standard" and problems:
        guess.doubts.append(
            f"line {problems[0][0]}: {problems[0][1]}: with quoting none other rows do not fit"
        )
    return guess


def guess_rows(records: Sequence[tuple[int, list[str]]]) -> Guess:
    """Guess the header, the columns and their formats from rows of cells."""
    filled = [(line, cells) for line, cells in records if any(map(str.strip, cells))]
    if not filled:
        return Guess(doubts=["no line holds anything"])
    widths = Counter(len(cells) for _, cells in filled)
    usual = max(widths, key=lambda width: (width > 1, widths[width]))
    ways = (
        lambda cells: bool(matching_presets(cells)),
        lambda cells: len(cells) == usual and _is_header(cells),
        lambda cells: True,
    )
    at = next(i for way in ways for i, (_, cells) in enumerate(filled) if way(_stripped(cells)))
    guess = Guess(header=filled[at][0], columns=_stripped(filled[at][1]))
    rows = [cells for _, cells in filled[at + 1 :] if len(cells) == len(guess.columns)]
    guess.presets = matching_presets(guess.columns)
    twice = [name for name, n in Counter(guess.columns).items() if name and n > 1]
    if twice:
        guess.doubts.append(f"two columns are named {', '.join(twice)}: rename one of each")
    if guess.presets:
        guess.settings["preset"] = guess.presets[0]
        return guess
    found = {ours: _named(guess.columns, names) for ours, names in NAMES.items()}
    guess.settings["columns"] = {ours: name or "?" for ours, name in found.items()}
    guess.doubts += [
        f"which column holds {ours}? set sales.columns.{ours}" for ours in found if not found[ours]
    ]
    _guess_totals(guess, filled[at + 1 :])
    if found["date"]:
        _guess_dates(guess, _samples(guess.columns, rows, found["date"]))
    if found["units"]:
        _guess_marks(guess, rows, found["units"])
    return guess


def matching_presets(columns: Iterable[str]) -> list[str]:
    """Return the presets that call columns otherwise than plain does and find them all here."""
    columns = list(columns)
    plain = _shapes()["plain"]["columns"]
    found = []
    for name, shape in _shapes().items():
        wanted = {ours: theirs for ours, theirs in shape["columns"].items() if theirs}
        others = [*shape["fill_down"], *shape["not_counted"]]
        differing = [w for ours, w in wanted.items() if w != plain[ours]]
        needed = [
            theirs
            for ours, theirs in wanted.items()
            if not theirs.endswith("?") and (ours in NEEDED or theirs != ours)
        ] + [other for other in others if not other.endswith("?")]
        if differing and all(column_named(columns, column) for column in needed):
            found.append((-len(needed), name))
    return [name for _, name in sorted(found)]


@cache
def _shapes() -> dict[str, dict[str, Any]]:
    return {name: preset(name) for name in preset_names()}


def _stripped(cells: Iterable[str]) -> list[str]:
    return [tidy_name(cell) for cell in cells]


def _evenness(lines: Sequence[str], delimiter: str) -> float:
    """Return how many lines share the commonest number of cells, weighted by that number."""
    counts = Counter(
        len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines if line.strip()
    )
    width, times = max(counts.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
    return times * (width > 1) + width / 1000


def _problems(lines: Sequence[str], delimiter: str, *, quoted: bool) -> list[tuple[int, str]]:
    records = list(Records(iter(lines), delimiter, quoted, 1))
    if quoted:
        return [(line, problem) for line, _, problem in records if problem]
    usual = Counter(len(cells) for _, cells, _ in records).most_common(1)[0][0] if records else 0
    return [(line, "") for line, cells, _ in records if len(cells) > usual]


def _is_header(cells: Sequence[str]) -> bool:
    """Tell whether no cell is a number or a day, and most are filled."""
    filled = [cell for cell in cells if cell.strip()]
    return 2 * len(filled) > len(cells) and not any(
        re.fullmatch(r"[\s\d.,:/+-]+", cell) for cell in filled
    )


def _named(columns: Iterable[str], names: Sequence[str]) -> str:
    columns = list(columns)
    return next((found[0] for name in names if (found := column_named(columns, name))), "")


def _samples(columns: list[str], rows: Iterable[list[str]], name: str) -> list[str]:
    at = columns.index(name)
    return [text for cells in rows if (text := cells[at].strip())]


def _guess_totals(guess: Guess, rows: Iterable[tuple[int, list[str]]]) -> None:
    """Propose rows that are sums, told by their first filled cell."""
    firsts = [next(cell.strip() for cell in cells if cell.strip()) for _, cells in rows]
    sums = sorted({text for text in firsts if TOTALS.fullmatch(text)})
    if sums:
        guess.settings["totals"] = sums


def _guess_dates(guess: Guess, texts: list[str]) -> None:
    fitting = [f for f in DATE_FORMATS if texts and all(_is_date(text, f) for text in texts)]
    if texts and all(map(SERIAL.fullmatch, texts)):
        fitting = ["excel"]
    elif texts and all(map(SECONDS.fullmatch, texts)):
        guess.settings |= {"zone": "UTC", "business_zone": "UTC"}
        guess.doubts.append("whose calendar days count? set business_zone to the shop's zone")
        fitting = ["unix"]
    if not fitting:
        guess.doubts.append(f"no usual format fits dates such as {texts[:1]}: set date_format")
        return
    guess.settings["date_format"] = fitting[0]
    if "%z" in fitting[0]:
        guess.settings["business_zone"] = "local"
    if len(fitting) > 1:
        guess.doubts.append(f"dates such as {texts[0]} fit {' and '.join(fitting)}: which is it?")


def _plain(text: str) -> str:
    return MINUS.sub("-", text)


def _is_date(text: str, pattern: str) -> bool:
    try:
        dt.datetime.strptime(english_months(text, pattern), pattern)
    except ValueError:
        return False
    return True


def _guess_marks(guess: Guess, rows: list[list[str]], name: str) -> None:
    for text in map(_plain, _samples(guess.columns, rows, name)):
        if re.fullmatch(r"-?\d{1,3}(\.\d{3})+(,\d+)?-?|-?\d+,\d+-?", text):
            guess.settings |= {"decimal": ",", "thousands": "."}
            guess.doubts.append(f"{text} is read with a decimal comma: is it?")
            return
        if re.fullmatch(r"-?\d{1,3}(,\d{3})+(\.\d+)?-?", text):
            guess.settings["thousands"] = ","
            return
        if re.fullmatch(r"-?\d{1,3}(['\u2019]\d{3})+(\.\d+)?-?", text):
            guess.settings["thousands"] = "'"
            return
        if found := re.fullmatch(r"-?\d{1,3}(\s\d{3})+(?:([.,])\d+)?-?", text):
            guess.settings |= {"thousands": " ", "decimal": found[2] or ","}
            return
