"""The champion in MLflow's model registry: a mirror that is made once and may be made again."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import mlflow
import pytest
import torch
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from bestseller.base.errors import BestsellerError
from bestseller.base.files import sha256_file, write_json
from bestseller.gans import load_generator
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.params import load_params
from bestseller.serving.registry import announce_champion
from conftest import REPOSITORY, shell
from test_tracking import black_hole, closed_port  # noqa: F401  (fixtures)

pytestmark = pytest.mark.slow
NAME = "bestseller-designs"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with requirements and no champion yet."""
    (tmp_path / "requirements.txt").write_bytes((REPOSITORY / "requirements.txt").read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def promote(root: Path, seed: int, reasons: list[str], **facts: Any) -> Path:
    """Put a generator with the weights of `seed` into data/champion, as a promotion does."""
    torch.manual_seed(seed)
    settings = load_params(REPOSITORY / "params.yaml").train.vanilla.model_copy(update={"width": 8})
    network = gan_class("vanilla").make_generator(settings, Shape(32, 8, 2))
    views = {line: ["front"] for line in ("Disc", "Ring")}
    config = Config(
        "vanilla-plain-0", "vanilla", settings.model_dump(), vars(Shape(32, 8, 2)), views
    )
    champion = root / "data/champion"
    save_generator(champion, network, config)
    digest = sha256_file(champion / "generator.safetensors")
    record = {"model": config.name, "generator_sha256": digest, "run": f"2026-0{seed + 1}"}
    write_json(champion / "champion.json", record | {"reasons": reasons, "facts": facts})
    return champion


class Registry:
    """What the registry holds, as a reader finds it."""

    def __init__(self, root: Path) -> None:
        self.client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")

    @property
    def champion(self) -> ModelVersion:
        return self.client.get_model_version_by_alias(NAME, "champion")

    @property
    def versions(self) -> list[int]:
        found = self.client.search_model_versions(f"name = '{NAME}'")
        return sorted(int(version.version) for version in found)


def dump(root: Path) -> list[str]:
    with sqlite3.connect(root / "mlflow.db") as database:
        return list(database.iterdump())


def test_the_alias_follows_promotions_and_a_rollback_makes_no_version(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = promote(root, 0, ["the first model", "all floors are met"], kid=2.5)
    first = (champion / "generator.safetensors").read_bytes()
    announce_champion(champion, root, wait_s=60)
    registry = Registry(root)
    assert int(registry.champion.version) == 1
    assert registry.champion.tags == {
        "model": "vanilla-plain-0",
        "generator_sha256": sha256_file(champion / "generator.safetensors"),
        "run": "2026-01",
        "reasons": "the first model; all floors are met",
        "fact.kid": "2.5",
    }
    before = dump(root)
    announce_champion(champion, root, wait_s=60)
    assert dump(root) == before, "said again, nothing is written"

    promote(root, 1, ["better by 0.7 (0.2 to 1.2)"])
    announce_champion(champion, root, wait_s=60)
    assert (int(registry.champion.version), registry.versions) == (2, [1, 2])

    promote(root, 0, ["rolled back by hand"], days=3)
    assert (champion / "generator.safetensors").read_bytes() == first
    announce_champion(champion, root, wait_s=60)
    assert (int(registry.champion.version), registry.versions) == (1, [1, 2])
    assert registry.champion.tags["reasons"] == "rolled back by hand"
    assert {key for key in registry.champion.tags if key.startswith("fact.")} == {"fact.days"}

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'mlflow.db'}")
    served = mlflow.pyfunc.load_model(f"models:/{NAME}@champion")
    answer = served.predict([{"line": "Ring", "seed": 3}])
    assert list(answer["model_hash"]) == [load_generator(champion).hash]


@pytest.mark.parametrize("server", ["closed_port", "black_hole"])
def test_a_dead_server_loses_no_promotion(
    root: Path, server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    champion = promote(root, 0, ["the first model"])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", request.getfixturevalue(server))
    monkeypatch.setattr("bestseller.tracking.server.REACH_S", 0.5)
    with pytest.raises(BestsellerError, match="make publish") as told:
        announce_champion(champion, root, wait_s=1)
    assert "\n" not in str(told.value)
    if server == "black_hole":
        return
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    announce_champion(champion, root, wait_s=60)
    assert Registry(root).versions == [1]


def test_an_interrupted_upload_is_done_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = promote(root, 0, ["the first model"])
    with monkeypatch.context() as broken:

        def cut(*given: Any, **named: Any) -> None:
            raise ConnectionError("the cable was pulled")

        broken.setattr(MlflowClient, "create_model_version", cut)
        with pytest.raises(BestsellerError, match="the cable was pulled"):
            announce_champion(champion, root, wait_s=60)
        broken.undo()
        broken.setattr(MlflowClient, "set_registered_model_alias", cut)
        with pytest.raises(BestsellerError, match="the cable was pulled"):
            announce_champion(champion, root, wait_s=60)
    announce_champion(champion, root, wait_s=60)
    registry = Registry(root)
    assert (int(registry.champion.version), registry.versions) == (1, [1])
    experiment = registry.client.get_experiment_by_name("bestseller")
    assert experiment is not None
    (run,) = registry.client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"


def test_an_experiment_promotes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = promote(root, 0, ["the first model"])
    monkeypatch.setenv("DVC_EXP_NAME", "ready-oak")
    with pytest.raises(BestsellerError, match="experiment \\(ready-oak\\) does not promote"):
        announce_champion(champion, root, wait_s=1)
    assert not (root / "mlflow.db").exists()


def test_a_generator_other_than_the_promoted_one_is_not_announced(root: Path) -> None:
    champion = promote(root, 0, ["the first model"])
    with (champion / "generator.safetensors").open("ab") as file:
        file.write(b"more")
    with pytest.raises(BestsellerError, match=r"generator\.safetensors.*dvc checkout"):
        announce_champion(champion, root, wait_s=1)


def test_publishing_announces_the_champion_too(code: Path) -> None:
    (code / "requirements.txt").write_bytes((REPOSITORY / "requirements.txt").read_bytes())
    promote(code, 0, ["the first model"])
    (code / "dvc.lock").write_text("stages: {train: {cmd: python -m stages.train}}\n")
    (code / "dvc.yaml").write_text("stages: {train: {cmd: python -m stages.train}}\n")
    shell("python", "-m", "stages.publish", cwd=code)
    assert Registry(code).versions == [1]
    assert os.listdir(code / ".mlflow-outbox") == ["lock"]
