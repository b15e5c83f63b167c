"""Where MLflow is, and whether it answers: asked before MLflow, which would wait for minutes."""

import os
import socket
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

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
    """Return MLFLOW_TRACKING_URI, by default the SQLite database at the repository's root.

    The user and the password of a server's address are taken out of it, and go where MLflow looks
    for them: in an address they would stand in every error.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / DATABASE_FILE}"
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.password:
        return uri
    os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(parts.username or "")
    os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(parts.password)
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    os.environ["MLFLOW_TRACKING_URI"] = plain
    return plain


def follow_checkout(uri: str, root: Path) -> None:
    """Point the checkout's own database to the artifacts in this checkout, also after a move.

    MLflow keeps their place as an absolute address, and takes no relative one: a checkout that was
    moved or copied would go on writing into the old place.
    """
    database = root / DATABASE_FILE
    if uri != f"sqlite:///{database}" or not database.exists():
        return
    here = (root / ARTIFACT_FOLDER).as_uri()
    with closing(sqlite3.connect(database)) as connection, connection:
        columns = {"experiments": "artifact_location", "runs": "artifact_uri"}
        known = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        for table, column in columns.items() if known.issuperset(columns) else ():
            old = f"file://%/{ARTIFACT_FOLDER}"
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, "
                f"instr({column}, ?) + {len(ARTIFACT_FOLDER) + 1}) "
                f"WHERE ({column} LIKE ? OR {column} LIKE ?) AND {column} NOT LIKE ?",
                (here, f"/{ARTIFACT_FOLDER}", old, f"{old}/%", f"{here}%"),
            )


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
        return ""  # it answers; what it thinks of /health is its own affair
    except (OSError, HTTPException, ValueError) as error:
        return str(getattr(error, "reason", error)) or type(error).__name__
    return ""


def in_one_line(error: Exception, uri: str = "") -> str:
    """Return the first line of what `error` says, without the password of `uri`."""
    told = (str(error).splitlines() or [type(error).__name__])[0]
    password = urlsplit(uri).password
    return told.replace(password, "…") if password else told


def without_password(uri: str) -> str:
    """Return `uri` as it may be shown."""
    parts = urlsplit(uri)
    return uri.replace(f":{parts.password}@", ":…@") if parts.password else uri
