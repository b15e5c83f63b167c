"""The journal of an unfinished retraining, with which the next run finishes it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_json, remove, write_json
from bestseller.retraining.decision import Decision

State = Mapping[str, int | str]  # of a source, a watermark


class Busy(BestsellerError):
    """Another process is retraining."""


class Journal(BaseModel):
    """The findings and decisions of one run, so that a run that continues it uses the same ones.

    Attributes:
        run: id, also the trailer of its commit.
        base: the commit that it began on.
        states: the watermarks that it found, by file.
        problems: what speaks against the new data; with any, the old ones are to be put back.
        drift: what moved, None until it is measured.
        decision: the gate's, None until it is made.
        branch: the branch that its commit goes to, empty until that is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    base: str
    states: dict[str, dict[str, int | str]]
    problems: list[str] = []
    drift: dict[str, Any] | None = None
    decision: Decision | None = None
    branch: str = ""


class RunStore:
    """The folder of a checkout in which the retraining keeps what it is at.

    Args:
        folder: made when needed; git and DVC ignore it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.before = folder / "before"
        self._journal = folder / "journal.json"
        self._holder = folder / "holder"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock of the folder; the kernel releases it when the process dies.

        Raises:
            Busy: another process holds it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "lock", timeout=0):
                self._holder.write_text(str(os.getpid()))
                yield
        except Timeout as error:
            holder = self._holder.read_text() if self._holder.exists() else ""
            raise Busy(
                f"{self.folder}: process {holder or 'unknown'} is retraining; let it finish"
            ) from error

    def read(self) -> Journal | None:
        """Return the journal of an unfinished run, None where there is none.

        Raises:
            BestsellerError: it is damaged.
        """
        if not self._journal.exists():
            return None
        try:
            return Journal.model_validate(read_json(self._journal))
        except ValidationError as error:
            raise BestsellerError(
                f"{self._journal}: no journal; `python -m stages.retrain --abandon` goes back"
            ) from error

    def write(self, journal: Journal) -> None:
        write_json(self._journal, journal.model_dump())

    def keep_before(self, root: Path, names: list[str]) -> None:
        """Keep outputs as they are now in `before`, once a run; what is not there is left out.

        Hard links suffice: DVC and the stages replace files and never write into them.
        """
        if self.before.exists():
            return
        with atomic_path(self.before) as copy:
            copy.mkdir()
            for name in names:
                for path in sorted((root / name).rglob("*")):
                    if path.is_file():
                        twin = copy / path.relative_to(root)
                        twin.parent.mkdir(parents=True, exist_ok=True)
                        twin.hardlink_to(path)

    def clear(self) -> None:
        """Delete the run's files, the journal last, so that a killed deletion can be continued."""
        for path in self.folder.iterdir():
            if path not in (self._journal, self._holder, self.folder / "lock"):
                remove(path)
        remove(self._journal)
