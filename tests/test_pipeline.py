"""The whole pipeline with tiny settings in a temporary clone: what runs, and what does not."""

import json
import re
import sqlite3
import subprocess
import sys
import time
from fnmatch import fnmatch
from functools import reduce
from operator import getitem
from pathlib import Path

import boto3
import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from bestseller.params import load_params
from bestseller.tracking.lock import pipeline_stages
from conftest import clone_of_the_working_tree, commit, shell
from servers import CREDENTIALS, s3

pytestmark = pytest.mark.slow
BIN = str(Path(sys.executable).parent)
UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the working tree in which the pipeline has run once."""
    clone = tmp_path_factory.mktemp("clone")
    clone_of_the_working_tree(clone)
    switch(clone, "tiny")
    shell("python", "-m", "stages.refresh", cwd=clone)
    shell("dvc", "repro", cwd=clone)
    commit(clone, "tiny run")
    return clone


@pytest.fixture
def clone(finished: Path) -> Path:
    """The clone as it was after its first run."""
    shell("git", "reset", "--hard", "--quiet", cwd=finished)
    shell("git", "clean", "--force", "-d", "--quiet", cwd=finished)
    shell("dvc", "checkout", "--force", "--quiet", cwd=finished)
    return finished


def switch(folder: Path, profile: str, settings: str | None = None) -> None:
    if settings is not None:
        (folder / "profiles" / f"{profile}.yaml").write_text(settings)
    shell("python", "-m", "stages.profile", profile, cwd=folder)


def ran(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", done.stdout + done.stderr))


def planned(folder: Path, *stages: str) -> set[str]:
    """The stages whose own inputs have changed, of all or of some and what these need.

    The check of all settings is left out: nothing follows it.
    """
    return ran(shell("dvc", "repro", "--dry", *stages, cwd=folder)) - {"check"}


def items(folder: Path, stage: str, part: str) -> set[str]:
    names = load_params(folder / "params.yaml").item_names()
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
    stages = pipeline_stages(clone, load_params(clone / "params.yaml").item_names(), ["track"])
    assert tracked >= {f"stage.{name}".replace("@", "/") for name in stages}
    assert status == {"FINISHED"}


def outputs(folder: Path) -> dict[str, str]:
    """The hashes in a checkout's dvc.lock, by path."""
    stages = YAML(typ="safe").load(folder / "dvc.lock")["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}


def test_another_folder_zone_locale_and_order_of_sets_give_the_same_hashes(
    clone: Path, tmp_path: Path
) -> None:
    """Every stage up to models and scores anew; only the files that hold seconds may differ."""
    there = tmp_path / "another place" / "deeper"
    shell("git", "clone", "--quiet", str(clone), str(there), cwd=tmp_path)
    (there / "dvc.lock").unlink()
    environment = {
        "PYTHONHASHSEED": "123",
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONUTF8": "0",
    }
    items = load_params(there / "params.yaml").item_names()
    stages = [*(f"train@{name}" for name in items), "classifier", "backtest"]
    shell("dvc", "repro", *stages, cwd=there, ok=True, **environment)
    first, second = outputs(clone), outputs(there)
    assert second.keys() >= {"data/raw/images.zip", "data/classifier", "data/preference"}
    assert second.keys() >= {f"data/models/{name}" for name in items}
    differ = {path for path in second if first[path] != second[path]}
    assert differ <= {f"data/timing/{name}.json" for name in items}


# A change of code, data or a setting for each stage, and all stages that read what is changed.
CHANGES = {
    "data/source/catalogue.json": {"scrape"},
    "catalogue.crawl.timeout_s": {"scrape"},
    "data/source/ledger.json": {"sales"},
    "stages/sales.py": {"sales", "foresight"},
    "images.fill": {"preprocess", "foresight"},
    "src/bestseller/images/augment.py": {
        *("augment", "preprocess", "train@*", "classifier", "backtest", "foresight"),
    },
    "augment.zoom": {"augment", "settings", "classifier", "backtest", "foresight"},
    "backbones.steps": {"backbone", "foresight"},
    "centroid.every": {"settings", "foresight"},
    "centroid.min_images": {"centroid", "settings", "foresight"},
    "train.vanilla.beta2": {"settings", "foresight", "report"},
    "stages/train.py": {"train@*", "foresight"},
    "src/bestseller/gans/d2gan.py": {"settings", "shortlist", "foresight"},
    "src/bestseller/training/trainer.py": {"train@*", "foresight"},
    "src/bestseller/metrics/registry.py": {
        *("evaluate@*", "compare", "shortlist", "foresight", "report"),
    },
    "src/bestseller/comparison/conclusions.py": {"compare"},
    "src/bestseller/params/retrain.py": set(),
    "preference.batch_size": {"classifier", "foresight"},
    "preference.launched_after": {"backtest", "foresight"},
    "foresight.least_days": {"foresight"},
    "evaluate.pairs": {"evaluate@*", "compare"},
    "stages/compare.py": {"compare"},
    "data/feedback/feedback.csv": {"shortlist", "report"},
    "shortlist.diversity": {"shortlist", "foresight", "report"},
    "report.title": {"report"},
    "studies/answers.json": {"report"},
    "src/bestseller/report/page.py": {"report"},
    "src/bestseller/tracking/delivery.py": {"track"},
    "src/bestseller/tracking/follower.py": {"track"},
    "src/bestseller/retraining/gate.py": set(),
    "retrain.push": set(),
}


VALUES = {"launched_after": "2022-01-01", "min_images": 3, "least_days": 7}


def test_a_change_touches_the_stages_that_read_it_and_no_other(clone: Path) -> None:
    all_items = [f"train@{n}" for n in load_params(clone / "params.yaml").item_names()]
    all_items += [name.replace("train", "evaluate") for name in all_items]
    with Repo(str(clone)) as repo, repo.lock:
        deps = [(stage.addressing, dep) for stage in repo.index.stages for dep in stage.deps]
        for change, expected in CHANGES.items():
            is_file = "/" in change
            path = clone / (change if is_file else "params.yaml")
            before = path.read_bytes()
            if is_file:
                path.write_bytes(before + b"\n")
            else:
                settings = YAML().load(before)
                *sections, key = change.split(".")
                reduce(getitem, sections, settings)[key] = VALUES.get(key, 0.5)
                YAML().dump(settings, path)
            # DVC is asked about what holds the change: the other dependencies are as they were.
            asked = [(n, d) for n, d in deps if path.is_relative_to(Path(d.fs_path))]
            touched = {name.rpartition(":")[2] for name, dep in asked if dep.status()}
            path.write_bytes(before)
            touched.discard("check")  # of every setting; nothing follows it
            patterns = [name for name in expected if "*" in name]
            wanted = expected - set(patterns)
            wanted |= {name for name in all_items for p in patterns if fnmatch(name, p)}
            assert touched == wanted, f"{change}: {sorted(touched ^ wanted)}"


def test_the_centroid_s_weight_leaves_the_plain_items_alone(clone: Path) -> None:
    switch(clone, "heavier", "centroid:\n  weight: 0.2\n")
    assert planned(clone) == {"settings", "foresight", "report"}, "both read the weight"
    shell("dvc", "repro", "settings", cwd=clone)
    constrained = items(clone, "train", "centroid") | items(clone, "evaluate", "centroid")
    assert planned(clone) == constrained | {"foresight", "report"}


def test_an_unchanged_shop_runs_nothing(clone: Path) -> None:
    shell("python", "-m", "stages.refresh", cwd=clone)
    assert UP_TO_DATE in shell("dvc", "repro", "--dry", cwd=clone).stdout


def test_a_new_season_runs_what_it_changes_once_it_was_looked_for(clone: Path) -> None:
    switch(clone, "season", "catalogue:\n  demo:\n    season: 2\n")
    assert planned(clone) == set()
    shell("python", "-m", "stages.refresh", cwd=clone)
    assert planned(clone) == {"scrape", "sales"}
    shell("dvc", "repro", "sales", cwd=clone)
    reading = {
        *("preprocess", "settings", "classifier", "backtest", "shortlist", "foresight", "report"),
        "track",
    }
    assert planned(clone) == reading, "those that read the catalogue or the units"


def test_a_queued_sweep_is_compared_and_one_experiment_is_taken_over(clone: Path) -> None:
    """As README has it: queue, run two at a time, compare, apply, look at what changed."""
    axes = ("-S", "models=[dcgan-plain]", "-S", "seeds=[3]")
    rates = "train.dcgan.lr=1e-3,5e-4"
    shell("dvc", "exp", "run", "--queue", "-S", rates, *axes, cwd=clone)
    shell("dvc", "queue", "start", "--jobs", "2", cwd=clone)
    while re.search("Queued|Running", shell("dvc", "queue", "status", cwd=clone).stdout):
        time.sleep(1)
    names = shell("dvc", "exp", "list", "--name-only", cwd=clone).stdout.split()
    assert len(names) == 2, shell("dvc", "queue", "status", cwd=clone).stdout
    for name in names:
        logged = ran(shell("dvc", "queue", "logs", name, cwd=clone))
        assert {stage for stage in logged if stage.startswith("train@")} == {"train@dcgan-plain-3"}
        assert {"evaluate@dcgan-plain-3", "compare", "track"} <= logged
        upstream = "scrape sales preprocess augment backbone centroid classifier"
        assert logged.isdisjoint(upstream.split())

    shown = shell(
        "make", "--no-print-directory", "-o", "setup", "exp", "BIN=" + BIN, cwd=clone, COLUMNS="400"
    )
    table = [line for line in shown.stdout.splitlines() if set(line) - set("─ ")]
    assert max(map(len, table)) <= 100
    rows = [next(i for i, line in enumerate(table) if name in line) for name in names]
    values = [table[row].split()[1:] for row in rows]
    assert values[0] != values[1]
    assert all("train.dcgan.lr=" in table[row + 1] for row in rows)

    shell("dvc", "exp", "apply", names[0], cwd=clone)
    assert load_params(clone / "params.yaml").item_names() == ["dcgan-plain-3"]
    assert UP_TO_DATE in shell("dvc", "repro", cwd=clone).stdout
    changed = json.loads(shell("dvc", "metrics", "diff", "--json", cwd=clone).stdout)
    assert changed["metrics/summary.json"]["best_model"]["new"] == "dcgan-plain-3"
    plots = shell("dvc", "plots", "diff", "--json", cwd=clone).stdout
    assert {"HEAD", "workspace"} <= set(re.findall(r'"rev": "(\w+)"', plots))
    with sqlite3.connect(clone / "mlflow.db") as database:
        told = database.execute("SELECT value FROM tags WHERE key = 'dvc.exp_name'").fetchall()
    assert {name for (name,) in told} >= set(names)


def test_the_paper_s_profile_plans_every_model_anew(clone: Path) -> None:
    switch(clone, "paper")
    assert load_params(clone / "params.yaml").train.dcgan.batch_size == 128
    assert planned(clone, "settings", "sales", "train") >= {
        "scrape",
        "sales",
        "backbone",
        "settings",
    }
    shell("dvc", "repro", "settings", cwd=clone)
    assert planned(clone, "train") >= items(clone, "train", "0")


def test_a_fresh_clone_has_the_report_from_an_s3_remote_without_training(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with s3() as store:
        boto3.client("s3", endpoint_url=store, region_name="us-east-1").create_bucket(Bucket="data")
        shell("dvc", "remote", "add", "--default", "store", "s3://data/bestseller", cwd=clone)
        shell("dvc", "remote", "modify", "store", "endpointurl", store, cwd=clone)
        commit(clone, "a remote")
        shell("dvc", "push", cwd=clone)
        fresh = tmp_path / "fresh"
        shell("git", "clone", "--quiet", str(clone), str(fresh), cwd=tmp_path)
        assert not (fresh / "data/report").exists()
        shell("dvc", "pull", cwd=fresh)
    page = "data/report/index.html"
    assert (fresh / page).read_bytes() == (clone / page).read_bytes()
    assert planned(fresh) == set()
