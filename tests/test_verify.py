"""Outputs hashed anew against dvc.lock: DVC's own hashes, and what it does not notice."""

import json
import os
from pathlib import Path

import pytest

from bestseller.params import read_yaml
from bestseller.tracking.verify import dvc_md5, find_damage
from conftest import shell, start_git

PIPELINE = """stages:
  make:
    cmd: mkdir -p folder/deep && echo one > folder/a && echo two > folder/deep/b && echo 3 > file
    outs: [folder, file]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    start_git(tmp_path)
    shell("dvc", "init", "--quiet", cwd=tmp_path)
    shell("dvc", "repro", "--quiet", cwd=tmp_path)
    return tmp_path


def damage(repository: Path) -> list[tuple[str, str]]:
    stages = read_yaml(repository / "dvc.lock")["stages"]
    cache = repository / ".dvc/cache/files/md5"
    found = find_damage(stages, repository, cache)
    return [(entry.output, entry.problem.split(";")[0]) for entry in found]


@pytest.mark.slow
def test_a_flipped_bit_is_found_where_dvc_trusts_the_file(repository: Path) -> None:
    assert damage(repository) == []
    stages = read_yaml(repository / "dvc.lock")["stages"]
    hashes = {out["path"]: out["md5"] for out in stages["make"]["outs"]}
    assert {name: dvc_md5(repository / name) for name in hashes} == hashes, "as DVC computes them"

    digest = dvc_md5(repository / "folder/deep/b")
    kept = repository / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"
    kept.chmod(0o644)
    kept.write_text("twO\n")
    kept.chmod(0o444)
    assert "up to date" in shell("dvc", "status", cwd=repository).stdout
    assert damage(repository) == [("folder", "damaged in the cache")]

    before = (repository / "file").stat()
    (repository / "file").chmod(0o644)
    (repository / "file").write_text("4\n")
    os.utime(repository / "file", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ("file", "not what dvc.lock says") in damage(repository)

    (repository / "file").unlink()
    assert ("file", "missing") in damage(repository)


def test_a_damaged_listing_of_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("a")
    digest = dvc_md5(tmp_path / "folder")
    listing = tmp_path / f"cache/{digest[:2]}/{digest[2:]}"
    listing.parent.mkdir(parents=True)
    listing.write_text(json.dumps([{"md5": "0" * 32, "relpath": "a"}])[:-4])
    stages = {"s": {"outs": [{"path": "folder", "md5": digest}]}}
    (entry,) = find_damage(stages, tmp_path, tmp_path / "cache")
    assert entry.place == str(listing) and "damaged in the cache" in entry.problem
