"""A process that `warm` forks is like one that Python starts: in what it is told and says."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import warm

STAGE = """
import json, multiprocessing, os, signal, sys, time
told = {name: os.environ.get(name) for name in ("GIVEN", "TZ")}
print(json.dumps([sys.argv[1:], os.getcwd(), told, time.tzname[0], sys.stdin.read()]))
print("error", file=sys.stderr)
what = sys.argv[1]
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "wait":
    open("pid", "w").write(str(os.getpid()))
    time.sleep(600)
sys.exit(int(what))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").write_text("")
    (tmp_path / "stages/some.py").write_text(STAGE)
    return tmp_path


@pytest.mark.parametrize("argument", ["0", "3", "die"])
@pytest.mark.parametrize("zone", ["", "Pacific/Kiritimati"])  # with another zone it starts cold
def test_it_is_told_says_and_ends_as_a_process_of_its_own(
    argument: str, zone: str, folder: Path
) -> None:
    command = ["-m", "stages.some", argument, "b c"]
    given = os.environ | {"GIVEN": "ü\n"} | ({"TZ": zone} if zone else {})
    found, expected = (
        subprocess.run(
            [python, *command],
            cwd=folder,
            env=given,
            input="in",
            capture_output=True,
            text=True,
            check=False,
        )
        for python in (str(warm.programs() / "python"), sys.executable)
    )
    assert (found.returncode, found.stdout, found.stderr) == (
        expected.returncode,
        expected.stdout,
        expected.stderr,
    )
    if argument != "die":
        assert json.loads(found.stdout)[0] == [argument, "b c"]


def test_what_is_none_of_the_project_s_is_the_environment_s_own(folder: Path) -> None:
    asked = [str(warm.programs() / "python"), "-c", "import sys; print(sys.prefix, sys.executable)"]
    told = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert told.split() == [sys.prefix, sys.executable]


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_it_ends_with_its_client(how: str, folder: Path) -> None:
    command = [str(warm.programs() / "python"), "-m", "stages.some", "wait"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL) as client:
        while not (folder / "pid").exists() or not (folder / "pid").read_text():
            assert client.poll() is None
            time.sleep(0.02)
        worker = psutil.Process(int((folder / "pid").read_text()))
        getattr(client, how)()
        client.wait()
    psutil.wait_procs([worker])
    assert not worker.is_running()
