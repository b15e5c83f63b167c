"""Sends the outbox to MLflow, within a limited time."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from bestseller.base.errors import BestsellerError
from bestseller.base.files import remove
from bestseller.live import CURVES, FOLDER
from bestseller.tracking.deadline import deadline
from bestseller.tracking.outbox import Outbox, Send
from bestseller.tracking.record import CURVES_FOLDER, PipelineRecord
from bestseller.tracking.server import (
    ARTIFACT_FOLDER,
    follow_checkout,
    in_one_line,
    make_ready,
    repository_root,
    tracking_uri,
    without_password,
)

if TYPE_CHECKING:
    from bestseller.tracking.mlflow_store import MlflowStore

OUTBOX_FOLDER = ".mlflow-outbox"
SEND_S = 900.0


def publish(
    record: PipelineRecord, checkout: Path, *, wait_s: float, within_s: float = SEND_S
) -> list[str]:
    """Put `record` into the outbox and send all that waits there.

    Args:
        record: what to publish; a record that the store has already is not stored again.
        checkout: the folder that the record's files are in.
        wait_s: seconds to wait for another process that is sending.
        within_s: seconds that all of it may take over a network; what is sent by then stays sent.

    Returns:
        What a person should know, one line each: records that were set aside, names and values that
        MLflow keeps escaped or shortened.

    Raises:
        BestsellerError: one line saying why something was not sent; it stays in the outbox.
    """
    root = repository_root()
    outbox = Outbox(root / OUTBOX_FOLDER)
    outbox.put(record, checkout)
    uri = tracking_uri(root)
    try:
        make_ready(uri)
        follow_checkout(uri, root)
        from bestseller.tracking.mlflow_store import MlflowStore  # noqa: PLC0415 (slow import)

        altered: dict[str, None] = {}

        def connect() -> Send:
            store = MlflowStore(uri, root / ARTIFACT_FOLDER)
            store.altered = altered

            def send(record: PipelineRecord, files: Path) -> None:
                store.send(record, files)
                for told in (root / FOLDER).glob(f"*/*/{CURVES}"):
                    forget_if_published(store, told.parent)

            return send

        with deadline(wait_s + within_s):
            notes = outbox.deliver(connect, wait_s)
    except Exception as error:  # a tracking server may fail in any way, and costs no result
        raise BestsellerError(
            f"not yet in MLflow at {without_password(uri)} ({in_one_line(error, uri)}); "
            f"kept in {OUTBOX_FOLDER}, sent by `make publish`"
        ) from error
    if altered:
        notes.append(
            f"MLflow does not take {len(altered)} names or values as they are, such as "
            f"{next(iter(altered))[:80]!r}: they stand there escaped or shortened, and whole in "
            "the run's params.yaml and dvc.lock"
        )
    return notes


def forget_if_published(store: "MlflowStore", folder: Path) -> bool:
    """Remove what a training told while it ran, once its curves are those of a published stage.

    Args:
        store: MLflow, open.
        folder: of the training, see `bestseller.live.Live`.

    Returns:
        Whether it is published.
    """
    digest = hashlib.md5((folder / CURVES).read_bytes()).hexdigest()
    if not store.has_output(f"{CURVES_FOLDER}/{folder.parent.name}.csv", digest):
        return False
    store.delete_live(folder.name)
    remove(folder)
    return True
