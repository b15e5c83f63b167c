"""Tracking that cannot get stuck: any setting arrives, a bad record blocks none behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies
from hypothesis import settings as trials
from mlflow import MlflowClient
from mlflow.utils import validation
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.tracking import limits, publish
from bestseller.tracking.delivery import OUTBOX_FOLDER
from bestseller.tracking.lock import canonical_hash
from bestseller.tracking.outbox import REASON, SET_ASIDE
from test_tracking import Store, checkout, gather, send, write_lock

__all__ = ["checkout"]  # the fixture

STRANGE = r"""
profile: demo
day: 2026-01-05
long: VALUE
"a,b": 1
"a;b": 2
NAME: 3
"": 4
"../up/": 5
"train@x": 6
"train/x": 7
Größe: 8
values: {kind: {1: sale, a: return, 2026-01-05: x}}
days: [2026-01-05]
zero: "\0 and \ud800"
"""


@trials(max_examples=300, deadline=None)
@given(strategies.text(max_size=400), strategies.text(max_size=400))
def test_every_name_becomes_one_that_mlflow_takes(first: str, second: str) -> None:
    for name in (first, second):
        key = limits.key(name)
        validation._validate_param_name(key)
        validation._validate_tag_name(key)
        validation._validate_metric_name(key)
        assert len(key) <= validation.MAX_ENTITY_KEY_LENGTH
        assert limits.key(name) == key
    if first.replace("@", "/") != second.replace("@", "/"):
        assert limits.key(first) != limits.key(second)


@pytest.mark.parametrize("name", ["threads", "train.dcgan.lr", "fd: all-1_2 b", "Größe", "a/b"])
def test_a_name_that_mlflow_takes_stays(name: str) -> None:
    assert limits.key(name) == name


def test_a_long_text_is_cut_with_its_length_and_hash() -> None:
    text = limits.shortened("x" * 7000, 6000)
    assert len(text) == 6000
    assert "(7000 characters, SHA-256 " in text[-60:]
    assert limits.shortened("x" * 6000, 6000) == "x" * 6000


def test_any_setting_name_and_length_arrives_and_is_told_once(checkout: Path) -> None:
    text = STRANGE.replace("VALUE", "v" * 9000).replace("NAME", f'"{"n" * 400}"')
    (checkout / "params.yaml").write_text(text)
    lock = YAML(typ="safe").load(checkout / "dvc.lock")
    strange = {"long": "v" * 9000, "x" * 300: 1, "values": {1: "a", "b": "c"}}
    lock["stages"]["sales"]["params"]["params.yaml"] |= strange
    lock["stages"]["sales"]["cmd"] = "python -m stages.sales " + "z" * 9000
    YAML().dump(lock, checkout / "dvc.lock")
    (note,) = publish(gather(checkout), checkout, wait_s=60)
    assert "escaped or shortened" in note and "\n" not in note
    store = Store(checkout)
    params = store.parents[0].data.params
    assert params["day"] == "2026-01-05"
    assert params["Größe"] == "8"
    assert params["days"] == '["2026-01-05"]'
    assert sorted(v for v in params.values() if v in set("1234567")) == list("1234567")
    assert params["values.kind.1"] == "sale"
    assert len(params["long"]) == validation.MAX_PARAM_VAL_LENGTH
    assert len(store.child("sales").data.tags["dvc.cmd"]) == validation.MAX_TAG_VAL_LENGTH
    assert publish(gather(checkout), checkout, wait_s=60) == []


def test_usual_settings_are_not_told(checkout: Path) -> None:
    assert publish(gather(checkout), checkout, wait_s=60) == []


def test_a_bad_record_is_set_aside_and_those_behind_it_arrive(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = checkout / OUTBOX_FOLDER
    (outbox / "damaged").mkdir(parents=True)
    (outbox / "damaged" / "record.json").write_text('{"hash": ')
    real = MlflowClient.create_run
    refused = gather(checkout).model_copy(update={"hash": "b" * 64, "time_ms": 1, "name": "bad"})
    (outbox / refused.hash).mkdir()
    (outbox / refused.hash / "record.json").write_text(refused.model_dump_json())

    def picky(self: MlflowClient, *given: Any) -> Any:
        if given[-1].endswith("(bad)"):
            raise validation.MlflowException("no such name", error_code=1000)
        return real(self, *given)

    monkeypatch.setattr(MlflowClient, "create_run", picky)
    notes = publish(gather(checkout), checkout, wait_s=60)
    assert len(notes) == 2 and all("set aside" in note for note in notes)
    assert len(Store(checkout).parents) == 1
    aside = outbox / SET_ASIDE
    assert sorted(path.name for path in aside.iterdir()) == ["b" * 64, "damaged"]
    assert "no such name" in (aside / refused.hash / REASON).read_text()
    assert json.loads((aside / refused.hash / "record.json").read_text())["name"] == "bad"
    assert publish(gather(checkout), checkout, wait_s=60) == [], "told once"


def test_a_record_that_fails_for_now_stays_and_those_behind_it_arrive(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = gather(checkout).model_copy(update={"hash": "a" * 64, "time_ms": 1, "name": "earlier"})
    waiting = checkout / OUTBOX_FOLDER / first.hash
    waiting.mkdir(parents=True)
    (waiting / "record.json").write_text(first.model_dump_json())
    real = MlflowClient.create_run

    def broken(self: MlflowClient, *given: Any) -> Any:
        if given[-1].endswith("(earlier)"):
            raise ConnectionError("the cable was pulled")
        return real(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, "create_run", broken)
        with pytest.raises(BestsellerError, match=r"the cable was pulled.*make publish"):
            send(checkout)
    assert len(Store(checkout).parents) == 1
    assert (waiting / "record.json").exists()
    send(checkout)
    assert len(Store(checkout).parents) == 2


def test_a_deleted_experiment_is_named_with_the_command_that_restores_it(checkout: Path) -> None:
    send(checkout)
    store = Store(checkout)
    store.client.delete_experiment(store.experiment.experiment_id)
    write_lock(checkout, sales_cmd="python -m stages.sales --anew")
    command = f"mlflow experiments restore --experiment-id {store.experiment.experiment_id}"
    with pytest.raises(BestsellerError, match=command) as told:
        send(checkout)
    assert "\n" not in str(told.value)
    store.client.restore_experiment(store.experiment.experiment_id)
    send(checkout)
    assert len(Store(checkout).parents) == 2


def test_equal_settings_have_equal_hashes_whatever_their_keys_are() -> None:
    assert canonical_hash({"b": 1, "a": [None]}) == canonical_hash({"a": [None], "b": 1})
    assert canonical_hash({1: "x", "a": "y"}) == canonical_hash({"a": "y", 1: "x"})
    assert canonical_hash({1: "x"}) != canonical_hash({2: "x"})
