"""The pipeline's definition: names, scripts, and dependencies that leave nothing out."""

import ast
import re
import runpy
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from dvc.dependency import ParamsDependency
from dvc.repo import Repo
from dvc.stage import PipelineStage

import bestseller.params
from bestseller.params import Item, Params, load_params, read_yaml
from bestseller.params.train import Train
from conftest import REPOSITORY, shell

STAGES = [
    "check",
    "scrape",
    "sales",
    "preprocess",
    "augment",
    "backbone",
    "centroid",
    "settings",
    "train",
    "classifier",
    "backtest",
    "evaluate",
    "compare",
    "shortlist",
    "foresight",
    "report",
    "track",
]
MATRIX = ["train", "evaluate"]
SCRIPTS = sorted(path.stem for path in REPOSITORY.glob("stages/[!_]*.py"))
PARAMS = load_params(REPOSITORY / "params.yaml")

MODULE = re.compile(r"(?P<name>(bestseller|stages)(\.\w+)+)(:\w+)?")
# Run beside a stage and without a part in its result, so that a change there reruns nothing.
BESIDE = {
    "bestseller.live": "it writes a running training's curves beside the outputs",
    "bestseller.tracking.follower": "it takes a running training's curves to MLflow",
    "bestseller.params.train": "it checks settings; those of a training come in data/settings",
}
# Every stage reads and checks the whole of params.yaml, and depends on the sections it declares.
LOADER = REPOSITORY / "src/bestseller/params/__init__.py"
OF_LOADER = ("bestseller.params.section", "bestseller.params.item")
# Modules that import others of a package by names that are in no code.
BY_NAME = {"src/bestseller/gans/registry.py": "gans", "src/bestseller/sources/gather.py": "sources"}
# With this a stage depends on the one model's modules that it runs, by their digests in it.
OWN_CODE = "data/settings/"

# Keys that no stage's result depends on, and who reads them instead.
READ_ELSEWHERE = {
    "profile": "a label that tracking and the report show",
    "models": "the matrix in dvc.yaml",
    "seeds": "the matrix in dvc.yaml",
    "catalogue.demo.season": "refresh, which writes what it finds into data/source/",
    "retrain": "stages.retrain, which runs the stages",
    "engine": "stages.run: the bytes do not depend on it",
    "train.checkpoint_s": "how often training saves changes no weights",
}


@cache
def pipeline() -> dict[str, PipelineStage]:
    """The stages as DVC resolves them, by name."""
    with Repo(str(REPOSITORY)) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def base(name: str) -> str:
    return name.partition("@")[0]


def params_of(stage: PipelineStage) -> set[str]:
    return {key for dep in stage.deps if isinstance(dep, ParamsDependency) for key in dep.params}


def files_of(stage: PipelineStage) -> set[str]:
    return {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}


def test_the_stages_are_those_of_the_design() -> None:
    assert {base(name) for name in pipeline()} == set(STAGES)
    for stage in MATRIX:
        assert [n for n in pipeline() if base(n) == stage] == [
            f"{stage}@{item}" for item in PARAMS.item_names()
        ]


def test_each_stage_runs_its_script_and_says_what_it_does() -> None:
    for name, stage in pipeline().items():
        words = stage.cmd.split()
        assert words[:3] == ["python", "-m", f"stages.{base(name)}"], name
        assert "-".join(words[3:]) == name.partition("@")[2]
        assert base(name) in SCRIPTS
        assert stage.desc, f"{name}: no desc in dvc.yaml"


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_itself(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(f"stages.{script}", run_name="__main__", alter_sys=True)
    assert end.value.code == 0
    told = capsys.readouterr().out
    assert f"usage: python -m stages.{script}" in told
    docstring = ast.get_docstring(ast.parse((REPOSITORY / f"stages/{script}.py").read_text()))
    assert docstring is not None
    assert " ".join(docstring.split())[:60] in " ".join(told.split())


def module_file(name: str) -> Path | None:
    """The file of a module of this project, None for any other module."""
    for root in (REPOSITORY / "src", REPOSITORY):
        stem = root.joinpath(*name.split("."))
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if name.split(".", maxsplit=1)[0] in ("bestseller", "stages") and file.is_file():
                return file
    return None


def nodes_that_run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only a type checker sees."""
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        only_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        todo += (
            node.orelse if isinstance(node, ast.If) and only_types else ast.iter_child_nodes(node)
        )


def imported(file: Path) -> Iterator[str]:
    """Names of all modules that a file may import, with the packages that they stand in."""
    for node in nodes_that_run(ast.parse(file.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            if node.module == "bestseller.params":  # the loader passes on what its sections define
                names = [home_of(alias.name) for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            run = MODULE.fullmatch(node.value)  # python -m <module>, or a class by name
            names = [run["name"]] if run else []
        for name in names:
            parts = name.split(".")
            modules = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
            if file == LOADER:
                modules = [m for m in modules if not m.startswith("bestseller.params.")]
                modules += [m for m in OF_LOADER if name.startswith(m)]
            if not set(modules) & set(BESIDE):
                yield from modules


def home_of(name: str) -> str:
    """The module that defines what `bestseller.params` passes on."""
    value = getattr(bestseller.params, name)
    return f"{getattr(value, '__module__', 'bestseller.params')}.{name}"


def has_code(file: Path) -> bool:
    """Whether a module holds more than its docstring."""
    body = ast.parse(file.read_text()).body
    return any(not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)) for n in body)


@cache
def local_imports(file: Path) -> frozenset[Path]:
    """The project's files that run when `file` runs, itself included."""
    found, todo = set(), [file]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo += [path for name in imported(current) if (path := module_file(name))]
    return frozenset(path for path in found if has_code(path))


def sections_of(stage: PipelineStage) -> set[Path]:
    """The modules of the sections of params.yaml that a stage declares to read."""
    found = set()
    for name in {key.partition(".")[0] for key in params_of(stage)}:
        kind = Params.model_fields[name].annotation
        home = module_file("bestseller.params.train" if kind is Train else str(kind.__module__))
        found |= {home} if home and home != LOADER else set()
    return found


def needs(stage: PipelineStage) -> set[Path]:
    """The project's files with code that decide a stage's result."""
    found = set(local_imports(REPOSITORY / f"stages/{base(stage.addressing)}.py"))
    for path in sections_of(stage):
        found |= local_imports(path)
    for name, package in BY_NAME.items():
        own = package == "gans" and any(path.startswith(OWN_CODE) for path in files_of(stage))
        if REPOSITORY / name in found and not own:
            for path in (REPOSITORY / f"src/bestseller/{package}").glob("*.py"):
                found |= local_imports(path)
    if base(stage.addressing) == "settings":  # it reads them
        found |= set((REPOSITORY / "src/bestseller/gans").glob("[!_]*.py"))
    return {path for path in found if has_code(path)}


@cache
def beside_code() -> list[Path]:
    """Files of the packages that are no code, such as templates."""
    options = ("-co", "--exclude-standard", "--", "src")
    names = shell("git", "ls-files", *options, cwd=REPOSITORY).stdout.splitlines()
    return [REPOSITORY / name for name in names if not name.endswith(".py")]


def package_of(path: Path) -> Path:
    """The innermost package that a file lies in."""
    return next(folder for folder in path.parents if (folder / "__init__.py").is_file())


@pytest.mark.parametrize("name", STAGES)
def test_every_local_import_is_a_dependency(name: str) -> None:
    stage = next(stage for key, stage in pipeline().items() if base(key) == name)
    declared = [REPOSITORY / path for path in files_of(stage)]
    needed = needs(stage)
    needed |= {path for path in beside_code() if package_of(path) in map(package_of, needed)}
    missing = {path for path in needed if not any(path.is_relative_to(dep) for dep in declared)}
    assert not missing, (
        f"deps of {name}: add {sorted(str(p.relative_to(REPOSITORY)) for p in missing)}"
    )


def test_no_dependency_is_left_over() -> None:
    """A source dependency that nothing imports would rerun its stage for nothing."""
    for name, stage in pipeline().items():
        needed = needs(stage)
        for path in files_of(stage):
            if path.startswith(("src/", "stages/")):
                source = REPOSITORY / path
                assert any(file.is_relative_to(source) for file in needed), f"{name}: {path}"


def leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


KEYS = list(leaves(read_yaml(REPOSITORY / "params.yaml")))


def covers(declared: str, key: str) -> bool:
    return key == declared or key.startswith(f"{declared}.")


def test_every_declared_param_exists() -> None:
    for name, stage in pipeline().items():
        for declared in params_of(stage):
            assert any(covers(declared, key) for key in KEYS), f"{name}: {declared}"


def test_every_param_is_read_by_a_stage_or_named_as_read_elsewhere() -> None:
    declared = {key for stage in pipeline().values() for key in params_of(stage)}
    known = declared | set(READ_ELSEWHERE)
    unread = [key for key in KEYS if not any(covers(name, key) for name in known)]
    assert not unread


@pytest.mark.parametrize("item", PARAMS.items(), ids=lambda item: item.name)
def test_a_model_depends_on_its_own_settings_and_centroid_alone(item: Item) -> None:
    """What is in the files, test_settings.py and test_steering.py check."""
    stage = pipeline()[f"train@{item.name}"]
    assert params_of(stage) == {"job_threads"}
    own = {path for path in files_of(stage) if path.startswith(("data/centroid", "data/settings"))}
    sales = "data/settings/sales.csv"  # without a row where sales do not enter
    centroid, settings = f"centroid/{item.model}.safetensors", f"settings/{item.model}.json"
    assert own == {f"data/{centroid}", f"data/{settings}", sales}


def test_tracking_comes_after_every_stage() -> None:
    with Repo(str(REPOSITORY)) as repo:
        graph = repo.index.graph  # edges point from a stage to what it depends on
        named = nx.relabel_nodes(graph, {stage: stage.addressing for stage in graph})
    assert nx.descendants(named, "track") == set(pipeline()) - {"track"}


def test_settings_are_checked_before_every_stage() -> None:
    with Repo(str(REPOSITORY)) as repo:
        graph = repo.index.graph
        named = nx.relabel_nodes(graph, {stage: stage.addressing for stage in graph})
    assert nx.ancestors(named, "check") == set(pipeline()) - {"check"}


def test_every_stage_but_the_named_is_kept_in_the_run_cache() -> None:
    """DVC keeps no run with an output that persists, or that git has and is no metric or plot."""
    left_out = {
        base(name)
        for name, stage in pipeline().items()
        if any(
            out.persist or not (out.use_cache or out.is_metric or out.is_plot) for out in stage.outs
        )
    }
    assert left_out == {"check", "scrape", "sales", "report"}


def test_git_holds_the_small_outputs_and_the_cache_the_others() -> None:
    """`dvc exp run` carries an output along only if git or the cache does."""
    for name, stage in pipeline().items():
        for out in stage.outs:
            asked = shell("git", "check-ignore", "-q", out.def_path, cwd=REPOSITORY, ok=False)
            ignored = asked.returncode == 0
            assert ignored == out.use_cache, f"{name}: {out.def_path}"


def test_experiments_are_compared_by_one_small_table() -> None:
    metrics = [out.def_path for stage in pipeline().values() for out in stage.outs if out.metric]
    assert metrics in ([], ["metrics/summary.json"])
    top_level = read_yaml(REPOSITORY / "dvc.yaml").get("metrics") or []
    assert [*metrics, *top_level] == ["metrics/summary.json"]
