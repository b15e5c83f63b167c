"""The one exception that a person is meant to read, and what is this machine's own fault."""

import errno
import re


class BestsellerError(Exception):
    """A problem that the user can fix. Its message is one line.

    The message names the file or the key, the value found, and what is allowed or how to fix it,
    for example ``params.yaml: train.dcgan.lr: -1 is not greater than 0``. Stage scripts print the
    message without a traceback and exit with status 1.
    """


FULL = "free some space and run again, what is done is kept"
MEMORY = "close other programs or lower threads and job_threads in params.yaml, and run again"
FILES = "raise the limit (`ulimit -n`) and run again"
ACCESS = "mend the disk or its mount and run again"
_LACKS = {  # what the system says, and the mend
    errno.ENOSPC: ("the disk is full", FULL),
    errno.EDQUOT: ("the disk quota is used up", FULL),
    errno.EIO: ("the disk cannot be read or written", ACCESS),
    errno.EROFS: ("the disk may only be read", ACCESS),
    errno.EMFILE: ("too many files are open", FILES),
    errno.ENFILE: ("too many files are open", FILES),
    errno.ENOMEM: ("out of memory", MEMORY),
}
# What libraries say that keep no number of the system's: SQLite, safetensors, NumPy, PyTorch.
_FULL = re.compile(
    "No space left on device|database or disk is full|disk I/O error|PytorchStreamWriter failed"
    r"|\d+ requested and \d+ written"
)
_MEMORY = re.compile("can't allocate memory|CUDA out of memory|Unable to allocate|realloc of size")


def out_of_means(error: BaseException) -> tuple[str, str] | None:
    """Return what this machine lacks and the mend, None where an error says nothing of the kind.

    Such an error is no property of the data at hand: whoever handles damaged data must let it pass,
    or a full disk turns photos into damaged ones. Causes and contexts of the error are looked at
    too, since libraries wrap them.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, MemoryError) or _MEMORY.search(str(cause)):
            return "out of memory", MEMORY
        if type(cause).__name__ == "BrokenProcessPool":  # its import is slow
            return "a worker process was killed, as a system short of memory does", MEMORY
        if isinstance(cause, OSError) and cause.errno in _LACKS:
            told, mend = _LACKS[cause.errno]
            return f"{cause.filename}: {told}" if cause.filename else told, mend
        if _FULL.search(str(cause)):
            return "the disk is full", FULL
        cause = cause.__cause__ or cause.__context__
    return None
