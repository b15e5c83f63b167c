"""A headless Chromium for tests of the pages: loaded, watched and typed into."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on the path: the page is not driven"
)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr"),
]
CODES = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13}
CODES |= {"Escape": 27, "Tab": 9}
TEXTS = {"Enter": "\r"}


@dataclass(frozen=True)
class Visit:
    """What a browser made of a page: its DOM after the script, its console, what it asked for."""

    page: Any
    console: list[str]
    requests: list[str]


def visit(path: Path, state: str, tmp_path: Path) -> Visit:
    """Load a page with a state behind #, in a browser that can resolve no name."""
    log = tmp_path / "net.json"
    command = [
        *(str(BROWSER), *FLAGS),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}"),
        *("--dump-dom", f"{path.as_uri()}#{state}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    net = json.loads(log.read_text())
    started = net["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    jobs = [event.get("params", {}) for event in net["events"] if event["type"] == started]
    # the browser's own requests have no origin; a page's have, or are those of a file, "null"
    asked = [job["url"] for job in jobs if job.get("initiator", "not an origin") != "not an origin"]
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Visit(html.document_fromstring(done.stdout), console, asked)


def browse(path: Path, state: str, tmp_path: Path) -> Any:
    """Return the DOM of a page that must leave the console and the network alone."""
    found = visit(path, state, tmp_path)
    assert found.console == []
    assert found.requests == []
    return found.page


class Tab:
    """A page that is open: the DevTools protocol over a pair of pipes."""

    def __init__(self, down: int, up: int) -> None:
        self._down, self._up = os.fdopen(down, "wb", 0), os.fdopen(up, "rb", 0)
        self._session, self._number, self._rest = "", 0, b""
        self.errors: list[str] = []
        self.keys = 0  # pressed so far
        self.warnings = 0  # on leaving, all of which are passed by
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        attached = self._call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Runtime", "Page"):
            self._call(f"{domain}.enable")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = self._send(method, **params)
        while True:
            answer = self._read()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found
            if answer.get("method") == "Page.javascriptDialogOpening":
                self.warnings += 1
                self._send("Page.handleJavaScriptDialog", accept=True)
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]))

    def _send(self, method: str, **params: Any) -> int:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._down.write(json.dumps(message).encode() + b"\0")
        return self._number

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = self._up.read(65536)
            assert part, "the browser is gone"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def open(self, address: str) -> None:
        """Go to an address, from an empty page, and wait until it is loaded."""
        self._call("Page.navigate", url="about:blank")
        while self.run("location.href") != "about:blank":  # a warning on leaving is passed by
            time.sleep(0.05)
        self._call("Page.navigate", url=address)
        self.run(
            "new Promise((done) => (document.readyState === 'complete' && location.href !== "
            "'about:blank') ? done() : addEventListener('load', () => done()))"
        )

    def run(self, expression: str) -> Any:
        """Return what an expression of the page's own world comes to."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def resize(self, width: int, height: int) -> None:
        """Make the page's window as large, in CSS pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1}
        self._call("Emulation.setDeviceMetricsOverride", mobile=width < 600, **size)

    def printed(self) -> bytes:
        """Return the page as it would be printed on A4, a PDF."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "preferCSSPageSize": True}
        return base64.b64decode(self._call("Page.printToPDF", **paper)["data"])

    def press(self, *keys: str) -> None:
        """Press keys: letters, signs or names such as ArrowRight."""
        for key in keys:
            self.keys += 1
            text = TEXTS.get(key, key if len(key) == 1 else "")
            code = CODES.get(key, ord(key.upper()) if len(key) == 1 and key.isalnum() else 0)
            shared = {"key": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
            self._call("Input.dispatchKeyEvent", type="keyUp", **shared)


@contextmanager
def opened(profile: Path) -> Iterator[Tab]:
    """Hold a browser with one tab; what it stores stays in the profile."""
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()
    os.set_inheritable(to_browser, True)
    os.set_inheritable(from_browser, True)
    command = [str(BROWSER), *FLAGS, "--remote-debugging-pipe", f"--user-data-dir={profile}"]
    # the protocol's file descriptors are 3 and 4, whatever ours are
    wired = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", wired, "browser", *command, "about:blank"],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Tab(from_us, to_us)
    finally:
        process.terminate()
        process.wait(timeout=60)
