"""Scheduled retraining of a toy pipeline: every outcome, in a real git and DVC repository."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json
from bestseller.demo import DemoShop
from bestseller.params import load_params, read_yaml
from bestseller.retraining.champion import find, put_back, unless_rolled_back
from bestseller.retraining.decision import Decision
from bestseller.retraining.journal import Busy, RunStore
from bestseller.retraining.notify import notify
from bestseller.retraining.outcome import Outcome, Summary
from bestseller.retraining.repository import Repository
from bestseller.sales import source
from conftest import REPOSITORY, commit, shell
from toy_retraining import EXPECTED_OWN, git, make_promoted, make_toy, news, retrain

TOLD = "world/told.json"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose first retraining promoted a model."""
    return make_promoted(tmp_path_factory.mktemp("first") / "toy", {"notify": f"cat > {TOLD}"})


@pytest.fixture
def toy(first: Path, tmp_path: Path) -> Path:
    """A copy of the first checkout."""
    return shutil.copytree(first, tmp_path / "toy", symlinks=True)


def told(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = read_json(folder / TOLD)
    return summary


def settings(folder: Path, **values: Any) -> None:
    """Change and commit settings of the section retrain."""
    text = (folder / "params.yaml").read_text()
    for key, value in values.items():
        old = read_yaml(folder / "params.yaml")["retrain"][key] or "''"
        text = text.replace(f"  {key}: {old}\n", f"  {key}: {value}\n")
    (folder / "params.yaml").write_text(text)
    assert all(getattr(load_params(folder / "params.yaml").retrain, k) == values[k] for k in values)
    commit(folder, "settings")


@pytest.mark.slow
def test_the_first_sound_model_becomes_the_champion_in_one_commit(first: Path) -> None:
    champion = read_json(first / "data/champion/champion.json")
    assert champion["model"] == "toy"
    assert champion["facts"] == {"champions": 0}
    pointer = read_yaml(first / "data/champion.dvc")
    kept = ("model", "generator_sha256", "run")
    assert pointer["meta"] == {name: champion[name] for name in kept}
    log = git(first, "log", "-1", "--format=%s%n%(trailers:key=Retrain-Run,valueonly)")
    assert log.split("\n") == ["Retraining: toy promoted", champion["run"]]
    changed = set(git(first, "show", "--format=", "--name-only").splitlines())
    assert changed == EXPECTED_OWN | {"data/champion.dvc"}
    assert read_json(first / "data/report/index.html")["champion"] == "toy", "the report tells it"
    summary = told(first)
    assert (summary["outcome"], summary["run"]) == ("promoted", champion["run"])
    assert summary["commit"] == git(first, "rev-parse", "HEAD")


@pytest.mark.slow
def test_without_news_nothing_happens_and_nobody_is_told(toy: Path) -> None:
    head = git(toy, "rev-parse", "HEAD")
    (toy / TOLD).unlink()
    done = retrain(toy, 0)
    assert "nothing new" in done.stdout
    assert "Running stage" not in done.stdout
    assert git(toy, "rev-parse", "HEAD") == head
    assert not (toy / TOLD).exists()
    anyway = retrain(toy, 10, "--anyway")
    assert "moved: nothing" in anyway.stdout
    assert anyway.stdout.count("Running stage") == 1, "the report tells the new decision"
    assert told(toy)["facts"] == {"champions": 1}


@pytest.mark.slow
def test_a_worse_model_is_committed_but_not_promoted(toy: Path) -> None:
    champion = (toy / "data/champion.dvc").read_text()
    news(toy, "watches", "one two", promote=False, dead=True)
    done = retrain(toy, 11)
    assert "drift: the ledger was one\n" in done.stdout, "drift is measured against the last run"
    assert "Running stage 'scrape'" not in done.stdout
    assert "Running stage 'preprocess'" not in done.stdout
    assert (toy / "data/champion.dvc").read_text() == champion
    last = read_json(toy / "data/retrain/last.json")
    assert last["decision"]["promote"] is False
    assert last["decision"]["facts"] == {"champions": 1}, "the gate saw the champion"
    changed = set(git(toy, "show", "--format=", "--name-only").splitlines())
    assert changed == EXPECTED_OWN - {"data/source/catalogue.json", "metrics/catalogue.json"}
    summary = told(toy)
    assert (summary["outcome"], summary["notes"]) == ("kept", ["the server is dead"])
    assert git(toy, "status", "--porcelain") == ""
    retrain(toy, 0)


@pytest.mark.slow
def test_what_a_person_rolled_back_is_not_promoted_again(toy: Path) -> None:
    news(toy, "watches", "one two", promote=True)
    retrain(toy, 10)
    repository, second = Repository(toy), git(toy, "rev-parse", "HEAD")
    put_back(repository, find(repository, ""))
    retrain(toy, 11, "--anyway")
    day = git(toy, "show", "-s", "--format=%cs")
    assert told(toy)["reasons"] == [
        "a reason",
        f"A rollback of {day} took these weights away: only `make rollback` brings them back.",
    ]
    put_back(repository, find(repository, second))
    gate = Decision(promote=True, challenger="toy", reasons=["a reason"], facts={})
    assert unless_rolled_back(repository, gate) == gate, "it came back by hand"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ledger", "problem"),
    [("on", "the ledger lost rows"), ("broken and longer", "sales: ledger: no table")],
)
def test_broken_data_are_refused_and_the_old_ones_are_back(
    toy: Path, ledger: str, problem: str
) -> None:
    head = git(toy, "rev-parse", "HEAD")
    news(toy, "more watches", ledger, promote=True)
    assert problem in retrain(toy, 3).stdout
    assert (told(toy)["outcome"], told(toy)["problems"]) == ("refused", [problem])
    assert git(toy, "rev-parse", "HEAD") == head
    assert git(toy, "status", "--porcelain") == ""
    assert (toy / "data/sales/ledger").read_text() == "one"
    assert (toy / "data/raw/catalogue").read_text() == "watches"
    assert "up to date" in shell("dvc", "repro", "--dry", cwd=toy).stdout


@pytest.mark.slow
def test_a_broken_first_refresh_leaves_nothing_behind(tmp_path: Path) -> None:
    make_toy(tmp_path / "toy", {})
    news(tmp_path / "toy", "watches", "broken", promote=True)
    retrain(tmp_path / "toy", 3)
    assert git(tmp_path / "toy", "status", "--porcelain") == ""


@pytest.mark.slow
def test_what_stands_in_the_way_is_told_before_anything_runs(toy: Path) -> None:
    news(toy, "watches", "one two", promote=True)

    def problem(**variables: str) -> str:
        return retrain(toy, 1, **variables).stdout.splitlines()[-1].strip()

    assert "DVC_EXP_NAME: trial" in problem(DVC_EXP_NAME="trial")
    (toy / "code.py").write_text("")
    (toy / "dvc.lock").rename(toy / "moved.lock")
    assert "code.py" in problem()
    assert "moved.lock" in problem()
    (toy / "moved.lock").rename(toy / "dvc.lock")
    (toy / "code.py").unlink()
    git(toy, "checkout", "--quiet", "--detach")
    assert "not on a branch" in problem()
    git(toy, "switch", "--quiet", "-")
    git(toy, "config", "--unset", "user.email")
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    git(toy, "config", "user.useConfigOnly", "true")
    assert "user.email" in problem(**nobody)
    assert told(toy)["outcome"] == "failed"
    assert not (toy / ".scratch/retrain/journal.json").exists()


@pytest.mark.slow
def test_results_reach_a_branch_and_the_remotes_also_after_these_were_away(
    toy: Path, tmp_path: Path
) -> None:
    away, here, name = tmp_path / "away", tmp_path / "here", "retrain/2026-10-31"
    shell("git", "init", "--quiet", "--bare", str(away), cwd=tmp_path)
    shell("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"), cwd=toy)
    git(toy, "remote", "add", "origin", str(here))
    settings(toy, push="origin", branch="retrain/{until}")
    start, head = git(toy, "branch", "--show-current"), git(toy, "rev-parse", "HEAD")
    git(toy, "branch", name)
    news(toy, "watches", "one two", promote=True)
    assert "git push" in retrain(toy, 1).stdout
    made = git(toy, "rev-parse", "HEAD")
    away.rename(here)
    assert "taking up" in retrain(toy, 10).stdout
    assert git(toy, "rev-parse", "HEAD") == made, "the commit was made once"
    assert git(toy, "branch", "--show-current") == f"{name}-2" == told(toy)["branch"]
    assert git(toy, "rev-parse", start) == head == git(toy, "rev-parse", "HEAD^")
    clone = tmp_path / "clone"
    shell("git", "clone", "--quiet", "--branch", f"{name}-2", str(here), str(clone), cwd=tmp_path)
    shell("dvc", "pull", "--quiet", cwd=clone)
    for path in ("data/champion/champion.json", "data/report/index.html"):
        assert (clone / path).read_bytes() == (toy / path).read_bytes()


def test_one_at_a_time(tmp_path: Path) -> None:
    code = f"""
import sys, time; sys.path.insert(0, {str(REPOSITORY / "src")!r})
from pathlib import Path
from bestseller.retraining.journal import RunStore
with RunStore(Path("store")).alone():
    print("alone", flush=True); time.sleep(60)
"""
    store = RunStore(tmp_path / "store")
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(Busy, match=f"process {other.pid} "), store.alone():
            pass
        other.kill()
    with store.alone():
        pass


def test_who_is_told_may_fail_or_hang(tmp_path: Path) -> None:
    summary = Summary(outcome=Outcome.KEPT, reasons=["a tie"])
    file = tmp_path / "told"
    assert notify(f"cat > {file}", summary, 10) == ""
    assert json.loads(file.read_text())["reasons"] == ["a tie"]
    assert notify("exit 7", summary, 10) == "retrain.notify: status 7"
    assert "killed" in notify("sleep 600 & wait", summary, 0.2)
    assert notify("head -c 0", summary, 10) == "", "it need not read"


@pytest.mark.parametrize(("status", "ok"), [(0, True), (10, True), (11, True), (3, False)])
def test_make_takes_a_promotion_and_a_tie_for_success(
    tmp_path: Path, status: int, ok: bool
) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\nexit {status}\n")
    (tmp_path / "python").chmod(0o755)
    done = shell("make", "-o", "setup", "retrain", f"BIN={tmp_path}", cwd=REPOSITORY, ok=False)
    assert (done.returncode == 0) == ok


@pytest.mark.parametrize("pattern", ["", "retrain", "retrain/{until}", "{run}", "r/{until}-{run}"])
def test_a_branch_may_hold_the_day_and_the_run(pattern: str, tmp_path: Path) -> None:
    values = read_yaml(REPOSITORY / "params.yaml")
    retrain_section = type(load_params(REPOSITORY / "params.yaml").retrain)
    assert retrain_section.model_validate(values["retrain"] | {"branch": pattern}).branch == pattern
    with pytest.raises(ValueError, match="run"):
        retrain_section.model_validate(values["retrain"] | {"branch": pattern + "{day}"})


def test_an_unchanged_ledger_is_not_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = load_params(REPOSITORY / "params.yaml")
    shop = DemoShop(0.01, 7, 1, 128)
    monkeypatch.setattr(source, "demo_shop", lambda catalogue: shop)

    def ask() -> tuple[dict[str, int | str], int, int]:
        state = source.probe_ledger(params.sales, params.catalogue, tmp_path, tmp_path)
        return state, shop.requests[-1].status, shop.requests[-1].body_bytes

    data = shop.ledger().to_csv(index=False, lineterminator="\n").encode()
    assert ask() == (source.ledger_state(data), 200, len(data))
    assert ask() == (source.ledger_state(data), 304, 0)
    assert len(shop.requests) == 2
    shop = DemoShop(0.01, 7, 2, 128)
    later, status, _ = ask()
    assert status == 200
    assert int(later["lines"]) > data.count(b"\n")


def test_a_damaged_journal_names_the_way_back(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text('{"run": 1}')
    with pytest.raises(BestsellerError, match="--abandon"):
        RunStore(tmp_path).read()
