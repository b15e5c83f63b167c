"""The stores of a team: MLflow on PostgreSQL with artifacts in an object store."""

import re
import shlex
from pathlib import Path

import boto3
import psycopg2
import pytest
from mlflow import MlflowClient

from bestseller.serving.registry import announce_champion
from bestseller.tracking.server import reach
from conftest import REPOSITORY
from servers import CREDENTIALS, free_port, postgres, s3, started
from test_registry import promote
from test_tracking import checkout, send, write_lock  # noqa: F401  (checkout is a fixture)

pytestmark = pytest.mark.slow


def documented(start: str) -> list[str]:
    """The words of the one command in the documentation that starts with `start`."""
    page = (REPOSITORY / "docs/scheduling.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(rf"^{re.escape(start)}.*$", page, re.MULTILINE)
    return shlex.split(line)


def test_the_documented_shared_server_holds_runs_curves_pictures_and_the_champion(
    checkout: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (checkout / "requirements.txt").write_bytes((REPOSITORY / "requirements.txt").read_bytes())
    champion = promote(checkout, 0, ["the first model"])
    with postgres() as database, s3() as store:
        assert reach(database) == ""
        bucket = boto3.resource(
            "s3",
            endpoint_url=store,
            region_name="us-east-1",
            aws_access_key_id="reader",
            aws_secret_access_key="secret",
        ).create_bucket(Bucket="mlflow")
        port = str(free_port())
        command = documented("mlflow server")
        replaced = {
            "--backend-store-uri": database,
            "--artifacts-destination": "s3://mlflow/artifacts",
            "--host": "127.0.0.1",
            "--port": port,
            "--allowed-hosts": f"127.0.0.1:{port}",
        }
        for option, value in replaced.items():
            command[command.index(option) + 1] = value
        uri = f"http://127.0.0.1:{port}"
        variables = CREDENTIALS | {
            "MLFLOW_S3_ENDPOINT_URL": store,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        with started([*command, "--workers", "1"], f"{uri}/health", tmp_path / "log", **variables):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
            send(checkout)
            announce_champion(champion, checkout, wait_s=60)
            announce_champion(champion, checkout, wait_s=60)
            write_lock(checkout, sales_cmd="python -m stages.sales --anew")
            send(checkout)
            client = MlflowClient(uri)
            experiment = client.get_experiment_by_name("bestseller")
            assert experiment is not None
            runs = client.search_runs([experiment.experiment_id])
            version = client.get_model_version_by_alias("bestseller-designs", "champion")
        with psycopg2.connect(database.replace("+psycopg2", "")) as direct:
            cursor = direct.cursor()
            cursor.execute("SELECT count(*) FROM model_versions")
            assert cursor.fetchone() == (1,)
        direct.close()
        assert len([r for r in runs if "dvc.lock_hash" in r.data.tags]) == 2
        children = {r.data.tags["dvc.stage"]: r for r in runs if "dvc.stage_hash" in r.data.tags}
        assert len([r for r in runs if "dvc.stage_hash" in r.data.tags]) == 4, "three, sales twice"
        assert children["train@dcgan-plain-0"].data.metrics["loss_g"] == 0.25
        assert int(version.version) == 1
        assert version.tags["reasons"] == "the first model"
        names = [entry.key for entry in bucket.objects.all()]
        assert any(name.endswith("data/models/dcgan-plain-0/samples.png") for name in names)
        assert any(name.endswith("generator.safetensors") for name in names)
        assert not (checkout / "mlartifacts").exists() and not (checkout / "mlflow.db").exists()
