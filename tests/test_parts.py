"""The list of parts against what pip itself says is installed."""

import json
import re
import sys
from pathlib import Path

from conftest import REPOSITORY, shell
from tools.parts import canonical, cyclonedx, installed, licence, pinned


def test_every_requirement_is_a_part_at_its_pinned_version() -> None:
    parts = installed()
    for name, version in pinned((REPOSITORY / "requirements.txt").read_text()).items():
        assert parts[name].version.partition("+")[0] == version, name


def test_the_list_is_what_pip_lists(tmp_path: Path) -> None:
    shell(sys.executable, str(REPOSITORY / "tools/parts.py"), str(tmp_path / "a"), cwd=tmp_path)
    made = json.loads((tmp_path / "a").read_text())
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    asked = shell(sys.executable, "-m", "pip", "list", "--format", "json", cwd=tmp_path).stdout
    listed = {(canonical(row["name"]), row["version"]) for row in json.loads(asked)}
    assert {(part["name"], part["version"]) for part in made["components"]} == listed
    references = [part["bom-ref"] for part in made["components"]]
    assert len(set(references)) == len(references)
    assert all(re.fullmatch(r"pkg:pypi/[a-z0-9-]+@[\w.%-]+", text) for text in references)
    named = {entry["ref"] for entry in made["dependencies"]}
    assert named == {"bestseller", *references}
    of = {entry["ref"]: entry["dependsOn"] for entry in made["dependencies"]}
    assert set(of["bestseller"]) == set(references)
    (pandas,) = [text for text in references if text.startswith("pkg:pypi/pandas@")]
    assert {text.split("@")[0] for text in of[pandas]} >= {"pkg:pypi/numpy"}
    assert json.dumps(cyclonedx(installed())) == json.dumps(made), "the same each time"


def test_licences_are_names() -> None:
    told = {name: licence(part) for name, part in installed().items()}
    assert told["numpy"].startswith("BSD-3-Clause")
    assert told["ruff"] == "MIT"
    assert all(len(text) < 200 for text in told.values())
