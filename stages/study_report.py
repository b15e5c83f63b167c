"""Write docs/reproduction.md and studies/answers.json from the rows of the study."""

from pathlib import Path

from bestseller.base.files import atomic_path, remove, write_json
from bestseller.params import Params
from bestseller.study import plots
from bestseller.study.answers import answers, columns_of
from bestseller.study.claims import arms_of, read_claims
from bestseller.study.findings import Findings, sentence
from bestseller.study.report import document
from bestseller.study.table import newest, read_rows
from stages import run

REPORT = Path("docs/reproduction.md")
FIGURES = Path("docs/reproduction")
ANSWERS = Path("studies/answers.json")
DRAWN = {"fd": "Frechet distance", "kid": "KID", "diversity": "diversity"}


def main(params: Params) -> None:
    claims = read_claims()
    arms = arms_of(claims)
    rows = newest(read_rows(), {arm.name: arm.key for arm in arms})
    confidence = params.compare.confidence
    found = Findings(claims, arms, rows, answers(claims, arms, rows, confidence), confidence)
    remove(FIGURES)
    figures: dict[str, list[str]] = {}
    for budget in claims.budgets:
        own = rows[rows["budget"] == budget]
        if own.empty:
            continue
        columns = [
            (column, f"{title}, {column.removeprefix(f'{metric}_')}")
            for metric, title in DRAWN.items()
            for column in columns_of(metric, [str(name) for name in own.columns])
        ]
        FIGURES.mkdir(parents=True, exist_ok=True)
        drawn = {f"{budget}-seeds": plots.seeds_figure(own, columns, confidence)}
        of_budget = [answer for answer in found.answers if answer.budget == budget]
        if (figure := plots.differences_figure(of_budget)) is not None:
            drawn[f"{budget}-differences"] = figure
        for name, figure in drawn.items():
            plots.save(figure, FIGURES / f"{name}.svg")
        figures[budget] = [f"{FIGURES.name}/{name}.svg" for name in drawn]
    with atomic_path(REPORT) as temporary:
        temporary.write_text(document(found, figures), encoding="utf-8")
    told = [
        {
            "claim": answer.statement.claim,
            "statement": answer.statement.says,
            "budget": answer.budget,
            "answer": answer.text,
        }
        for answer in found.answers
    ]
    write_json(ANSWERS, {"sentence": sentence(found), "answers": told})
    print(sentence(found))


if __name__ == "__main__":
    run(main)
