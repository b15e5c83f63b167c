"""No orphan: what a killed program has started ends with it, from its first moment on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bestseller.base import processes
from bestseller.base.processes import is_running, is_there, tied
from conftest import REPOSITORY

SOURCES = str(REPOSITORY / "src")
WAIT_S = 60.0


def gone(pid: int) -> bool:
    """Wait for a process to end."""
    deadline = time.monotonic() + WAIT_S
    while is_running(pid):
        if time.monotonic() > deadline:
            psutil.Process(pid).kill()
            return False
        time.sleep(0.02)
    return True


def start(program: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": SOURCES} | variables
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True
    )


TIED = """
import subprocess, sys, time
from bestseller.base.processes import tied
child = subprocess.Popen(tied(["sleep", "600"]))
print(child.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.mark.parametrize("waits_s", ["600", "0"], ids=["killed", "ended at once"])
def test_a_tied_command_ends_with_who_started_it(waits_s: str) -> None:
    with start(TIED, waits_s) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if waits_s == "600":
            assert is_running(child)
            parent.kill()
    assert gone(child)


def test_a_tied_command_is_the_command_itself() -> None:
    command = tied(["sh", "-c", "echo $0 $1; exit 7", "a", "b"])
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.stdout, done.returncode) == (b"a b\n", 7)


STAGE = """
import os, signal, subprocess, sys, time
command = [sys.executable, "-m", "stages.shop", "--port", "0"]
stage = subprocess.Popen(command, stdout=subprocess.PIPE)
print(stage.pid, flush=True)
if sys.argv[1] == "serving":
    print(stage.stdout.readline(), flush=True)
time.sleep({"at once": 0, "importing": 0.4, "serving": 600}[sys.argv[1]])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "importing", "serving"])
def test_a_stage_ends_with_its_dvc_whenever_that_is_killed(when: str) -> None:
    with start(STAGE, when, DVC_STAGE="shop") as dvc:
        assert dvc.stdout is not None
        stage = int(dvc.stdout.readline())
        if when == "serving":
            dvc.stdout.readline()
            dvc.kill()
        assert gone(stage)


POOL = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from bestseller.base.processes import end_with_parent
if __name__ == "__main__":
    options = dict(initializer=end_with_parent, initargs=(os.getpid(),))
    with ProcessPoolExecutor(1, get_context("spawn"), **options) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(600)
"""


def test_workers_of_a_pool_end_with_it(tmp_path: Path) -> None:
    (tmp_path / "pool.py").write_text(POOL)
    command = [sys.executable, str(tmp_path / "pool.py")]
    environment = os.environ | {"PYTHONPATH": SOURCES}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    assert gone(worker)


def test_a_process_that_has_ended_and_is_not_waited_for_does_not_run() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_there(child.pid)
    assert not is_running(child.pid)
    child.wait()
    assert not is_there(child.pid)
    assert is_running(os.getpid())
    assert is_running(1)


def test_where_the_system_tells_nobody_the_parent_is_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parents = iter([7, 7, 1])
    monkeypatch.setattr(processes.os, "getppid", lambda: next(parents))
    died: list[int] = []
    processes.watch(7, lambda: died.append(1), every_s=0.0)
    assert died == [1]
