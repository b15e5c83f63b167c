"""The study's arithmetic and its files: settings, table, code version, answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bestseller.base.errors import BestsellerError
from bestseller.metrics.statistics import Interval
from bestseller.study.answers import Difference, columns_of, luck, rank_correlation, verdict_of
from bestseller.study.answers import answers as answers_of
from bestseller.study.claims import Claims, arms_of, in_order, overlaid, read_claims
from bestseller.study.code import code_version, essence, used
from bestseller.study.findings import Findings, sentence
from bestseller.study.lines import published_correlations
from bestseller.study.report import _change, document
from bestseller.study.table import append_row, newest, only_one, read_rows, stands
from bestseller.study.words import MINUS
from conftest import REPOSITORY

CLAIMS = REPOSITORY / "studies/claims.yaml"


def test_the_committed_claims_name_arms_with_allowed_settings() -> None:
    claims = read_claims(CLAIMS)
    arms = arms_of(claims, REPOSITORY)
    assert len({arm.key for arm in arms}) == len(arms)
    for arm in arms:
        judges = arm.params.backbones.measuring()
        assert arm.params.centroid.backbone not in judges
        assert arm.params.train.blend.teacher not in judges
        assert arm.params.images.size == 64
    for statement in claims.statements:
        for variant in (statement.better, statement.than):
            assert any(variant in budget.arms for budget in claims.budgets.values()), variant


def test_settings_that_train_otherwise_have_other_keys_and_others_the_same() -> None:
    claims = read_claims(CLAIMS)
    first = arms_of(claims, REPOSITORY)[0]

    def key(**settings: object) -> str:
        values = claims.model_dump()
        values["settings"] = overlaid(values["settings"], settings)
        return arms_of(Claims.model_validate(values), REPOSITORY)[0].key

    gan = first.model.partition("-")[0]
    assert key(train={gan: {"lr": 1e-5}}) != first.key
    assert key(evaluate={"seed": 17}) != first.key
    assert key(report={"title": "x"}, threads=3) == first.key
    other = "pggan" if gan != "pggan" else "dcgan"
    assert key(train={other: {"lr": 1e-5}}) == first.key, "another model's settings"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"centroid": {"weihgt": 1}}, "centroid.weihgt: unknown key"),
        ({"evaluate": {"pairs": 0}}, "evaluate.pairs: 0 is not allowed"),
    ],
)
def test_a_bad_setting_is_told_in_a_line(settings: dict[str, object], told: str) -> None:
    values = read_claims(CLAIMS).model_dump()
    values["settings"] = overlaid(values["settings"], settings)
    with pytest.raises(BestsellerError, match=r"studies/claims\.yaml: ") as error:
        arms_of(Claims.model_validate(values), REPOSITORY)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_two_arms_of_the_same_settings_are_refused() -> None:
    values = read_claims(CLAIMS).model_dump()
    name, budget = next(iter(values["budgets"].items()))
    values["budgets"] = {name: budget, "again": budget}
    with pytest.raises(BestsellerError, match="the same settings as"):
        arms_of(Claims.model_validate(values), REPOSITORY)


def test_seeds_are_paired_early() -> None:
    arms = arms_of(read_claims(CLAIMS), REPOSITORY)
    order = [(arm.budget, seed, arm.variant) for arm, seed in in_order(arms)]
    assert len(order) == sum(arm.seeds for arm in arms)
    budget = read_claims(CLAIMS).budgets[order[0][0]]
    early = [(seed, arm) for name, seed, arm in order if name == order[0][0]]
    pairs = sum(budget.arms[arm] for arm in budget.first)
    assert {arm for _, arm in early[:pairs]} == set(budget.first)
    for part in (early[:pairs], early[pairs:]):
        assert [seed for seed, _ in part] == sorted(seed for seed, _ in part)


def test_rows_are_appended_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "claims.csv"
    row = {"budget": "b", "variant": "v", "seed": 0, "settings": "0123e4567890", "code": "00"}
    append_row(row | {"fd": 1 / 3}, path)
    append_row(row | {"seed": 1, "kid": 2.0}, path)
    table = read_rows(path)
    assert table["settings"].tolist() == ["0123e4567890"] * 2, "text, not a number"
    assert table["fd"].tolist()[0] == pytest.approx(1 / 3, rel=1e-5)
    assert stands(table, "0123e4567890", 1, {"00"})
    assert not stands(table, "0123e4567890", 2, {"00"})
    assert not stands(table, "0123e4567890", 1, {"01"})
    append_row(row | {"fd": 5.0, "code": "01"}, path)
    newer = newest(read_rows(path), {"b/v": "0123e4567890"})
    assert dict(zip(newer["seed"], newer["code"], strict=True)) == {1: "00", 0: "01"}
    assert newest(read_rows(path), {"b/v": "other"}).empty, "rows of other settings do not count"
    path.write_text("budget,variant\n1,2\n")
    with pytest.raises(BestsellerError, match="git checkout"):
        read_rows(path)


def test_two_studies_in_one_checkout_are_refused(tmp_path: Path) -> None:
    with (
        only_one(tmp_path / "lock"),
        pytest.raises(BestsellerError, match="another `make study`"),
        only_one(tmp_path / "lock"),
    ):
        pass
    with only_one(tmp_path / "lock"):
        pass


def test_the_code_version_sees_formulas_and_not_words(tmp_path: Path) -> None:
    package = tmp_path / "bestseller"
    (package / "metrics").mkdir(parents=True)
    script, module = tmp_path / "script.py", package / "metrics" / "kid.py"
    (package / "params").mkdir()
    (package / "params" / "__init__.py").write_text("x = 1\n")
    (package / "unused.py").write_text("y = 1\n")
    script.write_text("from bestseller.metrics.kid import kid\n")

    def version(text: str) -> str:
        module.write_text(text)
        return code_version([script], tmp_path)

    first = version(
        '"""Words."""\nfrom bestseller.params import x\n\n\ndef kid():\n    return 1 + 2\n'
    )
    assert used([script], tmp_path) == [module]
    assert (
        version("import bestseller.params  # why\n\ndef kid():\n    return 1 + 2  # three\n")
        == first
    )
    assert version("def kid():\n    return 1 + 3\n") != first
    text = 'def f():\n    """Doc\n\n    string."""\n    return "# no comment"\n'
    module.write_text(text)
    assert essence(module) == 'def f():\n    return "# no comment"'
    (package / "evaluation").mkdir()
    before = version("def kid():\n    return 1\n")
    module.rename(package / "evaluation" / "kid.py")
    script.write_text("from bestseller.evaluation.kid import kid\n")
    assert code_version([script], tmp_path) == before, "a moved module"


def made_claims(**statement: object) -> Claims:
    """Two variants under one budget, and one statement of them."""
    told = {"claim": "A", "says": "a over b", "better": "a", "than": "b", "metric": "fd"}
    return Claims.model_validate(
        {
            "settings": {},
            "same_code": [],
            "datasets": {"d": {"says": "photos"}},
            "variants": {v: {"says": v, "model": "dcgan-plain"} for v in "ab"},
            "budgets": {
                "x": {"says": "x", "dataset": "d", "profile": "p", "arms": {"a": 6, "b": 6}}
            },
            "statements": [told | statement],
        }
    )


class FakeArm:
    def __init__(self, variant: str) -> None:
        self.budget, self.variant, self.seeds, self.name = "x", variant, 6, f"x/{variant}"


def made_rows(a: list[float], b: list[float], other: list[float] | None = None) -> pd.DataFrame:
    rows = [
        {"budget": "x", "variant": variant, "seed": seed, "fd_lite2": value, "fd_lite2_se": 0.1}
        for variant, values in (("a", a), ("b", b))
        for seed, value in enumerate(values)
    ]
    table = pd.DataFrame(rows)
    if other is not None:
        table["fd_lite1_4_5"] = other
    return table


NOISE = [0.01, -0.02, 0.015, 0.0, -0.01, 0.005]
BASE = [1.0, 1.2, 0.9, 1.1, 1.3, 1.0]


@pytest.mark.parametrize(
    ("a", "b", "verdict", "reason"),
    [
        ([x - 0.3 + e for x, e in zip(BASE, NOISE, strict=True)], BASE, "holds", ""),
        ([x + 0.3 + e for x, e in zip(BASE, NOISE, strict=True)], BASE, "does not hold", ""),
        ([x + e for x, e in zip(BASE, NOISE, strict=True)], BASE, "cannot be told", "covers 0"),
        (BASE[:3], [x + 1 for x in BASE[:3]], "cannot be told", "3 pairs of seeds stand and 6"),
        (BASE[:1], BASE[:1], "cannot be told", "no two seeds"),
    ],
)
def test_verdicts(a: list[float], b: list[float], verdict: str, reason: str) -> None:
    claims = made_claims()
    (found,) = answers_of(claims, [FakeArm("a"), FakeArm("b")], made_rows(a, b), 0.95)  # type: ignore[list-item]
    assert found.verdict.startswith(verdict)
    assert reason in found.reason
    for one in found.differences:
        assert one.p == pytest.approx(stats.ttest_rel(a, b).pvalue)
        assert one.interval.value == pytest.approx(np.mean(a) - np.mean(b))


def test_spaces_must_agree_and_holm_covers_them() -> None:
    a = [x - 0.3 + e for x, e in zip(BASE, NOISE, strict=True)]
    arms = [FakeArm("a"), FakeArm("b")]
    against = [*[x + 0.4 - e for x, e in zip(BASE, NOISE, strict=True)], *BASE]
    (found,) = answers_of(made_claims(), arms, made_rows(a, BASE, against), 0.95)  # type: ignore[arg-type]
    assert "contradict" in found.reason
    p = sorted(one.p for one in found.differences)
    assert sorted(one.p_holm for one in found.differences)[0] == pytest.approx(2 * p[0])
    rows = made_rows(a, BASE)
    (diverse,) = answers_of(made_claims(metric="diversity"), arms, rows, 0.95)  # type: ignore[arg-type]
    assert diverse.differences == ()
    assert verdict_of(diverse.statement, (), [], 0.05)[0] == "cannot be told, because"


def test_columns_leave_out_standard_errors() -> None:
    names = ["fd_lite2", "fd_lite2_se", "fd_lite1_4_5", "diversity_lite2_sampled", "fdx"]
    assert columns_of("fd", names) == ["fd_lite2", "fd_lite1_4_5"]
    assert columns_of("diversity", names) == []


def test_luck_is_calibrated() -> None:
    """Of pairs of runs that differ by nothing but luck 5 % have a p below 0.05."""
    rng = np.random.default_rng(0)
    p = []
    for _ in range(2000):
        runs = rng.normal(100.0, 3.0, 8)
        difference = rng.normal(100.0, 3.0, 2)
        p.append(luck(runs, 100 * (difference[0] - difference[1]) / runs.mean(), 0.95).p)
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.015)
    found = luck([99.0, 101.0, 100.0], 1.5, 0.95)
    assert found.spread.value == pytest.approx(1.0)
    assert found.spread.low < 1.0 < found.spread.high
    assert found.pairs == pytest.approx(1 / 3)


def test_rank_correlation_by_hand_and_its_coverage() -> None:
    found = rank_correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5], 0.95)
    assert found.value == pytest.approx(1 - 6 * 4 / (5 * 24))
    rng = np.random.default_rng(1)
    rho = 0.6
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of a bivariate normal
    hits = []
    for _ in range(800):
        x, y = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], 16).T
        hits.append(rank_correlation(x, y, 0.95).covers(truth))
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


def test_the_published_table_correlates_with_the_size_of_the_lines() -> None:
    table = published_correlations(0.95).set_index(["model", "size"])
    assert set(table["lines"]) == {16}
    kinds = [2563, 1721, 897, 29, 76, 13, 123, 54, 15, 12, 5, 2, 2, 2, 1, 1]
    dcgan = [55.39, 47.83, 41.72, 40.92, 41.11, 26.46, 56.33, 52.69, 51.2, 30.35, 31.35, 33.29]
    dcgan += [31.24, 41.26, 39.09, 22.12]
    expected = stats.spearmanr(kinds, dcgan).statistic
    assert table.loc[("dcgan", "kinds"), "value"] == pytest.approx(expected)


def test_the_report_tells_every_statement() -> None:
    claims = made_claims()
    rows = made_rows([x - 0.3 + e for x, e in zip(BASE, NOISE, strict=True)], BASE)
    facts: dict[str, object] = {
        "train_cpu_s": 3.0,
        "measure_cpu_s": 1.0,
        "steps": 5,
        "n_train": 8,
        "n_test": 4,
    }
    facts |= {"n_images": 9, "machine": "m", "torch": "t", "code": "c", "blur_lite2": 0.5}
    rows = rows.assign(**facts)  # type: ignore[arg-type]
    arms = [FakeArm("a"), FakeArm("b")]
    told = answers_of(claims, arms, rows, 0.95)  # type: ignore[arg-type]
    found = Findings(claims, arms, rows, told, 0.95)  # type: ignore[arg-type]
    text = document(found, {"x": ["reproduction/x-seeds.svg"]})
    assert "| A | a over b | x | **holds** |" in text
    assert "1 hold, 0 do not hold and 0 cannot be told" in sentence(found)
    few = replace(told[0], verdict="cannot be told, because", reason="2 pairs of seeds stand")
    begun = replace(found, answers=[*told, few])  # a later budget, of which few rows stand
    assert "1 hold, 0 do not hold and 0 cannot be told" in sentence(begun)
    assert "reproduction/x-seeds.svg" in text
    empty = Findings(claims, arms, rows[:0], answers_of(claims, arms, rows[:0], 0.95), 0.95)  # type: ignore[arg-type]
    assert "`x/a` | 0 | 6" in document(empty, {})


def test_a_change_from_nothing_is_no_percentage() -> None:
    found = Difference("coverage_lite2", 0.2, 0.0, Interval(0.2, 0.1, 0.3), 6, 0.01, 0.03, 1)
    assert _change(found) == "0.200 (0.100 to 0.300)"
    found = Difference("kid_lite2", 1.0, 2.0, Interval(-1.0, -1.5, -0.5), 6, 0.01, 0.03, -1)
    assert _change(found) == f"{MINUS}50.0 % ({MINUS}75.0 % to {MINUS}25.0 %)"
