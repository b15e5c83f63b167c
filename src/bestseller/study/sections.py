"""Two sections of the study's report: the luck of seeds (claim A), and the lines (claim B)."""

import pandas as pd

from bestseller.classifier.similarity import REPORTED_MODELS, REPORTED_SIMILARITY
from bestseller.metrics.statistics import Interval
from bestseller.study.answers import columns_of, luck
from bestseller.study.findings import Findings
from bestseller.study.lines import own_correlations, own_similarity, published_correlations
from bestseller.study.words import DASH, number, spread, table

PUBLISHED = (("fd", "FID", 3.7), ("diversity", "LPIPS", 2.2))  # percent, one run each
PLAIN = "dcgan-plain"


def luck_section(findings: Findings) -> str:
    """Hold the published difference of claim A against the spread over seeds; "" without rows."""
    rows = []
    for budget in findings.budgets:
        table_of = findings.rows
        own = table_of[(table_of["budget"] == budget) & (table_of["variant"] == PLAIN)]
        if len(own) < 3:
            continue
        for metric, published, percent in PUBLISHED:
            for column in columns_of(metric, [str(name) for name in own.columns]):
                found = luck(own[column].dropna(), percent, findings.confidence)
                rows.append(
                    [
                        f"`{budget}`",
                        column,
                        f"{published} {percent:g} %",
                        f"{spread(found.spread, 2)} %",
                        number(found.p, 2),
                        f"{100 * found.pairs:.0f} %",
                        "yes" if found.p > 1 - findings.confidence else "no",
                    ]
                )
    if not rows:
        return ""
    header = [
        "Budget",
        "Metric",
        "Published difference",
        "Spread over seeds",
        "p",
        "Pairs",
        "Luck?",
    ]
    return (
        "\n## Is the published difference within what seeds alone make?\n\n"
        "Published: FID 32.1361 and 30.9519 (3.7 % less with the constraint), LPIPS 0.2918 and "
        "0.2981 (2.2 % more), one run each. Spread: standard deviation over the seeds of plain "
        "DCGAN here, in percent of the mean, with its interval. p: probability that two runs of "
        "plain DCGAN, without any constraint, differ by so much or more. Pairs: share of the pairs "
        "of seeds at hand that do. The spread is that of our settings and feature spaces, not of "
        "the published ones.\n\n" + table(header, rows)
    )


def lines_section(findings: Findings) -> str:
    """Set the published table of claim B beside ours, with the rank correlations of both."""
    published = published_correlations(findings.confidence)
    own = own_similarity(findings.rows, findings.confidence)
    correlations = pd.concat(
        [
            published.assign(source="published"),
            own_correlations(own, findings.confidence).assign(source="here"),
        ],
        ignore_index=True,
    )
    rows = [
        [
            r["source"],
            str(r["model"]),
            r["size"],
            spread(Interval(r["value"], r["low"], r["high"]), 2),
        ]
        for r in correlations.to_dict("records")
    ]
    parts = [
        "\n## Claim B by line: do more kinds and more units give more similarity?\n",
        "Spearman's rank correlation over the 16 lines of the similarity with the kinds and the "
        "units of a line; interval of Bonett and Wright (2000). Published similarity is of one "
        "training each.\n",
        _conclusion("In the published table", published),
        table(["Table", "Model", "Size", "Rank correlation (interval)"], rows),
    ]
    if own.empty:
        parts.append(
            "\nIn our own trainings it cannot be told, because no row of budget `lines` stands: "
            "`make study ONLY=lines` makes them.\n"
        )
        return "\n".join(parts)
    arms = list(dict.fromkeys(zip(own["budget"], own["variant"], strict=True)))
    lines = []
    for line, values in REPORTED_SIMILARITY.items():
        cells = [f"{value:.2f}" for value in values]
        for budget, variant in arms:
            here = own[(own["budget"] == budget) & (own["variant"] == variant)]
            found = here[here["line"] == line]
            cells.append(
                DASH
                if found.empty
                else spread(Interval(*found[["value", "low", "high"]].iloc[0].tolist()))
            )
        lines.append([line, *cells])
    header = ["Line", *(f"{m} (published)" for m in REPORTED_MODELS), *(v for _, v in arms)]
    parts += ["", _conclusion("In our own table", own_correlations(own, findings.confidence))]
    parts += ["", table(header, lines)]
    return "\n".join(parts)


def _conclusion(where: str, correlations: pd.DataFrame) -> str:
    """Say for which models and sizes the interval lies above 0."""
    above = correlations[correlations["low"] > 0]
    verdict = "holds" if len(above) == len(correlations) else "cannot be told for all"
    return (
        f"{where} the claim {verdict}: {len(above)} of {len(correlations)} intervals lie above 0.\n"
    )
