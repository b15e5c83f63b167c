"""The MLflow run of a training that is not yet finished.

The run is deleted when the training is published: the child run of the finished pipeline then has
the same curves. A training that was killed continues in the run that it had.
"""

import hashlib
import time
from pathlib import Path

from filelock import FileLock, Timeout
from mlflow.entities import Metric, RunStatus

from bestseller.base.files import read_json, remove, write_json
from bestseller.live import CURVES, FINISHED, SAMPLES
from bestseller.tracking.follower import LOCK
from bestseller.tracking.mlflow_store import MlflowStore
from bestseller.tracking.record import CURVES_FOLDER, read_curves

RUN = "run.json"  # of which run at which store, and how much of the curves it has
LIVE = "live"  # tag of such a run
STAGE = "dvc.stage"


class LiveRun:
    """A run that a training's curves are sent to.

    Args:
        store: MLflow, open.
        folder: what the training tells.
        stage: its name, such as ``train@dcgan-plain-0``.
    """

    def __init__(self, store: MlflowStore, folder: Path, stage: str) -> None:
        self.store, self.folder, self._drawn = store, folder, 0.0
        self.id, self.sent = _resumed(store, folder)
        if not self.id:
            tags = {LIVE: "true", STAGE: stage}
            run = store.client.create_run(store.experiment, None, tags, f"{stage} (live)")
            self.id = run.info.run_id
            self._note()

    def send(self) -> None:
        """Send the points, and the picture, that the run has not got."""
        curves, samples = self.folder / CURVES, self.folder / SAMPLES
        points = read_curves(curves)
        now = int(time.time() * 1000)
        if new := [Metric(p.key, p.value, now, p.step) for p in points[self.sent :]]:
            self.store.log(self.id, new)
            self.sent = len(points)
            self._note()
        if samples.exists() and (drawn := samples.stat().st_mtime) != self._drawn:
            self.store.client.log_artifact(self.id, str(samples))
            self._drawn = drawn

    def _note(self) -> None:
        state = {"run": self.id, "store": self.store.name, "points": self.sent}
        write_json(self.folder / RUN, state)


def _resumed(store: MlflowStore, folder: Path) -> tuple[str, int]:
    """Return the run of a killed training that goes on, and its number of points; else ""."""
    if not (folder / RUN).exists():
        return "", 0
    state = read_json(folder / RUN)
    if state["store"] != store.name or not store.has_run(state["run"]):
        return "", 0
    store.client.update_run(state["run"], RunStatus.to_string(RunStatus.RUNNING))
    return state["run"], state["points"]


def settle(store: MlflowStore, folder: Path) -> None:
    """Close the run of a training that has ended; remove it where the training is published.

    Args:
        store: MLflow, open.
        folder: what the training told.
    """
    state, finished = read_json(folder / RUN), folder / FINISHED
    if state["store"] != store.name:
        return
    published = f"{CURVES_FOLDER}/{folder.parent.name}.csv"
    if not store.has_run(state["run"]):  # somebody has deleted it
        remove(folder)
    elif not finished.exists():
        store.client.set_terminated(state["run"], RunStatus.to_string(RunStatus.FAILED))
    elif store.has_output(published, hashlib.md5(finished.read_bytes()).hexdigest()):
        store.client.delete_run(state["run"])
        remove(folder)
    else:
        store.client.set_terminated(state["run"])


def settle_all(store: MlflowStore, folder: Path) -> None:
    """Settle every training with files under `folder` that has no follower any more."""
    for told in folder.glob("*/*"):
        try:
            with FileLock(told / LOCK, timeout=0):
                if (told / RUN).exists():
                    settle(store, told)
                elif (told / FINISHED).exists():  # no server answered while it ran
                    remove(told)
        except Timeout:
            continue
