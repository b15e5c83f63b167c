"""The table of experiments: its width, and that it tells what differs."""

import csv
import io
import json
from pathlib import Path

from stages.experiments import WIDTH, table

METRICS = ["best_model", "blur_lite2", "kid_lite2", "near_copy_rate", "nearest_model", "diversity"]
SHOWN = """\
Experiment,rev,State,blur_lite2,kid_lite2,near_copy_rate,nearest_model,diversity,train.dcgan.lr,seeds
,workspace,,0.544124,0.104753,0.241,blend-plain-0,1.56549,0.0002,[0]
,main,,0.544124,0.104753,0.241,blend-plain-0,1.56549,0.0002,[0]
crimson-lash,ab12,Success,0.3,4.0281,0.01,dcgan-centroid-0,1.2,0.001,[0]
slow-and-very-long-name-of-it,cd34,Queued,,,,,,0.0001,[0]
"""


def test_a_row_tells_the_model_its_numbers_and_what_was_set() -> None:
    rows = list(csv.DictReader(io.StringIO(SHOWN)))
    lines = table(rows, METRICS, ["train.dcgan.lr", "seeds", "threads"])
    assert lines[0].split() == [
        "experiment",
        *["nearest", "model", "blur", "kid", "copies", "diversity"],
    ]
    (row,) = (i for i, line in enumerate(lines) if "crimson-lash" in line)
    assert lines[row].split() == ["crimson-lash", "dcgan-centroid-0", "0.3", "4.028", "0.01", "1.2"]
    assert lines[row + 1].strip() == "train.dcgan.lr=0.001"
    assert lines[-2].split()[1:] == ["Queued", "-", "-", "-", "-"]
    assert not any("seeds" in line for line in lines)


def test_headings_are_whole_words() -> None:
    summary = list(json.loads(Path("metrics/summary.json").read_text()))
    (head,) = table([], summary, [])
    words = head.split()[3:]
    assert words == ["blur", "coverage", "diversity", "kid", "copies", "similar"]


def test_it_fits_whatever_the_values_are() -> None:
    numbers = [f"metric{i}_long" for i in range(6)]
    row = dict.fromkeys(numbers, "-1.23456e-12") | {
        "rev": "x" * 200,
        "nearest_model": "m" * 200,
        "models": "[" + "vanilla-plain, " * 20 + "]",
        "train.dcgan.lr": "1",
    }
    other = row | {"models": "[]", "train.dcgan.lr": "2"}
    lines = table(
        [row, other], ["best_model", "nearest_model", *numbers], ["models", "train.dcgan.lr"]
    )
    assert max(map(len, lines)) <= WIDTH == 100
    assert any("train.dcgan.lr=2" in line for line in lines)
