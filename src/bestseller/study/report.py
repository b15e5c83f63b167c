"""docs/reproduction.md from the rows: what is answered, the numbers behind it, what is open."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from bestseller.study.answers import Answer, Difference, arm_interval, columns_of
from bestseller.study.findings import Findings, sentence
from bestseller.study.sections import lines_section, luck_section
from bestseller.study.words import DASH, MINUS, number, percent, spread, table

WATCHED = "last_centroid_loss"
SHOWN = ("fd", "kid", "diversity", "precision", "recall", "coverage")


def document(findings: Findings, figures: Mapping[str, Sequence[str]]) -> str:
    """Return the report.

    Args:
        findings: what it tells.
        figures: by budget the files of its figures, relative to the report; "" = of all.
    """
    parts = [
        "# The published comparisons, repeated\n",
        "`make study-report` writes this page from `studies/claims.csv`; `make study` adds rows. "
        "What is compared stands in `studies/claims.yaml`. Intervals are Student's t over training "
        f"seeds ({100 * findings.confidence:.0f} %), differences are paired by seed, p-values are "
        "of the paired t-test, adjusted by Holm's method over all differences under one budget; "
        "the exact sign-flip p-value stands beside them. A statement holds, or does not, where "
        "every feature space agrees. The photos are not part of the project; the numbers are.\n",
        "## Answers\n",
        sentence(findings) + "\n",
        _answers(findings.answers),
        *(_budget(findings, budget, figures.get(budget, ())) for budget in findings.budgets),
        luck_section(findings),
        lines_section(findings),
        _open(findings),
        _made_by(findings),
    ]
    text = "\n".join(part for part in parts if part)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _answers(answers: Sequence[Answer]) -> str:
    """Return a row for each answer with numbers, and one for each statement without any."""
    rows = []
    for statement in dict.fromkeys(answer.statement.says for answer in answers):
        own = [answer for answer in answers if answer.statement.says == statement]
        told = [answer for answer in own if answer.differences]
        rows += [_row(answer, answer.budget, _changes(answer)) for answer in told]
        if not told:
            asked = ", ".join(answer.budget for answer in own if answer.budget)
            rows.append(_row(own[0], asked or DASH, DASH))
    header = ["Claim", "Statement", "Budget", "Answer", "Change by metric (interval), Holm's p"]
    return table(header, rows)


def _row(answer: Answer, budget: str, changes: str) -> list[str]:
    verdict, comma, because = answer.text.partition(",")
    return [
        answer.statement.claim,
        answer.statement.says,
        budget,
        f"**{verdict}**{comma}{because}",
        changes,
    ]


def _changes(answer: Answer) -> str:
    return "; ".join(
        f"{one.column} {_change(one)}, p {number(one.p_holm, 2)}" for one in answer.differences
    )


def _change(one: Difference) -> str:
    """Write a difference in percent, or as it is where there is nothing to take percents of."""
    ends = one.interval.value, one.interval.low, one.interval.high
    if one.than:
        value, low, high = (percent(one.percent(end)) for end in ends)
    else:
        value, low, high = (number(end) for end in ends)
    return f"{value} ({low} to {high})"


def _budget(findings: Findings, budget: str, figures: Sequence[str]) -> str:
    facts, rows = findings.claims.budgets[budget], findings.rows
    rows = rows[rows["budget"] == budget]
    names = [str(name) for name in rows.columns]
    columns = [c for metric in SHOWN for c in columns_of(metric, names) if rows[c].notna().any()]
    if "similarity" in rows and rows["similarity"].notna().any():
        columns.append("similarity")
    arms = []
    for variant in facts.arms:
        own = rows[rows["variant"] == variant]
        if own.empty:
            continue
        cells = [spread(arm_interval(own[c].dropna(), findings.confidence)) for c in columns]
        cost = f"{own['train_cpu_s'].mean():.0f}"
        arms.append([f"`{variant}`", str(len(own)), str(int(own["steps"].iloc[0])), cost, *cells])
    header = ["Arm", "Seeds", "Steps", "CPU s", *columns]
    said = {v: findings.claims.variants[v].says for v in facts.arms if v in set(rows["variant"])}
    legend = "; ".join(f"`{name}`: {words}" for name, words in said.items())
    dataset = findings.claims.datasets[facts.dataset]
    parts = [
        f"\n## Budget `{budget}`\n",
        f"{facts.says}. Photos: {dataset.says}; {int(rows['n_train'].iloc[0]):,} learned from, "
        f"{int(rows['n_test'].iloc[0]):,} held out, {int(rows['n_images'].iloc[0]):,} generated. "
        f"{legend}.\n",
        table(header, arms),
        _differences([a for a in findings.answers if a.budget == budget]),
        _ladder(rows),
        _pull(findings, rows),
        *(f"\n![Seeds, means and intervals of budget {budget}]({figure})\n" for figure in figures),
    ]
    return "\n".join(part for part in parts if part)


def _differences(answers: Sequence[Answer]) -> str:
    rows = [
        [
            f"`{a.statement.better}` {MINUS} `{a.statement.than}`",
            one.column,
            str(one.seeds),
            spread(one.interval),
            number(one.p, 2),
            number(one.p_holm, 2),
            number(one.p_flip, 2),
        ]
        for a in answers
        for one in a.differences
    ]
    header = ["Difference", "Metric", "Pairs", "Mean (interval)", "p", "Holm's p", "Sign-flip p"]
    return "\nPaired differences:\n\n" + table(header, rows) if rows else ""


def _ladder(rows: pd.DataFrame) -> str:
    blurs = columns_of("blur", [str(name) for name in rows.columns])
    told = []
    for variant, own in rows.groupby("variant", sort=False):
        places = ", ".join(f"{own[c].mean():.2f} px ({c.removeprefix('blur_')})" for c in blurs)
        told.append(f"`{variant}` {places}")
    return (
        "\nAs far from real photos as held-out photos blurred by, mean over seeds; 2 px is the end "
        f"of the ladder and stands for anything beyond: {'; '.join(told)}.\n"
    )


def _pull(findings: Findings, rows: pd.DataFrame) -> str:
    """Say how strong the constraint is at the end of the trainings beside the adversarial loss."""
    told = []
    for arm in findings.arms:
        own = rows[(rows["budget"] == arm.budget) & (rows["variant"] == arm.variant)]
        if own.empty or WATCHED not in own or own[WATCHED].isna().all():
            continue
        outside = own["last_centroid_outside"]
        loss = arm.params.centroid.weight * own[WATCHED]
        gradient = arm.params.centroid.weighting == "gradient"
        scaled = " before the ratio of the gradients" if gradient else ""
        told.append(
            f"`{arm.variant}` {number(loss.mean())} ({number(loss.min())} to {number(loss.max())})"
            f"{scaled} beside an adversarial loss of {number(own['last_g_loss'].mean())}, with "
            f"{100 * outside.mean():.0f} % of the images outside d_ref "
            f"({100 * outside.min():.0f} to {100 * outside.max():.0f})"
        )
    if not told:
        return ""
    return (
        "\nThe constraint in the last epoch, lambda times its loss, mean and range over seeds: "
        f"{'; '.join(told)}.\n"
    )


def _open(findings: Findings) -> str:
    rows, missing = findings.rows, []
    for arm in findings.arms:
        here = 0
        if len(rows):
            here = int(((rows["budget"] == arm.budget) & (rows["variant"] == arm.variant)).sum())
        if here < arm.seeds:
            missing.append([f"`{arm.name}`", str(here), str(arm.seeds)])
    if not missing:
        return ""
    return (
        "\n## What is not run yet\n\n"
        "`make study MINUTES=120 ARCHIVE=<path of the photos>` goes on from here, on any machine; "
        "`studies/gpu.sh` runs the rest on a GPU.\n\n" + table(["Arm", "Rows", "Wanted"], missing)
    )


def _made_by(findings: Findings) -> str:
    rows = findings.rows
    if not len(rows):
        return ""
    machines = ", ".join(f"{n} ({c} rows)" for n, c in rows["machine"].value_counts().items())
    torches = ", ".join(sorted(set(map(str, rows["torch"]))))
    codes = rows["code"].nunique()
    cost = rows["train_cpu_s"].sum() + rows["measure_cpu_s"].sum()
    mixed = (
        " Rows of different versions of the code stand beside each other; `code` tells them apart."
        if codes > 1
        else ""
    )
    return (
        f"\n## How the rows were made\n\n{len(rows)} rows, {cost / 3600:.2f} CPU hours, on "
        f"{machines}, torch {torches}, {codes} version{'s' if codes > 1 else ''} of the code."
        f"{mixed}\n"
    )
