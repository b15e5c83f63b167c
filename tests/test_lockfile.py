"""dvc.lock that a kill cut: found at every byte, put back, and nothing a person wrote is lost."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from dvc_objects.fs.utils import tmp_fname

from bestseller.base import index_lock, lockfile
from bestseller.base.errors import BestsellerError
from bestseller.base.lockfile import ASIDE, COPY, LOCK_FILE, RWLOCK, entries, keep, mend
from conftest import commit, shell, start_git

LOCK = """\
schema: '2.0'
stages:
  scrape:
    cmd: python -m stages.scrape
    params:
      params.yaml:
        catalogue.source: demo
        models:
        - dcgan-plain
    outs:
    - path: data/raw
      hash: md5
      md5: aa.dir
      size: 12
  train@dcgan-plain-0:
    cmd: python -m stages.train dcgan-plain-0
    deps:
    - path: data/raw
      hash: md5
      md5: aa.dir
      size: 12
    outs:
    - path: data/models/dcgan-plain-0
      hash: md5
      md5: bb.dir
      size: 34
"""
FIRST = LOCK[: LOCK.index("  train@")]


def test_a_cut_lock_is_told_or_lacks_whole_stages() -> None:
    assert entries(LOCK) == ["scrape", "train@dcgan-plain-0"]
    for end in range(len(LOCK)):
        assert entries(LOCK[:end]) in (None, ["scrape"], ["scrape", "train@dcgan-plain-0"])
    assert entries(LOCK[: LOCK.index("      md5: bb")]) is None


@pytest.mark.parametrize("end", range(0, len(LOCK), 7))
def test_a_lock_cut_anywhere_is_put_back(tmp_path: Path, end: int) -> None:
    (tmp_path / LOCK_FILE).write_text(LOCK)
    keep(tmp_path)
    (tmp_path / LOCK_FILE).write_text(LOCK[:end])
    keep(tmp_path)  # as a stage that begins just then would
    told = mend(tmp_path)
    now = (tmp_path / LOCK_FILE).read_text()
    if told:
        assert (now, (tmp_path / ASIDE).read_text()) == (LOCK, LOCK[:end])
    else:  # DVC itself can read it, with all of its stages
        assert end == len(LOCK) or now[len(LOCK.rpartition("      size")[0]) :] == ""
    assert mend(tmp_path) == "", "a sound one is left alone"


def test_without_a_copy_the_committed_lock_is_put_back(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(FIRST)
    start_git(tmp_path)
    (tmp_path / LOCK_FILE).write_text(LOCK[:-200])
    assert "half-written" in mend(tmp_path)
    assert (tmp_path / LOCK_FILE).read_text() == FIRST


def test_without_any_it_goes_and_dvc_makes_it_anew(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("")
    assert "run cache" in mend(tmp_path)
    assert not (tmp_path / LOCK_FILE).exists()
    assert mend(tmp_path) == ""


def test_a_lock_that_a_person_changed_stays(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(FIRST)
    start_git(tmp_path)
    (tmp_path / LOCK_FILE).write_text(LOCK)
    keep(tmp_path)
    shell("git", "checkout", "--", LOCK_FILE, cwd=tmp_path)
    assert mend(tmp_path) == "", "an older commit has fewer stages"
    merged = LOCK.replace("aa.dir", "<<<<<<< HEAD\n=======\n>>>>>>> b", 1)
    (tmp_path / LOCK_FILE).write_text(f"<<<<<<< HEAD\n{merged}")
    with pytest.raises(BestsellerError, match="marks of a merge"):
        mend(tmp_path)


def test_locks_of_the_dead_are_freed_and_those_of_the_living_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockfile, "SETTLE_S", 0.01)
    path = tmp_path / RWLOCK
    path.parent.mkdir(parents=True)

    def held_by(pid: int) -> str:
        return json.dumps({"write": {"data/raw": {"pid": pid, "cmd": "dvc repro"}}, "read": {}})

    path.write_text(held_by(os.getpid()))
    mend(tmp_path)
    assert path.exists()
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    for left in (held_by(zombie.pid), '{"write": {"data'):
        path.write_text(left)
        mend(tmp_path)
        assert not path.exists()
    zombie.wait()


POINTER = """\
outs:
- md5: 978f8ef9fca0939c2d329b113563637d.dir
  size: 18
  nfiles: 2
  hash: md5
  path: champion
meta:
  model: toy
"""


def test_a_pointer_cut_anywhere_is_put_back(tmp_path: Path) -> None:
    pointer = tmp_path / "data/champion.dvc"
    pointer.parent.mkdir()
    pointer.write_text(POINTER)
    start_git(tmp_path)
    for end in range(POINTER.index("champion") + len("champion") + 1):
        pointer.write_text(POINTER[:end])
        assert mend(tmp_path) == "data/champion.dvc: was half-written; the committed one is back"
        assert pointer.read_text() == POINTER


def test_a_pointer_of_another_champion_or_in_a_merge_stays_and_a_new_half_one_goes(
    tmp_path: Path,
) -> None:
    pointer = tmp_path / "data/champion.dvc"
    pointer.parent.mkdir()
    for text in (POINTER.replace("978f", "0000"), POINTER.replace("- md5", "<<<<<<< HEAD\n- md5")):
        pointer.write_text(text)
        assert mend(tmp_path) == ""
        assert pointer.read_text() == text
    pointer.write_text(POINTER[:9])
    assert "so it is removed" in mend(tmp_path)
    assert not pointer.exists()


def test_gits_lock_goes_where_nobody_holds_it_and_stays_where_one_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_lock, "SETTLE_S", 0.01)
    (tmp_path / "a").write_text("1")
    (tmp_path / "within").mkdir()
    start_git(tmp_path)
    lock = tmp_path / ".git/index.lock"
    lock.touch()
    for name in ("git", "/usr/bin/dvc"):
        named = ["bash", "-c", f"exec -a {name} sleep 60"]
        with subprocess.Popen(named, cwd=tmp_path / "within") as writer:
            while (
                Path(name).name.encode()
                not in Path(f"/proc/{writer.pid}/cmdline").read_bytes()[:12]
            ):
                assert writer.poll() is None
            assert mend(tmp_path) == "" and lock.exists()
            writer.kill()
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as other:
        assert "is removed" in mend(tmp_path)
        other.kill()
    (tmp_path / "a").write_text("2")
    commit(tmp_path, "git works again")


def test_temporaries_of_a_killed_dvc_go_and_those_of_a_living_one_stay(tmp_path: Path) -> None:
    named = tmp_fname()  # as DVC calls one
    swept = ("data/models/a", "metrics", ".dvc/cache/files/md5")
    for folder in (*swept, "elsewhere"):
        for name in (named, f"new{named}", tmp_fname(), ".mine.tmp", "a.tmp"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).touch()
        os.utime(tmp_path / folder / named, (0, 0))
        os.utime(tmp_path / folder / ".mine.tmp", (0, 0))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    mend(tmp_path)
    gone = before - {path for path in tmp_path.rglob("*") if path.is_file()}
    assert gone == {tmp_path / folder / named for folder in swept}


@pytest.mark.slow
def test_dvc_goes_on_where_a_kill_cut_its_lock(code: Path) -> None:
    (code / "dvc.yaml").write_text(
        "stages:\n"
        "  one: {cmd: echo 1 > one && date +%N >> runs, outs: [one]}\n"
        "  two: {cmd: python -m stages.recover && cp one two, deps: [one], outs: [two]}\n"
    )
    (code / ".gitignore").write_text(".scratch/\n")
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    shell("dvc", "repro", cwd=code)
    whole = (code / LOCK_FILE).read_text()
    assert entries((code / COPY).read_text()) == ["one"], "kept when the second stage began"
    (code / LOCK_FILE).write_text(whole[: whole.rindex("outs") + 4])
    assert shell("dvc", "repro", cwd=code, ok=False).returncode
    told = shell("python", "-m", "stages.recover", cwd=code).stdout
    assert "half-written" in told
    shell("dvc", "repro", cwd=code)
    assert (code / LOCK_FILE).read_text() == whole
    assert len((code / "runs").read_text().splitlines()) == 1, "nothing ran twice"
