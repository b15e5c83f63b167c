"""Run `python -m <module>` many times without its imports' seconds: each in a fork of one process.

Run as a program, this is that process: it imports libraries, none of the project's modules, and
then reads from standard input, a line of JSON each, what to run; it answers each with the status.
"""

import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

LIBRARIES = (
    *("numpy", "pandas", "pyarrow.parquet", "pandera", "scipy.optimize", "scipy.stats"),
    *("torch", "matplotlib.pyplot", "PIL.Image", "pydantic"),
    *("ruamel.yaml", "safetensors.torch", "dvc.repo", "dvc.cli", "dvc.commands.repro"),
    *("tqdm", "threadpoolctl", "openpyxl", "psutil", "filelock", "scrapy", "lxml.html"),
)


class Forks:
    """The process, used as ``with Forks() as forks``; one run at a time."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(
        self, folder: Path, module: str, *arguments: str, told: Path, **variables: str
    ) -> tuple[int, str]:
        """Run ``python -m module arguments`` in a folder.

        Args:
            folder: the working directory.
            module: its name, or the path of a script.
            arguments: of the command line.
            told: file for what it prints on stderr; what it prints on stdout is dropped.
            variables: further environment variables.

        Returns:
            Exit status, negative for a signal, and what it printed on stderr.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        asked = [str(folder), module, arguments, str(told), variables]
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return status, told.read_text(errors="replace")


def _become(
    folder: str, module: str, arguments: list[str], told: str, variables: Mapping[str, str]
) -> None:
    """Be `python -m module` from here on."""
    nothing = os.open(os.devnull, os.O_RDWR)
    output = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, handle in enumerate((nothing, nothing, output)):
        os.dup2(handle, number)
    os.chdir(folder)
    os.environ.update(variables)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *arguments]
    is_file = module.endswith(".py")
    sys.orig_argv[:] = [sys.executable, *([] if is_file else ["-m"]), module, *arguments]
    more = [part for part in variables.get("PYTHONPATH", "").split(os.pathsep) if part]
    sys.path[:0] = [str(Path(module).parent) if is_file else folder, *more]
    from faults.points import watch

    watch()
    if is_file:
        runpy.run_path(module, run_name="__main__")
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def _main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    sys.path.append(str(Path(__file__).parent.parent))
    answers = os.dup(1)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 (until the process ends)
            os.close(answers)
            _become(*json.loads(line))
            return
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(answers, f"{status}\n".encode())


if __name__ == "__main__":
    _main()
