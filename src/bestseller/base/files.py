"""Reading and writing files. A reader never sees a half-written file."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bestseller.base.errors import BestsellerError


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` if the block succeeds.

    The temporary path keeps the suffix, so writers that choose a format by suffix work. The block
    may write a file there or create a folder; a new folder replaces the whole old folder.
    If the block raises, the temporary path is removed and `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir():
            remove(path)
        os.replace(temporary, path)
    finally:
        remove(temporary)


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
        raise BestsellerError(f"{path}: line {error.lineno}: no JSON ({error.msg})") from error


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
