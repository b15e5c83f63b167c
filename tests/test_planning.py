"""What a plan says, against what DVC then does; how far a run is; Ctrl-C."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bestseller.base.files import write_json
from bestseller.gans.saved import CONFIG
from bestseller.params import load_params
from bestseller.planning.plan import Fate, Step, folder_md5, plan
from bestseller.planning.runner import Runner
from bestseller.planning.times import OF_FORESIGHT, Times, in_words, remaining
from bestseller.tracking.verify import dvc_md5
from conftest import REPOSITORY, shell, start_git

PIPELINE = """
stages:
  check:
    cmd: mkdir -p data && echo valid > data/checked.txt
    params: [params.yaml: ]
    outs: [data/checked.txt: {persist: true}]
  settings:
    cmd: >-
      mkdir -p data/settings && grep '^p' params.yaml > data/settings/p;
      grep '^q' params.yaml > data/settings/q
    deps: [data/checked.txt]
    params: [p, q]
    outs: [data/settings]
  source:
    cmd: mkdir -p data/source && grep '^x' params.yaml > data/source/x && echo 1 > data/source/y
    params: [x]
    deps: [data/checked.txt]
    outs: [data/source]
  train:
    matrix: {item: [p, q]}
    cmd: >-
      mkdir -p data/models &&
      cat data/settings/${item.item} data/source/x > data/models/${item.item}
    deps: ["data/settings/${item.item}", data/source/x]
    outs: ["data/models/${item.item}"]
  same:
    cmd: cat data/source/y > data/same
    deps: [data/source/y]
    outs: [data/same]
  compare:
    cmd: mkdir -p metrics && cat data/models/* > metrics/all.csv
    deps: [data/models]
    plots: [metrics/all.csv: {cache: false}]
"""


def settings(folder: Path, **values: int) -> None:
    text = "".join(f"{k}: {v}\n" for k, v in ({"p": 1, "q": 1, "x": 1} | values).items())
    (folder / "params.yaml").write_text(text)


def foresee(folder: Path) -> dict[str, Fate]:
    def write(target: Path) -> None:
        target.mkdir()
        lines = (folder / "params.yaml").read_text().splitlines()
        for name in "pq":
            (target / name).write_text(next(f"{line}\n" for line in lines if line[0] == name))

    return {step.stage: step.fate for step in plan(folder, {"settings": write})}


def reproduced(folder: Path) -> tuple[set[str], set[str]]:
    """Run it; return what ran and what came from the run cache."""
    told = shell("dvc", "repro", cwd=folder).stdout
    return (
        set(re.findall(r"Running stage '([^']+)'", told)),
        set(re.findall(r"Stage '([^']+)' is cached", told)),
    )


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / ".gitignore").write_text("/data/\n/.scratch/\n__pycache__/\n")
    settings(tmp_path)
    start_git(tmp_path)
    shell("dvc", "init", "--quiet", cwd=tmp_path)
    return tmp_path


@pytest.mark.slow
def test_dvc_does_what_the_plan_says(toy: Path) -> None:
    assert set(foresee(toy).values()) <= {Fate.RUNS, Fate.FOLLOWS}, "nothing has run yet"
    reproduced(toy)
    assert set(foresee(toy).values()) == {Fate.SAME}

    settings(toy, p=2)
    told = foresee(toy)
    assert told["settings"] is told["train@p"] is Fate.RUNS
    assert (told["compare"], told["train@q"], told["source"]) == (
        Fate.FOLLOWS,
        Fate.SAME,
        Fate.SAME,
    )
    assert reproduced(toy)[0] == {"check", "settings", "train@p", "compare"}

    settings(toy, p=2, x=2)
    told = foresee(toy)
    assert [name for name, fate in told.items() if fate is Fate.FOLLOWS] == [
        "train@p",
        "train@q",
        "same",
        "compare",
    ]
    ran, _ = reproduced(toy)
    assert ran == {name for name, fate in told.items() if fate is not Fate.SAME} - {
        "settings",
        "same",
    }

    settings(toy)
    told = foresee(toy)
    back = {"settings", "source", "train@p", "train@q", "compare"}
    assert {name for name, fate in told.items() if fate is Fate.CACHED} == back
    ran, cached = reproduced(toy)
    assert ran <= {"check"}
    assert cached >= back


def test_a_folder_s_digest_is_dvc_s(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/z").write_text("1")
    (tmp_path / "a/b/c").write_text("2")
    files = {name: dvc_md5(tmp_path / "a" / name) for name in ("z", "b/c")}
    assert folder_md5(files) == dvc_md5(tmp_path / "a")


def test_times_are_those_of_the_last_run_grown_with_the_training(tmp_path: Path) -> None:
    params = load_params(REPOSITORY / "params.yaml")
    epochs = params.train.dcgan.epochs
    write_json(tmp_path / "train@dcgan-plain-0.json", {"begun": 0, "seconds": 100.0})
    write_json(tmp_path / "evaluate@dcgan-plain-0.json", {"begun": 0, "seconds": 30.0})
    before = params.train.dcgan.model_dump() | {"epochs": epochs / 2}
    write_json(tmp_path / "models/dcgan-plain-0" / CONFIG, {"settings": before})
    times = Times(tmp_path, params, tmp_path / "models")
    assert times.seconds("train@dcgan-plain-0") == pytest.approx(200.0)
    assert times.guessed == []
    assert times.seconds("evaluate@pggan-plain-0") == 30.0, "as another model's"
    assert times.seconds("classifier") > 0
    assert times.guessed == ["evaluate@pggan-plain-0", "classifier"]


def test_times_of_a_clock_that_was_set_back_count_for_nothing(tmp_path: Path) -> None:
    params = load_params(REPOSITORY / "params.yaml")
    write_json(tmp_path / "classifier.json", {"begun": 9, "seconds": -3600.0})
    times = Times(tmp_path, params, tmp_path / "models")
    assert times.seconds("classifier") > 0
    assert times.guessed == ["classifier"]


def test_the_time_of_foresight_is_that_of_what_it_runs(tmp_path: Path) -> None:
    params = load_params(REPOSITORY / "params.yaml")
    write_json(tmp_path / "foresight.json", {"begun": 0, "seconds": 2.0})  # when it was off
    for stage in (*OF_FORESIGHT, "train@blend-plain-0"):
        write_json(tmp_path / f"{stage}.json", {"begun": 0, "seconds": 10.0})
    assert Times(tmp_path, params, tmp_path).seconds("foresight") == 2.0
    wanted = params.foresight.model_copy(update={"as_of": "2020-09-16"})
    times = Times(tmp_path, params.model_copy(update={"foresight": wanted}), tmp_path)
    assert times.seconds("foresight") == 10.0 * (len(OF_FORESIGHT) + 1)
    assert times.guessed == []


class Fixed(Times):
    def __init__(self) -> None:
        pass

    def seconds(self, stage: str) -> float:
        return {"scrape": 60.0, "train@a": 100.0, "train@b": 300.0, "report": 40.0}[stage]


STEPS = [
    Step("check", Fate.SAME),
    Step("scrape", Fate.RUNS),
    Step("train@a", Fate.RUNS),
    Step("train@b", Fate.FOLLOWS),
    Step("report", Fate.RUNS),
]


def test_the_time_left_of_stages_that_share_two_cores() -> None:
    assert remaining(STEPS, Fixed(), 1) == (200.0, 500.0)
    assert remaining(STEPS, Fixed(), 2) == (200.0, 400.0)
    runner = Runner(STEPS, Fixed(), 1)
    runner._tell("Running stage 'scrape':\n")
    assert runner.progress("scrape") == "stage 1 of 4, about 3 min to 8 min left"
    runner._tell("Stage 'train@a' is cached - skipping run, checking out outputs\n")
    runner._tell("Running stage 'train@b':\n")
    assert runner.progress("train@b").startswith("stage 3 of 4, ")
    assert [in_words(s) for s in (0.2, 89, 90, 5399, 5400)] == [
        "about 1 s",
        "about 89 s",
        "about 2 min",
        "about 90 min",
        "about 1.5 h",
    ]


def _take_sigint() -> None:
    """Take Ctrl-C, which what runs in the background of a shell does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_ctrl_c_in_a_run_is_one_line_and_leaves_nothing_running(code: Path) -> None:
    (code / "dvc.yaml").write_text("stages:\n  long: {cmd: 'sleep 600', outs: [long.txt]}\n")
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    with subprocess.Popen(
        [sys.executable, "-m", "stages.parallel", "1"],
        cwd=code,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_take_sigint,  # noqa: PLW1509 (no other thread runs here)
    ) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "Running stage 'long'" in line)
        assert line.startswith("stage 1 of 1, ")
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert [line for line in told.splitlines() if line] == [
        "parallel: stopped; what is done stays done: `make repro` goes on from there, "
        "`make restore` brings the last outputs back"
    ]
