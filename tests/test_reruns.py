"""What an edit reruns: one model, one stage and what follows, and no training for a new sentence.

The first part asks dvc.yaml alone. The second lets DVC plan, in a clone whose stages write stubs
in the place of their results.
"""

import re
import shutil
from collections.abc import Callable
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from bestseller.base.files import read_json
from bestseller.params import load_params
from bestseller.params.item import MODELS
from bestseller.params.train import GANS
from conftest import REPOSITORY, commit, shell, start_git
from stages import settings
from test_dag import base, covers, files_of, params_of, pipeline

COSTLY = {"backbone", "centroid", "train", "classifier"}
CLAIMS = {  # an edit, as a file or a key of params.yaml, and the stages that read it
    "src/bestseller/gans/new.py": {"settings", "shortlist", "foresight"},
    "src/bestseller/params/train.py": {"settings", "foresight", "report"},
    "train.new": {"settings", "foresight", "report"},
    "src/bestseller/sources/new.py": {"scrape"},
    "src/bestseller/sources/__init__.py": {"scrape", "report"},
    "src/bestseller/params/catalogue.py": {"scrape", "sales", "foresight", "report"},
    "src/bestseller/params/retrain.py": set(),
    "retrain.new": set(),
    "src/bestseller/params/report.py": {"report"},
    "report.new": {"report"},
    "src/bestseller/report/findings.py": {"report"},
    "src/bestseller/report/words.py": {"report"},
    "src/bestseller/comparison/conclusions.py": {"compare"},
    "src/bestseller/web/spider.py": {"scrape"},
    "src/bestseller/evaluation/measurement.py": {"evaluate", "compare"},
    "src/bestseller/classifier/fitting.py": {"classifier", "foresight"},
}


def readers(change: str) -> set[str]:
    """The stages, without their items, that depend on a file or a key."""
    found = set()
    for name, stage in pipeline().items():
        keys = any(covers(declared, change) for declared in params_of(stage))
        files = any(Path(change).is_relative_to(dep) for dep in files_of(stage))
        found |= {base(name)} if keys or files else set()
    return found - {"check"}  # it reads all settings, and nothing follows it


@pytest.mark.parametrize("change", CLAIMS)
def test_an_edit_is_read_by_these_stages(change: str) -> None:
    assert readers(change) == CLAIMS[change]
    if "classifier" not in change:
        assert not CLAIMS[change] & COSTLY


@pytest.mark.parametrize(
    "change", ["src/bestseller/metrics/registry.py", "src/bestseller/metrics/new.py"]
)
def test_a_new_metric_measures_again_and_trains_nothing(change: str) -> None:
    assert {"evaluate", "compare"} <= readers(change)
    assert not readers(change) & (COSTLY | {"backtest"})


def test_what_measures_models_knows_no_model() -> None:
    for stage in ("classifier", "backtest", "compare"):
        assert not any(
            stage in readers(f"src/bestseller/{package}/new.py")
            for package in ("gans", "training", "designs", "report")
        )


# The code of each model


@pytest.fixture
def recipes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Callable[[], dict[str, Any]]]:
    """A copy of the models' modules, and what the stage settings writes of it."""
    params = load_params(REPOSITORY / "params.yaml")
    modules = tmp_path / "gans"
    shutil.copytree(settings.GANS, modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "GANS", modules)

    def written() -> dict[str, Any]:
        settings.main(params)
        return {model: read_json(Path(f"data/settings/{model}.json")) for model in MODELS}

    return modules, written


@pytest.mark.parametrize("gan", GANS)
def test_an_edited_gan_reruns_its_own_trainings_alone(
    gan: str, recipes: tuple[Path, Callable[[], dict[str, Any]]]
) -> None:
    modules, written = recipes
    before = written()
    own = modules / f"{gan}.py"
    own.write_text("# a comment\n" + own.read_text())
    assert written() == before, "a comment reruns nothing"
    own.write_text(own.read_text() + "\nMORE = 1\n")
    after = written()
    changed = {model for model in MODELS if after[model] != before[model]}
    assert changed == {f"{gan}-plain", f"{gan}-centroid"}
    assert {f"{gan}.py"} & {
        Path(d).name for d in files_of(pipeline()["train@dcgan-plain-0"])
    } == set()


def test_what_models_share_reruns_those_that_share_it(
    recipes: tuple[Path, Callable[[], dict[str, Any]]],
) -> None:
    modules, written = recipes
    before = written()
    for name, gans in {
        "convolutions": {"dcgan", "d2gan"},
        "bce": {"vanilla", "dcgan"},
        "principal": {"blend"},
        "gan": set(GANS),
    }.items():
        path = modules / f"{name}.py"
        source = path.read_text()
        path.write_text(source + "\nMORE = 1\n")
        after = written()
        path.write_text(source)
        assert {m.partition("-")[0] for m in MODELS if after[m] != before[m]} == gans, name


# DVC's own plan


STUB = """
import sys
from hashlib import sha256
from pathlib import Path

settings = sha256(Path("params.yaml").read_bytes()).hexdigest()
for path in map(Path, sys.argv[1:]):
    if path.suffix:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"{{path}} {{settings}}"')
    else:
        path.mkdir(parents=True, exist_ok=True)
        (path / "stub").write_text(f"{{path}} {{settings}}")
    if path == Path("data/centroid"):
        for name in {models}:
            (path / f"{{name}}.safetensors").write_text(name)
"""


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a pipeline of stubs has run; the stages check and settings are real."""
    clone = tmp_path_factory.mktemp("stubs")
    for name in ("src", "stages"):
        shutil.copytree(
            REPOSITORY / name, clone / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("params.yaml", "dvc.yaml", ".gitignore"):
        shutil.copy(REPOSITORY / name, clone)
    for name in ("data/source/catalogue.json", "data/source/ledger.json"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("{}")
    (clone / "studies").mkdir()
    shutil.copy(REPOSITORY / "studies/answers.json", clone / "studies")
    for name in ("data/feedback", "data/retrain"):
        (clone / name).mkdir(parents=True)
        (clone / name / "given").write_text("given")
    (clone / "stub.py").write_text(STUB.format(models=[*MODELS, "distance"]))
    definition = YAML().load(clone / "dvc.yaml")
    definition.pop("artifacts", None)
    for name, stage in definition["stages"].items():
        declared = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
        outs = [out if isinstance(out, str) else next(iter(out)) for out in declared]
        if name not in ("check", "settings"):
            stage["cmd"] = " ".join(["python", "stub.py", *outs])
    YAML().dump(definition, clone / "dvc.yaml")
    start_git(clone)
    shell("dvc", "init", "--quiet", "--force", cwd=clone)
    shell("dvc", "repro", "--quiet", cwd=clone)
    return clone


def touched(clone: Path) -> set[str]:
    """The stages whose own inputs have changed, the check of all settings left out."""
    with Repo(str(clone)) as repo:
        return {name.rpartition(":")[2] for name in repo.status()} - {"check"}


@pytest.mark.slow
def test_dvc_plans_what_the_claims_say(stubs: Path) -> None:
    assert touched(stubs) == set()
    trainings = {f"train@{name}" for name in load_params(stubs / "params.yaml").item_names()}
    for change, allowed in {
        "src/bestseller/comparison/conclusions.py": {"compare"},
        "src/bestseller/report/findings.py": {"report"},
        "src/bestseller/params/retrain.py": set(),
        "src/bestseller/sources/__init__.py": {"scrape", "report"},
        "src/bestseller/training/trainer.py": trainings | {"foresight"},
        "src/bestseller/gans/pggan.py": {"settings", "shortlist", "foresight"},
    }.items():
        path = stubs / change
        before = path.read_bytes()
        path.write_bytes(before + b"\n# more\n")
        found = touched(stubs)
        path.write_bytes(before)
        assert found == allowed, change


@pytest.mark.slow
def test_dvc_retrains_the_one_model_whose_code_changed(stubs: Path) -> None:
    path = stubs / "src/bestseller/gans/pggan.py"
    before = path.read_text()
    path.write_text(before + "\n# a comment\n")
    shell("dvc", "repro", "settings", cwd=stubs)
    both = {"shortlist", "foresight"}
    assert touched(stubs) == both, "they depend on the text of all models"
    path.write_text(before + "\nMORE = 1\n")
    shell("dvc", "repro", "settings", cwd=stubs)
    assert touched(stubs) == {"train@pggan-plain-0", "evaluate@pggan-plain-0"} | both
    path.write_text(before)
    shell("dvc", "repro", "settings", cwd=stubs)
    assert touched(stubs) == set()


def set_params(clone: Path, **values: Any) -> None:
    """Set keys of params.yaml, with __ in the place of dots."""
    settings = YAML().load(clone / "params.yaml")
    for key, value in values.items():
        *sections, last = key.split("__")
        reduce(getitem, sections, settings)[last] = value
    YAML().dump(settings, clone / "params.yaml")


def reproduced(clone: Path) -> tuple[set[str], dict[str, bytes]]:
    """Run the pipeline; return the stages that ran, and what is in metrics/ and data/models."""
    told = shell("dvc", "repro", cwd=clone).stdout
    files = [path for name in ("metrics", "data/models") for path in (clone / name).rglob("*")]
    found = {str(path.relative_to(clone)): path.read_bytes() for path in files if path.is_file()}
    return set(re.findall(r"Running stage '([^']+)'", told)), found


OTHER = {"images__fill": 0.8, "train__dcgan__lr": 1e-3, "preference__steps": 9}
# What is made from its own last result, and what follows; neither trains.
NEVER_CACHED = {"check", "report", "track"}


@pytest.mark.slow
def test_earlier_settings_come_back_without_a_run(stubs: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(stubs, clone, symlinks=True)
    first = (clone / "params.yaml").read_bytes()
    items = load_params(clone / "params.yaml").item_names()
    shell("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"), cwd=clone)
    commit(clone, "first settings")

    _, before = reproduced(clone)
    set_params(clone, **OTHER)
    ran, other = reproduced(clone)
    assert ran >= {f"train@{item}" for item in items} | {"preprocess", "classifier", "compare"}
    assert all(other[path] != content for path, content in before.items() if "train" in path)

    second = (clone / "params.yaml").read_bytes()
    (clone / "params.yaml").write_bytes(first)
    ran, again = reproduced(clone)
    assert ran <= NEVER_CACHED
    assert {path: again[path] for path in before} == before

    shell("python", "-m", "stages.runs", "push", cwd=clone)
    fresh = tmp_path / "fresh"
    shell("git", "clone", "--quiet", str(clone), str(fresh), cwd=tmp_path)
    shell("dvc", "pull", cwd=fresh)
    shell("python", "-m", "stages.runs", "pull", cwd=fresh)
    (fresh / "params.yaml").write_bytes(second)
    ran, there = reproduced(fresh)
    assert ran <= NEVER_CACHED
    assert there == other
