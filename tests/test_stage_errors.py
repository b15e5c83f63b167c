"""Every stage answers what a person can mend with one line and status 1, and writes nothing."""

import re
import runpy
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from threadpoolctl import threadpool_limits

from bestseller.images.store import ImageSet
from bestseller.params import load_params
from conftest import REPOSITORY

ITEM = ["vanilla-plain-0"]
ARGUMENTS = {
    "train": ITEM,
    "evaluate": ITEM,
    "profile": ["paper"],
    "generate": ["dcgan-plain-0"],
    "package": ["dcgan-plain-0"],
    "feedback": ["feedback.csv"],
    "parallel": ["2"],
    "plan": ["2"],
    "runs": ["push"],
    "study_item": ["small/dcgan-plain", "0"],
}
SCRIPTS = sorted(path.stem for path in REPOSITORY.glob("stages/[!_]*.py"))
WITHOUT_INPUT_FILES = {
    "check",
    "foresight",
    "refresh",
    "shop",
    "profile",
    "parallel",
    "recover",
    "plan",
    "retrain",
    "rollback",
    "runs",
    "settings",
    "study",
    "study_item",
    "study_report",
}
READ_IMAGES = ["augment", "backbone", "centroid", "train", "classifier"]
PROGRESS = re.compile(r"[\w -]+: \d+(/\d+)? \w+, ")

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in `folder`, compiled code and the crawler's cache left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", ".scratch"} & set(path.parts)
    }


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with params.yaml and nothing else."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str], str]]:
    """Run a stage that must fail; return its one line."""

    def run(stage: str) -> str:
        before = contents(checkout)
        monkeypatch.setattr(sys, "argv", [stage, *ARGUMENTS.get(stage, [])])
        with pytest.raises(SystemExit) as end:
            runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)
        told = capsys.readouterr().err
        assert end.value.code == 1, told
        lines = [line for line in told.splitlines() if line and not PROGRESS.match(line)]
        assert len(lines) == 1, told
        assert lines[0].startswith(f"{stage}: ")
        assert contents(checkout) == before
        return lines[0]

    with threadpool_limits():  # puts back what a stage has set
        yield run
    torch.set_num_threads(1)


Refused = Callable[[str], str]


def change(checkout: Path, old: str, new: str) -> None:
    params = checkout / "params.yaml"
    text = params.read_text()
    assert old in text
    params.write_text(text.replace(old, new))


@pytest.mark.parametrize("stage", SCRIPTS)
def test_malformed_params(stage: str, checkout: Path, refused: Refused) -> None:
    change(checkout, "threads: 2", "threads: two")
    assert "params.yaml: threads: 'two' is not allowed" in refused(stage)


@pytest.mark.parametrize("stage", [name for name in SCRIPTS if name not in WITHOUT_INPUT_FILES])
def test_a_missing_input_is_named_with_the_command_that_makes_it(
    stage: str, refused: Refused
) -> None:
    told = refused(stage)
    assert "not found; run `" in told


def test_a_shop_that_does_not_answer(checkout: Path, refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    change(
        checkout,
        "  source: demo\n  user_agent",
        "  source: site\n  user_agent",
    )
    change(checkout, '    url: ""', f'    url: "http://127.0.0.1:{port}"')
    change(checkout, '  contact: ""', "  contact: me@shop.example")
    change(checkout, "  permission: false", "  permission: true")
    assert str(port) in refused("refresh")


@pytest.mark.parametrize("stage", ["sales", "preprocess"])
def test_an_empty_catalogue(stage: str, checkout: Path, refused: Refused) -> None:
    for path in ("data/raw/catalogue.jsonl", "data/raw/images.zip", "data/source/ledger.json"):
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_bytes(b"")
    assert "data/raw/catalogue.jsonl" in refused(stage)


def write_images(checkout: Path, count: int, lines: list[str]) -> None:
    """Write image sets, sales and a centroid's empty file as the earlier stages would."""
    size = load_params(checkout / "params.yaml").images.size
    rng = np.random.default_rng(0)
    row = np.arange(count)
    index = pd.DataFrame(
        {
            "sku": [f"sku-{i}" for i in row],
            "line": [lines[i % len(lines)] for i in row],
            "category": "Classic",
            "view": "front",
            "sha256": [f"{i:064x}" for i in row],
            "cluster": row,
            "split": [("train", "train", "validation", "test")[i % 4] for i in row],
        }
    )
    images = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    ImageSet(images, index).save(checkout / "data/processed")
    ImageSet(images, index.assign(augmented=False)).save(checkout / "data/augmented")
    (checkout / "data/sales").mkdir()
    units = {"sku": index["sku"], "units": row + 1, "units_per_day": 0.1, "days_on_sale": 10}
    dated = pd.DataFrame(units).assign(first_date=pd.Timestamp("2020-01-01"))
    dated.to_parquet(checkout / "data/sales/units.parquet", index=False)


@pytest.mark.parametrize("stage", READ_IMAGES)
def test_an_empty_image_set(stage: str, checkout: Path, refused: Refused) -> None:
    write_images(checkout, 0, ["Datejust"])
    refused(stage)
