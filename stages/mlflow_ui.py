"""Serve the MLflow pages of this checkout until Ctrl-C, and say where the runs are."""

import os
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.params import Params
from bestseller.tracking.server import (
    ARTIFACT_FOLDER,
    DATABASE_FILE,
    follow_checkout,
    repository_root,
)
from bestseller.tracking.view import ADDRESS, TAG
from stages import run

EXPERIMENT = "bestseller"
HOST, DEFAULT_PORT = "127.0.0.1", "5000"
# A name of this machine to browsers (RFC 6761, section 6.3). MLflow's pages open a panel with an
# assistant that may run commands here wherever the address is localhost or a number, not under it.
NAME = "bestseller.localhost"


def main(params: Params, port: str | None) -> None:
    number = port_number(port or DEFAULT_PORT)
    root = repository_root()
    uri = f"sqlite:///{root / DATABASE_FILE}"
    origin = f"http://{NAME}:{number}"
    page = f"{origin}/#/experiments/{runs_page(root / DATABASE_FILE)}"
    follow_checkout(uri, root)
    print(f"The runs: {page}\nCtrl-C ends.", flush=True)
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [str(Path(sys.executable).parent / "mlflow"), "server", "--host", HOST]
    command += ["--port", str(number), "--workers", "1", "--backend-store-uri", uri]
    command += ["--default-artifact-root", (root / ARTIFACT_FOLDER).as_uri()]
    hosts = ",".join(f"{host}:{number}" for host in (NAME, HOST, "localhost"))
    command += ["--allowed-hosts", hosts, "--cors-allowed-origins", origin]
    ended = subprocess.run(command, env=os.environ | quiet, check=False).returncode
    if ended:
        raise BestsellerError(
            f"`mlflow server` ended with status {ended}; what it printed says why"
        )


def port_number(text: str) -> int:
    """Return a port that is free.

    Raises:
        BestsellerError: it is no port, or something listens there already.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**16):
        raise BestsellerError(f"--port: {text!r} is not allowed; give a number from 1 to 65535")
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            asked.bind((HOST, int(text)))
        except OSError as error:
            raise BestsellerError(
                f"--port: {text}: {error.strerror}; give another, such as "
                f"`make mlflow-ui PORT={int(text) % 65535 + 1}`"
            ) from error
    return int(text)


def runs_page(database: Path) -> str:
    """Return the page of the runs, behind #/experiments/, with its columns where they are shared.

    Raises:
        BestsellerError: nothing was published here yet.
    """
    if database.exists():
        with closing(sqlite3.connect(database)) as connection:
            query = (
                "SELECT e.experiment_id, t.key FROM experiments e LEFT JOIN experiment_tags t "
                "ON t.experiment_id = e.experiment_id AND t.key = ? WHERE e.name = ?"
            )
            try:
                found = connection.execute(query, (TAG, EXPERIMENT)).fetchone()
            except sqlite3.OperationalError:  # no MLflow has set it up
                found = None
        if found:
            return f"{found[0]}/runs{ADDRESS if found[1] else ''}"
    raise BestsellerError(f"{database.name}: not found; run `make publish` first")


if __name__ == "__main__":
    run(main, [("--port", f"port on {HOST} (default: {DEFAULT_PORT})")])
