"""Tracking: what is collected from dvc.lock, how it arrives in MLflow, what a dead server costs."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from mlflow import MlflowClient
from mlflow.utils.validation import MAX_EXPERIMENT_TAG_VAL_LENGTH
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.tracking import collect, naming, publish, view
from bestseller.tracking.record import PipelineRecord, Point, read_curves
from conftest import REPOSITORY, start_git
from stages import mlflow_ui

ITEMS = ["dcgan-plain-0", "dcgan-centroid-0"]
PNG = b"\x89PNG\r\n\x1a\n"


def locked(cmd: str, *, deps: tuple[str, ...] = (), outs: tuple[str, ...] = ()) -> dict[str, Any]:
    """An entry as DVC writes it, with made-up hashes."""
    return {
        "cmd": cmd,
        "deps": [{"path": d, "hash": "md5", "md5": "d" * 32, "size": 7} for d in deps],
        "params": {"params.yaml": {"threads": 2, "train.dcgan": {"lr": 2e-4, "layers": [1, 2]}}},
        "outs": [{"path": o, "hash": "md5", "md5": "0" * 32, "size": 5} for o in outs],
    }


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a finished pipeline leaves it: a lock, a summary, a trained item."""
    folder = tmp_path / "checkout"
    for path, content in {
        "params.yaml": "profile: demo\nthreads: 2\nempty: ''\n",
        "metrics/summary.json": '{"fd_catalogue": 12.5, "best_model": "dcgan-plain-0"}',
        "metrics/sales.json": '{"units": 42, "complete": true}',
        "metrics/train/dcgan-plain-0.csv": "epoch,images,loss_g\n1,32,0.5\n2,64,0.25\n",
        "data/raw/catalogue.jsonl": "{}\n",
        "data/report/index.html": "<!doctype html>",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    (folder / "data/models/dcgan-plain-0").mkdir(parents=True)
    (folder / "data/models/dcgan-plain-0/samples.png").write_bytes(PNG)
    (folder / "data/models/dcgan-plain-0/generator.safetensors").write_bytes(b"weights")
    monkeypatch.chdir(folder)
    write_lock(folder)
    return folder


def write_lock(folder: Path, sales_cmd: str = "python -m stages.sales") -> None:
    stages = {
        "scrape": locked("python -m stages.scrape", outs=("data/raw/catalogue.jsonl",)),
        "sales": locked(
            sales_cmd, deps=("data/raw/catalogue.jsonl",), outs=("metrics/sales.json",)
        ),
        "train@dcgan-plain-0": locked(
            "python -m stages.train dcgan plain 0",
            outs=("data/models/dcgan-plain-0", "metrics/train/dcgan-plain-0.csv"),
        ),
        "train@d2gan-plain-0": locked("python -m stages.train d2gan plain 0", outs=("gone",)),
        "dropped": locked("python -m stages.dropped", outs=("gone",)),
        "track": locked("python -m stages.track", outs=("data/tracked.json",)),
    }
    YAML().dump({"schema": "2.0", "stages": stages}, folder / "dvc.lock")
    names = ("scrape", "sales", "train", "track")
    YAML().dump({"stages": {n: {"cmd": "true"} for n in names}}, folder / "dvc.yaml")


def gather(folder: Path) -> PipelineRecord:
    return collect(folder, ITEMS, ["track"])


def send(folder: Path) -> PipelineRecord:
    record = gather(folder)
    publish(record, folder, wait_s=60)
    return record


class Store:
    """What MLflow holds, as a reader finds it."""

    def __init__(self, folder: Path) -> None:
        self.client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = self.client.get_experiment_by_name("bestseller")
        assert experiment is not None
        self.experiment = experiment
        runs = self.client.search_runs([experiment.experiment_id], order_by=["start_time ASC"])
        self.parents = [run for run in runs if "dvc.lock_hash" in run.data.tags]
        self.children = {run.info.run_id: run for run in runs if "dvc.stage_hash" in run.data.tags}
        assert len(runs) == len(self.parents) + len(self.children)

    def child(self, stage: str) -> Any:
        (run,) = [r for r in self.children.values() if r.data.tags["dvc.stage"] == stage]
        return run

    def artifacts(self, run: Any, folder: str | None = None) -> set[str]:
        found = set()
        for entry in self.client.list_artifacts(run.info.run_id, folder):
            found |= self.artifacts(run, entry.path) if entry.is_dir else {entry.path}
        return found


def test_every_stage_of_the_lock_is_a_finished_child_of_one_run(checkout: Path) -> None:
    record = send(checkout)
    store = Store(checkout)
    (parent,) = store.parents
    assert [stage.name for stage in record.stages] == ["scrape", "sales", "train@dcgan-plain-0"]
    assert {run.data.tags["dvc.stage"] for run in store.children.values()} == {
        stage.name for stage in record.stages
    }
    for run in store.children.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == "FINISHED"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"fd_catalogue": 12.5}
    assert parent.data.params == {"profile": "demo", "threads": "2", "empty": ""}
    assert parent.data.tags["stage.train/dcgan-plain-0"] == (
        store.child("train@dcgan-plain-0").info.run_id
    )
    assert store.artifacts(parent) == {
        "params.yaml",
        "dvc.lock",
        "metrics/summary.json",
        "data/report/index.html",
    }


def test_a_child_holds_params_metrics_curves_hashes_and_pictures(checkout: Path) -> None:
    send(checkout)
    store = Store(checkout)
    sales, train = store.child("sales"), store.child("train@dcgan-plain-0")
    assert sales.data.metrics == {"units": 42.0}  # `complete` is a flag, no metric
    (read,) = sales.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("data/raw/catalogue.jsonl", "d" * 32)
    assert train.data.params == {
        "threads": "2",
        "train.dcgan.lr": "0.0002",
        "train.dcgan.layers": "[1, 2]",
    }
    assert train.data.tags["out.data/models/dcgan-plain-0"] == f"md5 {'0' * 32}, 5 bytes"
    history = store.client.get_metric_history(train.info.run_id, "loss_g")
    assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]
    assert store.artifacts(train) == {"data/models/dcgan-plain-0/samples.png"}


def test_runs_last_as_long_as_their_stages_and_tell_what_was_set(checkout: Path) -> None:
    for name, begun, seconds in (("scrape", 100.0, 5.0), ("train@dcgan-plain-0", 200.5, 60.0)):
        write_json(checkout / f".scratch/times/{name}.json", {"begun": begun, "seconds": seconds})
    start_git(checkout)
    (checkout / "params.yaml").write_text("profile: demo\nthreads: 4\nempty: ''\n")
    record = send(checkout)
    store = Store(checkout)
    (parent,) = store.parents
    assert re.fullmatch(r"threads=4 \(demo [0-9a-f]{7}\)", parent.info.run_name)
    assert (parent.info.start_time, parent.info.end_time) == (100_000, 260_500)
    training = store.child("train@dcgan-plain-0").info
    assert (training.start_time, training.end_time) == (200_500, 260_500)
    sales = store.child("sales").info
    assert sales.start_time == sales.end_time == record.time_ms, "not known"


def test_a_name_tells_what_changed_since_the_last_run(checkout: Path) -> None:
    send(checkout)
    write_lock(checkout, "python -m stages.sales --again")
    send(checkout)
    (checkout / "params.yaml").write_text("profile: demo\nthreads: 4\n")
    write_lock(checkout, "python -m stages.sales --more")
    send(checkout)
    names = {run.info.run_name for run in Store(checkout).parents}
    assert names == {"first run (demo)", "sales anew (demo)", "threads=4, empty=gone (demo)"}


def test_names_are_short_and_no_two_settings_are_told_alike() -> None:
    before = {"train.dcgan.lr": "1", "train.d2gan.lr": "1", "a.x.y": "1", "b.x.y": "1", "e": "1"}
    changed = {"train.dcgan.lr": "2", "a.x.y": "z" * 99, "b.x.y": "3", "e": "4"}
    told = naming.differences(before, before | changed)
    assert told == f"dcgan.lr=2, a.x.y={'z' * 39}…, b.x.y=3, 1 more"
    assert not naming.differences(before, before)
    assert naming.stages(["report", "track"]) == "report, track anew"
    assert naming.run_name("", "demo") == "demo"


def test_the_longest_names_of_columns_are_short_enough_for_mlflow() -> None:
    names = [f"{'ä' * 240}{number}" for number in range(100)]
    state = view.state(names, names[:1])
    assert len(state) < MAX_EXPERIMENT_TAG_VAL_LENGTH
    assert len(json.loads(state)["selectedColumns"]) == 2 + view.MOST


def test_the_pages_open_with_the_numbers_in_columns(checkout: Path) -> None:
    summary = {"kid_lite2": 0.5, "diversity": 1.5, "nearest_model": "dcgan-plain-0"}
    write_json(checkout / "metrics/summary.json", summary)
    send(checkout)
    store = Store(checkout)
    shared = json.loads(store.experiment.tags["mlflow.sharedViewState.numbers"])
    assert shared["selectedColumns"] == [
        "attributes.`Duration`",
        "tags.`nearest_model`",
        "metrics.`diversity`",
        "metrics.`kid_lite2`",
    ]
    (parent,) = store.parents
    assert parent.data.tags["nearest_model"] == "dcgan-plain-0"
    page = mlflow_ui.runs_page(checkout / "mlflow.db")
    assert page == f"{store.experiment.experiment_id}/runs?viewStateShareKey=numbers"


def test_a_moved_checkout_writes_into_its_new_place(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(checkout)
    moved = checkout.with_name("moved to")
    checkout.rename(moved)
    monkeypatch.chdir(moved)
    write_lock(moved, "python -m stages.sales --again")
    send(moved)
    store = Store(moved)
    assert not checkout.exists()
    assert store.experiment.artifact_location == (moved / "mlartifacts").as_uri()
    old, new = store.parents
    assert store.artifacts(old) == store.artifacts(new) != set()


def test_the_pages_name_the_runs_and_a_port_that_is_taken(checkout: Path) -> None:
    with pytest.raises(BestsellerError, match=r"mlflow\.db: not found; run `make publish` first"):
        mlflow_ui.runs_page(checkout / "mlflow.db")
    send(checkout)
    store = Store(checkout)
    experiment = store.experiment.experiment_id
    store.client.delete_experiment_tag(experiment, "mlflow.sharedViewState.numbers")
    # as an older store is
    assert mlflow_ui.runs_page(checkout / "mlflow.db") == f"{experiment}/runs"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        with pytest.raises(BestsellerError, match=rf"--port: {port}: .*in use; give another"):
            mlflow_ui.port_number(port)
    assert mlflow_ui.port_number(port) == int(port)
    with pytest.raises(BestsellerError, match="'70000' is not allowed"):
        mlflow_ui.port_number("70000")


@pytest.mark.slow
def test_the_pages_answer_to_their_name_and_to_no_foreign_page(checkout: Path) -> None:
    send(checkout)
    (checkout / "params.yaml").write_bytes((REPOSITORY / "params.yaml").read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-m", "stages.mlflow_ui", "--port", str(port)]
    path = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(
        command, cwd=checkout, env=environment, start_new_session=True
    ) as process:
        try:
            asked = {"experiment_ids": [Store(checkout).experiment.experiment_id]}
            url = f"http://127.0.0.1:{port}/ajax-api/2.0/mlflow/runs/search"
            name = f"bestseller.localhost:{port}"

            def status(host: str, origin: str) -> int:
                headers = {"Host": host, "Origin": origin, "Content-Type": "application/json"}
                post = Request(url, json.dumps(asked).encode(), headers)
                try:
                    with urlopen(post, timeout=60) as answer:
                        return int(answer.status)
                except HTTPError as error:
                    return error.code

            for _ in range(120):
                with contextlib.suppress(URLError):
                    assert status(name, f"http://{name}") == 200
                    break
                time.sleep(1)
            assert status(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}") == 200
            assert status(name, "http://shop.example") == 403
            assert status("shop.example", f"http://{name}") == 403
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_publishing_the_same_lock_again_changes_nothing(checkout: Path) -> None:
    send(checkout)
    with sqlite3.connect(checkout / "mlflow.db") as database:
        before = list(database.iterdump())
    send(checkout)
    with sqlite3.connect(checkout / "mlflow.db") as database:
        assert list(database.iterdump()) == before


def test_a_stage_that_did_not_run_again_is_named_not_duplicated(checkout: Path) -> None:
    send(checkout)
    write_lock(checkout, sales_cmd="python -m stages.sales --anew")
    send(checkout)
    store = Store(checkout)
    assert len(store.parents) == 2
    assert len(store.children) == 4  # three, and sales once more
    first, second = (run.data.tags for run in store.parents)
    assert second["stage.scrape"] == f"{first['stage.scrape']} (cached)"
    assert second["stage.train/dcgan-plain-0"].endswith(" (cached)")
    assert second["stage.sales"] in store.children
    assert second["stage.sales"] != first["stage.sales"]


@pytest.mark.parametrize("broken_call", [1, 2, 3])
def test_an_interrupted_sending_is_completed_without_duplicates(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, broken_call: int
) -> None:
    calls = []
    real = MlflowClient.log_inputs

    def failing(self: MlflowClient, *given: Any) -> None:
        calls.append(given)
        if len(calls) == broken_call:
            raise ConnectionError("the cable was pulled")
        real(self, *given)

    monkeypatch.setattr(MlflowClient, "log_inputs", failing)
    with pytest.raises(BestsellerError, match=r"the cable was pulled.*make publish"):
        send(checkout)
    assert Store(checkout).parents[0].info.status == "RUNNING"
    send(checkout)
    store = Store(checkout)
    (parent,) = store.parents
    assert parent.info.status == "FINISHED"
    assert len(store.children) == 3
    assert all(run.info.status == "FINISHED" for run in store.children.values())
    assert not any("cached" in value for value in parent.data.tags.values())
    assert not list((checkout / ".mlflow-outbox").glob("*/record.json"))


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent_database(black_hole: str) -> str:
    return black_hole.replace("http://", "postgresql+psycopg2://reader@") + "/mlflow"


@pytest.mark.parametrize("server", ["closed_port", "black_hole", "silent_database"])
def test_what_a_dead_server_missed_is_sent_later(
    checkout: Path, server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue(server))
    monkeypatch.setattr("bestseller.tracking.server.REACH_S", 0.5)
    with pytest.raises(BestsellerError) as told:
        send(checkout)
    assert "make publish" in str(told.value)
    assert "\n" not in str(told.value)
    write_lock(checkout, sales_cmd="python -m stages.sales --anew")
    (checkout / "data/models/dcgan-plain-0/samples.png").unlink()  # the checkout moves on
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    send(checkout)
    store = Store(checkout)
    assert len(store.parents) == 2
    assert store.artifacts(store.child("train@dcgan-plain-0")) == {
        "data/models/dcgan-plain-0/samples.png"
    }


def test_four_processes_meet_at_a_cold_database(checkout: Path) -> None:
    script = textwrap.dedent(
        """
        import os, pathlib, sys
        from bestseller.tracking import collect, naming, publish, view
        from bestseller.tracking import mlflow_store  # once, before the fork
        folder = pathlib.Path.cwd()
        record = collect(folder, ["dcgan-plain-0"], ["track"])
        children = []
        for number in range(4):
            if not (child := os.fork()):
                mine = record.model_copy(update={"hash": f"{number}" * 64})
                publish(mine, folder, wait_s=120)
                os._exit(0)
            children.append(child)
        sys.exit(sum(os.waitpid(child, 0)[1] for child in children) != 0)
        """
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY / "src")}
    subprocess.run([sys.executable, "-c", script], cwd=checkout, env=environment, check=True)
    store = Store(checkout)
    assert len(store.parents) == 4
    assert len(store.children) == 3


@pytest.mark.parametrize(
    ("missing", "mend"),
    [("dvc.lock", "dvc repro"), ("data/models/dcgan-plain-0", "dvc checkout")],
)
def test_what_is_missing_is_named_with_its_mend(checkout: Path, missing: str, mend: str) -> None:
    (checkout / missing).rename(checkout / "elsewhere")
    with pytest.raises(BestsellerError, match=mend) as told:
        gather(checkout)
    assert missing in str(told.value)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("epoch,loss\n1,2.5\n2,\n3,nan\n4,x\n", [("loss", 2.5, 1)]),
        ("epoch,images,loss\n0.5,16,3\n1.0,32,4\n", None),
        ("loss\n7\n8\n", [("loss", 7.0, 0), ("loss", 8.0, 1)]),
        ("epoch,loss\n", []),
    ],
)
def test_curves_are_numbered_by_whole_epochs_or_images(
    tmp_path: Path, text: str, points: list[tuple[str, float, int]] | None
) -> None:
    (tmp_path / "curves.csv").write_text(text)
    if points is None:
        points = [("epoch", 0.5, 16), ("loss", 3, 16), ("epoch", 1.0, 32), ("loss", 4, 32)]
    expected = [Point(key=key, value=value, step=step) for key, value, step in points]
    assert read_curves(tmp_path / "curves.csv") == expected
