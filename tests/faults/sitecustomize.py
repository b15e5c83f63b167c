"""Record what a stage does to its files, or have a step fail; Python imports this by its name.

A point is where the process opens a file to write, renames, links, removes or makes one, flushes
one to the disk or connects to a server: Python's audit events, and `os.fsync`, which has none. What
a library writes by itself lies between two points. Environment variables say what to do:

FAULT_ROOT: the folder whose files count.
FAULT_AT: number of the point to fail at, from 1; 0 for none.
FAULT_KIND: kill, full (ENOSPC) or broken (EIO).
FAULT_LOG: file that gets a line for each point.
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
        self.count = 0

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
        flush(handle)

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


if "FAULT_ROOT" in os.environ and any(word.startswith("stages.") for word in sys.orig_argv):
    faults, flush = Faults(), os.fsync
    os.fsync = faults.fsync  # type: ignore[assignment]
    sys.addaudithook(faults.hook)
