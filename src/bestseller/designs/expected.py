"""The expected sales of a design: its score, drawn towards what is known without the picture.

The prior of a blend comes from the real photos of its parents. With the log scores s_a and s_b of
these photos, and the shares p and 1 - p, it has

    mean p s_a + (1 - p) s_b,    variance p (1 - p) (s_a - s_b)^2.

This is the variance of a design that has the first parent's looks with the chance p, and else the
second parent's. The prior of a design without parents comes from its line: the mean of the fitted
products' log scores, and their variance within lines. `preference.belief` says how much a prior
counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.base.errors import BestsellerError
from bestseller.gans.codes import Parents
from bestseller.preference.belief import Belief, believed
from bestseller.preference.scorer import Scorer

Array = NDArray[np.float64]

SLOPE_STEP = 1e-4  # of the log score; of the variance, as a share of it


@dataclass(frozen=True)
class Expectation:
    """Sales that designs may be expected to make.

    Attributes:
        scorer: what judged the pictures.
        belief: in its ranker's scores.
        confidence: of the intervals, 0..1.
    """

    scorer: Scorer
    belief: Belief
    confidence: float

    @classmethod
    def of(cls, scorer: Scorer, confidence: float) -> Self:
        """Work out what the scorer's ranker leaves open."""
        return cls(scorer, Belief.of(scorer.ranker), confidence)

    def judge(
        self, features: NDArray[np.float32], line: str, parents: list[Parents | None]
    ) -> pd.DataFrame:
        """Return what designs of one line may be expected to sell, a row each.

        Columns: picture_score (of the picture alone, as `SalesRanker.score`), score (drawn towards
        its prior), score_low, score_high (the interval), beyond_seen (whether the score is above
        what any product of the line reached).

        Args:
            features: float32 N x d, in the scorer's space.
            line: of all of them.
            parents: of each, or None.

        Raises:
            BestsellerError: a parent is no training product.
        """
        ranker, lines = self.scorer.ranker, [line] * len(features)
        alone = ranker.score(features, lines)
        average = np.log(alone) - ranker.log_rate(features)  # minus the log of the line's average
        prior, spread, doubt = self.prior(line, parents)
        variance = self.belief.variance(features, lines)
        log, share = believed(ranker.log_rate(features), variance, prior, spread)
        score = np.exp(log + average)
        left = share * variance + (1 - share) ** 2 * doubt  # the prior has a doubt of its own
        low, high = self.belief.interval(score, left + self.belief.usual, self.confidence)
        return pd.DataFrame(
            {
                "picture_score": alone,
                "score": score,
                "score_low": low,
                "score_high": high,
                "beyond_seen": score > self.belief.reached(line),
            }
        )

    def slope(
        self, features: NDArray[np.float32], line: str, parents: list[Parents | None]
    ) -> Array:
        """Return the gradient of the logarithm of `score_low` by the features, float64 N x d.

        The score knows a picture by two numbers, its log score s and the variance v of it. The
        slopes along these two are differences over a small step, those of s and v by the features
        are exact.

        Args:
            features, line, parents: as for `judge`.
        """
        ranker = self.scorer.ranker
        prior, spread, doubt = self.prior(line, parents)
        log, variance = (
            ranker.log_rate(features),
            self.belief.variance(features, [line] * len(features)),
        )

        def low(s: Array, v: Array) -> Array:
            score, share = believed(s, v, prior, spread)
            left = share * v + (1 - share) ** 2 * doubt
            ends = self.belief.interval(np.exp(score), left + self.belief.usual, self.confidence)
            return np.asarray(np.log(ends[0]))

        step = SLOPE_STEP * variance
        along_score = (low(log + SLOPE_STEP, variance) - low(log - SLOPE_STEP, variance)) / (
            2 * SLOPE_STEP
        )
        along_variance = (low(log, variance + step) - low(log, variance - step)) / (2 * step)
        bend = self.belief.variance_slope(features, [line] * len(features))
        return np.asarray(
            along_score[:, None] * ranker.fitted.weights + along_variance[:, None] * bend
        )

    def prior(self, line: str, parents: list[Parents | None]) -> tuple[Array, Array, Array]:
        """Return what is known of designs without their pictures, float64 N each.

        Returns:
            The mean and the variance of the log score, and the posterior variance of that mean.
        """
        mean, spread = self._of_line(line)
        prior, variances = np.full(len(parents), mean), np.full(len(parents), spread)
        doubt = np.zeros(len(parents))
        rows = [row for row, pair in enumerate(parents) if pair is not None]
        if rows:
            pairs = [pair for pair in parents if pair is not None]
            features = np.stack([[self._photo(p.sku) for p in pair] for pair in pairs])
            shares = np.array([[p.share for p in pair] for pair in pairs])
            scores = self.scorer.ranker.log_rate(features.reshape(-1, features.shape[2]))
            a, b = scores.reshape(-1, 2).T
            prior[rows] = shares[:, 0] * a + shares[:, 1] * b
            variances[rows] = shares[:, 0] * shares[:, 1] * (a - b) ** 2
            between = (shares[:, :, None] * features).sum(axis=1).astype(np.float32)
            doubt[rows] = self.belief.variance(between, [line] * len(rows))
        return prior, variances, doubt

    def parents_sales(self, parents: list[Parents | None]) -> Array:
        """Return what the parents of each design sell, counted by their shares, float64 N, > 0.

        Units per day over those of their line's average product; a parent whose units are not
        known counts by the score of its photo.

        Raises:
            BestsellerError: a design has no parents, or one is no training product.
        """
        sales = np.zeros(len(parents))
        for row, pair in enumerate(parents):
            for parent in pair or ():
                if parent.sku not in self._sales:
                    photo, ranker = self._photo(parent.sku)[None], self.scorer.ranker
                    self._sales[parent.sku] = float(ranker.score(photo, [parent.line])[0])
                sales[row] += parent.share * self._sales[parent.sku]
        if not (sales > 0).all():
            raise BestsellerError("data/models: a latent without parents has no parents' sales")
        return sales

    def _of_line(self, line: str) -> tuple[float, float]:
        ranker = self.scorer.ranker
        lines, scores = ranker.products["line"], self._fitted
        of_line = (lines == line).to_numpy()
        mean = scores[of_line].mean() if of_line.any() else scores.mean()
        groups = pd.Series(scores).groupby(lines.to_numpy())
        within = float(((scores - groups.transform("mean").to_numpy()) ** 2).sum())
        return float(mean), within / max(len(scores) - groups.ngroups, 1)

    def _photo(self, sku: str) -> NDArray[np.float32]:
        row = self._rows.get(sku)
        if row is None:
            raise BestsellerError(
                f"data/models: a design's parent {sku!r} is no training product of "
                "data/preference/known.parquet; run `dvc repro`"
            )
        photo: NDArray[np.float32] = self.scorer.known.novelty.reference[row].astype(np.float32)
        return photo

    @cached_property
    def _fitted(self) -> Array:
        return self.scorer.ranker.log_rate(self.scorer.ranker.bank)

    @cached_property
    def _sales(self) -> dict[str, float]:
        products = self.scorer.ranker.products
        return dict(zip(products["sku"], self.belief.sales(), strict=True))

    @cached_property
    def _rows(self) -> Mapping[str, int]:
        skus = self.scorer.known.training["sku"]
        return {str(sku): row for row, sku in reversed(list(enumerate(skus)))}
