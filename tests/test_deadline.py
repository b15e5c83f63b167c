"""A server that answers a byte at a time, for ever; addresses with a user and a password."""

import base64
import http.server
import os
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bestseller.tracking.deadline import deadline
from bestseller.tracking.server import in_one_line, reach, tracking_uri, without_password
from conftest import REPOSITORY

VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Trickle(http.server.BaseHTTPRequestHandler):
    """Answers a byte every 50 ms."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        pass


def test_a_trickling_answer_is_cut_off_and_no_other_connection() -> None:
    with (
        serving(Trickle) as address,
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as other,
        listener.accept()[0] as theirs,
    ):
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=r"no end within 0\.5 s"), deadline(0.5):
            urllib.request.urlopen(f"http://{address}/", timeout=1).read()
        assert 0.4 < time.monotonic() - began < 10, "each byte came within the request's limit"
        theirs.sendall(b"still here")
        assert other.recv(10) == b"still here"


def test_what_ends_in_time_ends_as_it_would() -> None:
    with deadline(60):
        pass
    with pytest.raises(KeyError), deadline(60):
        raise KeyError
    threads = threading.active_count()
    with deadline(0.01):
        time.sleep(0.1)  # late, and well: nothing is cut that could be
    assert threading.active_count() == threads


class Guarded(http.server.BaseHTTPRequestHandler):
    """Answers those who know the password."""

    asked: list[str | None] = []  # noqa: RUF012 (of the one test)

    def do_GET(self) -> None:
        Guarded.asked.append(self.headers["Authorization"])
        self.send_response(200 if self.headers["Authorization"] else 401)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_clean")
def test_an_address_with_a_password_works_and_is_told_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(Guarded) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://reader:p%40ss%3Aword@{address}")
        uri = tracking_uri(REPOSITORY)
        assert uri == f"http://{address}" == os.environ["MLFLOW_TRACKING_URI"]
        assert reach(uri) == ""
        from mlflow import MlflowClient

        Guarded.asked.clear()
        assert MlflowClient(uri).search_experiments() == []
        assert Guarded.asked == ["Basic " + base64.b64encode(b"reader:p@ss:word").decode()]


@pytest.mark.usefixtures("_clean")
@pytest.mark.parametrize(
    "uri", ["http://mlflow.example", "postgresql+psycopg2://u:secret@db/mlflow", "http://me@host"]
)
def test_other_addresses_stay(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert tracking_uri(REPOSITORY) == uri
    assert "secret" not in without_password(uri)
    assert "secret" not in in_one_line(ValueError(f"cannot connect to {uri}"), uri)


def test_an_answer_that_is_no_http_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"what?\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert "what?" in reach(f"http://127.0.0.1:{port}")
        thread.join()
