"""A Python that has imported the libraries already, and makes the processes of the tests from that.

The imports of a stage take longer than the stage does with tiny settings. In the folder that
`programs` returns, `python -m stages.<name>` and `dvc` ask a server, which forks a process with the
caller's arguments, folder, environment and files; everything else there is this environment's own.
The project's code is imported anew by each process, from where it stands.
"""

import atexit
import gc
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

LIBRARIES = """
    torch torch._dynamo torch.distributed torch.optim torch.utils.serialization.config
    safetensors.torch safetensors.numpy numpy scipy.optimize scipy.ndimage scipy.stats
    scipy.linalg pandas pandera.pandas pandera.strategies.pandas_constraints pyarrow.parquet
    pyarrow.dataset pyarrow.csv pyarrow.pandas_compat PIL.Image PIL.ImageDraw PIL.ImageFilter
    PIL.ImageOps PIL.JpegImagePlugin PIL.TiffImagePlugin pillow_heif cv2 matplotlib.pyplot
    matplotlib.backends.backend_agg matplotlib.backends.backend_pdf pydantic ruamel.yaml jinja2
    networkx tqdm threadpoolctl filelock lxml.html requests openpyxl dvc.cli.parser dvc.data_cloud
    dvc.repo.plots dvc.commands.status dvc.commands.repro dvc.commands.checkout
    dvc.commands.experiments.run dvc_data.index dvc.lock dvc.repo.artifacts dvc.repo.datasets
    dvc.repo.metrics dvc.repo.params dvc.repo.stage scmrepo.git git mlflow
    mlflow.store.tracking.sqlalchemy_store mlflow.store.tracking.sqlalchemy_workspace_store
    sqlalchemy.dialects.sqlite alembic.command
"""
SOCKET = "socket"
LONGEST_SHEBANG = 120  # characters that a script's first line has for its interpreter
# Variables that act as Python or a library starts: with others, a process of its own starts.
AT_START = ("PYTHON", "LC_", "LANG", "TZ", "OMP_", "MKL_", "OPENBLAS_", "MPL")
HANDLED = ("PYTHONPATH", "PYTHONUNBUFFERED")


@cache
def programs() -> Path:
    """Start the server, once for a process of pytest; return the folder of its programs."""
    own = Path(sys.executable).parent
    if sys.platform != "linux" or " " in sys.executable or len(sys.executable) > LONGEST_SHEBANG:
        return own  # a fork is not safe everywhere; a script cannot name every interpreter
    folder = Path(tempfile.mkdtemp(prefix="warm"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for program in own.iterdir():
        (folder / program.name).symlink_to(program)
    client = Path(__file__).with_name("warm_client.py").read_text(encoding="utf-8")
    for name in ("python", "dvc"):
        (folder / name).unlink()
        (folder / name).write_text(f"#!{sys.executable} -IS\n{client}", encoding="utf-8")
        (folder / name).chmod(0o755)
        (folder / f"cold-{name}").symlink_to(own / name)
    server = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    return folder


def serve(folder: Path) -> dict[str, Any]:
    """Fork a process for each request; return, in such a process, what it is asked to run."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / SOCKET))
    listener.listen(64)
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.set_wakeup_fd(wake.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}  # by process id
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([listener, woken, *running.values()], [], [])
        if listener in ready:
            client, _ = listener.accept()
            asked, files = _receive(client)
            if asked["start"] != _at_start():
                client.sendall(b"cold\n")
                client.close()
            elif pid := os.fork():
                running[pid] = client
                client.sendall(b"%d\n" % pid)
            else:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, file in enumerate(files):
                    os.dup2(file, number)
                for end in (listener, woken, wake, client, *running.values()):
                    end.close()
                return asked
            for file in files:
                os.close(file)
        for pid, client in running.items():
            if client in ready:  # it has been killed
                os.kill(pid, signal.SIGKILL)
        if woken in ready:
            woken.recv(4096)
        _tell_ends(running)


def _receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, files, _, _ = socket.recv_fds(client, 1 << 16, 3)
    while not data.endswith(b"\n"):
        data += client.recv(1 << 16)
    asked = json.loads(data)
    asked["start"] = _at_start(asked["environment"])
    return asked, files


def _at_start(environment: Any = os.environ) -> dict[str, str]:
    keys = {key for key in environment if key.startswith(AT_START)}
    return {key: environment[key] for key in keys.difference(HANDLED)}


def _tell_ends(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with running.pop(pid) as client:
                try:
                    client.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
                except OSError:
                    continue  # nobody waits for it


def become(asked: dict[str, Any], folder: Path) -> None:
    """Run what was asked for, as if this process had been started for it."""
    os.environ.clear()
    os.environ |= asked["environment"]
    os.chdir(asked["folder"])
    time.tzset()
    module, *arguments = asked["command"]
    sys.executable = str(folder / "python")
    sys.orig_argv = [sys.executable, "-m", module, *arguments]
    sys.argv = [module, *arguments]
    sys.path[:1] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    if "PYTHONUNBUFFERED" in os.environ:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(write_through=True)  # type: ignore[union-attr]
    if module == "dvc":
        from dvc.cli import main

        sys.argv[0] = str(folder / "dvc")
        sys.exit(main(arguments))
    sys.path.insert(0, asked["folder"])
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _main() -> None:
    folder = Path(sys.argv[1])
    sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "src"))
    from bestseller.base.processes import end_with_parent

    end_with_parent(os.getppid())
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # as bestseller.tracking sets it
    for name in [*LIBRARIES.split(), "bestseller.backbones.vision"]:  # which imports torchvision
        import_module(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "bestseller"]:
        del sys.modules[name]
    del sys.path[1]
    gc.collect()
    gc.freeze()
    become(serve(folder), folder)


if __name__ == "__main__":
    _main()
