"""Sending the outbox to MLflow, wherever that is, without ever hanging on it."""

import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from bestseller.errors import BestsellerError
from bestseller.tracking.outbox import Outbox
from bestseller.tracking.record import PipelineRecord

OUTBOX_FOLDER = ".mlflow-outbox"
DATABASE_FILE = "mlflow.db"
ARTIFACT_FOLDER = "mlartifacts"
REACH_S = 3.0  # seconds in which a live server answers
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def repository_root() -> Path:
    """Return the main workspace, also from inside a temporary DVC experiment's folder."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri(root: Path) -> str:
    """Return MLFLOW_TRACKING_URI, by default the SQLite database at the repository's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / DATABASE_FILE}"


def publish(record: PipelineRecord, checkout: Path, *, wait_s: float) -> None:
    """Put `record` into the outbox and send all that waits there.

    Args:
        record: what to publish; a record that the store has already is not stored again.
        checkout: the folder that the record's files are in.
        wait_s: seconds to wait for another process that is sending.

    Raises:
        BestsellerError: one line saying why something was not sent; it stays in the outbox.
    """
    root = repository_root()
    outbox = Outbox(root / OUTBOX_FOLDER)
    outbox.put(record, checkout)
    uri = tracking_uri(root)
    try:
        if problem := answer_within(REACH_S, lambda: reach(uri)):
            raise ConnectionError(problem)
        _quieten()
        from bestseller.tracking.mlflow_store import MlflowStore  # noqa: PLC0415 (slow import)

        outbox.deliver(lambda: MlflowStore(uri, root / ARTIFACT_FOLDER).send, wait_s)
    except Exception as error:  # a tracking server may fail in any way, and costs no result
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BestsellerError(
            f"not yet in MLflow at {_without_password(uri)} ({reason}); kept in {OUTBOX_FOLDER}, "
            "sent by `make publish`"
        ) from error


def answer_within(seconds: float, question: Callable[[], str]) -> str:
    """Return what `question` answers, or that it did not answer within `seconds`.

    The clock covers everything, name look-up and a server that trickles bytes included.
    """
    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(question()), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else f"no answer within {seconds:g} s"


def reach(uri: str) -> str:
    """Return why the server at `uri` cannot be reached; empty if it can, or is no server."""
    parts = urlsplit(uri)
    scheme = parts.scheme.partition("+")[0]
    try:
        if scheme in ("http", "https"):
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=REACH_S):
                pass
        elif scheme in DATABASE_PORTS and parts.hostname:
            address = (parts.hostname, parts.port or DATABASE_PORTS[scheme])
            socket.create_connection(address, timeout=REACH_S).close()
    except urllib.error.HTTPError:
        return ""  # it answers; what it thinks of /health is its own affair
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""


def _quieten() -> None:
    """Set MLflow up for a pipeline before its import: no telemetry, no long waits, no chatter."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":…@") if parts.password else uri
