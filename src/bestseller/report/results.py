"""What one run of the pipeline left behind, as the report reads it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from bestseller.designs.design import Design
from bestseller.designs.sellers import Price
from bestseller.images.store import ImageSet
from bestseller.metrics.registry import Columns
from bestseller.params import Params

Flat = Mapping[str, Any]


@dataclass(frozen=True)
class Results:
    """The outputs of the stages before the report.

    Attributes:
        params: of the run.
        designs: the shortlist, by line, then rank.
        counts: how the shortlist was come by, a row per line; see `designs.design.Choice`.
        images: the processed images with their index, for thumbnails and products per line.
        ledger: the cleaned sales: sku, line, date, units.
        models: a row per model, metrics as columns; may hold rows for references (floor, ceiling).
        similarity: line, model, similarity, low, high (percent).
        answers: what compare concluded, in sentences.
        columns: the metrics of `models`, from `registry.from_records`.
        leaders: the model nearest to the real photos, then those that cannot be told from it.
        curves: training curves by model.
        health: flat facts by stage, such as ``catalogue``, ``sales``, ``preprocess``.
        anchors: known images on the similarity scale: anchor, similarity, low, high (percent);
            empty where none were measured.
        costs: of training by gan and constraint: seconds, images_per_second, times_plain.
        backtest: flat facts of the score's backtest, None where none was made.
        samples: sample grids by model; nearest: generated images beside their nearest training
            images by model; comparison: other pictures by title.
        made: by model and line, images made for the line, uint8 N x S x S x 3.
        feedback: verdicts on designs of earlier runs, `designs.feedback.Feedback.table`.
        prices: of the catalogue's products by sku, in one currency.
        kept: what became of the designs that people kept, of `designs.kept.follow`.
        history: what `report.history` remembers of the runs, this one the last.
        retraining: of the last scheduled retraining, see `report.retrained`; empty before the
            first.
        held_out: products that the score was not fitted on, `preference.held_out`; may be empty.
        foresight: whether the shortlist of a past day foresaw what sold later, in a sentence; empty
            without.
        study: what the published comparisons say on real photos, in a sentence; empty without.
    """

    params: Params
    designs: Sequence[Design]
    counts: pd.DataFrame
    images: ImageSet
    ledger: pd.DataFrame
    models: pd.DataFrame
    similarity: pd.DataFrame
    answers: Sequence[str]
    curves: Mapping[str, pd.DataFrame]
    health: Mapping[str, Flat]
    columns: Columns = field(default_factory=dict)
    leaders: Sequence[str] = ()
    anchors: pd.DataFrame = field(default_factory=pd.DataFrame)
    costs: pd.DataFrame = field(default_factory=pd.DataFrame)
    backtest: Flat | None = None
    samples: Mapping[str, Image.Image] = field(default_factory=dict)
    nearest: Mapping[str, Image.Image] = field(default_factory=dict)
    comparison: Mapping[str, Image.Image] = field(default_factory=dict)
    made: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    feedback: pd.DataFrame = field(default_factory=pd.DataFrame)
    prices: Mapping[str, Price] = field(default_factory=dict)
    kept: Sequence[Mapping[str, Any]] = ()
    history: Sequence[Mapping[str, Any]] = ()
    retraining: Mapping[str, Any] = field(default_factory=dict)
    held_out: pd.DataFrame = field(default_factory=pd.DataFrame)
    foresight: str = ""
    study: str = ""

    @cached_property
    def window(self) -> tuple[str, str]:
        """First and last day of the ledger, ISO dates; empty where there is no ledger."""
        if self.ledger.empty:
            return "", ""
        days = pd.to_datetime(self.ledger["date"])
        return days.min().date().isoformat(), days.max().date().isoformat()

    @cached_property
    def no_ledger(self) -> str:
        """Why there is no ledger, in a sentence; empty where there is one."""
        return str(self.health.get("sales", {}).get("absent", ""))

    @cached_property
    def no_classifier(self) -> str:
        """Why there is no classifier, in a sentence; empty where there is one."""
        return str(self.health.get("classifier", {}).get("absent", ""))

    @cached_property
    def units_sold(self) -> int:
        """Net units in the ledger."""
        return int(self.ledger["units"].sum())

    @cached_property
    def units_of_line(self) -> dict[str, int]:
        """Net units in the ledger by line."""
        of_line = self.ledger.groupby("line")["units"].sum()
        return {str(line): int(units) for line, units in of_line.items()}

    @cached_property
    def run(self) -> str:
        """A name for this list of designs: 12 hex digits of SHA-256 over their ids."""
        ids = "".join(sorted(str(design.record["id"]) for design in self.designs))
        return hashlib.sha256(ids.encode()).hexdigest()[:12]

    @cached_property
    def designs_of_line(self) -> pd.Series:
        """Number of distinct real designs (clusters) by line, sorted by line."""
        return self.images.index.groupby("line")["cluster"].nunique()

    @cached_property
    def trained(self) -> list[str]:
        """Names of the models of params.yaml that the similarity table knows, in its order."""
        known = set(self.similarity["model"])
        return [name for name in self.params.item_names() if name in known]

    @cached_property
    def untested_lines(self) -> set[str]:
        """Lines that the classifier has no held-out best seller of, or does not know."""
        facts = self.health.get("classifier", {})
        told = (str(facts.get(f"lines_{state}", "")) for state in ("without_test", "left_out"))
        return {line for names in told for line in names.split(", ") if line}

    @cached_property
    def references(self) -> list[str]:
        """Names in the similarity table that are no trained model: floors and ceilings."""
        return sorted(set(self.similarity["model"]) - set(self.params.item_names()))
