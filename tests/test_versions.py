"""Versions of what trains: new code of the trainer or a model asks for a new number.

A checkpoint is resumed by the same version alone. `PYTHONPATH=src python -m
tests.test_versions`, from the root of the checkout, writes down the code as it is now.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import bestseller
from bestseller.gans.registry import gan_class
from bestseller.params.code import bare, digest, reached
from bestseller.params.train import GANS
from bestseller.training import trainer

PACKAGE = Path(str(bestseller.__file__)).parent
KNOWN = Path(__file__).with_name("code_versions.json")
SHARED = ("batch", "gan")  # what every model has: it counts as the trainer's


def versions() -> dict[str, dict[str, Any]]:
    """Of the trainer and of each model: its version and the digest of each of its modules."""
    shared = [PACKAGE / "gans" / f"{name}.py" for name in SHARED]
    code = {"trainer": [*sorted((PACKAGE / "training").glob("*.py")), *shared]}
    numbers = {"trainer": trainer.VERSION}
    for name in GANS:
        code[name] = [p for p in reached(PACKAGE / "gans" / f"{name}.py") if p not in shared]
        numbers[name] = gan_class(name).version
    return {
        name: {"version": numbers[name], "code": {file.stem: digest(file) for file in files}}
        for name, files in code.items()
    }


@pytest.mark.parametrize("name", ["trainer", *GANS])
def test_new_code_has_a_new_version_or_trains_the_same(name: str) -> None:
    known, now = json.loads(KNOWN.read_text()).get(name), versions()[name]
    home = "training/trainer.py: VERSION" if name == "trainer" else f"gans/{name}.py: version"
    assert now == known, (
        f"the code of {name} has changed: where a training computes something else by it, raise "
        f"{home}, so that no older checkpoint is resumed; then run "
        "`PYTHONPATH=src python -m tests.test_versions`"
    )


def test_a_comment_changes_no_digest_and_code_does() -> None:
    source = '"""Say."""\n\ndef f(x):\n    """Do."""\n    return "# " + x  # why\n'
    assert bare(source) == 'def f(x):\n    return "# " + x'
    for same in ("# more\n" + source, source.replace("Do.", "Do\n\n    it."), source + "\n\n#\n"):
        assert bare(same) == bare(source)
    for other in (source.replace('"# "', '"#"'), source.replace("x)", "x, y=1)"), source + "f(1)"):
        assert bare(other) != bare(source)


def test_what_a_module_reaches_ends_at_its_package(tmp_path: Path) -> None:
    package = tmp_path / "things"
    package.mkdir()
    (package / "a.py").write_text("from x.things.b import B\nfrom x.other.d import D\n")
    (package / "b.py").write_text("from x.things import c\nimport torch\n")
    for name in "cde":
        (package / f"{name}.py").write_text("")
    assert [path.stem for path in reached(package / "a.py")] == ["a", "b", "c"]
    of_pggan = [path.stem for path in reached(PACKAGE / "gans/pggan.py")]
    assert of_pggan == ["pggan", "batch", "codes", "gan", "objectives"]


if __name__ == "__main__":
    KNOWN.write_text(json.dumps(versions(), indent=1, sort_keys=True) + "\n")
