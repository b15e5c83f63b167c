"""What earlier runs made of photos, by content: only new photos are decoded and looked at.

There is an SQLite file for each combination of settings, code and libraries that decide what a
photo becomes. It holds what the last run used, no more, and the two combinations used last are
kept: about two copies of the image set. Whatever happens to the files, the images are the same:
each entry has a digest, and what is missing or damaged is made again. The folder may be deleted at
any time.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bestseller.base.files import remove
from bestseller.catalogue import formats
from bestseller.params import Images
from bestseller.params.code import digest, reached

COMBINATIONS = 2
BATCH = 256  # photos between two writes: a run that is killed loses no more
PATIENCE = 60.0  # seconds to wait for another run that writes
LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "pillow-heif", "scipy")
# Of the section images; they decide which photos are tried, and nothing about a single one. A
# setting that is not named here counts.
ABOUT_THE_SET = {"view", "max_reject_share", "duplicate_rmse", "split", "seed"}
TABLE = "CREATE TABLE IF NOT EXISTS taken (sha256 TEXT PRIMARY KEY, kind TEXT, body BLOB, sum BLOB)"
READ = "SELECT kind, body, sum FROM taken WHERE sha256 = ?"
WRITE = "INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)"


class Refusal(NamedTuple):
    """Why a photo is not used: ``rejected`` as a file, ``quarantined`` as a picture of no whole
    product, or a ``placeholder``; and the reason in words."""

    kind: str
    reason: str


Outcome = np.ndarray | Refusal


def combination(settings: Images) -> str:
    """Return 32 hexadecimal digits of all that decides what a photo becomes, but for its bytes."""
    modules = [*reached(Path(__file__).with_name("frame.py")), Path(formats.__file__)]
    parts = [
        settings.model_dump(mode="json", exclude=ABOUT_THE_SET),
        [(module.name, digest(module)) for module in modules],
        [(library, version(library)) for library in LIBRARIES],
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


class Taken:
    """The outcomes of one combination; without a file, or after an error of its, it is empty."""

    def __init__(self, database: sqlite3.Connection | None, side: int) -> None:
        self._database = database
        self._side = side
        self._unwritten: dict[str, Outcome] = {}
        self._used: set[str] = set()

    def get(self, sha256: str) -> Outcome | None:
        """Return what the photo with a sha256 became, uint8 S x S x 3 or a refusal, if known."""
        self._used.add(sha256)
        if sha256 in self._unwritten:
            return self._unwritten[sha256]
        row = None
        with self._careful() as database:
            row = database.execute(READ, (sha256,)).fetchone() if database else None
        if row is None or row[2] != _sum(sha256, row[0], row[1]):
            return None
        kind, body, _ = row
        if kind:
            return Refusal(kind, body.decode())
        return np.frombuffer(body, np.uint8).reshape(self._side, self._side, 3)

    def put(self, sha256: str, outcome: Outcome) -> None:
        """Note what a photo became."""
        self._unwritten[sha256] = outcome
        if len(self._unwritten) >= BATCH:
            self._write()

    def end(self) -> None:
        """Write what is left and forget what this run did not use."""
        self._write()
        with self._careful() as database:
            if database:
                known = [name for (name,) in database.execute("SELECT sha256 FROM taken")]
                gone = [(name,) for name in known if name not in self._used]
                database.executemany("DELETE FROM taken WHERE sha256 = ?", gone)
                database.commit()

    def _write(self) -> None:
        rows = []
        for sha256, outcome in self._unwritten.items():
            kind, body = "", b""
            if isinstance(outcome, Refusal):
                kind, body = outcome.kind, outcome.reason.encode()
            else:
                body = outcome.tobytes()
            rows.append((sha256, kind, body, _sum(sha256, kind, body)))
        self._unwritten.clear()
        with self._careful() as database:
            if database:
                database.executemany(WRITE, rows)
                database.commit()

    @contextmanager
    def _careful(self) -> Iterator[sqlite3.Connection | None]:
        """Yield the database; after an error, such as of a full disk, go on without one."""
        try:
            yield self._database
        except sqlite3.Error:
            self._database = None


@contextmanager
def open_taken(folder: Path | None, settings: Images) -> Iterator[Taken]:
    """Open what earlier runs made of photos with these settings; None = keep nothing."""
    if folder is None:
        yield Taken(None, settings.size)
        return
    path = folder / f"{combination(settings)}.sqlite"
    database = None
    with suppress(OSError, sqlite3.Error):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            database = _connect(path)
        except sqlite3.DatabaseError:  # damaged
            remove(path)
            database = _connect(path)
        _keep_latest(folder, path)
    if database is None:
        yield Taken(None, settings.size)
        return
    with closing(database):
        taken = Taken(database, settings.size)
        yield taken
        taken.end()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=PATIENCE)
    database.execute("PRAGMA auto_vacuum = FULL")
    database.execute("PRAGMA synchronous = OFF")  # what is torn has no right digest
    database.execute(TABLE)
    database.commit()
    return database


def _keep_latest(folder: Path, used: Path) -> None:
    used.touch()
    files = sorted(folder.glob("*.sqlite"), key=lambda path: path.stat().st_mtime_ns)
    for path in files[:-COMBINATIONS]:
        for old in (path, path.with_name(f"{path.name}-journal")):
            remove(old)


def _sum(sha256: str, kind: str, body: bytes) -> bytes:
    return hashlib.blake2b(f"{sha256}/{kind}/".encode() + body, digest_size=16).digest()
