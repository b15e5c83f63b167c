"""Who may write a stage's outputs: the run of the stage that began last, and no older one.

A DVC that is killed can leave its stage behind for a moment, and a machine that hangs for longer.
The next run of the stage takes the lease over, and the old one, whenever it gets to renaming what
it wrote, finds that out.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bestseller.base.errors import BestsellerError

FOLDER = Path(".scratch") / "leases"
VARIABLE = "BESTSELLER_LEASE"  # the lease that a process of the same run holds already


class Lease:
    """The lease of one run of a stage; its processes share it.

    Args:
        file: of the stage; the last taker's token stands in it.
        token: this run's.
    """

    def __init__(self, file: Path, token: str) -> None:
        self.file, self.token = file, token

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from taking the lease over while the block renames.

        Raises:
            BestsellerError: a newer run has it.
        """
        with self.file.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            if file.read().decode() != self.token:
                raise BestsellerError(
                    f"{self.file.name}: a newer run writes the outputs; this one leaves them alone"
                )
            yield


def take(root: Path, stage: str) -> Lease:
    """Take a stage's lease over from whoever has it.

    Waits until a rename that is under way is done. A process that one of the same run has started,
    as torchrun does, has that run's lease.

    Args:
        root: the checkout.
        stage: as DVC calls it, such as ``train@dcgan-plain-0``.
    """
    folder = (root / FOLDER).resolve()
    file = folder / re.sub(r"[^\w.@-]", "_", stage)
    known, _, token = os.environ.get(VARIABLE, "").rpartition("=")
    if known == str(file):
        return Lease(file, token)
    folder.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    with file.open("a+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        opened.truncate(0)
        opened.write(token.encode())
    os.environ[VARIABLE] = f"{file}={token}"
    return Lease(file, token)
