"""Takes the curves and samples of one training to MLflow while it runs.

`bestseller.live` starts this as a process of its own, at the lowest priority. It ends at the first
error: what counts is published at the end of the pipeline, and the run made here is deleted then.
"""

import os
import sys
import time
from pathlib import Path
from threading import Event, Thread

from bestseller.live import CURVES, SAMPLES
from bestseller.tracking.delivery import OUTBOX_FOLDER, forget_if_published
from bestseller.tracking.outbox import Outbox
from bestseller.tracking.record import read_curves
from bestseller.tracking.server import (
    ARTIFACT_FOLDER,
    follow_checkout,
    make_ready,
    repository_root,
    tracking_uri,
)

POLL_S = 10.0
LAST_S = 10.0  # after the training's end, for what is left to send


def follow(folder: Path, stage: str, ended: Event, said: list[str]) -> None:
    """Send what a training tells until it has ended.

    Args:
        folder: of the training, see `bestseller.live.Live`.
        stage: the training's name.
        ended: set when the training has ended.
        said: its last word then, "" where it was killed.
    """
    root = repository_root()
    uri = tracking_uri(root)
    make_ready(uri)
    follow_checkout(uri, root)
    from mlflow.entities import Metric  # noqa: PLC0415 (slow import)

    from bestseller.tracking.mlflow_store import MlflowStore  # noqa: PLC0415

    sent, drawn, last = 0, 0.0, False
    with Outbox(root / OUTBOX_FOLDER).alone(wait_s=60):
        store = MlflowStore(uri, root / ARTIFACT_FOLDER)
        if forget_if_published(store, folder):  # before this process was ready
            return
        run = store.begin_live(folder.name, stage)
    while not last:
        last = ended.wait(POLL_S if sent else 0)
        points, now = read_curves(folder / CURVES), int(time.time() * 1000)
        store.log(run, [Metric(p.key, p.value, now, p.step) for p in points[sent:]])
        sent = len(points)
        if (samples := folder / SAMPLES).exists() and samples.stat().st_mtime != drawn:
            drawn = samples.stat().st_mtime
            store.client.log_artifact(run, str(samples))
    if not forget_if_published(store, folder):
        store.client.set_terminated(run, said[0] or "FAILED")


def main() -> None:
    os.nice(19)
    folder, stage = sys.argv[1:]
    ended, said = Event(), list[str]()

    def await_end() -> None:
        said.append(sys.stdin.read())
        ended.set()
        time.sleep(LAST_S)
        os._exit(1)

    Thread(target=await_end, daemon=True).start()
    follow(Path(folder), stage, ended, said)


if __name__ == "__main__":
    main()
