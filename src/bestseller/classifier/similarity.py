"""The similarity table: the similarity of the images made for a line to its best sellers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.metrics.statistics import Interval, mean_interval

# The published comparison of three GANs on the reference catalogue: 100 x p(line | image) of a
# ResNet-50 on the 50 best sellers. It stands in the report beside what is measured here.
REPORTED_MODELS = ("dcgan", "pggan", "d2gan")
REPORTED_SIMILARITY: dict[str, tuple[float, float, float]] = {
    "Datejust": (55.39, 61.23, 71.24),
    "Lady-Datejust": (47.83, 59.12, 67.13),
    "Day-Date": (41.72, 51.21, 57.95),
    "Oyster Perpetual": (40.92, 44.10, 50.03),
    "Sky-Dweller": (41.11, 49.23, 54.22),
    "Cellini": (26.46, 25.30, 31.23),
    "Daytona": (56.33, 62.12, 70.00),
    "GMT-Master II": (52.69, 58.30, 64.59),
    "Submariner": (51.20, 57.64, 62.19),
    "Yacht-Master": (30.35, 31.20, 32.45),
    "Yacht-Master II": (31.35, 32.58, 34.31),
    "Explorer": (33.29, 34.22, 35.67),
    "Explorer II": (31.24, 32.44, 33.59),
    "Sea-Dweller": (41.26, 42.19, 49.10),
    "Deepsea": (39.09, 40.50, 43.33),
    "Air-King": (22.12, 21.85, 22.93),
}

COLUMNS = ["line", "similarity", "low", "high", "n"]


def reported_similarity() -> pd.DataFrame:
    """Return the published table: line, model, similarity (percent)."""
    rows = [
        (line, model, value)
        for line, values in REPORTED_SIMILARITY.items()
        for model, value in zip(REPORTED_MODELS, values, strict=True)
    ]
    return pd.DataFrame(rows, columns=["line", "model", "similarity"])


def image_similarity(
    probabilities: NDArray[np.float64],
    lines_of_images: Sequence[str],
    classifier_lines: Sequence[str],
) -> NDArray[np.float64]:
    """Return 100 x p(line | image) for the line each image was made for, float64 N.

    NaN where the classifier does not know the line: no best seller of it has a training image.

    Args:
        probabilities: float64 N x L, a row per image.
        lines_of_images: N lines, one per image.
        classifier_lines: the L lines that the columns stand for.
    """
    column = {line: i for i, line in enumerate(classifier_lines)}
    columns = np.array([column.get(line, -1) for line in lines_of_images], dtype=np.int64)
    if len(columns) != len(probabilities):
        raise ValueError(f"{len(probabilities)} rows of probabilities for {len(columns)} lines")
    values = 100.0 * probabilities[np.arange(len(columns)), columns]
    return np.where(columns >= 0, values, np.nan)


def similarity_table(
    probabilities: NDArray[np.float64],
    lines_of_images: Sequence[str],
    classifier_lines: Sequence[str],
    confidence: float,
) -> pd.DataFrame:
    """Return the similarity of the images made for each line, with an interval.

    Similarity of one image = 100 x p(line | image); of a line = the mean over its images, with a
    Student t interval (NaN for a single image). The same table with the sales prior divided out
    comes from the probabilities of `Classifier.probabilities(images, prior=False)`.

    Args:
        probabilities: float64 N x L, calibrated, a row per image.
        lines_of_images: N lines, the one each image was made for.
        classifier_lines: the L lines that the columns stand for.
        confidence: of the interval, such as 0.95.

    Returns:
        line (sorted), similarity, low, high (percent, 0..100), n (images). A line unknown to the
        classifier keeps its row, with NaN and n = 0.
    """
    values = image_similarity(probabilities, lines_of_images, classifier_lines)
    of_line = np.asarray(lines_of_images, dtype=object)
    unknown = float("nan")
    rows: list[tuple[str, float, float, float, int]] = []
    for line in sorted(set(lines_of_images)):
        chosen = values[of_line == line]
        if np.isnan(chosen).any():
            rows.append((line, unknown, unknown, unknown, 0))
        elif len(chosen) == 1:
            rows.append((line, float(chosen[0]), unknown, unknown, 1))
        else:
            rows.append((line, *_in_percent(mean_interval(chosen, confidence)), len(chosen)))
    return pd.DataFrame(rows, columns=COLUMNS)


def unknown_similarity(lines_of_images: Sequence[str]) -> pd.DataFrame:
    """Return what `similarity_table` is where there is no classifier that knows a line."""
    unknown = float("nan")
    rows = [(line, unknown, unknown, unknown, 0) for line in sorted(set(lines_of_images))]
    return pd.DataFrame(rows, columns=COLUMNS)


def _in_percent(interval: Interval) -> tuple[float, float, float]:
    """Cut the ends of an interval of percentages to 0..100."""
    return interval.value, max(interval.low, 0.0), min(interval.high, 100.0)
