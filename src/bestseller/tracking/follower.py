"""Follows one training and sends its curves and last samples to MLflow while it runs.

`bestseller.live` starts this as a process of its own, with a pipe that closes when the training
ends, however it ends. It writes nothing that the training reads, runs at the lowest priority, and
ends at the first error: the results that count are published at the end of the pipeline.
"""

import os
import sys
import time
from pathlib import Path
from threading import Event, Thread

from filelock import FileLock

from bestseller.live import CURVES
from bestseller.tracking.delivery import OUTBOX_FOLDER
from bestseller.tracking.outbox import Outbox
from bestseller.tracking.server import (
    ARTIFACT_FOLDER,
    follow_checkout,
    make_ready,
    repository_root,
    tracking_uri,
)

POLL_S = 10.0
START_S = 1.0  # between two looks for the first epoch
LAST_S = 10.0  # after the training's end, for what is left to send
LOCK = "lock"  # held while somebody follows


def follow(folder: Path, stage: str, ended: Event) -> None:
    """Send what appears in `folder` until `ended` is set.

    Args:
        folder: what a training tells, see `bestseller.live.Live`.
        stage: the training's name.
        ended: set when the training has ended.
    """
    while not (folder / CURVES).exists():
        if ended.wait(START_S):
            return
    root = repository_root()
    uri = tracking_uri(root)
    make_ready(uri)
    follow_checkout(uri, root)
    from bestseller.tracking.live_run import LiveRun, settle  # noqa: PLC0415 (slow import)
    from bestseller.tracking.mlflow_store import MlflowStore  # noqa: PLC0415

    outbox = Outbox(root / OUTBOX_FOLDER)
    with FileLock(folder / LOCK):
        with outbox.alone(wait_s=60):
            store = MlflowStore(uri, root / ARTIFACT_FOLDER)
            run = LiveRun(store, folder, stage)
        run.send()
        while not ended.wait(POLL_S):
            run.send()
        run.send()
        with outbox.alone(wait_s=LAST_S):
            settle(store, folder)


def _await_end(ended: Event) -> None:
    """Set `ended` when the training has ended; end this process soon afterwards in any case."""
    sys.stdin.buffer.read()
    ended.set()
    time.sleep(LAST_S)
    os._exit(1)


def main() -> None:
    os.nice(19)
    folder, stage = sys.argv[1:]
    ended = Event()
    Thread(target=_await_end, args=[ended], daemon=True).start()
    follow(Path(folder), stage, ended)


if __name__ == "__main__":
    main()
