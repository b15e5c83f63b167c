"""Mutation testing: change one thing in the code, and see whether a test fails.

``python tools/mutants.py N SEED`` (``make mutants``) draws N of all such changes of the modules in
TARGETS and runs, for each in a copy of the checkout, the fast tests that import the module. What no
test notices survives and is printed. Rows go to .scratch/mutants-SEED.csv as they come, and the
same command goes on from there. Changes: a comparison's edge or sense, + and -, * and /, `and` and
`or`, min and max, any and all, a condition's sense, a number by 1 or to its double, True and False.
"""

import ast
import contextlib
import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
TARGETS = (
    "bestseller/metrics/*.py",
    "bestseller/preference/*.py",
    "bestseller/designs/selection.py",
    "bestseller/retraining/gate.py",
)
SWAPS: dict[type[ast.AST], Any] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Pow: ast.Mult,
    ast.And: ast.Or,
    ast.Or: ast.And,
}
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum"}
NAMES["maximum"] = "minimum"
SLOWEST = 300.0  # seconds that the tests of one file may take; slower files are left out, and told
COLUMNS = ("file", "line", "before", "after", "outcome")


@dataclass(frozen=True)
class Mutant:
    """One change: bytes `start` to `end` of a file, which hold `before`, become `after`."""

    file: str
    line: int
    start: int
    end: int
    before: str
    after: str


def changed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in the place of a node."""
    if isinstance(node, ast.Compare) and (other := SWAPS.get(type(node.ops[0]))):
        yield ast.Compare(node.left, [other(), *node.ops[1:]], node.comparators)
    elif isinstance(node, ast.BinOp) and (other := SWAPS.get(type(node.op))):
        yield ast.BinOp(node.left, other(), node.right)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(SWAPS[type(node.op)](), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield ast.Constant(node.value + 1)
    elif isinstance(node, ast.Constant) and isinstance(node.value, float):
        yield ast.Constant(node.value * 2 or 1.0)
    elif isinstance(node, ast.Name) and node.id in NAMES:
        yield ast.Name(NAMES[node.id])
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr])


def places(node: ast.AST) -> Iterator[ast.AST]:
    """Walk over expressions: no annotation, no decorator, no f-string, whose places are unsure."""
    if isinstance(node, ast.JoinedStr):
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns", "decorator_list", "type_params"}:
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from places(child)


def mutants(file: str, source: bytes) -> list[Mutant]:
    """Return all changes of a file, in the order of its text."""
    begins = [0]
    for line in source.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    found = []
    for node in places(ast.parse(source)):
        for other in changed(node):
            assert isinstance(node, ast.expr)
            assert node.end_lineno is not None and node.end_col_offset is not None
            start = begins[node.lineno - 1] + node.col_offset
            end = begins[node.end_lineno - 1] + node.end_col_offset
            before = source[start:end].decode()
            found.append(Mutant(file, node.lineno, start, end, before, f"({ast.unparse(other)})"))
    return sorted(found, key=lambda m: (m.start, m.end, m.after))


def imported(source: str) -> set[str]:
    """Return the modules that a file imports by name; ``from a import b`` may mean ``a.b``."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def importers(module: str) -> list[str]:
    """Return the test files that import a module, or, of one that none does, its importers'."""
    tests = {path: imported(path.read_text()) for path in sorted((ROOT / "tests").glob("test_*"))}
    wanted = {module}
    found: list[Path] = []
    while not found:
        found = [path for path, names in tests.items() if names & wanted]
        users = {
            str(path.relative_to(SOURCE).with_suffix("")).replace("/", ".")
            for path in SOURCE.rglob("*.py")
            if imported(path.read_text()) & wanted
        }
        if users <= wanted:
            break
        wanted |= users
    stem = module.rpartition(".")[2]
    return [f"tests/{path.name}" for path in sorted(found, key=lambda p: (stem not in p.name, p))]


def failing(folder: Path, tests: list[str], limit_s: float) -> str:
    """Run tests in a process of their own: killed, survived, or timeout.

    The process is a fork of this one, which has imported what takes seconds, and none of the
    project's modules.
    """
    child = os.fork()
    if child == 0:
        os.setsid()
        os.chdir(folder)
        log = os.open(folder / "tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.path[:0] = [str(folder / part) for part in ("src", "tests", "")]
        import pytest  # noqa: PLC0415

        os._exit(pytest.main(["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]))
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return "survived" if os.waitstatus_to_exitcode(status) in {0, 5} else "killed"
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "timeout"


def copied(folder: Path) -> None:
    """Copy the checkout as it stands, without what git ignores."""
    asked = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    for name in subprocess.check_output(asked, cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


class Runner:
    """Tries mutants in a copy of the checkout, against the tests that pass without them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seconds: dict[str, float | None] = {}
        self._importers: dict[str, list[str]] = {}

    def seconds(self, test: str) -> float | None:
        """Return how long a test file takes on the code as it is; None where it is no use."""
        if test not in self._seconds:
            start = time.monotonic()
            outcome = failing(self.folder, [test], SLOWEST)
            took = time.monotonic() - start
            self._seconds[test] = took if outcome == "survived" else None
            if outcome != "survived":
                print(f"{test}: left out ({outcome} without any change)", flush=True)
        return self._seconds[test]

    def outcome(self, mutant: Mutant) -> str:
        """Return what the tests say: killed, timeout (which is killed too) or survived."""
        module = mutant.file.removesuffix(".py").replace("/", ".")
        tests = self._importers.setdefault(module, importers(module))
        file = self.folder / "src" / mutant.file
        source = (SOURCE / mutant.file).read_bytes()
        for test in tests:
            if (took := self.seconds(test)) is None:
                continue
            broken = source[: mutant.start] + mutant.after.encode() + source[mutant.end :]
            file.write_bytes(broken)
            try:
                found = failing(self.folder, [test], 3 * took + 30)
            finally:
                file.write_bytes(source)
            if found != "survived":
                return found
        return "survived"


def main(number: int, seed: int) -> None:
    files = sorted({path for target in TARGETS for path in SOURCE.glob(target)})
    every = [m for f in files for m in mutants(str(f.relative_to(SOURCE)), f.read_bytes())]
    drawn = random.Random(seed).sample(every, min(number, len(every)))
    table = ROOT / f".scratch/mutants-{seed}.csv"
    table.parent.mkdir(exist_ok=True)
    rows: dict[tuple[str, ...], str] = {}
    if table.exists():
        with table.open(newline="") as file:
            rows = {tuple(row[:4]): row[4] for row in list(csv.reader(file))[1:]}
    with tempfile.TemporaryDirectory() as folder, table.open("w", newline="") as file:
        copied(Path(folder))
        write, runner = csv.writer(file), Runner(Path(folder))
        write.writerow(COLUMNS)
        outcomes = []
        for mutant in drawn:
            key = (mutant.file, str(mutant.line), mutant.before, mutant.after)
            outcome = rows.get(key) or runner.outcome(mutant)
            outcomes.append(outcome)
            write.writerow([*key, outcome])
            file.flush()
            if outcome == "survived":
                print(f"{mutant.file}:{mutant.line}: {mutant.before} -> {mutant.after}", flush=True)
    killed = len(outcomes) - outcomes.count("survived")
    print(f"{killed} of {len(outcomes)} killed; {len(every)} changes are possible")


if __name__ == "__main__":
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True  # a second change within a second must not meet the first
    import pandas  # noqa: F401
    import pytest  # noqa: F401
    import scipy.optimize
    import scipy.stats  # noqa: F401
    import torch  # noqa: F401

    main(int(sys.argv[1]), int(sys.argv[2]))
