"""The metrics: a record for each, from which columns, tables and plots are derived.

A record says what the metric is and how it is computed. The name of its column, whether lower or
higher is better, its label and unit in tables and plots, and what is compared follow from it; a new
metric is a new record here, and nothing else.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bestseller.metrics.statistics import Estimate, Interval
from bestseller.metrics.yardstick import blur_equivalent

if TYPE_CHECKING:  # what it imports takes seconds, which a reader of names and labels is spared
    from bestseller.metrics.sample import Sample

Found = float | Estimate | Interval
Need = Literal["features", "classifier", "perceptual", "copies", "scorer"]
FID_IMAGES = 50_000  # the number of generated images that FID is defined with
PUBLISHED_SPACE = "inception_v3"  # in which some metrics have names of their own


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: first part of its column, lower_snake_case.
        label: in tables and plots.
        measures: one sentence.
        better: ``lower`` or ``higher``; empty where neither side is better.
        unit: of the number; empty = none.
        needs: what it is measured with: ``features`` of each metric space, the ``classifier``, the
            ``perceptual`` network, the ``copies`` test, the ``scorer``.
        compute: of a sample in one feature space; None where the measurement as a whole gives it.
        published: its name in Inception-v3's features, where publications have one; with
            `published_images` only from so many images on.
    """

    name: str
    label: str
    measures: str
    better: Literal["lower", "higher", ""] = ""
    unit: str = ""
    needs: Need = "features"
    compute: "Callable[[Sample], Found] | None" = None
    published: str = ""
    published_images: int = 0

    def column(self, space: str = "", images: int = FID_IMAGES) -> str:
        """Return the name of its column in a space, measured on so many images."""
        if space == PUBLISHED_SPACE and self.published and images >= self.published_images:
            return self.published
        return f"{self.name}_{space}" if space else self.name


METRICS: list[Metric] = [
    Metric(
        "kid",
        "KID",
        "Kernel distance to the held-out photos, on features of unit mean square.",
        "lower",
        compute=lambda sample: sample.kid.estimate,
        published="kid",
    ),
    Metric(
        "kid_ratio",
        "KID over real photos'",
        "KID over that of training photos to held-out ones, or its standard error if larger.",
        compute=lambda sample: sample.kid.estimate.value / sample.real.floor.value,
    ),
    Metric(
        "blur",
        "As far as real photos blurred by",
        "Gaussian blur at which held-out photos have the same KID; the largest blur of the ladder "
        "stands for anything beyond.",
        unit="px",
        compute=lambda s: blur_equivalent(s.kid, s.real.rungs, s.confidence),
    ),
    Metric(
        "similarity",
        "Similarity",
        "100 p(line | image) of the best-seller classifier, the mean over lines.",
        "higher",
        unit="%",
        needs="classifier",
    ),
    Metric(
        "mind",
        "MIND",
        "Sliced Wasserstein distance to the training photos, on features of unit mean square.",
        "lower",
        compute=lambda sample: sample.mind,
        published="mind",
    ),
    Metric(
        "lpips",
        "LPIPS",
        "Mean LPIPS distance between two images of the model.",
        "higher",
        needs="perceptual",
    ),
    Metric(
        "diversity",
        "Diversity",
        "Mean perceptual distance between two images of the model, every channel weighing alike.",
        "higher",
        needs="perceptual",
    ),
    Metric(
        "fd",
        "Frechet distance",
        "Frechet distance to the training photos, on features of unit mean square.",
        "lower",
        compute=lambda sample: sample.frechet[0],
        published="fid",
        published_images=FID_IMAGES,
    ),
    Metric(
        "fd_infinity",
        "Frechet distance, infinitely many images",
        "The Frechet distance extrapolated to infinitely many generated images.",
        compute=lambda sample: sample.frechet[1],
        published="fid_infinity",
        published_images=FID_IMAGES,
    ),
    Metric(
        "precision",
        "Precision",
        "Share of the images inside the neighbourhood of a training photo.",
        "higher",
        compute=lambda sample: sample.prdc.precision,
    ),
    Metric(
        "recall",
        "Recall",
        "Share of the training photos inside the neighbourhood of an image.",
        "higher",
        compute=lambda sample: sample.prdc.recall,
    ),
    Metric(
        "density",
        "Density",
        "Neighbourhoods of training photos that an image lies in, over their expected number.",
        "higher",
        compute=lambda sample: sample.prdc.density,
    ),
    Metric(
        "coverage",
        "Coverage",
        "Share of the training photos with an image in their neighbourhood.",
        "higher",
        compute=lambda sample: sample.prdc.coverage,
    ),
    Metric(
        "near_copy_rate",
        "Near-copies",
        "Share of the images that the copy test takes for copies of a training photo.",
        "lower",
        needs="copies",
    ),
    Metric(
        "abstained_share",
        "Unlike any product",
        "Share of the images on which the classifier abstains.",
        "lower",
        needs="classifier",
    ),
]


@dataclass(frozen=True)
class Column:
    """A metric in a space: `name` is the column, `space` the label, empty where there is none."""

    name: str
    metric: Metric
    space: str = ""

    @property
    def label(self) -> str:
        """Its heading, such as ``KID, lite2 layers 4 and 5 (px)``."""
        text = f"{self.metric.label}, {space_title(self.space)}" if self.space else ""
        text = text or self.metric.label
        return f"{text} ({self.metric.unit})" if self.metric.unit else text

    def sibling(self, metric: str) -> str:
        """Return the column of another metric in the same space, by the metric's name."""
        found = next(other for other in METRICS if other.name == metric)
        return found.column(self.space)

    @property
    def higher_is_better(self) -> bool:
        """Tell the better side; meaningful where the metric has one."""
        return self.metric.better == "higher"


Columns = Mapping[str, Column]  # by name, the most telling first


def space_label(name: str) -> str:
    """Shorten a feature space's name for columns.

    ``efficientnet_lite2_imagenet_layers_4_5`` becomes ``lite2_4_5``: without the family's name, the
    usual weights and the word layers. Other weights stay: ``resnet18_catalogue``.
    """
    text = name.removeprefix("efficientnet_").replace("_layers_", "_")
    return re.sub(r"_imagenet(?=_\d|$)", "", text)


def space_title(label: str) -> str:
    """Write a label for people: ``lite2_4_5`` becomes ``lite2 layers 4, 5``."""
    layers = re.sub(r"^.*?(?=(?:_\d+)*$)", "", label)
    network = label.removesuffix(layers)
    numbers = ", ".join(layers.split("_")[1:])
    words = network.replace("_", " ")
    return f"{words} layers {numbers}" if numbers else words


def columns_of(spaces: Mapping[Need, Sequence[str]]) -> dict[str, Column]:
    """Return every column that a run has.

    Args:
        spaces: by what a metric needs, the labels of the spaces that it is measured in; an empty
            label stands for none.
    """
    found: dict[str, Column] = {}
    for metric in METRICS:
        for space in spaces.get(metric.needs, ()):
            for images in (1, FID_IMAGES):
                name = metric.column(space, images)
                found.setdefault(name, Column(name, metric, space))
    return found


def as_records(columns: Iterable[Column]) -> list[dict[str, str]]:
    """Return the columns as plain values; `from_records` reads them."""
    return [
        {
            "column": column.name,
            "metric": column.metric.name,
            "space": column.space,
            "label": column.label,
            "better": column.metric.better,
            "measures": column.metric.measures,
        }
        for column in columns
    ]


def from_records(records: Iterable[Mapping[str, str]]) -> dict[str, Column]:
    """Return the columns that `as_records` wrote; one whose metric is gone is left out."""
    by_name = {metric.name: metric for metric in METRICS}
    return {
        record["column"]: Column(record["column"], by_name[record["metric"]], record["space"])
        for record in records
        if record["metric"] in by_name
    }


def of_metric(columns: Columns, name: str) -> list[str]:
    """Return the columns of a metric, the main space's first."""
    return [column.name for column in columns.values() if column.metric.name == name]


def compared(columns: Columns, names: Iterable[str]) -> list[str]:
    """Return those of the names that are metrics with a better side, the most telling first."""
    have = set(names)
    return [name for name, column in columns.items() if column.metric.better and name in have]
