"""The mutation tester: which changes it makes, and that it tells a test that notices one."""

import ast
from pathlib import Path

import pytest

from tools.mutants import SOURCE, TARGETS, failing, importers, mutants

CODE = b'''"""A text of 3 words."""
# \xc3\xa9
LIMIT: int = 2


@dataclass(frozen=True)
class A:
    x: float = 0.0


def f(a: Literal[1], b):
    if not a and (b <= LIMIT or b in a):
        return f"{a + 1}"
    return max(a, b) - np.minimum(a, 1.5) if a is None else True
'''


def test_the_changes_of_a_file_by_hand() -> None:
    found = [(m.line, m.before, m.after) for m in mutants("a.py", CODE)]
    assert found == [
        (3, "2", "(3)"),
        (8, "0.0", "(1.0)"),
        (12, "not a", "(a)"),
        (12, "not a and (b <= LIMIT or b in a)", "(not a or (b <= LIMIT or b in a))"),
        (12, "b <= LIMIT", "(b < LIMIT)"),
        (12, "b <= LIMIT or b in a", "(b <= LIMIT and b in a)"),
        (12, "b in a", "(b not in a)"),
        (14, "max", "(min)"),
        (14, "max(a, b) - np.minimum(a, 1.5)", "(max(a, b) + np.minimum(a, 1.5))"),
        (
            14,
            "max(a, b) - np.minimum(a, 1.5) if a is None else True",
            "(True if a is None else max(a, b) - np.minimum(a, 1.5))",
        ),
        (14, "np.minimum", "(np.maximum)"),
        (14, "1.5", "(3.0)"),
        (14, "a is None", "(a is not None)"),
        (14, "True", "(False)"),
    ]


def test_every_change_is_python_and_another_program() -> None:
    for target in TARGETS:
        for path in SOURCE.glob(target):
            source = path.read_bytes()
            plain = ast.dump(ast.parse(source))
            for mutant in mutants(path.name, source)[::7]:
                made = source[: mutant.start] + mutant.after.encode() + source[mutant.end :]
                assert ast.dump(ast.parse(made)) != plain, mutant


def test_the_tests_of_a_module_are_those_that_import_it_its_own_first() -> None:
    assert importers("bestseller.metrics.prdc")[0] == "tests/test_prdc.py"
    assert "tests/test_gate.py" in importers("bestseller.retraining.gate")
    assert "tests/test_preference_ranker.py" in importers("bestseller.preference.backtest")


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("assert value == 1", "survived"),
        ("assert value == 2", "killed"),
        ("import time; time.sleep(60)", "timeout"),
        ("import os; os.kill(os.getpid(), 9)", "killed"),
    ],
)
def test_outcomes(body: str, outcome: str, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/mutated.py").write_text("value = 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(
        f"from mutated import value\n\n\ndef test_it():\n    {body}\n"
    )
    limit_s = 5 if outcome == "timeout" else 60
    assert failing(tmp_path, ["tests/test_it.py"], limit_s) == outcome
