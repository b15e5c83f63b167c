"""A checkout on a machine that converts line ends holds the bytes whose hashes dvc.lock names."""

import shutil
from pathlib import Path

import pytest

from conftest import REPOSITORY, shell, start_git

FILES = ("dvc.yaml", "params.yaml", "stages/__init__.py", "data/source/ledger.json")


@pytest.mark.parametrize("attributes", [True, False])
def test_line_ends_are_kept(attributes: bool, tmp_path: Path) -> None:
    """Without .gitattributes they are converted: the test sees what it is for."""
    origin, checkout = tmp_path / "origin", tmp_path / "checkout"
    for name in (*FILES, ".gitattributes"):
        if attributes or name != ".gitattributes":
            (origin / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, origin / name)
    start_git(origin)
    converting = ("-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    shell("git", *converting, "clone", "-q", *converting, str(origin), str(checkout), cwd=tmp_path)
    for name in FILES:
        kept = (checkout / name).read_bytes() == (REPOSITORY / name).read_bytes()
        assert kept == attributes, name
