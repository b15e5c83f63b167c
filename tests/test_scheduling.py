"""What is shipped for schedulers: it parses, and calls commands that exist."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bestseller.params import read_yaml
from bestseller.retraining.outcome import EXIT_STATUS, Outcome
from conftest import REPOSITORY

UNITS = sorted((REPOSITORY / "deploy/systemd").iterdir())
WORKFLOW = REPOSITORY / ".github/workflows/retrain.yml"
PAGE = REPOSITORY / "docs/scheduling.md"
SHIPPED = [*UNITS, WORKFLOW, PAGE]
GOOD = {0, EXIT_STATUS[Outcome.PROMOTED], EXIT_STATUS[Outcome.KEPT]}


def values(unit: Path, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", unit.read_text(), re.MULTILINE)


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    for unit in UNITS:
        here = unit.read_text().replace("/srv/bestseller/.venv/bin/python", sys.executable)
        (tmp_path / unit.name).write_text(here)
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "bestseller-retrain" not in done.stderr


def test_a_good_end_is_one_for_every_scheduler() -> None:
    service = REPOSITORY / "deploy/systemd/bestseller-retrain.service"
    assert {0, *map(int, values(service, "SuccessExitStatus")[0].split())} == GOOD
    (accepted,) = re.findall(r"case \$status in ([\d |]+)\)", WORKFLOW.read_text())
    assert {int(status) for status in accepted.split("|")} == GOOD
    rows = re.findall(r"^\| (\d+) \| .* \| (\d) \|$", PAGE.read_text(), re.MULTILINE)
    assert {int(status) for status, _ in rows} == set(EXIT_STATUS.values())
    assert {int(status) for status, of_make in rows if of_make == "0"} == GOOD


def test_the_workflow_is_one_job_at_a_time_with_pinned_actions() -> None:
    workflow = read_yaml(WORKFLOW)
    assert workflow["concurrency"] == {"group": "retrain", "cancel-in-progress": False}
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    (job,) = workflow["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)
    assert job["steps"][0]["with"]["fetch-depth"] == 0, "the history of metrics and promotions"
    for step in job["steps"]:
        subprocess.run(["bash", "-n"], input=step.get("run", ""), text=True, check=True)


def test_only_the_steps_that_need_a_secret_have_it() -> None:
    """Setting up runs the code of hundreds of packages, and an action that of others."""
    workflow = read_yaml(WORKFLOW)
    (job,) = workflow["jobs"].values()
    outside = {key: value for key, value in workflow.items() if key != "jobs"}
    assert "secrets." not in json.dumps([outside, job | {"steps": []}])
    given = {}
    for step in job["steps"]:
        rest = {key: value for key, value in step.items() if key != "env"}
        assert "secrets." not in json.dumps(rest), "in a variable alone, and in no command"
        found = re.findall(r"secrets\.(\w+)", json.dumps(step.get("env", {})))
        if found:
            given[step["name"]] = set(found)
    store = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    assert given == {
        "Take the last run's data": store,
        "Retrain": store | {"MLFLOW_TRACKING_URI"},
    }


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_command_that_is_named_exists(file: Path) -> None:
    text = file.read_text()
    makefile = (REPOSITORY / "Makefile").read_text()
    for module in re.findall(r"-m stages\.(\w+)", text):
        assert (REPOSITORY / f"stages/{module}.py").is_file(), module
    for target in re.findall(r"(?:^ *|`|\&\& |\")make ([a-z-]+)", text, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for path in re.findall(r"`((?:deploy|docs|\.github)/[\w./-]+)`", text):
        assert (REPOSITORY / path).exists(), path
