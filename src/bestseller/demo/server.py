"""A small web server on loopback: keep-alive, conditional requests, a record of every request."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HOST = "127.0.0.1"
_HOST_HEADER = re.compile(r"[A-Za-z0-9.-]+(:\d+)?")


class Request(NamedTuple):
    """One request as it was answered; `path` includes the query."""

    method: str
    path: str
    status: int
    body_bytes: int


@dataclass(frozen=True)
class Resource:
    """What stands at an address: `body` is called only when the bytes are wanted."""

    content_type: str
    etag: str
    body: Callable[[], bytes]


Find = Callable[[str, str], Resource | None]


@contextmanager
def serve(find: Find, requests: list[Request], port: int = 0) -> Iterator[str]:
    """Serve what `find(target, origin)` returns, in threads, until the block is left.

    Args:
        find: maps a path with query to a resource, None for 404; called from several threads.
        requests: gets a record of every answer, in the order in which they were given.
        port: 0 takes a free one.

    Yields:
        The origin, such as ``http://127.0.0.1:40001``.

    Raises:
        OSError: the port is taken.
    """
    handler = type("Handler", (_Handler,), {"find": staticmethod(find), "requests": requests})
    server = ThreadingHTTPServer((HOST, port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    find: Find
    requests: list[Request]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "shop", ""
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # header and body leave together

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        resource = self.find(self.path, self._origin())
        if resource is None:
            self._send(HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"not found\n")
            return
        headers = {"ETag": resource.etag, "Cache-Control": "no-cache"}
        if _matches(self.headers.get("If-None-Match", ""), resource.etag):
            self._send(HTTPStatus.NOT_MODIFIED, headers, b"")
        else:
            headers["Content-Type"] = resource.content_type
            self._send(HTTPStatus.OK, headers, resource.body())

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        sent = body if self.command == "GET" else b""
        # Recorded before the client can have read the end of it.
        self.requests.append(Request(self.command, self.path, int(status), len(sent)))
        self.wfile.write(sent)

    def _origin(self) -> str:
        """Return the origin that the client used, so that it also works behind another name."""
        host = self.headers.get("Host", "")
        if not _HOST_HEADER.fullmatch(host):
            host = f"{HOST}:{self.connection.getsockname()[1]}"
        return f"http://{host}"

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: `requests` is the log."""


def _matches(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag in tags
