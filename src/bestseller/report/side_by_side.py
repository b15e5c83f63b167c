"""Real photos, designs and samples of a line side by side, all at the same size."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bestseller.evaluation.sheets import labelled_rows
from bestseller.report.pictures import EmbeddedPicture, figure
from bestseller.report.results import Results
from bestseller.report.words import model_label

COLUMNS = 8  # images in a row
MOST_LINES = 6  # lines shown, those with the most units sold


@dataclass(frozen=True)
class LineSheet:
    """A line's name and its picture: a row of real photos, then of designs, then of each model."""

    line: str
    picture: EmbeddedPicture


def line_sheets(results: Results) -> list[LineSheet]:
    """Return a sheet for each of the lines that sell most, of those that some model made.

    The photos are those of the line's best sellers.
    """
    made = Counter(line for of_model in results.made.values() for line in of_model)
    units = results.ledger.groupby("line")["units"].sum().sort_values(ascending=False)
    lines = [str(line) for line in units.index if made[str(line)]][:MOST_LINES]
    return [LineSheet(line, _sheet(results, line)) for line in lines]


def _sheet(results: Results, line: str) -> EmbeddedPicture:
    designs = [design.image for design in results.designs if design.record["line"] == line]
    rows = [("real photos", _photos(results, line))]
    if designs:
        rows.append(("designs", np.stack(designs)[:COLUMNS]))
    rows += [
        (model_label(name), of_model[line][:COLUMNS])
        for name, of_model in results.made.items()
        if line in of_model
    ]
    alt = f"{line}: real photos of its best sellers, designs, and samples of each model, a row each"
    return figure(labelled_rows(rows), alt)


def _photos(results: Results, line: str) -> np.ndarray:
    shown = results.images.of_main_view()
    sold: pd.Series = results.ledger.groupby("sku")["units"].sum()
    index = shown.index.reset_index(drop=True)
    of_line = index[index["line"] == line]
    ordered = of_line.assign(units=of_line["sku"].map(sold).fillna(0))
    rows = ordered.sort_values("units", ascending=False, kind="stable").index[:COLUMNS]
    return np.asarray(shown.images)[rows.to_numpy()]
