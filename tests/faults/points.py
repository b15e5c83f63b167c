"""The points of a process at which it can be killed, or its disk can fail.

A point is where the process opens a file to write, renames, links, removes or makes one, flushes
one to the disk or connects to a server: Python's audit events, and `os.fsync`, which has none. What
a library writes by itself lies between two points. Environment variables say what to do:

FAULT_ROOT: the folder whose files count.
FAULT_AT: number of the point to fail at, from 1; 0 for none.
FAULT_KIND: kill, full (ENOSPC) or broken (EIO).
FAULT_LOG: file that gets a line for each point; processes one after the other count on in it.
FAULT_IN: a word of the command line of the processes that count; of a stage where it is not set.
"""

import errno
import os
import signal
import sys
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
STEPS = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate")
ERRORS = {"full": errno.ENOSPC, "broken": errno.EIO}


class Faults:
    """The points of this process so far."""

    def __init__(self) -> None:
        self.root = os.path.realpath(os.environ["FAULT_ROOT"])
        self.at, self.kind = int(os.environ["FAULT_AT"]), os.environ["FAULT_KIND"]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.log = os.open(os.environ["FAULT_LOG"], flags)
        with open(os.environ["FAULT_LOG"], "rb") as log:
            self.count = len(log.readlines())
        self.flush = os.fsync

    def hook(self, event: str, given: tuple[Any, ...]) -> None:
        """Take an audit event of Python's."""
        if event == "socket.connect":
            self.point(event, self.root)
        elif event in STEPS or (
            event == "open" and isinstance(given[2], int) and given[2] & WRITES
        ):
            self.point(event, given[0])

    def fsync(self, handle: int) -> None:
        """Take a flush."""
        self.point("os.fsync", os.readlink(f"/proc/self/fd/{handle}"))
        self.flush(handle)

    def point(self, event: str, path: Any) -> None:
        """Count a point, and fail there where it is the one."""
        if not isinstance(path, str | bytes | os.PathLike):
            return
        place = os.path.realpath(os.fsdecode(path))
        if not place.startswith(self.root) or "__pycache__" in place:
            return
        self.count += 1
        os.write(self.log, f"{event} {os.path.relpath(place, self.root)}\n".encode())
        if self.count != self.at:
            return
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(ERRORS[self.kind], os.strerror(ERRORS[self.kind]), place)


def watch() -> None:
    """Count this process's points from now on, where the environment asks for it."""
    wanted = os.environ.get("FAULT_IN", "stages.")
    if "FAULT_ROOT" in os.environ and any(wanted in word for word in sys.orig_argv):
        faults = Faults()
        os.fsync = faults.fsync  # type: ignore[assignment]
        sys.addaudithook(faults.hook)
