"""Tracking inside git and DVC: what counts as a change, and the stage at the end of a pipeline."""

import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bestseller.tracking.source import is_dirty
from conftest import commit, shell, start_git
from test_tracking import Store


def test_only_what_a_person_changed_makes_a_checkout_dirty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("dvc.lock", "params.yaml", "metrics/summary.json", "src/code.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("1")
    start_git(tmp_path)
    for path in ("dvc.lock", "metrics/summary.json", "metrics/new.json"):
        (tmp_path / path).write_text("2")
    assert not is_dirty(tmp_path)
    (tmp_path / "params.yaml").write_text("2")
    assert is_dirty(tmp_path)
    monkeypatch.setenv("DVC_EXP_NAME", "ready-oak")
    assert not is_dirty(tmp_path)
    (tmp_path / "src/code.py").write_text("2")
    assert is_dirty(tmp_path)


TOY = """
stages:
  prepare:
    cmd: >-
      mkdir -p data &&
      python -c "import os, stages, bestseller as b; assert b.__file__.startswith(os.getcwd())" &&
      grep '^profile' params.yaml > data/prepared.txt
    params:
      - profile
    outs:
      - data/prepared.txt
  train:
    matrix:
      model: ${models}
      seed: ${seeds}
    cmd: mkdir -p data/models/${key} && cp data/prepared.txt data/models/${key}/weights
    deps:
      - data/prepared.txt
    outs:
      - data/models/${key}
  track:
    cmd: python -m stages.track
    deps:
      - data/models
    outs:
      - data/tracked.json
"""


@pytest.mark.slow
def test_the_last_stage_sees_all_others_also_in_a_temporary_experiment(
    code: Path,
) -> None:
    (code / "dvc.yaml").write_text(TOY)
    (code / ".gitignore").write_text(
        "/data/\n/.scratch/\n/mlflow.db*\n/mlartifacts/\n/.mlflow-outbox/\n"
    )
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    shell("dvc", "config", "core.analytics", "false", cwd=code)
    first_run = shell("dvc", "repro", cwd=code)
    assert "mlflow" not in first_run.stdout + first_run.stderr  # tracking is quiet
    commit(code, "a run")
    shell("dvc", "exp", "run", "--temp", "--name", "trial", "-S", "profile=other", cwd=code)

    tracked = json.loads((code / "data/tracked.json").read_text())
    lock = YAML(typ="safe").load(code / "dvc.lock")["stages"]
    assert set(tracked) == set(lock) - {"track"}
    assert len(tracked) > 2
    store = Store(code)
    first, second = (run.data.tags for run in store.parents)
    for tags in (first, second):
        assert {key for key in tags if key.startswith("stage.")} == {
            f"stage.{name}".replace("@", "/") for name in tracked
        }
    assert "dvc.exp_name" not in first
    assert (second["dvc.exp_name"], second["profile"]) == ("trial", "other")
    head = shell("git", "rev-parse", "HEAD", cwd=code).stdout.strip()
    assert second["dvc.baseline_rev"] == second["mlflow.source.git.commit"] == head
    assert second["git.dirty"] == "false"
    assert store.experiment.artifact_location == (code / "mlartifacts").as_uri()
    assert "dvc.lock" in store.artifacts(store.parents[1])
