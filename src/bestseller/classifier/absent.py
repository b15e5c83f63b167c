"""What a run cannot have, and why: a folder with one sentence in the place of its files."""

from pathlib import Path

from bestseller.base.files import atomic_path, read_json, write_json

NOTE = "absent.json"


def write_absent(folder: str | Path, why: str) -> None:
    """Write a folder that holds nothing but why there is nothing.

    Args:
        folder: of the outputs that there are none of; it is replaced.
        why: one sentence.
    """
    with atomic_path(folder) as temporary:
        write_json(temporary / NOTE, {"why": why})


def why_absent(folder: str | Path) -> str:
    """Return why a folder's files are not there, empty where they are meant to be.

    Raises:
        BestsellerError: the note is damaged.
    """
    path = Path(folder) / NOTE
    return str(read_json(path)["why"]) if path.exists() else ""
