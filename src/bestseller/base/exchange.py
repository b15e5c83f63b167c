"""Two folders that change places in one step, so that no kill finds neither."""

import ctypes
import os
import sys
from pathlib import Path

AT_FDCWD = -100  # linux/fcntl.h
RENAME_EXCHANGE = 2  # linux/fs.h


def exchange(first: Path, second: Path) -> bool:
    """Have two existing paths change places; False where the system cannot, nothing is done then.

    Linux has it since 3.15 for most file systems (renameat2(2)).
    """
    if sys.platform != "linux":
        return False
    try:
        call = ctypes.CDLL(None).renameat2
    except AttributeError:  # an old or another C library
        return False
    paths = (os.fsencode(first), os.fsencode(second))
    done: int = call(AT_FDCWD, paths[0], AT_FDCWD, paths[1], RENAME_EXCHANGE)
    return done == 0
