"""Where each design comes from: what the merchandiser's page leaves out, for the engineer."""

from collections.abc import Mapping
from typing import Any

from bestseller.report.results import Results
from bestseller.report.tables import Cell, Table
from bestseller.report.words import DASH, count, model_label, number, percent, times

HASH = 16  # digits of a weights' hash


def searched(record: Mapping[str, Any]) -> str:
    """Say how a searched design came from the drawn one that the latent's number names."""
    steps = record.get("search", {}).get("steps", 0)
    return f"and {count(steps, 'step')} of the search; its latent is in its file" if steps else ""


def origins_table(results: Results) -> Table:
    """Return a row per design: its name on the other page, its measures, how to make it again."""
    rows = []
    for design in results.designs:
        record = design.record
        training = record["training"]
        similarity = record["similarity"]
        ends = f"{times(record['score_low'])} to {times(record['score_high'])}"
        near = f"{training['sku']}, distance {number(training['distance'], 3)}"
        rows.append(
            [
                Cell(f"{record['line']} {record['rank']}"),
                Cell(record["id"]),
                Cell(times(record["score"]), ends),
                Cell(DASH if similarity is None else percent(similarity)),
                Cell(f"{record['novelty']}, {number(training['percentile'], 3)}", near),
                Cell(number(record["picture"], 2)),
                Cell(model_label(record["model"]), record["model_hash"][:HASH]),
                Cell(f"seed {record['seed']}, number {record['latent_index']}", searched(record)),
            ]
        )
    columns = ["Design", "File", "Score", "Similarity", "Novelty, percentile"]
    columns += ["Picture (1 = floor)", "Model, weights", "Latent"]
    return Table(
        "The designs: the score with its interval, the similarity to the line, the distance to the "
        "nearest training image as a percentile of the distances between real designs, and what "
        "makes each again.",
        columns,
        rows,
    )
