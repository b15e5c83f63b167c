"""Where MLflow is, and whether it answers: asked before MLflow, which would wait for minutes."""

import os
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

DATABASE_FILE = "mlflow.db"
ARTIFACT_FOLDER = "mlartifacts"
REACH_S = 3.0  # seconds in which a live server answers
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# PostgreSQL's SSLRequest: its length in bytes and the code 80877103, both in four bytes. A server
# answers with one byte before anybody has logged in (PostgreSQL's manual, "Message Formats").
SSL_REQUEST = (8).to_bytes(4) + (80877103).to_bytes(4)


def repository_root() -> Path:
    """Return the main workspace, also from inside a temporary DVC experiment's folder."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def tracking_uri(root: Path) -> str:
    """Return MLFLOW_TRACKING_URI, by default the SQLite database at the repository's root."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / DATABASE_FILE}"


def make_ready(uri: str) -> None:
    """Set MLflow up for its import: no telemetry, no long waits, no chatter.

    Raises:
        ConnectionError: nothing at `uri` answers within `REACH_S` seconds.
    """
    if problem := answer_within(REACH_S, lambda: reach(uri)):
        raise ConnectionError(problem)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "4")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")


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
            with socket.create_connection(address, timeout=REACH_S) as connection:
                if scheme == "postgresql":
                    connection.sendall(SSL_REQUEST)
                    connection.recv(1)
    except urllib.error.HTTPError:
        return ""  # the server answers; the status of /health does not matter
    except OSError as error:
        return str(getattr(error, "reason", error))
    return ""


def in_one_line(error: Exception) -> str:
    """Return the first line of what `error` says, its type where it says nothing."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def without_password(uri: str) -> str:
    """Return `uri` as it may be shown."""
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":…@") if parts.password else uri
