"""A time limit on all requests of a call together, for servers that answer without an end.

The time limit of one request starts anew with each byte. So it never ends an answer of one byte
every few seconds. When the whole call has taken too long, the connections that were opened for it
are cut, and reading from them fails at once.
"""

import os
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

AGAIN_S = 0.1  # between two looks for connections, once the time is over
_FOLDERS = ("/proc/self/fd", "/dev/fd")
FAMILIES = (socket.AF_INET, socket.AF_INET6)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Cut all network connections that the block opens, once it has taken so long.

    Raises:
        TimeoutError: the block failed after that time.
    """
    before, ended, late = set(_sockets()), threading.Event(), threading.Event()

    def cut_off() -> None:
        if ended.wait(seconds):
            return
        late.set()
        while True:
            for handle in set(_sockets()) - before:
                _cut(handle)
            if ended.wait(AGAIN_S):
                return

    watcher = threading.Thread(target=cut_off, daemon=True)
    watcher.start()
    try:
        yield
    except Exception as error:
        if late.is_set():
            raise TimeoutError(f"no end within {seconds:g} s") from error
        raise
    finally:
        ended.set()
        watcher.join()


def _sockets() -> Iterator[int]:
    """Yield the file descriptors of this process's connections over a network."""
    folder = next(filter(os.path.isdir, _FOLDERS))
    for name in os.listdir(folder):
        with suppress(OSError, ValueError):  # closed meanwhile
            handle = int(name)
            if stat.S_ISSOCK(os.fstat(handle).st_mode):
                yield handle


def _cut(handle: int) -> None:
    with suppress(OSError), socket.socket(fileno=os.dup(handle)) as connection:
        if connection.family in FAMILIES and connection.type == socket.SOCK_STREAM:
            connection.getpeername()  # OSError: it listens, which is another's business
            connection.shutdown(socket.SHUT_RDWR)
