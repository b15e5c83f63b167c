"""Git and DVC as the retraining uses them."""

import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path

from bestseller.base import lockfile
from bestseller.base.errors import BestsellerError
from bestseller.base.index_lock import free_index
from bestseller.base.processes import tied

TRAILER = "Retrain-Run"
KEPT_LINES = 100  # of DVC's output, to tell why a stage failed
FAILED_STAGE = re.compile(r"failed to reproduce '([^']+)'")


class StageFailed(BestsellerError):
    """A stage of the pipeline ended with an error.

    Attributes:
        stage: its name, empty where DVC itself failed.
        told: the line in which the stage said why, empty where it died.
    """

    def __init__(self, stage: str, told: str, command: str) -> None:
        self.stage, self.told = stage, told
        where = f"`{command}`: stage {stage}" if stage else f"`{command}`"
        super().__init__(f"{where}: {told or 'failed; what it printed says why'}")


class Repository:
    """A checkout with git and DVC.

    Args:
        root: its root folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        """Return git's answer without the final line break.

        Raises:
            BestsellerError: git failed; its first line.
        """
        try:
            done = self._git(*arguments)
        except OSError as error:
            raise BestsellerError(f"git: {error.strerror}; install it") from error
        if done.returncode:
            told = (done.stderr.strip() or done.stdout.strip()).splitlines()
            reason = told[0] if told else f"status {done.returncode}"
            raise BestsellerError(f"git {arguments[0]}: {reason}")
        return done.stdout.rstrip("\n")

    def asks(self, *arguments: str) -> str | None:
        """Return git's answer without the final line break, None where it has none."""
        done = self._git(*arguments)
        return None if done.returncode else done.stdout.rstrip("\n")

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )

    def check(self, own: Collection[str]) -> None:
        """Make sure that a commit of `own` can be made here at the end.

        Args:
            own: files and folders that may differ from the commit.

        Raises:
            BestsellerError: inside an experiment, not on a branch, no name to commit by, or
                something else differs.
        """
        if experiment := os.environ.get("DVC_EXP_NAME"):
            raise BestsellerError(
                f"DVC_EXP_NAME: {experiment}: no promotion comes from an experiment; "
                "apply and commit it first"
            )
        self.git("rev-parse", "--verify", "HEAD")
        if told := free_index(self.root):
            print(told, flush=True)
        if not self.branch():
            raise BestsellerError("git: not on a branch; `git switch` to one")
        if self.asks("var", "GIT_COMMITTER_IDENT") is None:
            raise BestsellerError(
                "git: user.name and user.email are not set; `git config user.name ...` and "
                "`git config user.email ...`"
            )
        foreign = [path for path in self.changed() if not _covered(path, own)]
        if foreign:
            more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
            raise BestsellerError(
                f"{', '.join(foreign[:3])}{more}: not as committed; commit or put away first"
            )

    def changed(self) -> Iterator[str]:
        """Yield the files that differ from the commit, those unknown to git included."""
        entries = iter(self.git("status", "--porcelain", "-z", "--untracked-files=all").split("\0"))
        for entry in entries:
            if entry:
                yield entry[3:]
                if entry[0] in "RC":  # a renamed file: its old name follows
                    yield next(entries)

    def branch(self) -> str:
        """Return the name of the branch, empty where there is none."""
        return self.asks("symbolic-ref", "--quiet", "--short", "HEAD") or ""

    def head(self) -> str:
        """Return the commit's hash."""
        return self.git("rev-parse", "HEAD")

    def committed(self, path: str, revision: str = "HEAD") -> str | None:
        """Return a file's text as it was committed, None where it was not."""
        return self.asks("show", f"{revision}:{path}")

    def restore(self, own: Collection[str]) -> None:
        """Restore `own` from the commit; remove files in it that the commit does not have."""
        known = self.git("ls-tree", "--name-only", "-z", "HEAD", "--", *own).split("\0")
        if tracked := [path for path in known if path]:
            self.git("restore", "--source=HEAD", "--staged", "--worktree", "--", *tracked)
        if new := [path for path in own if path not in tracked]:
            self.git("rm", "--cached", "-r", "--quiet", "--ignore-unmatch", "--", *new)
        self.git("clean", "--force", "-d", "--quiet", "--", *own)

    def commit(self, message: str, own: Collection[str]) -> str:
        """Commit exactly `own`, as far as it is there, and return the commit."""
        known = [p for p in own if (self.root / p).exists() or self.asks("ls-files", "--", p)]
        self.git("add", "--all", "--", *known)
        self.git("commit", "--quiet", "--only", "--message", message, "--", *known)
        return self.head()

    def commit_of(self, run: str, base: str) -> str:
        """Return the commit after `base` that a run made, empty where there is none."""
        pattern = f"^{TRAILER}: {run}$"
        return self.git("log", "-1", "--format=%H", f"--grep={pattern}", f"{base}..HEAD")

    def switch(self, branch: str) -> None:
        """Go on with the branch of this name, made from here where it is another."""
        if self.branch() != branch:
            self.git("switch", "--quiet", "--create", branch)

    def free_branch(self, name: str) -> str:
        """Return `name`, with a number where another branch has it; the current one may."""
        number, free = 1, name
        while free != self.branch() and self.asks(
            "rev-parse", "--verify", "--quiet", f"refs/heads/{free}"
        ):
            number += 1
            free = f"{name}-{number}"
        return free

    def has_remote(self) -> bool:
        """Tell whether DVC has a default remote."""
        asked = [*DVC, "config", "core.remote"]
        done = subprocess.run(asked, cwd=self.root, capture_output=True, check=False)
        return bool(done.stdout.strip())

    def dvc(self, *arguments: str) -> None:
        """Run DVC with its output on ours; it waits for another DVC, and dies with us.

        Raises:
            StageFailed: it ended with an error.
        """
        last: deque[str] = deque(maxlen=KEPT_LINES)
        if told := lockfile.mend(self.root):
            print(told, flush=True)
        with dvc_process(self.root, "--wait-for-lock", *arguments) as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                last.append(line)
        if process.returncode:
            raise _failure(last, " ".join(["dvc", *arguments]))


# -P: a folder of the checkout, such as metrics/, is no module of DVC's.
DVC = [sys.executable, "-P", "-m", "dvc"]


def dvc_process(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a DVC that ends with this process, its output and errors in one stream of lines.

    Args:
        root: of the checkout.
        arguments: of the command line; the stages that it starts find this environment's python.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.Popen(
        tied([*DVC, *arguments]),
        cwd=root,
        env=os.environ | {"PATH": programs, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def _failure(lines: Collection[str], command: str) -> StageFailed:
    """Tell why DVC failed; a stage that could tell it did so in its last line."""
    said = [line.strip() for line in lines if line.strip()]
    end = next((i for i, line in enumerate(said) if line.startswith("ERROR")), len(said))
    found = FAILED_STAGE.findall("".join(said[end:]))
    if not found:
        return StageFailed("", said[end].removeprefix("ERROR: ") if said[end:] else "", command)
    prefix = f"{found[0].partition('@')[0]}: "
    last = said[end - 1] if end else ""
    return StageFailed(
        found[0], last.removeprefix(prefix) if last.startswith(prefix) else "", command
    )


def _covered(path: str, own: Collection[str]) -> bool:
    return any(path == name or path.startswith(f"{name}/") for name in own)
