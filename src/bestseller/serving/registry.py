"""The champion in MLflow's model registry.

The registry is a copy of data/champion and its history in git. So announcing may fail because of
a server, and it can be repeated at any time with the same result.
"""

import os
from pathlib import Path

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, require, sha256_file
from bestseller.tracking.deadline import deadline
from bestseller.tracking.delivery import OUTBOX_FOLDER, SEND_S
from bestseller.tracking.outbox import Outbox
from bestseller.tracking.server import (
    ARTIFACT_FOLDER,
    in_one_line,
    make_ready,
    tracking_uri,
    without_password,
)

RECORD = "champion.json"
WEIGHTS = "generator.safetensors"  # as bestseller.gans.saved calls it, which would import torch
REQUIREMENTS = "requirements.txt"


def announce_champion(champion: Path, root: Path, *, wait_s: float) -> None:
    """Set the registry's alias ``champion`` to the promoted generator.

    A generator that the registry has already, as after a rollback, gets the alias and the new
    reasons, and no second version.

    Args:
        champion: the promoted model: its files, and champion.json with model, generator_sha256,
            run, reasons and facts.
        root: the main workspace, with requirements.txt and, by default, the local store.
        wait_s: seconds to wait for another process that is writing to the store.

    Raises:
        BestsellerError: inside a DVC experiment, which never promotes; the folder does not hold
            the generator that it names; the registry did not take it.
    """
    if experiment := os.environ.get("DVC_EXP_NAME"):
        raise BestsellerError(
            f"{champion}: an experiment ({experiment}) does not promote; commit it and retrain"
        )
    record = read_json(champion / RECORD, "make retrain")
    if sha256_file(require(champion / WEIGHTS, "dvc checkout")) != record["generator_sha256"]:
        raise BestsellerError(
            f"{champion / WEIGHTS}: not the generator of champion.json; run `dvc checkout`"
        )
    uri = tracking_uri(root)
    try:
        make_ready(uri)
        from bestseller.serving.versions import Versions  # noqa: PLC0415 (slow import)
        from bestseller.tracking.mlflow_store import MlflowStore  # noqa: PLC0415

        with deadline(wait_s + SEND_S), Outbox(root / OUTBOX_FOLDER).alone(wait_s):
            versions = Versions(MlflowStore(uri, root / ARTIFACT_FOLDER))
            versions.set_champion(champion, record, root / REQUIREMENTS)
    except Exception as error:  # a server may fail in any way, and costs no promotion
        raise BestsellerError(
            f"{champion}: not yet announced in MLflow at {without_password(uri)} "
            f"({in_one_line(error, uri)}); `make publish` does it"
        ) from error
