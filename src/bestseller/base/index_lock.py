"""Git's index.lock, which a killed git or DVC, or a full disk, leaves: then neither works again."""

import time
from pathlib import Path

from bestseller.base.files import remove

WRITERS = ("git", "dvc")  # a word of the command line of what may hold the lock
WORDS = 6  # of it that are looked at: python -P -m dvc
SETTLE_S, SETTLE_TRIES = 0.25, 20  # seconds between two looks, and how many
OLD_S = 600.0  # where the system does not tell who works in a folder


def free_index(root: Path) -> str:
    """Remove the lock where nobody works in the checkout who may hold it.

    Whoever was just told to end is waited for.

    Args:
        root: of the checkout.

    Returns:
        One line that says what was done, empty where nothing was.
    """
    lock = root / ".git" / "index.lock"
    for _ in range(SETTLE_TRIES):
        if not lock.exists():
            return ""
        if not _is_held(root, lock):
            remove(lock)
            return f"{lock}: was left by a process that is gone, and is removed"
        time.sleep(SETTLE_S)
    return ""


def _is_held(root: Path, lock: Path) -> bool:
    """Tell whether a git or a DVC works in the checkout; a zombie does not."""
    if not Path("/proc/self/cwd").exists():
        return time.time() - lock.stat().st_mtime < OLD_S
    here = root.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            place, command = (process / "cwd").readlink(), (process / "cmdline").read_bytes()
        except OSError:  # it has ended, or is another user's
            continue
        words = command.decode(errors="replace").split("\0")[:WORDS]
        if place.is_relative_to(here) and any(Path(word).name in WRITERS for word in words):
            return True
    return False
