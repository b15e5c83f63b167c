"""What the rows say: each statement under each budget, with numbers.

Two variants are compared by the differences of equal seeds, in every feature space that the metric
has a column for. Each difference has a Student t interval and the p-value of the paired t-test,
Holm-adjusted over all differences of the budget (the family); the exact sign-flip p-value stands
beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from bestseller.metrics.registry import METRICS
from bestseller.metrics.statistics import (
    Interval,
    holm,
    mean_interval,
    paired_difference,
)
from bestseller.study.claims import Arm, Claims, Statement

Verdict = Literal["holds", "does not hold", "cannot be told, because"]
HOLDS: Verdict = "holds"
FAILS: Verdict = "does not hold"
OPEN: Verdict = "cannot be told, because"
BESIDE = ("_se", "_sampled")  # ends of columns that are no metric


@dataclass(frozen=True)
class Difference:
    """`better` minus `than` of a statement in one column.

    Attributes:
        column: of the table.
        better, than: means over the seeds that both have.
        interval: of the difference, in the metric's unit.
        seeds: how many pairs.
        p, p_holm: of the paired t-test; adjusted over the family.
        p_flip: of the sign-flip test.
        gain: 1 where a positive difference is the better one, else -1.
    """

    column: str
    better: float
    than: float
    interval: Interval
    seeds: int
    p: float
    p_flip: float
    gain: int
    p_holm: float = float("nan")

    def percent(self, value: float) -> float:
        """Return a difference in percent of the mean of `than`; NaN where that is 0."""
        return 100.0 * value / abs(self.than) if self.than else float("nan")

    def side(self, alpha: float) -> int:
        """Return 1 where it is confirmed that the statement holds in this column, -1 where the
        opposite is, 0 where neither is."""
        interval = self.interval
        if self.p_holm > alpha or interval.covers(0.0):
            return 0
        return self.gain * (1 if interval.value > 0 else -1)


@dataclass(frozen=True)
class Answer:
    """What a budget's rows say to a statement; `budget` is empty where none has rows of both."""

    statement: Statement
    budget: str
    verdict: Verdict
    reason: str
    differences: tuple[Difference, ...] = ()

    @property
    def text(self) -> str:
        """The verdict as a sentence's end."""
        return f"{self.verdict} {self.reason}" if self.verdict == OPEN else self.verdict


def columns_of(metric: str, names: Sequence[str]) -> list[str]:
    """Return the columns of a metric, one for each space it is measured in."""
    if metric in names:
        return [metric]
    return [n for n in names if n.startswith(f"{metric}_") and not n.endswith(BESIDE)]


def higher_is_better(metric: str) -> bool:
    """Tell which side of a metric is the better one.

    Raises:
        ValueError: no side is, or the metric is unknown.
    """
    better = next((m.better for m in METRICS if m.name == metric), "")
    if not better:
        raise ValueError(f"{metric}: neither side of it is better")
    return better == "higher"


def answers(
    claims: Claims, arms: Sequence[Arm], rows: pd.DataFrame, confidence: float
) -> list[Answer]:
    """Answer every statement under every budget that has both of its variants.

    An archive of photos tells no lines, so similarity is asked of the shop alone.

    Args:
        claims: the statements.
        arms: of the claims.
        rows: the newest row of each arm and seed.
        confidence: of the intervals; 1 - confidence bounds the adjusted p-values.
    """
    found: list[Answer] = []
    for budget in claims.budgets:
        own = {arm.variant for arm in arms if arm.budget == budget}
        lines = not claims.datasets[claims.budgets[budget].dataset].archive
        asked = [
            s
            for s in claims.statements
            if {s.better, s.than} <= own and (lines or s.metric != "similarity")
        ]
        tables = [_differences(s, rows[rows["budget"] == budget], confidence) for s in asked]
        adjusted = _adjusted(tables)
        for statement, differences in zip(asked, adjusted, strict=True):
            verdict, reason = verdict_of(statement, differences, adjusted, 1 - confidence)
            found.append(Answer(statement, budget, verdict, reason, differences))
    told = {id(answer.statement) for answer in found}
    never = "no budget of studies/claims.yaml has both of its variants"
    found += [Answer(s, "", OPEN, never) for s in claims.statements if id(s) not in told]
    order = {id(s): place for place, s in enumerate(claims.statements)}
    return sorted(found, key=lambda answer: order[id(answer.statement)])


def verdict_of(
    statement: Statement,
    differences: Sequence[Difference],
    family: Sequence[Sequence[Difference]],
    alpha: float,
) -> tuple[Verdict, str]:
    """Return the verdict, and for one that cannot be told the reason.

    Args:
        statement: what is claimed.
        differences: in each of its columns.
        family: those of all statements of the budget.
        alpha: bound of the adjusted p-values.
    """
    if not differences:
        return OPEN, "no two seeds of both stand"
    seeds = min(one.seeds for one in differences)
    if seeds < statement.seeds:
        return OPEN, f"{seeds} pairs of seeds stand and {statement.seeds} are asked for"
    sides = {one.side(alpha) for one in differences}
    if sides == {1}:
        return HOLDS, ""
    if -1 in sides and 1 not in sides:
        return FAILS, ""
    return OPEN, _why_open(differences, sides, sum(map(len, family)), alpha)


def _why_open(differences: Sequence[Difference], sides: set[int], tests: int, alpha: float) -> str:
    if {1, -1} <= sides:
        return "the feature spaces contradict each other"
    covered = [one.column for one in differences if one.interval.covers(0.0)]
    if covered:
        seeds = min(one.seeds for one in differences)
        return f"the interval over {seeds} seeds covers 0 in {', '.join(covered)}"
    unsure = [one.column for one in differences if one.side(alpha) == 0]
    return f"after Holm's adjustment over {tests} tests p stays above {alpha:.2g} in " + ", ".join(
        unsure
    )


def _differences(
    statement: Statement, rows: pd.DataFrame, confidence: float
) -> tuple[Difference, ...]:
    sides = [
        rows[rows["variant"] == variant].set_index("seed").sort_index()
        for variant in (statement.better, statement.than)
    ]
    gain = 1 if higher_is_better(statement.metric) else -1
    found = []
    for column in columns_of(statement.metric, list(rows.columns)):
        left, right = (side[column].dropna() for side in sides)
        seeds = left.index.intersection(right.index)
        if len(seeds) < 2:
            continue
        a, b = left.loc[seeds].to_numpy(float), right.loc[seeds].to_numpy(float)
        paired = paired_difference(a, b, confidence)
        p = float(stats.ttest_rel(a, b).pvalue) if np.ptp(a - b) else float(paired.p)
        found.append(
            Difference(column, a.mean(), b.mean(), paired.interval, len(seeds), p, paired.p, gain)
        )
    return tuple(found)


def _adjusted(tables: Sequence[tuple[Difference, ...]]) -> list[tuple[Difference, ...]]:
    """Adjust the p-values of a family by Holm's method."""
    flat = [one for table in tables for one in table]
    adjusted = iter(holm([one.p for one in flat])) if flat else iter(())
    return [
        tuple(Difference(**(vars(one) | {"p_holm": float(next(adjusted))})) for one in table)
        for table in tables
    ]


@dataclass(frozen=True)
class Luck:
    """How far two trainings of one arm differ by their seeds alone.

    Attributes:
        spread: standard deviation over seeds in percent of the mean, with its interval.
        p: probability that two trainings of the same arm differ by the given share or more.
        pairs: share of the pairs of seeds at hand that do.
        seeds: how many.
    """

    spread: Interval
    p: float
    pairs: float
    seeds: int


def luck(values: ArrayLike, percent: float, confidence: float) -> Luck:
    """Say whether a difference between two single runs is within what seeds alone make.

    The difference of two runs of one arm is N(0, 2 s^2) about its seeds' standard deviation s; over
    the estimated s it is Student's t with n - 1 degrees of freedom. The interval of s is that of
    the chi-squared distribution.

    Args:
        values: a metric of three seeds or more, above 0.
        percent: the difference, in percent of the mean.
        confidence: of the interval.
    """
    x = np.asarray(values, dtype=np.float64)
    n, share = len(x), 100.0 * x.std(ddof=1) / x.mean()
    tails = stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], n - 1)
    low, high = share * np.sqrt((n - 1) / tails)
    p = 2.0 * float(stats.t.sf(abs(percent) / (share * np.sqrt(2.0)), n - 1))
    a, b = np.triu_indices(n, 1)
    apart = 100.0 * np.abs(x[a] - x[b]) / x.mean()
    return Luck(
        Interval(float(share), float(low), float(high)), p, float(np.mean(apart >= abs(percent))), n
    )


def rank_correlation(a: Sequence[float], b: Sequence[float], confidence: float) -> Interval:
    """Return Spearman's rank correlation with the interval of Bonett and Wright (2000).

    Fisher's z of r with the variance (1 + r^2 / 2) / (n - 3), n >= 4 pairs.
    """
    r = float(stats.spearmanr(a, b).statistic)
    bound = min(max(r, -0.999999), 0.999999)
    half = stats.norm.ppf((1 + confidence) / 2) * np.sqrt((1 + bound**2 / 2) / (len(a) - 3))
    z = np.arctanh(bound)
    return Interval(r, float(np.tanh(z - half)), float(np.tanh(z + half)))


def arm_interval(values: pd.Series, confidence: float) -> Interval:
    """Return the mean over seeds with its t interval; of one seed without (NaN)."""
    if len(values) > 1:
        return mean_interval(values, confidence)
    nan = float("nan")
    return Interval(float(values.iloc[0]), nan, nan)
