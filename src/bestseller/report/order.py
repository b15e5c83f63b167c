"""The order of lines and designs wherever people read them."""

from bestseller.designs.design import Design
from bestseller.report.results import Results


def lines_by_units(results: Results) -> list[str]:
    """Return the lines with designs or products, the one that sold most first."""
    units = results.units_of_line
    lines = {*units, *results.designs_of_line.index, *results.counts["line"]}
    return sorted(map(str, lines), key=lambda line: (-units.get(line, 0), line))


def in_order(results: Results) -> list[Design]:
    """Return the designs by line, as `lines_by_units`, then the surest of the line first."""
    place = {line: i for i, line in enumerate(lines_by_units(results))}
    return sorted(results.designs, key=lambda d: (place[d.record["line"]], -d.record["score_low"]))
