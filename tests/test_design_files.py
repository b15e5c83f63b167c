"""What is written of a design: its id, its record, its picture, the spreadsheet."""
# ruff: noqa: F811 (fixtures)

import csv
import hashlib
import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import cast
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bestseller.base.errors import BestsellerError
from bestseller.designs.candidates import sample
from bestseller.designs.design import SOURCE_TYPE, Choice, Design, design_id
from bestseller.designs.evidence import Naming, evidence
from bestseller.designs.export import defused, read_choice, write_choice, write_spreadsheet
from bestseller.gans import TrainedGenerator
from bestseller.gans.codes import Parent
from bestseller.preference.scorer import Scorer
from toy_designs import WORTH, HalfToTwice, Memory, choose, world  # noqa: F401


def test_an_id_is_a_hash_of_model_line_and_latent() -> None:
    latent = np.array([0.5, -1.25], dtype=np.float32)
    parts = [b"ab12", b"Yacht-Master", struct.pack("<2f", 0.5, -1.25)]
    expected = hashlib.sha256(b"".join(struct.pack("<Q", len(p)) + p for p in parts)).hexdigest()
    assert design_id("ab12", "Yacht-Master", latent) == expected[:12]
    others = {
        design_id("ab13", "Yacht-Master", latent),
        design_id("ab12", "Yacht-Master II", latent),
        design_id("ab12", "Yacht-Master", latent[::-1]),
    }
    assert len(others | {expected[:12]}) == 4


@given(st.text())
def test_no_text_becomes_a_formula(text: str) -> None:
    safe = str(defused(text))
    assert not safe.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d"))
    assert safe in (text, f"'{text}")


def test_numbers_stay_numbers() -> None:
    assert defused(-3) == -3
    assert defused("-3") == "'-3"
    assert defused("\uff1dSUM(A1)") == "'\uff1dSUM(A1)"
    assert defused("A-3") == "A-3"


def test_a_blend_names_its_parents_in_the_record_and_the_spreadsheet(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    memory, scorer = world
    pair = (Parent("S1", "B", 0.4), Parent("S4", "A", 0.6))
    blended = sample([cast(TrainedGenerator, memory)], "A", 2, 3)
    blended = replace(blended, parents=[pair, None])
    features, judged = scorer.judge(blended.images, ["A", "A"])
    expected = HalfToTwice(scorer).judge(features, "A", blended.parents)
    judged = pd.concat([judged.drop(columns="score"), expected], axis=1)
    naming = Naming({"S1": "One"}, {"S4": 17})
    records = [
        evidence(blended, row, judged.iloc[row], scorer, naming)
        | {"rank": row, "seed": 3, "score_worth": WORTH}
        | {"departs": {"line": []}, "best_sellers": []}
        for row in (0, 1)
    ]
    assert records[0]["parents"] == [
        {"sku": "S1", "line": "B", "share": 0.4, "name": "One", "units": 0},
        {"sku": "S4", "line": "A", "share": 0.6, "name": "S4", "units": 17},
    ]
    assert "parents" not in records[1]
    write_spreadsheet(tmp_path / "s.csv", records)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "s.csv").read_text("utf-8-sig"))))
    assert [rows[0][f"parent_1{end}"] for end in ("", "_share", "_units")] == ["S1 One", "0.4", "0"]
    assert [rows[0][f"parent_2{end}"] for end in ("", "_share", "_units")] == ["S4 S4", "0.6", "17"]
    assert rows[1]["parent_1"] == rows[1]["parent_2_units"] == ""


def test_files_come_back_and_are_the_same_bytes(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_choice(tmp_path / name, choose(world))
    one = {p.name: p.read_bytes() for p in (tmp_path / "one").iterdir()}
    two = {p.name: p.read_bytes() for p in (tmp_path / "two").iterdir()}
    assert one == two
    back, choice = read_choice(tmp_path / "one"), choose(world)
    assert [d.record for d in back.designs] == [d.record for d in choice.designs]
    assert all(
        (a.image == b.image).all() for a, b in zip(back.designs, choice.designs, strict=True)
    )
    pd.testing.assert_frame_equal(back.counts, choice.counts, check_like=True)


def test_a_png_says_that_it_is_synthetic_and_where_it_comes_from(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    choice = choose(world)
    write_choice(tmp_path / "designs", choice)
    record = choice.designs[0].record
    with Image.open(tmp_path / "designs" / f"{record['id']}.png") as image:
        text = dict(image.text)  # type: ignore[attr-defined]
    assert text["model_hash"] == "ab" * 32
    assert (text["line"], text["seed"], text["model"]) == ("A", "3", "dcgan-plain-0")
    packet = text["XML:com.adobe.xmp"]
    root = ElementTree.fromstring(packet[packet.index("<x:") : packet.rindex("<?")])
    key = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    assert [e.get(key) for e in root.iter() if e.get(key)] == [SOURCE_TYPE]


def test_the_spreadsheet_holds_every_design_and_no_formula(
    world: tuple[Memory, Scorer], tmp_path: Path
) -> None:
    designs = choose(world).designs
    designs[0].record["best_sellers"][0] |= {"sku": "=1+1", "name": '";x'}
    designs[0].record["training"]["sku"] = "0042"
    write_spreadsheet(tmp_path / "s.csv", [design.record for design in designs])
    data = (tmp_path / "s.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    assert [row["file"] for row in rows] == [f"{d.record['id']}.png" for d in designs]
    assert rows[0]["best_seller_1"] == "'=1+1 \";x"
    assert rows[0]["nearest_training"].startswith("0042 ")  # text: no spreadsheet drops its zeros
    assert [int(rows[1][f"best_seller_{i}_units"]) for i in range(1, 6)] == [
        seller["units"] for seller in designs[1].record["best_sellers"]
    ]
    assert float(rows[0]["score"]) == designs[0].record["score"]
    assert {row["score_worth"] for row in rows} == {WORTH}  # the list says so too


def test_a_missing_part_is_named(tmp_path: Path, world: tuple[Memory, Scorer]) -> None:
    with pytest.raises(BestsellerError, match=r"lines\.json: not found; run `dvc repro shortlist`"):
        read_choice(tmp_path)
    design = choose(world).designs[0]
    write_choice(tmp_path, Choice([Design(design.image, design.record)], pd.DataFrame()))
    (tmp_path / f"{design.record['id']}.png").unlink()
    with pytest.raises(BestsellerError, match=r"\.png: not found"):
        read_choice(tmp_path)
