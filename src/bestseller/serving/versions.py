"""Versions of the registered model: uploaded once for each generator, told apart by its hash."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion

from bestseller.tracking.mlflow_store import FINISHED, MlflowStore

NAME = "bestseller-designs"
ALIAS = "champion"
GENERATOR_HASH = "generator_sha256"  # tag of a version and of the run that holds its files
MODEL = "model"  # folder of the run's artifacts


class Versions:
    """The registered model's versions, one for each generator.

    Args:
        store: MLflow, open.
    """

    def __init__(self, store: MlflowStore) -> None:
        self.client = store.client
        self.experiment = store.experiment

    def set_champion(self, champion: Path, record: Mapping[str, Any], requirements: Path) -> None:
        """Put the alias on the champion's version, which is made where there is none.

        Args:
            champion: folder of the generator.
            record: what champion.json says.
            requirements: the repository's requirements.txt.
        """
        if not self.client.search_registered_models(f"name = '{NAME}'"):
            self.client.create_registered_model(NAME)
        tags = _tags(record)
        version = self._version(tags[GENERATOR_HASH])
        if version is None:
            run = self._uploaded(champion, tags, requirements)
            source = f"{run.info.artifact_uri}/{MODEL}"
            version = self.client.create_model_version(
                NAME, source, run.info.run_id, tags, await_creation_for=0
            )
        self._retag(version, tags)
        (registered,) = self.client.search_registered_models(f"name = '{NAME}'")
        if str(registered.aliases.get(ALIAS)) != str(version.version):
            self.client.set_registered_model_alias(NAME, ALIAS, version.version)

    def _version(self, digest: str) -> ModelVersion | None:
        """Return the version of a generator, None where there is none."""
        versions = self.client.search_model_versions(f"name = '{NAME}'")
        return next((v for v in versions if v.tags.get(GENERATOR_HASH) == digest), None)

    def _uploaded(self, champion: Path, tags: Mapping[str, str], requirements: Path) -> Run:
        """Return a finished run that holds the generator as a model to serve.

        One that was left unfinished is replaced.
        """
        digest = tags[GENERATOR_HASH]
        for run in self.client.search_runs(
            [self.experiment], f"tags.{GENERATOR_HASH} = '{digest}'"
        ):
            if run.info.status == FINISHED:
                return run
            self.client.delete_run(run.info.run_id)
        name = f"model {tags['model']}"
        run = self.client.create_run(self.experiment, tags={GENERATOR_HASH: digest}, run_name=name)
        from bestseller.serving.package import package_generator  # noqa: PLC0415 (imports torch)

        with tempfile.TemporaryDirectory() as folder:
            package_generator(champion, Path(folder) / MODEL, requirements)
            self.client.log_artifacts(run.info.run_id, folder)
        self.client.set_terminated(run.info.run_id, FINISHED)
        return run

    def _retag(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        """Give a version exactly these tags; nothing is written where nothing differs."""
        number = str(version.version)
        for key in version.tags.keys() - tags.keys():
            self.client.delete_model_version_tag(NAME, number, key)
        for key, value in tags.items():
            if version.tags.get(key) != value:
                self.client.set_model_version_tag(NAME, number, key, value)


def _tags(record: Mapping[str, Any]) -> dict[str, str]:
    """Return champion.json as tags: the reasons as one text, a tag for each fact."""
    tags = {key: str(record[key]) for key in ("model", GENERATOR_HASH, "run")}
    tags["reasons"] = "; ".join(record["reasons"])
    return tags | {f"fact.{key}": str(value) for key, value in record["facts"].items()}
