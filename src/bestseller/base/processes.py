"""Processes that end with the one that started them.

Run as a program, ``python processes.py <pid> <command> ...`` becomes the command, tied to the
process `pid` that starts it. That needs no code between fork and exec, which is not safe where
other threads run.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOPPED = 128 + signal.SIGTERM  # exit status of what ends with its parent
WATCH_S = 0.5  # between two looks at the parent, where the system tells nobody of its death
_ASKED = b"stages."  # in the command line of a shell that runs a stage
_STARTERS = (b"dvc", b"python", _ASKED)


def tied(command: list[str]) -> list[str]:
    """Return the command line that runs `command` and ends with this process, however it ends."""
    return [sys.executable, "-P", __file__, str(os.getpid()), *command]


def end_with_parent(parent: int | None = None) -> None:
    """Have this process stopped, by SIGTERM, as soon as its parent dies.

    Args:
        parent: its process id. If it has died already, this process ends here.
    """
    now = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        threading.Thread(target=watch, args=[now, _stop], daemon=True).start()
    if parent is not None and os.getppid() != parent:
        os._exit(STOPPED)


def end_with_dvc() -> None:
    """Have this process stopped when the DVC that runs it as a stage dies, or has died.

    A stage that starts while its DVC is killed has the system's first process, or another that
    takes in orphans, for its parent: that is neither a DVC nor a shell or a program that runs one.
    """
    end_with_parent()
    if "DVC_STAGE" in os.environ and Path("/proc/self").exists():
        try:
            starter = Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
        except OSError:
            starter = b""
        if not any(name in starter for name in _STARTERS):
            os._exit(STOPPED)


def watch(parent: int, died: Callable[[], None], every_s: float = WATCH_S) -> None:
    """Call `died` once this process has another parent than `parent`."""
    while os.getppid() == parent:
        time.sleep(every_s)
    died()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def is_there(pid: int) -> bool:
    """Tell whether the system knows a process, be it one that has ended and is not waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and is not yet waited for does not."""
    if not is_there(pid):
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return state.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
