"""What all tests share: one thread for each worker, and checkouts to try things in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import warm

if TYPE_CHECKING:
    from bestseller.params import Params

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")  # read when numpy and torch are imported
for variable in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"):
    os.environ.pop(variable, None)
os.environ |= {"MPLBACKEND": "Agg", "MLFLOW_DISABLE_TELEMETRY": "true", "BESTSELLER_LIVE": "0"}

WARM = ("python", "dvc")  # programs that run stages, or DVC
REPOSITORY = Path(__file__).resolve().parent.parent
# The files that take longest, longest first: begun at once, each on a worker of its own, so that no
# worker is left with one of them when the others have ended.
LONGEST = (
    "test_year.py",
    "test_pipeline.py",
    "test_retrain.py",
    "test_retrain_killed.py",
    "test_study_killed.py",
    "test_stage_errors.py",
    "test_faults.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


def shell(
    *command: str, cwd: Path, ok: bool = True, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with this environment's programs first on the path; its output is text.

    Stages and DVC are forked from a process that has imported the libraries (`warm`).

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in.
        ok: whether it must end with status 0.
        variables: further environment variables.
    """
    own = warm.programs() if command[0] in WARM else Path(sys.executable).parent
    path = f"{own}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PATH": path} | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def copy_checkout(folder: Path, *, without: str = "\n") -> None:
    """Copy what git does not ignore in this working tree, but paths that begin with `without`."""
    listed = shell("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=REPOSITORY).stdout
    for name in listed.split("\0"):
        if name and (REPOSITORY / name).is_file() and not name.startswith(without):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, folder / name)


def start_git(folder: Path) -> None:
    """Make `folder` a git repository with one commit of all that git does not ignore."""
    shell("git", "init", "--quiet", cwd=folder)
    for key, value in {"user.name": "a", "user.email": "a@example.org"}.items():
        shell("git", "config", key, value, cwd=folder)
    commit(folder, "first")


def clone_of_the_working_tree(folder: Path) -> None:
    """Make `folder` a git repository of what git does not ignore here, with tests/tiny.yaml."""
    copy_checkout(folder)
    shutil.copy(REPOSITORY / "tests/tiny.yaml", folder / "profiles/tiny.yaml")
    start_git(folder)


def commit(folder: Path, message: str) -> None:
    shell("git", "add", "--all", cwd=folder)
    shell("git", "commit", "--quiet", "--message", message, cwd=folder)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def report_params() -> "Params":
    """The committed settings with two models."""
    from bestseller.params import load_params

    committed = load_params(REPOSITORY / "params.yaml")
    return committed.model_copy(update={"models": ["dcgan-plain", "dcgan-centroid"], "seeds": [0]})


@pytest.fixture(scope="session")
def report_folder(tmp_path_factory: pytest.TempPathFactory, report_params: "Params") -> Path:
    """A working directory in which the stage report has run; tests leave it as it is."""
    return reported(tmp_path_factory.mktemp("run"), report_params)


@pytest.fixture(scope="session")
def many_designs(tmp_path_factory: pytest.TempPathFactory, report_params: "Params") -> Path:
    """A page of 48 designs in two lines, and one in a line of few products; tests leave it."""
    folder = reported(tmp_path_factory.mktemp("run"), report_params, per_line=24)
    return folder / "data/report/index.html"


def reported(root: Path, params: "Params", per_line: int = 3) -> Path:
    """Run the stage report on made-up outputs in a folder, and return the folder."""
    from fake_outputs import write_outputs
    from stages import report

    write_outputs(root, per_line=per_line)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        report.main(params)
    return root


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with copies of src/, stages/, params.yaml and dvc.yaml, and nothing else."""
    folder = tmp_path / "checkout"
    for name in ("src", "stages"):
        shutil.copytree(
            REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    return folder
