"""Records that wait on disk until the tracking server has them.

Each record is a folder: `record.json` and, under `files/<run>/`, copies of what is to be logged
with it, so that it can be sent long after the checkout has moved on.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, remove
from bestseller.base.lockfile import LOCK_FILE
from bestseller.params import PARAMS_FILE, read_yaml
from bestseller.tracking.faults import is_of_the_record
from bestseller.tracking.record import PipelineRecord
from bestseller.tracking.secret import secrets_of, without

PIPELINE = "pipeline"  # the folder of the parent run's files
SET_ASIDE = ".set-aside"  # folder of the records that can never be sent
REASON = "reason.txt"  # in each of them
TEXTS = (".yaml", ".lock", ".json", ".html", ".csv", ".md")  # files that are kept without secrets

Send = Callable[[PipelineRecord, Path], None]


class Outbox:
    """A folder of records to send; safe for several processes at once.

    Args:
        folder: where the records wait; made when needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, record: PipelineRecord, checkout: Path) -> None:
        """Keep `record` with copies of its files; a waiting one of the same hash is replaced."""
        secrets = _secrets(checkout)
        with atomic_path(self.folder / record.hash) as bundle:
            for name, paths in _files(record):
                for path in paths:
                    copy = bundle / "files" / name / path
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    if secrets and copy.suffix in TEXTS:
                        text = (checkout / path).read_text(encoding="utf-8")
                        copy.write_text(without(text, secrets), encoding="utf-8")
                    else:
                        shutil.copyfile(checkout / path, copy)
            bundle.mkdir(exist_ok=True)
            (bundle / "record.json").write_text(record.model_dump_json(), encoding="utf-8")

    def deliver(self, connect: Callable[[], Send], wait_s: float) -> list[str]:
        """Send what waits and drop what was sent.

        A record that cannot be sent at all, because it is damaged or refused, is set aside with its
        reason. One that fails otherwise stays, and those behind it are tried all the same, until
        two in a row have failed: then it is the store.

        One process sends at a time, and opens the store at a time: a new database is set up
        once. Whoever holds the lock looks again after releasing it, so a record put in meanwhile
        is sent by one of the two.

        Args:
            connect: opens the store and returns what sends a record with its copied files.
            wait_s: seconds to wait for another process.

        Returns:
            What was set aside and why, one line each.

        Raises:
            BestsellerError: another process was still sending after `wait_s`.
            Exception: the first that the store raises for a record that stays.
        """
        told: list[str] = []
        while any(self._waiting()):
            with self.alone(wait_s):
                send, failures, in_a_row = connect(), list[Exception](), 0
                for record, bundle in self._readable(told):
                    try:
                        send(record, bundle / "files")
                    except Exception as error:
                        if is_of_the_record(error):
                            told.append(self._set_aside(bundle, error))
                            continue
                        failures.append(error)
                        in_a_row += 1
                        if in_a_row > 1:
                            break
                    else:
                        in_a_row = 0
                        remove(bundle)
                if failures:
                    raise failures[0]
        return told

    def _readable(self, told: list[str]) -> list[tuple[PipelineRecord, Path]]:
        """Return what waits, the oldest first; what cannot be read is set aside."""
        found = []
        for file in self._waiting():
            try:
                found.append(_open(file))
            except (OSError, ValueError) as error:  # pydantic's errors are ValueErrors
                told.append(self._set_aside(file.parent, error))
        return sorted(found, key=_age)

    def _set_aside(self, bundle: Path, error: Exception) -> str:
        place = self.folder / SET_ASIDE / bundle.name
        remove(place)
        place.parent.mkdir(exist_ok=True)
        bundle.rename(place)
        reason = " ".join(str(error).split())
        (place / REASON).write_text(f"{type(error).__name__}: {reason}\n", encoding="utf-8")
        return f"a record cannot be sent and is set aside in {place} ({reason[:200]})"

    @contextmanager
    def alone(self, wait_s: float) -> Iterator[None]:
        """Be the only process of this workspace that opens the store or writes to it.

        Raises:
            BestsellerError: another process was still at it after `wait_s` seconds.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as error:
            raise BestsellerError("another process is publishing") from error
        try:
            yield
        finally:
            lock.release()

    def _waiting(self) -> Iterator[Path]:
        return self.folder.glob("[!.]*/record.json")


def _secrets(checkout: Path) -> set[str]:
    """Return what no copy of a file may hold."""
    settings = [PARAMS_FILE, LOCK_FILE]
    return secrets_of([read_yaml(checkout / f) for f in settings if (checkout / f).exists()])


def _open(file: Path) -> tuple[PipelineRecord, Path]:
    return PipelineRecord.model_validate_json(file.read_text(encoding="utf-8")), file.parent


def _age(opened: tuple[PipelineRecord, Path]) -> tuple[int, str]:
    return opened[0].time_ms, opened[0].hash


def _files(record: PipelineRecord) -> Iterator[tuple[str, list[str]]]:
    yield PIPELINE, record.artifacts
    for stage in record.stages:
        yield stage.name, stage.artifacts
