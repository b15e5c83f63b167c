"""Which source a run was made from, as MLflow tags."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML, YAMLError


def source_tags(folder: Path) -> dict[str, str]:
    """Return tags for the git commit, uncommitted changes and the DVC experiment.

    Outside a git repository the commit and the dirty flag are left out.
    """
    tags = {}
    if experiment := os.environ.get("DVC_EXP_NAME"):
        tags["dvc.exp_name"] = experiment
    if baseline := os.environ.get("DVC_EXP_BASELINE_REV"):
        tags["dvc.baseline_rev"] = baseline
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is not None:
        tags["mlflow.source.git.commit"] = commit.strip()
        tags["git.dirty"] = str(is_dirty(folder)).lower()
    return tags


def committed(folder: Path, name: str) -> dict[str, Any] | None:
    """Return a YAML file of the checkout as the last commit has it, None where it has none."""
    text = _git(folder, "show", f"HEAD:./{name}")
    try:
        value = YAML(typ="safe", pure=True).load(text) if text else None
    except YAMLError:
        return None
    return dict(value) if isinstance(value, Mapping) else None


def is_dirty(folder: Path) -> bool:
    """Tell whether the checkout holds a change that its commit does not.

    What a pipeline run itself writes is no such change: dvc.lock and metrics/ always, and
    params.yaml inside a DVC experiment, whose settings DVC writes there.
    """
    written = ["dvc.lock", "metrics"]
    if os.environ.get("DVC_EXP_NAME"):
        written.append("params.yaml")
    excluded = [f":(exclude){path}" for path in written]
    return bool(_git(folder, "status", "--porcelain", "--", ".", *excluded))


def _git(folder: Path, *arguments: str) -> str | None:
    """Return git's answer, None where there is no git or no commit."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout
