"""The merchandiser's page: pictures first, then everything to judge, plan and take along."""

from collections.abc import Mapping, Sequence
from itertools import product, zip_longest
from statistics import NormalDist
from typing import Any

from bestseller.designs.design import Design
from bestseller.designs.export import XMP
from bestseller.designs.sharing import POWER
from bestseller.report import plain
from bestseller.report.changes import changes
from bestseller.report.explained import explained
from bestseller.report.order import in_order, lines_by_units
from bestseller.report.pictures import encode_array
from bestseller.report.plan import plan_rows, total_row
from bestseller.report.prices import UNKNOWN, Bands, likely_price, prices_by_line
from bestseller.report.promised import promised
from bestseller.report.results import Results
from bestseller.report.shell import asset, fill, scripts
from bestseller.report.thumbnails import Thumbnails

FIRST = 6  # designs on the first screen
SCRIPTS = [
    f"script/{name}.js"
    for name in (
        *("state", "file", "gallery", "promise", "verdicts", "viewer", "plan", "blind", "keys"),
    )
]
STYLES = [f"style/{name}.css" for name in ("base", "cards", "tools", "dialogs", "print")]
BEFORE = {"same": "kept before", "like": "like one kept before"}  # on the card of a design
WHAT_BECAME = {
    "same": "is in the list again",
    "like": "a design like it is in the list",
    "gone": "nothing like it came up this time",
}


def render(results: Results) -> str:
    """Return the page as HTML; see `shell.fill`."""
    thumbnails = Thumbnails(results)
    bands = Bands.of(results.prices, results.params.report.price_bands)
    order = lines_by_units(results)
    before = {row["design"]: BEFORE[row["now"]] for row in results.kept if row["design"]}
    cards = [
        _card(design, thumbnails, bands, results)
        | {"place": place, "before": before.get(design.record["id"], "")}
        for place, design in enumerate(in_order(results))
    ]
    groups = _groups(results, cards, order, bands)
    kept = [{**row, "words": WHAT_BECAME[row["now"]]} for row in results.kept]
    moved = changes(results.history, results.params.compare.confidence)
    return fill(
        "page.html.j2",
        asset(*STYLES) + thumbnails.rules(),
        scripts(SCRIPTS),
        title=results.params.report.title,
        results=results,
        sentences=plain.sentences(results),
        not_shown=plain.not_shown(results),
        notices=plain.notices(results),
        said=plain.said(results),
        promised=promised(results),
        first=_first(groups),
        cards=cards,
        groups=[group for group in groups if not group["thin"]],
        thin=[group for group in groups if group["thin"]],
        bands=bands.names,
        plan=(planned := plan_rows(results, bands, order)),
        plan_total=total_row(planned),
        kept=kept,
        moved=moved.designs_told if moved else "",
        power=POWER[results.params.shortlist.sharing],
        z=NormalDist().inv_cdf((1 + results.params.compare.confidence) / 2),
        run=results.run,
    )


def _first(groups: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the designs of the first screen, those surely above their line's average first.

    Scores are comparable within a line only, so that no list of the highest of all is made: the
    lines take turns, the one that sells most first, each with its surest. Lines of few products,
    about which little is known, come last.
    """
    first: list[dict[str, Any]] = []
    for thin, sure in product((False, True), (True, False)):
        lines = [
            [card for card in group["cards"] if (card["score_low"] > 1) == sure]
            for group in groups
            if group["thin"] == thin
        ]
        first += [card for turn in zip_longest(*lines) for card in turn if card is not None]
    return _beside_sellers(first[:FIRST])


def _beside_sellers(cards: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each card the best seller that stands beside it, ``beside``; None without one.

    Of those most like the design it is one of its own line before others, one that stands beside
    no other design before one that does, then the nearest.
    """
    used: set[str] = set()
    found = []
    for card in cards:
        sellers = card["best_sellers"]
        order = sorted(sellers, key=lambda s: (s["line"] != card["line"], s["sku"] in used))
        beside = next(iter(order), None)
        used |= {beside["sku"]} if beside else set()
        found.append(card | {"beside": beside})
    return found


def _groups(
    results: Results, cards: Sequence[dict[str, Any]], order: Sequence[str], bands: Bands
) -> list[dict[str, Any]]:
    units, least = results.units_of_line, results.params.report.thin_line
    asked = prices_by_line(results)
    found = []
    for line in order:
        own = [card for card in cards if card["line"] == line]
        products = int(results.designs_of_line.get(line, 0))
        if own:
            sold = units.get(line, 0)
            found.append(
                {
                    "line": line,
                    "cards": own,
                    "units": sold,
                    "products": products,
                    "priced": bands.span(asked.get(line, [])),
                    "thin": products < least,
                }
            )
    return found


def _card(design: Design, thumbnails: Thumbnails, bands: Bands, results: Results) -> dict[str, Any]:
    record = design.record

    def shown(real: Mapping[str, Any]) -> dict[str, Any]:
        known = results.prices.get(str(real["sku"]))
        price = real.get("price", known.value if known else None)
        priced = "" if price is None else bands.written(price)
        return {**real, "thumb": thumbnails.css_class(real["sku"]), "priced": priced}

    price = likely_price(record["best_sellers"])
    training = record["training"]
    return (
        dict(record)
        | explained(design)
        | {
            "uri": encode_array(design.image, XMP),
            "size": design.image.shape[0],
            "best_sellers": [shown(seller) for seller in record["best_sellers"]],
            "parents": [shown(parent) for parent in record.get("parents", [])],
            "training": shown(training),
            "price": price,
            "priced": "" if price is None else bands.written(price),
            "band": bands.band(price) if bands.names else UNKNOWN,
            "newness": round(training["percentile"]),
        }
    )
