"""Going back to an earlier champion, in a real git and DVC repository."""

import shutil
from pathlib import Path

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.params import read_yaml
from bestseller.retraining.champion import POINTER, find, history, point, put_back
from bestseller.retraining.repository import Repository
from conftest import REPOSITORY, commit, shell, start_git

pytestmark = pytest.mark.slow


def promote(folder: Path, model: str, run: str) -> str:
    """Make a model the champion as a retraining does, commit it and return the commit."""
    weights = folder / "data/champion/generator.safetensors"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_text(f"{model} {run}")
    facts = {"model": model, "run": run, "generator_sha256": "", "reasons": [], "facts": {}}
    write_json(folder / "data/champion/champion.json", facts)
    point(Repository(folder))
    commit(folder, f"{model} of {run}")
    return Repository(folder).head()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A checkout with three promotions, and their commits, the oldest first."""
    folder = tmp_path_factory.mktemp("origin")
    (folder / ".gitignore").write_text("/.scratch/\n/data/?*\n!/data/champion.dvc\n")
    (folder / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    start_git(folder)
    shell("dvc", "init", "--quiet", cwd=folder)
    models = [("vanilla-plain-0", "1"), ("dcgan-plain-0", "2"), ("dcgan-plain-0", "3")]
    return folder, [promote(folder, *model) for model in models]


@pytest.fixture
def promoted(origin: tuple[Path, list[str]], tmp_path: Path) -> tuple[Path, list[str]]:
    """A copy of that checkout, and the commits."""
    return shutil.copytree(origin[0], tmp_path / "toy", symlinks=True), origin[1]


def champion(folder: Path) -> tuple[str, str]:
    """The champion's model and run, alike in its folder and in the pointer."""
    facts, meta = read_json(folder / "data/champion/champion.json"), read_yaml(folder / POINTER)
    found = (facts["model"], facts["run"])
    assert (meta["meta"]["model"], meta["meta"]["run"]) == found
    weights = (folder / "data/champion/generator.safetensors").read_text()
    assert weights == " ".join(found)
    return found


def test_every_rollback_goes_one_champion_further_back(promoted: tuple[Path, list[str]]) -> None:
    folder, commits = promoted
    repository = Repository(folder)
    assert [entry.commit for entry in history(repository)] == commits[::-1]
    put_back(repository, find(repository, ""))
    assert champion(folder) == ("dcgan-plain-0", "2")
    put_back(repository, find(repository, ""))
    assert champion(folder) == ("vanilla-plain-0", "1")
    with pytest.raises(BestsellerError, match="no champion before"):
        find(repository, "")
    put_back(repository, find(repository, "dcgan-plain-0"))
    assert champion(folder) == ("dcgan-plain-0", "2"), "the one that was rolled back to last"
    put_back(repository, find(repository, commits[2]))
    assert champion(folder) == ("dcgan-plain-0", "3")
    with pytest.raises(BestsellerError, match="champion already"):
        find(repository, commits[2][:8])
    with pytest.raises(BestsellerError, match="pggan: not in the history"):
        find(repository, "pggan")
    assert list(repository.changed()) == []


def test_a_champion_whose_files_are_lost_changes_nothing(
    promoted: tuple[Path, list[str]],
) -> None:
    folder, commits = promoted
    repository = Repository(folder)
    md5 = history(repository)[1].md5
    (folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink()
    with pytest.raises(BestsellerError):
        put_back(repository, find(repository, ""))
    assert champion(folder) == ("dcgan-plain-0", "3")
    assert list(repository.changed()) == []
    assert repository.head() == commits[-1]


def test_the_command_rolls_back_also_where_nothing_can_be_published(
    promoted: tuple[Path, list[str]],
) -> None:
    folder, _ = promoted
    command = ("python", "-m", "stages.rollback")
    path, dead = str(REPOSITORY), "http://127.0.0.1:9"
    (folder / POINTER).write_text("left by a rollback that was killed\n")
    done = shell(*command, cwd=folder, PYTHONPATH=path, MLFLOW_TRACKING_URI=dead)
    assert "dcgan-plain-0, promoted by 2, is the champion again" in done.stdout
    assert champion(folder) == ("dcgan-plain-0", "2")
    write_json(folder / ".scratch/retrain/journal.json", {"run": "4", "base": "", "states": {}})
    done = shell(*command, cwd=folder, ok=False, PYTHONPATH=path)
    assert done.returncode == 1
    assert "4: is not finished" in done.stderr
