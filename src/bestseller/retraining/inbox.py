"""Feedback that waits in a folder: taken in and committed before a retraining looks for news."""

from collections.abc import Callable
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.retraining.journal import RunStore
from bestseller.retraining.repository import Repository

INBOX = Path("data/inbox")
TAKEN = "taken"  # the folder inside it to which a file goes that was taken in
KINDS = (".csv", ".xlsx")


def waiting(root: Path) -> list[Path]:
    """Return the files of the inbox that wait, by name."""
    folder = root / INBOX
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in found if path.suffix.lower() in KINDS]


def take_in(root: Path, store: RunStore, into: str, take: Callable[[Path], object]) -> int:
    """Take in every file that waits, and commit what they say; return how many they were.

    None is taken in while a retraining is unfinished: it goes on with what it began with.

    Args:
        root: the checkout.
        store: of the retraining.
        into: the folder, below the root, that `take` changes.
        take: takes in a file.

    Raises:
        BestsellerError: a file is unsound; those before it were taken in and are committed.
        journal.Busy: a retraining is running.
    """
    files = waiting(root)
    if not files:
        return 0
    with store.alone():
        if store.read() is not None:
            return 0
        repository = Repository(root)
        repository.check([])
        taken: list[Path] = []
        try:
            for path in files:
                take(path)
                taken.append(path)
        finally:
            _commit(repository, into, taken)
    return len(taken)


def _commit(repository: Repository, into: str, taken: list[Path]) -> None:
    for path in taken:
        folder = path.parent / TAKEN
        folder.mkdir(exist_ok=True)
        path.replace(folder / path.name)
    if any(name.startswith(f"{into}/") for name in repository.changed()):
        try:
            repository.commit(f"Feedback: {', '.join(path.name for path in taken)}", [into])
        except BestsellerError as error:
            raise BestsellerError(f"{into}: taken in, but not committed: {error}") from error
