"""Show the experiments in a table of 100 columns: the nearest model, its numbers, what was set.

`dvc exp show` has all columns, of every setting and file; this shows the settings that differ.
"""

import csv
import io
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.params import PARAMS_FILE, Params, read_yaml
from bestseller.retraining.repository import DVC
from bestseller.tracking.record import flatten
from stages import run

SUMMARY = Path("metrics/summary.json")
WIDTH, NAME, MODEL, NUMBER = 100, 22, 17, 10  # characters
SHORT = {"near_copy_rate": "copies", "similarity": "similar"}  # headings that fit
LONGEST = 60  # characters of one setting's value
Row = Mapping[str, str]


def main(params: Params) -> None:
    """Print the table."""
    metrics = list(read_json(SUMMARY, "dvc repro compare"))
    shown = [*DVC, "exp", "show", "--csv"]
    done = subprocess.run(shown, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BestsellerError(f"`dvc exp show`: {done.stderr.strip()}")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    print("\n".join(table(rows, metrics, list(flatten(read_yaml(PARAMS_FILE))))))
    print("All columns: dvc exp show. All numbers: metrics/models.csv, metrics/comparison.json.")


def table(rows: Sequence[Row], metrics: Sequence[str], settings: Sequence[str]) -> list[str]:
    """Return the table's lines, of at most `WIDTH` characters.

    Args:
        rows: of `dvc exp show --csv`, a column for each metric and setting; the first is the
            workspace.
        metrics: names of the metrics; those whose name ends in ``model`` are text.
        settings: names of the settings.
    """
    numbers = [name for name in metrics if not name.endswith("model")]
    head = f"{'experiment':{NAME}} {'nearest model':{MODEL}}"
    lines = [head + "".join(f"{_heading(name):>{NUMBER}}" for name in numbers)]
    differ = [name for name in settings if len({row.get(name, "") for row in rows}) > 1]
    for row in rows:
        depth = 0 if not row.get("Experiment") else 2
        name = " " * depth + (row.get("Experiment") or row.get("rev", ""))
        model = row.get("nearest_model") or row.get("State", "")
        cells = "".join(f"{_number(row.get(metric, '')):>{NUMBER}}" for metric in numbers)
        lines.append(f"{name[:NAME]:{NAME}} {model[:MODEL]:{MODEL}}{cells}".rstrip())
        changed = [f"{name}={_short(row.get(name, ''))}" for name in differ]
        indent = " " * (depth + 2)
        lines += textwrap.wrap(
            "  ".join(changed), WIDTH, initial_indent=indent, subsequent_indent=indent
        )
    return lines


def _heading(metric: str) -> str:
    """Return a metric's first word, which tells the metrics of the summary apart."""
    return SHORT.get(metric, metric.partition("_")[0][: NUMBER - 1])


def _number(text: str) -> str:
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return "-"


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"


if __name__ == "__main__":
    run(main)
