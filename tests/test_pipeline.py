"""The whole pipeline with tiny settings in a temporary clone: what runs, and what does not."""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest
from dvc.repo import Repo

from bestseller.params import load_params, read_yaml
from conftest import REPOSITORY, commit, shell, start_git

pytestmark = pytest.mark.slow
BIN = str(Path(sys.executable).parent)
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the working tree in which the pipeline has run once."""
    clone = tmp_path_factory.mktemp("clone")
    listed = shell("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=REPOSITORY).stdout
    for name in listed.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, clone / name)
    shutil.copy(REPOSITORY / "tests/tiny.yaml", clone / "profiles/tiny.yaml")
    start_git(clone)
    switch(clone, "tiny")
    shell("python", "-m", "stages.refresh", cwd=clone)
    shell("dvc", "repro", cwd=clone)
    commit(clone, "tiny run")
    return clone


@pytest.fixture
def clone(finished: Path) -> Path:
    """The clone as it was after its first run."""
    shell("git", "reset", "--hard", "--quiet", cwd=finished)
    shell("dvc", "checkout", "--force", "--quiet", cwd=finished)
    return finished


def switch(folder: Path, profile: str, settings: str | None = None) -> None:
    if settings is not None:
        (folder / "profiles" / f"{profile}.yaml").write_text(settings)
    shell("python", "-m", "stages.profile", profile, cwd=folder)


def ran(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", done.stdout + done.stderr))


def planned(folder: Path) -> set[str]:
    """The stages whose own inputs have changed."""
    return ran(shell("dvc", "repro", "--dry", cwd=folder))


def following(folder: Path, stages: set[str]) -> set[str]:
    """`stages` and all that depend on them."""
    with Repo(str(folder)) as repo:
        graph = repo.index.graph  # edges point from a stage to what it depends on
        named = nx.relabel_nodes(graph, {stage: stage.name for stage in graph})
    return stages.union(*(nx.ancestors(named, stage) for stage in stages))


def items(folder: Path, stage: str, part: str) -> set[str]:
    names = load_params(folder / "params.yaml").items()
    return {f"{stage}@{name}" for name in names if part in name.split("-")}


def test_the_second_run_does_nothing(clone: Path) -> None:
    again = shell("dvc", "repro", cwd=clone)
    assert ran(again) == set()
    assert UP_TO_DATE in again.stdout
    assert (clone / "data/report/index.html").stat().st_size > 0


def test_every_stage_stands_under_one_finished_run(clone: Path) -> None:
    with sqlite3.connect(clone / "mlflow.db") as database:
        parents = database.execute("SELECT run_uuid FROM tags WHERE key = 'dvc.lock_hash'")
        ids = [row[0] for row in parents]
        query = "SELECT key FROM tags WHERE run_uuid = ? AND key LIKE 'stage.%'"
        tracked = {row[0] for row in database.execute(query, (ids[0],))}
        status = {row[0] for row in database.execute("SELECT status FROM runs")}
    stages = set(read_yaml(clone / "dvc.lock")["stages"]) - {"track"}
    assert tracked >= {f"stage.{name}".replace("@", "/") for name in stages}
    assert status == {"FINISHED"}


def test_a_gan_s_setting_reruns_its_items_and_what_follows(clone: Path) -> None:
    done = shell("dvc", "exp", "run", "--set-param", "train.dcgan.lr=1e-3", cwd=clone)
    train, evaluate = items(clone, "train", "dcgan"), items(clone, "evaluate", "dcgan")
    assert {name for name in ran(done) if name.startswith("train@")} == train
    assert train | evaluate | {"compare", "track"} <= ran(done) <= following(clone, train)
    assert UP_TO_DATE in shell("dvc", "repro", cwd=clone).stdout


def test_the_centroid_s_weight_leaves_the_plain_items_alone(clone: Path) -> None:
    switch(clone, "heavier", "centroid:\n  weight: 0.2\n")
    assert planned(clone) == {"centroid", "report"}, "the report names the weight"
    shell("dvc", "repro", "centroid", cwd=clone)
    assert planned(clone) == items(clone, "train", "centroid") | {"report"}


def test_an_unchanged_shop_runs_nothing(clone: Path) -> None:
    shell("python", "-m", "stages.refresh", cwd=clone)
    assert UP_TO_DATE in shell("dvc", "repro", "--dry", cwd=clone).stdout


def test_a_new_season_runs_what_it_changes_once_it_was_looked_for(clone: Path) -> None:
    switch(clone, "season", "catalogue:\n  demo:\n    season: 2\n")
    assert planned(clone) == set()
    shell("python", "-m", "stages.refresh", cwd=clone)
    assert planned(clone) == {"scrape", "sales"}
    shell("dvc", "repro", "sales", cwd=clone)
    reading = {"preprocess", "classifier", "backtest", "shortlist", "report", "track"}
    assert planned(clone) == reading, "those that read the catalogue or the units"


def test_experiments_are_told_apart_within_160_columns(clone: Path) -> None:
    for number, rate in enumerate(("1e-3", "5e-4")):
        name = f"trial-{number}"
        shell("dvc", "exp", "run", "--name", name, "-S", f"train.dcgan.lr={rate}", cwd=clone)
        shell("git", "reset", "--hard", "--quiet", cwd=clone)
    shown = shell(
        "make", "--no-print-directory", "-o", "setup", "exp", "BIN=" + BIN, cwd=clone, COLUMNS="160"
    )
    table = [line for line in shown.stdout.splitlines() if set(line) - set("─ ")]
    assert max(map(len, table)) <= 160
    rows = {name: next(line for line in table if name in line) for name in ("trial-0", "trial-1")}
    values = [line.partition("]")[2].split()[2:] for line in rows.values()]
    assert values[0] != values[1]
    assert len(values[0]) > 1
