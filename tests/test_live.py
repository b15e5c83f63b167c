"""A training seen in MLflow while it runs, and what becomes of that when it is published."""

import hashlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from ruamel.yaml import YAML

from bestseller.base.files import sha256_file
from bestseller.centroid.centroids import save_centroids
from bestseller.images.store import ImageSet
from bestseller.tracking import collect, publish
from conftest import shell
from shapes import make_shop
from test_tracking import locked

pytestmark = pytest.mark.slow
NAME = "vanilla-plain-0"
SAMPLES = f".scratch/live/{NAME}/*/samples.png"  # the last file of the first epoch
OUTPUTS = [f"data/models/{NAME}/generator.safetensors", f"metrics/train/{NAME}.csv"]

T = TypeVar("T")


@pytest.fixture
def checkout(code: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with what the stage `train` reads, and settings that take it some seconds."""
    images, index, _ = make_shop(40)
    index = index.drop(columns="redness").assign(category="Shapes", view="front", sha256="0")
    ImageSet(images, index).save(code / "data/augmented")
    save_centroids(code / "data/centroid/vanilla-plain.safetensors", None, {})
    settings = YAML().load(code / "params.yaml")
    settings["threads"] = 1
    settings["train"]["vanilla"] |= {"batch_size": 8, "epochs": 24, "width": 16}
    YAML().dump(settings, code / "params.yaml")
    shell("python", "-m", "stages.settings", cwd=code)
    monkeypatch.setenv("BESTSELLER_LIVE", "1")
    monkeypatch.chdir(code)
    return code


@contextmanager
def training(checkout: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """The stage at work."""
    command = [sys.executable, "-m", "stages.train", NAME]
    log = (checkout / "train.log").open("wb")
    with (
        log,
        subprocess.Popen(
            command, cwd=checkout, env=os.environ | variables, stdout=log, stderr=log
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def wait_for(found: Callable[[], T], process: subprocess.Popen[Any] | psutil.Process) -> T:
    """Return what `found` finds as soon as it is true; fail when `process` has ended before."""
    while True:
        ended = (
            process.poll() is not None
            if isinstance(process, subprocess.Popen)
            else not (process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
        )
        if value := found():
            return value
        assert not ended, "it has ended"
        time.sleep(0.05)


def follower_of(training: subprocess.Popen[bytes]) -> psutil.Process:
    """The process that follows a training, which is not to end before it is found.

    It runs at the lowest priority; on a busy machine it would start for minutes, so the test gives
    it a common one, where it may.
    """
    (follower,) = wait_for(psutil.Process(training.pid).children, training)
    wait_for(lambda: follower.nice() == 19, follower)
    with suppress(psutil.AccessDenied):
        follower.nice(0)
    return follower


def runs(folder: Path) -> list[Run]:
    """All runs in the workspace's local store that are not deleted."""
    if not (folder / "mlflow.db").exists():
        return []
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("bestseller")
    return list(client.search_runs([experiment.experiment_id])) if experiment else []


def begun(folder: Path) -> bool:
    """Whether the workspace's store is set up and has a run; read without setting it up."""
    try:
        with closing(sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True)) as store:
            return bool(store.execute("SELECT 1 FROM runs").fetchone())
    except sqlite3.OperationalError:
        return False


def curve(folder: Path, run: Run) -> list[int]:
    """The steps of the discriminator's loss."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    return [point.step for point in client.get_metric_history(run.info.run_id, "d_loss")]


def lock(checkout: Path) -> None:
    """Write dvc.lock and dvc.yaml as DVC would after the training."""
    entry = locked("python -m stages.train", outs=(f"data/models/{NAME}", OUTPUTS[1]))
    entry["outs"][1]["md5"] = hashlib.md5((checkout / OUTPUTS[1]).read_bytes()).hexdigest()
    YAML().dump({"stages": {f"train@{NAME}": entry}}, checkout / "dvc.lock")
    YAML().dump({"stages": {"train": {"cmd": "true"}}}, checkout / "dvc.yaml")


def test_a_training_is_seen_while_it_runs_and_is_one_run_in_the_end(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = tmp_path / "workspace"  # the checkout is that of a temporary experiment
    workspace.mkdir()
    monkeypatch.setenv("DVC_ROOT", str(workspace))
    with training(checkout) as process:
        follower = follower_of(process)
        wait_for(lambda: list(workspace.glob(SAMPLES)), process)
        process.send_signal(signal.SIGSTOP)  # it has certainly not ended
        wait_for(lambda: begun(workspace), follower)
        (seen,) = wait_for(lambda: [r for r in runs(workspace) if r.data.metrics], follower)
        assert seen.info.status == "RUNNING"
        assert seen.info.run_name == f"train@{NAME} (live)"
        shown = curve(workspace, seen)
        assert shown == list(range(1, len(shown) + 1)) and len(shown) < 24
        client = MlflowClient(f"sqlite:///{workspace / 'mlflow.db'}")
        wait_for(lambda: client.list_artifacts(seen.info.run_id), follower)
        process.kill()
        process.wait()
        psutil.wait_procs([follower])
        assert not follower.is_running()
    (ended,) = runs(workspace)
    assert (ended.info.run_id, ended.info.status) == (seen.info.run_id, "FAILED")

    with training(checkout) as process:
        follower = follower_of(process)
        # Its imports are none of the seconds that it has at the end.
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: [r for r in runs(workspace) if r.info.status == "RUNNING"], follower)
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0, (checkout / "train.log").read_text()
        psutil.wait_procs([follower])
    (whole,) = runs(workspace)
    assert whole.info.status == "FINISHED", "the run of the killed training is gone"
    assert curve(workspace, whole) == list(range(1, 25))

    lock(checkout)
    publish(collect(checkout, [NAME], []), checkout, wait_s=60)
    parent, child = sorted(runs(workspace), key=lambda run: "dvc.stage" in run.data.tags)
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert curve(workspace, child) == list(range(1, 25))
    assert not list(workspace.glob(f".scratch/live/{NAME}/*"))


def test_nobody_s_following_and_a_black_hole_leave_the_same_bytes(checkout: Path) -> None:
    command = ("python", "-m", "stages.train", NAME)
    shell(*command, cwd=checkout, BESTSELLER_LIVE="0")
    assert not (checkout / ".scratch/live").exists()
    alone = [sha256_file(checkout / path) for path in OUTPUTS]
    with socket.create_server(("127.0.0.1", 0)) as server:
        uri = f"http://127.0.0.1:{server.getsockname()[1]}"
        shell("python", "-m", "stages.train", NAME, cwd=checkout, MLFLOW_TRACKING_URI=uri)
    assert [sha256_file(checkout / path) for path in OUTPUTS] == alone
    assert not (checkout / "mlflow.db").exists()


def test_a_follower_that_was_killed_leaves_no_run_behind(checkout: Path) -> None:
    with training(checkout) as process:
        follower = follower_of(process)
        wait_for(lambda: list(checkout.glob(SAMPLES)), process)
        process.send_signal(signal.SIGSTOP)
        wait_for(lambda: begun(checkout), follower)
        follower.kill()
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0, (checkout / "train.log").read_text()
    assert [run.info.status for run in runs(checkout)] == ["RUNNING"]
    lock(checkout)
    publish(collect(checkout, [NAME], []), checkout, wait_s=60)
    assert sorted(run.info.run_name for run in runs(checkout)) == [
        "first run (demo)",
        f"train@{NAME}",
    ]
