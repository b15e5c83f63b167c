"""The designs as a table that other tools read: tab-separated, with the names of a product feed.

The names are those of Google's product data specification, whose ``structured_title`` says that a
machine made what it describes.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

FEED = "feed.tsv"
MADE_BY_MACHINE = "trained_algorithmic_media"  # value of digital_source_type
COLUMNS = ["id", "structured_title", "structured_description", "image_link", "availability"]
COLUMNS += ["price", "product_type", "custom_label_0", "custom_label_1", "custom_label_2"]
COLUMNS += ["custom_number_0", "custom_number_1", "custom_number_2"]


def write_feed(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Write a row per design.

    image_link is the file beside the table; availability is ``preorder``, since nothing can be
    bought; price is the median of the best sellers most like it, empty where unknown;
    custom_label_0 names the nearest of them, 1 the parents of a blend, 2 how it departs from its
    line; custom_number_0 is the lower end of the score, 1 the score, 2 its rank in the line.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        for record in records:
            cells = _row(record)
            writer.writerow({name: " ".join(str(value).split()) for name, value in cells.items()})


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    sellers = record["best_sellers"]
    priced = [seller for seller in sellers if "price" in seller]
    looks = ", ".join(part["word"] for part in record["departs"]["line"])
    told = f"A concept for the line {record['line']}" + (f"; {looks}" if looks else "")
    price = f"{median(s['price'] for s in priced):.2f} {priced[0]['currency']}" if priced else ""
    return {
        "id": record["id"],
        "structured_title": f"{MADE_BY_MACHINE}:{record['line']} {record['rank']}",
        "structured_description": f"{MADE_BY_MACHINE}:{told}",
        "image_link": f"{record['id']}.png",
        "availability": "preorder",
        "price": price,
        "product_type": record["line"],
        "custom_label_0": sellers[0]["sku"] if sellers else "",
        "custom_label_1": " ".join(parent["sku"] for parent in record.get("parents", [])),
        "custom_label_2": looks,
        "custom_number_0": record["score_low"],
        "custom_number_1": record["score"],
        "custom_number_2": record["rank"],
    }
