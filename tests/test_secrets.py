"""A planted secret is in no file and no run: MLflow, the outbox, the page's data, what is told."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bestseller.params import Params
from bestseller.tracking import collect, publish
from bestseller.tracking.outbox import Outbox
from bestseller.tracking.secret import HIDDEN, secrets_of, without
from conftest import REPOSITORY, reported

WEBHOOK = "https://hooks.example/services/T0/B0/planted-webhook"
PLANTED: dict[str, Any] = {
    "retrain": {"notify": f"curl --data @- '{WEBHOOK}' --header \"X-A: 'planted header'\""},
    "catalogue": {
        "google_feed": {"feed": "https://me:planted-password@shop.example/feed?format=xml"},
        "site": {"url": "https://shop.example/?access_token=planted-token&page=1"},
    },
    "other": ["plain", {"api_key": "planted-key"}],
}
NEEDLES = ("planted", "hooks.example")


def test_secrets_are_found_in_settings_and_nothing_else() -> None:
    found = secrets_of(PLANTED)
    assert found == {
        PLANTED["retrain"]["notify"],
        "me:planted-password",
        "planted-token",
        "planted-key",
    }
    committed = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    assert secrets_of(committed) == set(), "our own settings hold none"


@pytest.mark.parametrize("width", [20, 80, 10_000])
def test_no_way_of_writing_a_file_shows_a_secret(width: int, tmp_path: Path) -> None:
    yaml = YAML()
    yaml.width = width
    yaml.dump(PLANTED, tmp_path / "a.yaml")
    texts = [(tmp_path / "a.yaml").read_text(), json.dumps(PLANTED)]
    for text in texts:
        hidden = without(text, secrets_of(PLANTED))
        assert not any(needle in hidden for needle in NEEDLES), hidden
        assert HIDDEN in hidden
        assert "shop.example" in hidden


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose settings, and whose lock with them, hold secrets."""
    monkeypatch.chdir(tmp_path)
    YAML().dump({"profile": "test"} | PLANTED, tmp_path / "params.yaml")
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/catalogue.json").write_text('{"products": 3}')
    feed = "catalogue.google_feed"
    locked = {
        "cmd": "python -m stages.scrape",
        "params": {"params.yaml": {feed: PLANTED["catalogue"]["google_feed"]}},
        "outs": [{"path": "metrics/catalogue.json", "hash": "md5", "md5": "a", "size": 15}],
    }
    YAML().dump({"schema": "2.0", "stages": {"scrape": locked}}, tmp_path / "dvc.lock")
    YAML().dump({"stages": {"scrape": {"cmd": "true"}}}, tmp_path / "dvc.yaml")
    page = tmp_path / "data/report/index.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>from https://me:planted-password@shop.example/feed</p>")
    return tmp_path


def holds(path: Path) -> bool:
    return any(needle.encode() in path.read_bytes() for needle in NEEDLES)


def test_no_record_and_no_copy_of_a_file_holds_a_secret(planted: Path) -> None:
    record = collect(planted, [], [])
    Outbox(planted / "outbox").put(record, planted)
    copies = [path for path in (planted / "outbox").rglob("*") if path.is_file()]
    assert {path.name for path in copies} == {
        *("record.json", "params.yaml", "dvc.lock", "index.html")
    }
    assert not [path for path in copies if holds(path)]
    assert holds(planted / "params.yaml"), "what a person wrote stays as it is"
    lock = YAML(typ="safe").load(next(p for p in copies if p.name == "dvc.lock"))
    assert (
        HIDDEN in lock["stages"]["scrape"]["params"]["params.yaml"]["catalogue.google_feed"]["feed"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("source", ["site", "google_feed"])
def test_the_page_and_what_stands_beside_it_hold_no_secret(
    source: str, tmp_path: Path, report_params: Params
) -> None:
    """They are what a person passes on, and what DVC's remote gets."""
    settings = report_params.model_dump(by_alias=True)
    settings["retrain"]["notify"] = PLANTED["retrain"]["notify"]
    settings["catalogue"]["source"] = source
    settings["catalogue"]["site"]["url"] = PLANTED["catalogue"]["site"]["url"]
    settings["catalogue"]["google_feed"]["feed"] = "https://shop.example/feed?token=planted-token"
    reported(tmp_path, Params.model_validate(settings))
    files = [path for path in (tmp_path / "data/report").rglob("*") if path.is_file()]
    assert {"index.html", "engineer.html", "model-card.md"} <= {path.name for path in files}
    assert not [path.name for path in files if holds(path)]


@pytest.mark.slow
def test_mlflow_never_sees_a_secret(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    publish(collect(planted, [], []), planted, wait_s=60)
    with sqlite3.connect(planted / "mlflow.db") as database:
        dump = "\n".join(database.iterdump())
    assert "shop.example" in dump
    assert not any(needle in dump for needle in NEEDLES)
    assert not [p for p in (planted / "mlartifacts").rglob("*") if p.is_file() and holds(p)]
