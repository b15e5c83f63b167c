"""Whatever ends a stage is one line and status 1, with the traceback in a file that it names."""

import errno
import os
import re
import shutil
from pathlib import Path

import pytest

from bestseller.base.errors import BestsellerError, out_of_means
from bestseller.params import Params
from conftest import REPOSITORY
from stages import run

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/a.parquet")


def wrapped() -> Exception:
    """An error that a library raises where the disk is full."""
    try:
        try:
            raise FULL
        except OSError as error:
            raise RuntimeError("cannot write\nthe table") from error
    except RuntimeError as error:
        return error


ENDS = {
    "memory": (MemoryError(), "out of memory; close other programs"),
    "full": (FULL, "data/a.parquet: the disk is full; free some space"),
    "wrapped": (wrapped(), "data/a.parquet: the disk is full; free some space"),
    "defect": (KeyError("line"), "KeyError: 'line'; run it again"),
    "lines": (ValueError("first\nsecond"), "ValueError: first; run it again"),
    "silent": (AssertionError(), "AssertionError; run it again"),
}


@pytest.mark.parametrize("name", ENDS)
def test_any_error_is_one_line_and_a_log(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error, told = ENDS[name]
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def main(params: Params) -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        run(main, argv=[])
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"test_run: {told}")
    log = re.search(r"the traceback is in (\S+)$", line)
    assert log is not None
    assert type(error).__name__ in Path(log[1]).read_text()


def test_a_problem_of_a_person_has_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    def main(params: Params) -> None:
        raise BestsellerError("ledger.csv: no column sku; add it")

    with pytest.raises(SystemExit):
        run(main, argv=[])
    assert capsys.readouterr().err == "test_run: ledger.csv: no column sku; add it\n"
    assert not (tmp_path / ".scratch").exists()


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOENT, "No such file"),
        TimeoutError(),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        ValueError("the disk"),
    ],
)
def test_other_errors_are_no_want_of_means(error: Exception) -> None:
    assert out_of_means(error) is None
