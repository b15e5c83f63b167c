"""What a score is worth: its rank agreement with sales that it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bestseller.metrics.statistics import Interval

Array = NDArray[np.float64]
RandomGenerator = NDArray[np.int64]

LAUNCHED = "launched_"  # begins the names of metrics that were measured on later launches
SMALLEST_LINE = 5  # products; a smaller line has no ranking worth measuring
TOP_SHARE = 0.1
OTHER = {"pictures": "attributes", "attributes": "pictures"}
MEASURES = (
    "pair_auc",
    "pair_auc_matched",
    "spearman_within_line",
    "spearman_overall",
    "top_decile_lift",
)


@dataclass(frozen=True)
class Backtest:
    """Measures of every score on the same held-out products.

    Attributes:
        intervals: by (score, measure).
        leads: by (baseline, measure): the main score's value minus the baseline's, with the
            interval of the paired difference.
        products: how many products were held out; lines: in how many lines that count.
        adds: by (``pictures`` or ``attributes``, measure): what these add to the other, the value
            of both together minus that of the other alone, with its paired interval; empty where
            no attribute tells the products apart.
        attributes: the columns of the table that tell products apart.
    """

    intervals: Mapping[tuple[str, str], Interval]
    leads: Mapping[tuple[str, str], Interval]
    products: int
    lines: int
    adds: Mapping[tuple[str, str], Interval] = field(default_factory=dict)
    attributes: Sequence[str] = ()

    def beats_baselines(self, measure: str = "pair_auc") -> bool:
        """Tell whether the interval of the lead over every baseline lies above 0."""
        leads = [lead for (_, name), lead in self.leads.items() if name == measure]
        return bool(leads) and all(lead.low > 0 for lead in leads)

    def best_baseline(self, measure: str = "pair_auc") -> str:
        """Return the baseline that comes closest to the main score."""
        names = [baseline for baseline, name in self.leads if name == measure]
        return min(names, key=lambda baseline: self.leads[baseline, measure].value)

    def sentence(self, held_out: str = "held-out designs of one line") -> str:
        """Say in one sentence what the score is worth, with a warning where it is due.

        Args:
            held_out: what the tested products are called.
        """
        auc = self.intervals["score", "pair_auc"]
        if np.isnan(auc.value):
            return f"WARNING: No two {held_out} sold at different rates, so nothing was tested."
        best = self.best_baseline()
        found = (
            f"Of two {held_out}, the score names the better seller "
            f"{100 * auc.value:.0f} times in 100 ({100 * auc.low:.0f} to {100 * auc.high:.0f})"
        )
        other = f"{best.replace('_', ' ')} does {100 * self.intervals[best, 'pair_auc'].value:.0f}"
        if self.beats_baselines():
            return f"{found}; the best baseline, {other}."
        return f"WARNING: {found}, which is not clearly better than the best baseline: {other}."

    def attributes_sentence(self, held_out: str = "held-out designs of one line") -> str:
        """Say in one sentence what pictures add to a table's attributes, and these to pictures.

        Empty where no attribute tells the products apart, or no pair could be compared.
        """
        added = {name: self.adds.get((name, "pair_auc")) for name in OTHER}
        if any(found is None or np.isnan(found.value) for found in added.values()):
            return ""
        alone = {
            name: f"{100 * self.intervals[name, 'pair_auc'].value:.0f}"
            for name in ("score", "attributes", "combined")
        }
        adds = "; ".join(
            f"{name} add {_points(found)} to {OTHER[name]}"
            for name, found in added.items()
            if found
        )
        return (
            f"Of two {held_out}, pictures name the better seller {alone['score']} times in 100, "
            f"the attributes ({', '.join(self.attributes)}) {alone['attributes']}, "
            f"both together {alone['combined']}: {adds}."
        )


def run_backtest(
    products: pd.DataFrame,
    within: Mapping[str, Array],
    overall: Mapping[str, Array],
    baselines: Sequence[str],
    matched: NDArray[np.bool_],
    *,
    attributes: Sequence[str] = (),
    confidence: float,
    resamples: int = 1000,
    seed: int = 0,
) -> Backtest:
    """Measure scores against the sales of held-out products.

    pair_auc: share of the pairs of one line with different units per day that the score orders
    rightly, a tie in the score counting half; 0.5 = knows nothing. pair_auc_matched: the same over
    the pairs that are alike in what a table knows, so that the picture has to tell them apart; NaN
    where there is no such pair. spearman_within_line: Spearman
    correlation with units per day in each line, averaged by products less one. spearman_overall:
    over all products, of the score times its line's rate. top_decile_lift: units of the tenth of
    each line that the score puts on top, over what average products of their lines would have sold
    in their days. Lines with fewer than five held-out products count only in spearman_overall.

    Intervals are percentile bootstraps over products, resampled within their lines; the same
    resamples serve every score, so that the leads are paired.

    Args:
        products: a row per held-out product, from `sellers.sales_history`.
        within: scores by name, float64 N, comparable within a line; the one under test is named
            ``score``.
        overall: the same scores on one scale for all lines.
        baselines: which of the others the score must beat.
        matched: bool N x N, symmetric, the pairs of pair_auc_matched, such as
            `metadata.comparable`.
        attributes: names of what the scores ``attributes`` and ``combined`` know, where there are
            such scores.
        confidence: of every interval.
        resamples: number of resamples.
        seed: of the resamples.

    Raises:
        ValueError: no line has enough held-out products, or ``score`` is missing.
    """
    lines = products["line"].to_numpy(object)
    groups = [np.flatnonzero(lines == line) for line in sorted(set(lines))]
    large = [g for g in groups if len(g) >= SMALLEST_LINE]
    if "score" not in within or not large:
        raise ValueError(
            f"the score, and a line with {SMALLEST_LINE} held-out products, are needed"
        )
    sold, days = (products[name].to_numpy(np.float64) for name in ("counted", "days"))
    rng = np.random.default_rng(seed)
    draws = [_draws(group, resamples, rng) for group in groups]
    counted = [d for d, group in zip(draws, groups, strict=True) if len(group) >= SMALLEST_LINE]
    values: dict[tuple[str, str], Array] = {}
    for name, score in within.items():
        values[name, "pair_auc"] = pair_auc(score, sold / days, counted)
        values[name, "pair_auc_matched"] = pair_auc(score, sold / days, counted, matched)
        values[name, "spearman_within_line"] = spearman(score, sold / days, counted)
        values[name, "spearman_overall"] = spearman(
            overall[name], sold / days, [np.concatenate(draws, axis=1)]
        )
        values[name, "top_decile_lift"] = lift(score, sold, days, counted)
    leads = {
        (name, measure): values["score", measure] - values[name, measure]
        for name in baselines
        for measure in MEASURES
    }
    adds = {
        (name, measure): values["combined", measure] - values[alone, measure]
        for name, alone in (("pictures", "attributes"), ("attributes", "score"))
        for measure in MEASURES
        if "combined" in within
    }
    return Backtest(
        {key: _interval(value, confidence) for key, value in values.items()},
        {key: _interval(value, confidence) for key, value in leads.items()},
        len(products),
        len(large),
        {key: _interval(value, confidence) for key, value in adds.items()},
        list(attributes),
    )


def _points(added: Interval) -> str:
    """Return a difference of two shares in points of a hundred, and whether it may be chance."""
    told = f"{100 * added.value:.0f} ({100 * added.low:.0f} to {100 * added.high:.0f})"
    return f"{told}, which may be chance," if added.covers(0.0) else told


def _draws(group: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> RandomGenerator:
    """Return the group itself as row 0 and resamples of it below, (1 + resamples) x n."""
    return np.vstack([group, rng.choice(group, size=(resamples, len(group)))])


def _interval(values: Array, confidence: float) -> Interval:
    """Make an interval of the estimate (first) and its resamples (the rest)."""
    if np.isnan(values).all():  # nothing to compare, such as equal sales or no matched pair
        return Interval(np.nan, np.nan, np.nan)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(values[1:], [tail, 1 - tail])
    return Interval(float(values[0]), float(low), float(high))


def pair_auc(
    score: Array,
    observed: Array,
    draws: Sequence[RandomGenerator],
    matched: NDArray[np.bool_] | None = None,
) -> Array:
    """Return the share of pairs ordered rightly for each resample, float64 B; NaN without a pair.

    Args:
        score, observed: float64 N.
        draws: for each line int64 B x n, rows of `score`; pairs are made within a line.
        matched: bool N x N, the pairs that count; all where none is given.
    """
    right, total = np.zeros(len(draws[0])), np.zeros(len(draws[0]))
    for drawn in draws:
        rows, places = np.unique(drawn, return_inverse=True)
        times = np.zeros((len(drawn), len(rows)))  # how often each product was drawn
        np.add.at(times, (np.arange(len(drawn))[:, None], places.reshape(drawn.shape)), 1)
        above = (observed[rows][:, None] > observed[rows][None, :]).astype(np.float64)
        if matched is not None:
            above *= matched[np.ix_(rows, rows)]
        order = 0.5 * (1 + np.sign(score[rows][:, None] - score[rows][None, :]))
        right = right + np.einsum("bi,bi->b", times @ (above * order), times)
        total = total + np.einsum("bi,bi->b", times @ above, times)
    with np.errstate(invalid="ignore"):
        return np.asarray(right / total, np.float64)


def spearman(score: Array, observed: Array, draws: Sequence[RandomGenerator]) -> Array:
    """Return the rank correlation for each resample, averaged over lines by n - 1, float64 B.

    A line in which the score or the sales are all equal has correlation 0: no order is known.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 (slow import)

    total, weight = np.zeros(len(draws[0])), 0
    for drawn in draws:
        a, b = (rankdata(x[drawn], axis=1) for x in (score, observed))
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
        norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
        total += (drawn.shape[1] - 1) * (a * b).sum(axis=1) / np.where(norm > 0, norm, 1.0)
        weight += drawn.shape[1] - 1
    return total / weight


def lift(score: Array, sold: Array, days: Array, draws: Sequence[RandomGenerator]) -> Array:
    """Return what the top tenth by score sold over what average products sold, float64 B.

    In each line the top is its n / 10 products, rounded up; a score with ties at the edge of the
    top takes the tied products in part.
    """
    top, expected = np.zeros(len(draws[0])), np.zeros(len(draws[0]))
    for drawn in draws:
        size = int(np.ceil(TOP_SHARE * drawn.shape[1]))
        values = score[drawn]
        edge = -np.sort(-values, axis=1)[:, size - 1 : size]
        above, at = values > edge, values == edge
        part = (size - above.sum(axis=1, keepdims=True)) / at.sum(axis=1, keepdims=True)
        share = above + at * part
        rate = sold[drawn].sum(axis=1) / days[drawn].sum(axis=1)
        top += (share * sold[drawn]).sum(axis=1)
        expected += (share * days[drawn]).sum(axis=1) * rate
    with np.errstate(invalid="ignore"):
        return top / expected
