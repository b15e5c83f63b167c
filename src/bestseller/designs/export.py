"""Designs as files: PNG with the mark of synthetic media, JSON evidence, a spreadsheet."""

import csv
import json
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bestseller.base.files import read_json, require, write_json
from bestseller.designs.design import NEAREST, SOURCE_TYPE, Choice, Design
from bestseller.designs.feed import FEED, write_feed

SHORTLIST, LINES, KEPT = "shortlist.csv", "lines.json", "kept.json"
MADE_BY = "dvc repro shortlist"
PNG_TEXTS = ("id", "line", "model", "model_hash", "seed", "latent_index", "truncation", "parents")

XMP_KEYWORD = "XML:com.adobe.xmp"  # of the PNG text chunk that holds XMP
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def write_choice(folder: Path, choice: Choice) -> None:
    """Write ``<id>.png`` and ``<id>.json`` per design, and the tables of all of them.

    These are ``shortlist.csv``, ``feed.tsv`` and ``lines.json``.

    Args:
        folder: an existing or new folder.
        choice: the designs, and the counts of each line, which become lines.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for design in choice.designs:
        write_png(folder / f"{design.record['id']}.png", design.image, design.record)
        write_json(folder / f"{design.record['id']}.json", design.record)
    records = [design.record for design in choice.designs]
    write_spreadsheet(folder / SHORTLIST, records)
    write_feed(folder / FEED, records)
    write_json(folder / LINES, choice.counts.to_dict("records"))


def read_choice(folder: Path) -> Choice:
    """Read what `write_choice` wrote; designs by line, then rank.

    Raises:
        BestsellerError: the folder or a part of it is missing.
    """
    counts = pd.DataFrame(read_json(folder / LINES, MADE_BY))
    records = [read_json(path) for path in folder.glob("?" * 12 + ".json")]
    records.sort(key=lambda record: (record["line"], record["rank"]))
    paths = [require(folder / f"{record['id']}.png", MADE_BY) for record in records]
    images = [np.asarray(Image.open(path)) for path in paths]
    return Choice([Design(i, r) for i, r in zip(images, records, strict=True)], counts)


def write_png(path: Path | BinaryIO, image: np.ndarray, record: Mapping[str, Any]) -> None:
    """Write an image at its native size with its origin in text chunks and the mark in XMP.

    Args:
        path: of the PNG file, or the file itself.
        image: uint8 S x S x 3.
        record: whose entries of `PNG_TEXTS` are written, those it has.
    """
    info = PngInfo()
    for key in PNG_TEXTS:
        if key in record:
            value = record[key]
            told = json.dumps(value) if isinstance(value, list) else str(value)
            info.add_itxt(key, told)
    info.add_itxt(XMP_KEYWORD, XMP)
    Image.fromarray(image).save(path, "PNG", pnginfo=info, optimize=True)


def write_spreadsheet(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write a row per design that Excel and LibreOffice open as text and numbers, no formulas.

    The byte order mark tells Excel that the text is UTF-8.
    """
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS)
        writer.writeheader()
        for record in records:
            writer.writerow({key: defused(value) for key, value in _row(record).items()})


def defused(value: object) -> object:
    """Put an apostrophe before text that a spreadsheet would take for a formula.

    Full-width signs count too, since some spreadsheets read them as the ASCII ones.
    """
    if isinstance(value, str) and value:
        first = unicodedata.normalize("NFKC", value.lstrip(" "))[:1]
        if first in FORMULA_STARTS:
            return f"'{value}"
    return value


ORIGIN = ["model", "seed", "latent_index", "model_hash"]
WORTH, BEYOND, STEPS = "score_worth", "beyond_seen", "search_steps"
DEPARTS, FEEDBACK = "departs_from_line", ["verdict", "note"]  # the latter are a person's to fill in
COLUMNS = [
    *("file", "line", "rank", "score", "score_low", "score_high", "similarity", "novelty"),
    *("picture_score", BEYOND),
    *("nearest_training", "nearest_training_distance", "nearest_training_percentile"),
    *(f"best_seller_{i}{end}" for i in range(1, NEAREST + 1) for end in ("", "_units")),
    *(f"parent_{i}{end}" for i in (1, 2) for end in ("", "_share", "_units")),
    *ORIGIN,
    STEPS,
    WORTH,
    DEPARTS,
    *FEEDBACK,
]


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of one design.

    A product is its sku with its name, a design its file: alone, a spreadsheet would take a sku
    of digits or an id such as 12e456789012 for a number and drop its zeros.
    """
    training = record["training"]
    row = {key: record[key] for key in (*COLUMNS[1:8], *ORIGIN, WORTH)} | {
        "file": f"{record['id']}.png",
        "picture_score": record["picture_score"],
        BEYOND: "yes" if record[BEYOND] else "no",
        STEPS: record.get("search", {}).get("steps", 0),
        DEPARTS: ", ".join(part["word"] for part in record["departs"]["line"]),
        "nearest_training": _named(training),
        "nearest_training_distance": training["distance"],
        "nearest_training_percentile": training["percentile"],
    }
    for i, seller in enumerate(record["best_sellers"], start=1):
        row |= {f"best_seller_{i}": _named(seller), f"best_seller_{i}_units": seller["units"]}
    for i, parent in enumerate(record.get("parents", []), start=1):
        row |= {f"parent_{i}": _named(parent)}
        row |= {f"parent_{i}_{key}": parent[key] for key in ("share", "units")}
    return row


def _named(product: Mapping[str, Any]) -> str:
    return f"{product['sku']} {product['name']}"
