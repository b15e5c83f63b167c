"""The line sheet: the designs twelve a page, to be printed and carried into a meeting."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from bestseller.base.files import atomic_path
from bestseller.designs.design import Design
from bestseller.report.order import in_order
from bestseller.report.prices import Bands, likely_price
from bestseller.report.results import Results
from bestseller.report.words import times

COLUMNS, ROWS = 3, 4
A4 = (8.27, 11.69)  # inches
LONGEST = 42  # characters of a line under a picture
CUT = "\N{HORIZONTAL ELLIPSIS}"  # in the place of what does not fit


def write_line_sheet(path: Path, results: Results) -> None:
    """Write the designs, line by line, as pages of A4 in a PDF; without designs one empty page."""
    bands = Bands.of(results.prices, results.params.report.price_bands)
    designs, size = in_order(results), COLUMNS * ROWS
    pages = [designs[at : at + size] for at in range(0, max(len(designs), 1), size)]
    title = results.params.report.title
    with (
        atomic_path(path) as temporary,
        PdfPages(temporary, metadata={"Title": title, "CreationDate": None}) as book,
    ):
        for number, page in enumerate(pages, start=1):
            book.savefig(_page(page, bands, f"{title}: {number} of {len(pages)}"))


def _page(designs: Sequence[Design], bands: Bands, title: str) -> Figure:
    figure = Figure(figsize=A4, layout=None)
    figure.text(0.06, 0.975, _plain(title), fontsize=9, va="top", color="0.3")
    figure.text(0.94, 0.975, "Drawn by a machine; no products", fontsize=9, va="top", ha="right")
    for place, design in enumerate(designs):
        row, column = divmod(place, COLUMNS)
        left, bottom = 0.06 + 0.3 * column, 0.79 - 0.235 * row
        axes: Any = figure.add_axes((left, bottom, 0.28, 0.16))
        axes.imshow(design.image, interpolation="bicubic")
        axes.axis("off")
        for step, (text, size) in enumerate(words(design.record, bands)):
            at = bottom - 0.006 - 0.0125 * step
            figure.text(left + 0.14, at, _plain(text), fontsize=size, ha="center", va="top")
    return figure


def words(record: dict[str, Any], bands: Bands) -> list[tuple[str, float]]:
    price = likely_price(record["best_sellers"])
    sells = f"sells at least {times(record['score_low'])} its line's average"
    told = [(f"{record['line']} {record['rank']}", 9.0), (sells, 7.0)]
    if price is not None:
        told.append((f"about {bands.written(price)}", 7.0))
    if record["best_sellers"]:
        like = wrap(
            f"like {record['best_sellers'][0]['name']}", LONGEST, max_lines=2, placeholder=CUT
        )
        told += [(line, 6.0) for line in like]
    return told


def _plain(text: str) -> str:
    """Shorten a text, and keep its dollar signs from being read as mathematics."""
    cut = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}{CUT}"
    return cut.replace("$", r"\$")
