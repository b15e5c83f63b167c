"""Feedback that waits in a folder is taken in and committed before a retraining."""

from pathlib import Path

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.retraining.inbox import INBOX, take_in, waiting
from bestseller.retraining.journal import Journal, RunStore
from conftest import commit, shell


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    (folder / "data/feedback").mkdir(parents=True)
    (folder / ".gitignore").write_text("/data/inbox/\n/.scratch/\n")
    (folder / "data/feedback/feedback.csv").write_text("file\n")
    shell("git", "init", "--quiet", "--initial-branch=main", cwd=folder)
    shell("git", "config", "user.name", "A", cwd=folder)
    shell("git", "config", "user.email", "a@example.org", cwd=folder)
    commit(folder, "first")
    return folder


def test_files_are_taken_in_committed_and_moved(root: Path) -> None:
    store = RunStore(root / ".scratch")
    feedback = root / "data/feedback/feedback.csv"

    def take(path: Path) -> None:
        if "bad" in path.name:
            raise BestsellerError(f"{path}: bad")
        feedback.write_text(feedback.read_text() + path.read_text())

    assert take_in(root, store, "data/feedback", take) == 0
    (root / INBOX).mkdir()
    for name, text in (("b.csv", "two\n"), ("a.csv", "one\n"), ("readme.txt", "no")):
        (root / INBOX / name).write_text(text)
    assert [path.name for path in waiting(root)] == ["a.csv", "b.csv"]
    assert take_in(root, store, "data/feedback", take) == 2
    assert feedback.read_text() == "file\none\ntwo\n"
    assert waiting(root) == []
    assert (root / INBOX / "taken/a.csv").read_text() == "one\n"
    log = shell("git", "log", "-1", "--format=%s", cwd=root).stdout
    assert log.strip() == "Feedback: a.csv, b.csv"
    assert shell("git", "status", "--porcelain", cwd=root).stdout == ""

    (root / INBOX / "a.csv").write_text("three\n")
    (root / INBOX / "bad.csv").write_text("x")
    with pytest.raises(BestsellerError, match="bad"):
        take_in(root, store, "data/feedback", take)
    assert [path.name for path in waiting(root)] == ["bad.csv"], "what was sound is in"
    assert feedback.read_text().endswith("three\n")
    assert shell("git", "status", "--porcelain", cwd=root).stdout == ""


def test_an_unfinished_retraining_goes_on_first(root: Path) -> None:
    store = RunStore(root / ".scratch")
    with store.alone():
        store.write(Journal(run="20220301T040000Z", base="0" * 40, states={}))
    (root / INBOX).mkdir()
    (root / INBOX / "a.csv").write_text("one\n")
    assert take_in(root, store, "data/feedback", lambda _: pytest.fail("taken in")) == 0
    assert len(waiting(root)) == 1
