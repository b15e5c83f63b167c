"""Reading and writing files so that no half-written file is ever trusted.

What is being written lies beside its place as ``.<name>.<pid>.tmp<suffix>``, which git and DVC
ignore. A killed process leaves it; the next that writes into the folder, or the next stage, takes
it away.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.base.exchange import exchange
from bestseller.base.processes import is_running

_TEMPORARY = re.compile(r"\..+\.(\d+)\.tmp(?:\..+)?", re.DOTALL)
_swept: set[str] = set()
_guard: Callable[[], AbstractContextManager[None]] = nullcontext


def guard_renames(guard: Callable[[], AbstractContextManager[None]]) -> None:
    """Have every rename of `atomic_path` in this process happen inside ``with guard():``."""
    global _guard  # noqa: PLW0603 (what a process may still write is a matter of the process)
    _guard = guard


@contextmanager
def atomic_path(path: str | Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; rename it to `path` when the block succeeds.

    The temporary name keeps the suffix, so writers that choose a format by suffix work. It
    may be written as a file or created as a folder; a folder replaces the old one whole.
    When the block raises, the temporary is removed and `path` stays as it was.

    Args:
        path: what to write.
        durable: whether the bytes are on the disk before the rename, so that a power cut leaves
            the old or the new; False for what nobody misses.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if (folder := os.path.realpath(path.parent)) not in _swept:
        _swept.add(folder)
        sweep(path.parent)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    remove(temporary)
    try:
        yield temporary
        if durable:
            flush(temporary)
        with _guard():
            if not (temporary.is_dir() and path.is_dir() and exchange(temporary, path)):
                if temporary.is_dir():
                    remove(path)
                os.replace(temporary, path)
        if durable:
            _flush_one(path.parent)
    finally:
        remove(temporary)


@contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new folder in `parent` that goes at the end, or after a kill by a later `sweep`."""
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = parent / f".{name}.{os.getpid()}.tmp"
    folder.mkdir()
    try:
        yield folder
    finally:
        remove(folder)


def sweep(folder: Path, *, deep: bool = False) -> None:
    """Remove what killed processes were writing in `folder`; `deep`: and in those below it.

    What another process removes meanwhile, or a user may not, is passed over.
    """
    try:
        entries = [Path(entry.path) for entry in os.scandir(folder)]
    except OSError:
        return
    for path in entries:
        if found := _TEMPORARY.fullmatch(path.name):
            if not is_running(int(found[1])):
                with suppress(OSError):
                    remove(path)
        elif deep and path.is_dir() and not path.is_symlink():
            sweep(path, deep=True)


def flush(path: Path) -> None:
    """Have the bytes of a file, or of a folder with all in it, written to the disk."""
    if path.is_dir():
        for folder, _, names in os.walk(path):
            for name in names:
                _flush_one(Path(folder, name))
            _flush_one(Path(folder))
    else:
        _flush_one(path)


def _flush_one(path: Path) -> None:
    if path.is_symlink():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if out_of_means(error):  # else a file system that has no such thing
            raise
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents; do nothing if `path` does not exist."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def require(path: str | Path, made_by: str) -> Path:
    """Return `path` if it exists.

    Args:
        path: the file or folder that is needed.
        made_by: the command that makes it, named in the error.

    Raises:
        BestsellerError: `path` does not exist.
    """
    path = Path(path)
    if not path.exists():
        raise BestsellerError(f"{path}: not found; run `{made_by}` first")
    return path


@contextmanager
def reading(path: str | Path, made_by: str = "dvc repro") -> Iterator[Path]:
    """Read `path` in the block: whatever a damaged file has its reader raise becomes one line.

    Args:
        path: the file or folder.
        made_by: the command that makes it.

    Raises:
        BestsellerError: it is missing, or the block failed for another reason than that this
            machine is out of memory, disk or open files.
    """
    path = require(path, made_by)
    try:
        yield path
    except BestsellerError:
        raise
    except Exception as error:
        if out_of_means(error):
            raise
        told = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise BestsellerError(
            f"{path}: damaged ({told[:200]}); remove it and run `{made_by}`"
        ) from error


def read_table(path: str | Path, made_by: str = "dvc repro", **options: Any) -> Any:
    """Read a Parquet file, or a CSV file of a name that ends so, as a pandas data frame.

    Args:
        path: the file.
        made_by: the command that makes it.
        options: of pandas' read_parquet or read_csv, such as ``columns`` or ``dtype``.

    Raises:
        BestsellerError: the file is missing or damaged, or lacks a column.
    """
    import pandas as pd  # noqa: PLC0415 (slow, and most who write files need no table)

    with reading(path, made_by) as found:
        read = pd.read_csv if found.suffix == ".csv" else pd.read_parquet
        return read(found, **options)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, so that equal values give equal bytes.

    Raises:
        ValueError: `value` holds NaN or an infinity, which JSON cannot express.
    """
    with atomic_path(path) as temporary:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path, made_by: str = "dvc repro") -> Any:
    """Read a JSON file.

    Raises:
        BestsellerError: the file is missing (the message says to run `made_by`) or is not JSON.
    """
    try:
        return json.loads(require(path, made_by).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise BestsellerError(
            f"{path}: line {error.lineno}: no JSON ({error.msg}); run `{made_by}`"
        ) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BestsellerError(f"{path}: no JSON ({error}); run `{made_by}`") from error


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
