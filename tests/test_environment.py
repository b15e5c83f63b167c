"""The environment: pinned, complete, free of CUDA where there is no GPU; what `make help` says."""

import ast
import os
import re
import shutil
import sys
from importlib.metadata import distributions, packages_distributions, version
from pathlib import Path

import pytest
from dvc.ignore import DvcIgnoreFilter
from dvc.repo import Repo

from conftest import REPOSITORY, shell
from tools.lock import locked

MAKEFILE = (REPOSITORY / "Makefile").read_text()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(file: str) -> dict[str, str]:
    """The pinned versions of a requirements file; a line of any other form fails."""
    found = {}
    for line in (REPOSITORY / file).read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9]+\])?==([A-Za-z0-9.]+)", line)
            assert match, f"{file}: {line!r} is no exact pin"
            found[canonical(match[1])] = match[2]
    return found


RUNTIME, DEVELOP = pins("requirements.txt"), pins("requirements-dev.txt")
EXTRA = pins("requirements-ray.txt")  # src imports it where a setting asks for it
LOCKED = {
    name: version
    for lock in ("build", "runtime", "servers", "ray", "develop")
    for name, (version, _) in locked((REPOSITORY / f"locks/{lock}.txt").read_text()).items()
}


def unpinned(folders: list[str], pinned: set[str]) -> set[str]:
    """Modules that the files of `folders` import and that no pinned distribution holds."""
    modules = set()
    for folder in folders:
        for file in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    modules.add(node.module.partition(".")[0])
    own = {"bestseller", "stages", "tests", "tools"} | {
        path.stem for path in (REPOSITORY / "tests").iterdir()
    }
    providers = packages_distributions()
    return {
        module
        for module in modules - own - sys.stdlib_module_names
        if pinned.isdisjoint(map(canonical, providers[module]))
    }


def test_what_the_project_imports_is_pinned() -> None:
    assert unpinned(["src", "stages"], set(RUNTIME | EXTRA)) == set()
    assert unpinned(["tests"], set(RUNTIME | EXTRA | DEVELOP)) == set()


def test_the_pins_agree_with_each_other_and_with_what_is_installed() -> None:
    for name, pinned in (RUNTIME | EXTRA | DEVELOP).items():
        assert LOCKED[name] == pinned, "run `make lock`"
        assert version(name).partition("+")[0] == pinned


def test_every_installed_package_is_locked() -> None:
    cuda = locked((REPOSITORY / "locks/cuda.txt").read_text())
    installed = {canonical(dist.name): dist.version for dist in distributions() if dist.name}
    for name in installed.keys() - cuda.keys() - {"pip", "wheel"}:
        at = installed[name].partition("+")[0]
        assert LOCKED.get(name) == at, f"{name} {at} is installed: run `make lock`"


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("nvidia-smi") is not None,
    reason="only a Linux machine without an NVIDIA GPU gets the CPU build",
)
def test_a_machine_without_a_gpu_gets_no_cuda() -> None:
    assert version("torch") == f"{RUNTIME['torch']}+cpu"
    assert not [d.name for d in distributions() if d.name.startswith(("nvidia-", "cuda-"))]


def steps(folder: Path, **programs: str) -> tuple[int, str]:
    """Run the set-up in `folder` with stand-ins for programs; return its status and words."""
    binaries = folder / "bin"
    binaries.mkdir()
    for name, script in programs.items():
        (binaries / name.replace("_", "-")).write_text(f"#!/bin/sh\n{script}\n")
        (binaries / name.replace("_", "-")).chmod(0o755)
    for name in ("Makefile", "requirements.txt"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "locks", folder / "locks")
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(binaries / "python", folder / ".venv/bin/python")
    path = f"{binaries}:/usr/bin:/bin"
    done = shell("make", "setup", "TORCH_INDEX=here", cwd=folder, ok=False, PATH=path)
    return done.returncode, done.stdout + done.stderr


def test_the_cpu_build_comes_first_and_from_the_given_index(tmp_path: Path) -> None:
    status, said = steps(tmp_path, python='echo "$@"', uname="echo Linux", nvidia_smi="exit 9")
    runs = [line for line in said.splitlines() if "pip install" in line]
    assert status == 0
    assert all("--require-hashes --no-build-isolation" in line for line in runs)
    assert [line.partition(" --requirement ")[2] for line in runs] == [
        "locks/build.txt",
        "locks/cpu.txt --extra-index-url here",
        "locks/runtime.txt",
    ]


@pytest.mark.parametrize(("system", "gpu"), [("Linux", "exit 0"), ("Darwin", "exit 9")])
def test_a_gpu_or_a_mac_gets_the_plain_build(tmp_path: Path, system: str, gpu: str) -> None:
    status, said = steps(tmp_path, python='echo "$@"', uname=f"echo {system}", nvidia_smi=gpu)
    assert status == 0
    assert "cpu.txt" not in said
    assert ("locks/cuda.txt" in said) == (system == "Linux")


def test_a_missing_cpu_build_is_answered_with_the_mend(tmp_path: Path) -> None:
    fails = 'case "$*" in *cpu.txt*) exit 1;; esac'
    status, said = steps(tmp_path, python=fails, uname="echo Linux", nvidia_smi="exit 9")
    assert status != 0
    (line,) = [line for line in said.splitlines() if "was not found" in line]
    assert "`make setup TORCH_INDEX=<url>`" in line
    assert "TORCH_HASHES=off" in line
    assert not (tmp_path / ".venv/runtime.done").exists()


def test_the_set_up_is_done_again_only_when_a_lock_changes(tmp_path: Path) -> None:
    steps(tmp_path, python='echo "$@"', uname="echo Linux", nvidia_smi="exit 9")
    assert shell("make", "--question", "setup", cwd=tmp_path, ok=False).returncode == 0
    newer = (tmp_path / ".venv/runtime.done").stat().st_mtime + 10
    os.utime(tmp_path / "locks/runtime.txt", (newer, newer))
    assert shell("make", "--question", "setup", cwd=tmp_path, ok=False).returncode == 1


def test_help_lists_every_target() -> None:
    match = re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert match
    told = shell("make", "help", cwd=REPOSITORY).stdout
    assert re.findall(r"^  make ([a-z-]+) ", told, flags=re.MULTILINE) == match[1].split()


def test_dvc_calls_nobody_and_ignores_what_is_no_data() -> None:
    with Repo(str(REPOSITORY)) as repo:
        assert repo.config["core"]["analytics"] is False
        assert repo.config["core"]["check_update"] is False
        assert repo.config["core"]["autostage"] is True
        ignore = DvcIgnoreFilter(repo.fs, str(REPOSITORY))
        for path in ("src/bestseller/__pycache__", ".venv", "mlartifacts"):
            assert ignore.is_ignored_dir(str(REPOSITORY / path))
        assert not ignore.is_ignored_dir(str(REPOSITORY / "src/bestseller"))
