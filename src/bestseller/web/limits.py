"""What one page may cost, and what the crawler did cost."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_STATUS = Path("/proc/self/status")


class TooLong(Exception):
    """A page took more computing than any honest one."""


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong in the block once it has computed for so long; for the main thread only.

    It counts processor time, so that a busy machine loses no page. Regular expressions are
    interrupted too, other C libraries when they return.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise TooLong(f"more than {seconds:g} s of computing")

    before = signal.signal(signal.SIGVTALRM, interrupt)
    # Again and again: a parser that swallows one exception meets the next.
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def peak_memory_mb() -> int:
    """Return the most memory that this process has held so far, in MiB.

    Linux's own count is of this program alone; that of `getrusage` may be the parent's, which a
    child inherits.
    """
    if _STATUS.exists():
        fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20  # macOS counts bytes
