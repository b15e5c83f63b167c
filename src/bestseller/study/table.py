"""studies/claims.csv: one row of numbers per finished item, written whole or not at all."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path

FILE = Path("studies/claims.csv")
IDENTITY = ["budget", "variant", "seed", "settings", "code"]
ORIGIN = ["finished", "machine", "threads", "python", "torch", "numpy"]


def read_rows(path: Path = FILE) -> pd.DataFrame:
    """Return the rows; hashes are text. Empty where there is no file.

    Raises:
        BestsellerError: the file is no such table.
    """
    if not path.exists():
        return pd.DataFrame(columns=IDENTITY)
    try:
        table = pd.read_csv(path, dtype={"settings": str, "code": str, "finished": str})
    except (ValueError, UnicodeDecodeError) as error:
        first = str(error).splitlines()[0]
        raise BestsellerError(
            f"{path}: no table ({first}); restore it with `git checkout {path}`"
        ) from error
    missing = [name for name in IDENTITY if name not in table]
    if missing:
        raise BestsellerError(
            f"{path}: no column {', '.join(missing)}; restore it with `git checkout {path}`"
        )
    return table


def append_row(row: Mapping[str, Any], path: Path = FILE) -> None:
    """Add a row; a kill leaves the table with it or without it.

    New columns follow the old ones. The caller holds the study's lock, so that no one else writes.
    """
    table = pd.concat([read_rows(path), pd.DataFrame([row])], ignore_index=True)
    with atomic_path(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def stands(table: pd.DataFrame, settings: str, seed: int, codes: set[str]) -> bool:
    """Tell whether a row of these settings and this seed stands, made by one of these codes."""
    same = (table["settings"] == settings) & (table["seed"] == seed) & table["code"].isin(codes)
    return bool(same.any())


def newest(table: pd.DataFrame, settings: Mapping[str, str]) -> pd.DataFrame:
    """Return the last row of each arm and seed, of those made with the arm's settings of today.

    Args:
        table: all rows.
        settings: hash of each arm's settings, by ``budget/variant``.
    """
    names = table["budget"].astype(str) + "/" + table["variant"].astype(str)
    table = table[names.map(settings) == table["settings"]]
    return table.drop_duplicates(["budget", "variant", "seed"], keep="last")


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of a study's scratch folder.

    Raises:
        BestsellerError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BestsellerError(
                f"{path}: another `make study` runs in this checkout; wait for it or stop it"
            ) from error
        yield
