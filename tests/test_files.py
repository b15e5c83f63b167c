"""What a kill leaves behind: no half file at a name, no leftover that counts, no older output."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bestseller.base import files, lease
from bestseller.base.errors import BestsellerError
from bestseller.base.files import atomic_path, read_table, sweep, temporary_folder, write_json
from conftest import REPOSITORY, shell, start_git

SOURCES = str(REPOSITORY / "src")
WRITER = """
import os, signal, sys
from pathlib import Path
from bestseller.base.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.mkdir() if sys.argv[2] == "folder" else temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def killed_while_writing(path: Path, what: str = "file") -> None:
    command = [sys.executable, "-c", WRITER, str(path), what]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": SOURCES}, check=False)
    assert done.returncode == -9


@pytest.fixture(autouse=True)
def _as_a_new_process() -> Iterator[None]:
    """Each test is a process that has swept nothing yet and holds no lease."""
    files._swept.clear()
    yield
    files.guard_renames(files.nullcontext)
    os.environ.pop(lease.VARIABLE, None)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_the_next_writer_takes_away_what_a_killed_one_left(tmp_path: Path, what: str) -> None:
    killed_while_writing(tmp_path / "model.safetensors", what)
    assert len(names(tmp_path)) == 1
    living = tmp_path / f".other.{os.getpid()}.tmp.json"
    living.write_text("{}")
    write_json(tmp_path / "next.json", 1)
    assert names(tmp_path) == {"next.json", living.name}


def test_a_stage_sweeps_its_folders_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "data/models").mkdir(parents=True)
    killed_while_writing(tmp_path / "data/models/dcgan", "folder")
    for kept in (".a.tmp", ".a.1x.tmp", "a.1.tmp", ".gitkeep"):
        (tmp_path / "data" / kept).write_text("")
    sweep(tmp_path / "data", deep=True)
    assert names(tmp_path / "data") == {".a.tmp", ".a.1x.tmp", "a.1.tmp", ".gitkeep", "models"}
    assert names(tmp_path / "data/models") == set()


def test_what_is_being_written_is_nothing_to_git_and_dvc(tmp_path: Path) -> None:
    from dvc.repo import Repo

    for ignore in (".gitignore", ".dvcignore"):
        (tmp_path / ignore).write_text((REPOSITORY / ignore).read_text())
    (tmp_path / "metrics").mkdir()
    start_git(tmp_path)
    repo = Repo.init(str(tmp_path))
    for path in ("metrics/a.json", "data/retrain/last", "data/models/d/generator.safetensors"):
        killed_while_writing(tmp_path / path)
    status = shell("git", "status", "--porcelain", "--untracked-files=all", cwd=tmp_path).stdout
    assert ".tmp" not in status
    left = [str(path) for path in tmp_path.rglob(".*.tmp*")]
    assert len(left) == 3
    assert all(repo.dvcignore.is_ignored_file(path) for path in left)
    repo.close()


def test_bytes_are_on_the_disk_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        told.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{handle}')).suffix}")
        fsync(handle)

    def note_replace(old: Path, new: Path) -> None:
        told.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_json(tmp_path / "a.json", 1)
    assert told == ["fsync .json", "rename", "fsync "]


def test_a_folder_is_replaced_without_a_moment_of_none(tmp_path: Path) -> None:
    place, missing, ended = tmp_path / "model", 0, threading.Event()
    with atomic_path(place) as temporary:
        temporary.mkdir()

    def look() -> None:
        nonlocal missing
        while not ended.is_set():
            missing += not place.exists()

    watcher = threading.Thread(target=look)
    watcher.start()
    for number in range(300):
        with atomic_path(place, durable=False) as temporary:
            temporary.mkdir()
            (temporary / str(number)).write_text("")
    ended.set()
    watcher.join()
    assert missing == 0
    assert names(place) == {"299"}
    assert names(tmp_path) == {"model"}


def test_a_scratch_folder_of_a_killed_process_goes_with_the_next(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / "images", "folder")
    with temporary_folder(tmp_path, "images") as folder:
        assert names(tmp_path) == {folder.name}
    assert names(tmp_path) == set()


def test_an_old_run_of_a_stage_overwrites_nothing_of_a_newer_one(tmp_path: Path) -> None:
    old = lease.take(tmp_path, "train@dcgan-plain-0")
    files.guard_renames(old.held)
    write_json(tmp_path / "model.json", "old")
    del os.environ[lease.VARIABLE]  # another process begins
    new = lease.take(tmp_path, "train@dcgan-plain-0")
    with new.held():
        pass
    with pytest.raises(BestsellerError, match="train@dcgan-plain-0: a newer run"):
        write_json(tmp_path / "model.json", "older")
    with pytest.raises(BestsellerError), atomic_path(tmp_path / "folder") as temporary:
        temporary.mkdir()
    assert names(tmp_path) == {".scratch", "model.json"}
    other = lease.take(tmp_path, "train@wgan-plain-0")
    assert other.file != new.file


def test_the_processes_of_one_run_share_its_lease(tmp_path: Path) -> None:
    first = lease.take(tmp_path, "train@dcgan-plain-0")
    second = lease.take(tmp_path, "train@dcgan-plain-0")  # finds the first's in the environment
    for one in (first, second, first):
        with one.held():
            pass


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("units.parquet", b""),
        ("units.parquet", b"PAR1"),
        ("units.parquet", b"PAR1" + bytes(40) + b"PAR1"),
        ("models.csv", b""),
        ("models.csv", b'model,kid\n"a,1\n'),
        ("models.csv", b"model,kid\n\xff,1\n"),
        ("models.csv", b"model,kid\na,1\na,1,2\n"),
    ],
)
def test_a_damaged_table_is_one_line_with_the_mend(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BestsellerError, match=rf"{name}: damaged .*run `dvc repro sales`"):
        read_table(path, "dvc repro sales")
    path.unlink()
    with pytest.raises(BestsellerError, match="not found"):
        read_table(path, "dvc repro sales")
