"""A retraining that is killed at any step is finished by the next ones; nothing is doubled."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bestseller.base.files import read_json
from bestseller.params import read_yaml
from conftest import shell
from toy_retraining import CODE, COMMAND, git, make_promoted, news, retrain

pytestmark = pytest.mark.slow
JOURNAL = ".scratch/retrain/journal.json"
AT_REST = {"lock", "holder"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose first retraining promoted a model."""
    return make_promoted(tmp_path_factory.mktemp("first") / "toy", {})


@pytest.fixture
def toy(first: Path, tmp_path: Path) -> Path:
    """A copy of the first checkout."""
    return shutil.copytree(first, tmp_path / "toy", symlinks=True)


def kill_at(folder: Path, line: str) -> None:
    """Start a retraining and kill it when it prints `line`; a call then takes a minute."""
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | CODE | {"LINGER_AT": line, "PATH": path}
    with subprocess.Popen(
        COMMAND, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        printed = []
        for printed_line in process.stdout:
            printed.append(printed_line)
            if line in printed_line:
                process.kill()
        assert any(line in text for text in printed), f"{line}: not in {''.join(printed)}"


def kill_when(folder: Path, happened: Callable[[], bool]) -> None:
    """Start a retraining and kill it as soon as something has happened."""
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        COMMAND, cwd=folder, env=os.environ | CODE | {"PATH": path}, stdout=subprocess.DEVNULL
    ) as process:
        while not happened():
            assert process.poll() is None, "it ended before"
            time.sleep(0.002)
        process.kill()


def test_killed_at_every_step_and_finished(toy: Path) -> None:
    head, old = git(toy, "rev-parse", "HEAD"), read_json(toy / "data/champion/champion.json")
    news(toy, "more watches", "one two", promote=True)
    main = toy / ".git/refs/heads" / git(toy, "branch", "--show-current")
    started = main.stat().st_mtime_ns

    def decided() -> bool:
        return read_json(toy / JOURNAL)["decision"] is not None

    def installed() -> bool:
        facts = toy / "data/champion/champion.json"
        return facts.exists() and facts.read_text() != text

    kill_at(toy, "probing")
    assert not (toy / JOURNAL).exists()
    kill_when(toy, (toy / JOURNAL).exists)
    run = read_json(toy / JOURNAL)["run"]
    for line in (
        "2/6 refresh",
        "Running stage 'scrape'",
        "Running stage 'sales'",
        "checking",
        "Running stage 'preprocess'",
        "measuring",
        "Running stage 'shortlist'",
        "judging",
    ):
        kill_at(toy, line)
    text = (toy / "data/champion/champion.json").read_text()
    kill_when(toy, decided)
    kill_when(toy, installed)
    kill_at(toy, "Running stage 'report'")
    assert git(toy, "rev-parse", "HEAD") == head, "nothing is committed yet"
    kill_when(toy, lambda: main.stat().st_mtime_ns != started)
    kill_at(toy, "publishing")

    done = retrain(toy, 10)
    assert f"taking up {run}" in done.stdout
    assert git(toy, "rev-parse", "HEAD^") == head, "one commit"
    assert git(toy, "log", "-1", "--format=%(trailers:key=Retrain-Run,valueonly)") == run
    champion = read_json(toy / "data/champion/champion.json")
    assert (champion["run"], champion["model"]) == (run, "toy")
    assert champion["generator_sha256"] != old["generator_sha256"]
    assert read_yaml(toy / "data/champion.dvc")["meta"]["run"] == run
    last = read_json(toy / "data/report/index.html")
    assert last["drift"] == {"warnings": ["the ledger was one"]}, "as it was before the run"
    assert {path.name for path in (toy / ".scratch/retrain").iterdir()} <= AT_REST
    assert git(toy, "status", "--porcelain") == ""
    assert "up to date" in shell("dvc", "status", cwd=toy).stdout
    retrain(toy, 0)


def test_a_second_retraining_beside_the_first_says_so_and_touches_nothing(toy: Path) -> None:
    news(toy, "more watches", "one two", promote=True)
    path = f"{Path(COMMAND[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | CODE | {"LINGER_AT": "checking", "PATH": path}
    with subprocess.Popen(
        COMMAND, cwd=toy, env=environment, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert any("checking" in line for line in first.stdout)
        journal = (toy / JOURNAL).read_bytes()
        told = retrain(toy, 4).stdout
        assert "another retraining is running" in told and str(first.pid) in told
        assert str(first.pid) in retrain(toy, 1, "--abandon").stderr, "nor can it be abandoned"
        assert (toy / JOURNAL).read_bytes() == journal
        first.kill()
    retrain(toy, 10)


def test_killed_while_the_old_data_are_put_back(toy: Path) -> None:
    news(toy, "more watches", "on", promote=True)
    kill_when(
        toy,
        lambda: (toy / JOURNAL).exists() and bool(read_json(toy / JOURNAL)["problems"]),
    )
    retrain(toy, 3)
    assert git(toy, "status", "--porcelain") == ""
    assert (toy / "data/sales/ledger").read_text() == "one"
    assert {path.name for path in (toy / ".scratch/retrain").iterdir()} <= AT_REST


def test_an_unfinished_run_can_be_abandoned(toy: Path) -> None:
    champion = (toy / "data/champion/champion.json").read_text()
    news(toy, "more watches", "one two", promote=True)
    kill_at(toy, "6/6")
    assert (toy / "data/champion/champion.json").read_text() != champion
    (toy / "mend.py").write_text("")
    assert "mend.py" in retrain(toy, 1).stdout, "only its own files may differ"
    (toy / "mend.py").unlink()
    retrain(toy, 0, "--abandon")
    assert git(toy, "status", "--porcelain") == ""
    assert (toy / "data/champion/champion.json").read_text() == champion
    assert (toy / "data/sales/ledger").read_text() == "one"
    assert "no unfinished run" in retrain(toy, 1, "--abandon").stderr
