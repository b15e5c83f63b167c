"""What people say about designs: taken in, kept, read by the next run."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.designs.design import Choice, Design
from bestseller.designs.export import read_choice, write_choice
from bestseller.designs.feedback import Feedback, agreement, blind, take
from bestseller.designs.kept import GONE, LIKE, SAME, follow
from bestseller.report.feedback import feedback_sentence
from fake_outputs import write_outputs


@pytest.fixture
def designs(tmp_path: Path) -> Path:
    write_outputs(tmp_path)
    return tmp_path / "data/designs"


def names(designs: Path) -> list[str]:
    return [f"{design.record['id']}.png" for design in read_choice(designs).designs]


def test_feedback_stays_with_its_picture_when_the_designs_are_gone(
    designs: Path, tmp_path: Path
) -> None:
    kept, rejected, *_ = names(designs)
    file, folder = tmp_path / "saved.csv", tmp_path / "feedback"
    file.write_text(f'file,verdict,note\n{kept},keep,"fine, ""really"""\n{rejected},Reject,=1+1\n')
    take(file, designs, folder)
    picture = next(d.image for d in read_choice(designs).designs if d.record["id"] in rejected)
    scores = {f"{d.record['id']}.png": d.record["score"] for d in read_choice(designs).designs}
    write_choice(designs.parent / "next", Choice([], pd.DataFrame()))

    found = Feedback.read(folder)
    rows = found.table.set_index("file")
    assert rows.loc[kept, "note"] == 'fine, "really"'
    assert rows.loc[rejected, "note"] == "'=1+1"  # a spreadsheet computes nothing
    assert rows["verdict"].to_dict() == {kept: "keep", rejected: "reject"}
    assert rows["score"].to_dict() == {n: scores[n] for n in (kept, rejected)}
    (only,) = found.pictures
    assert (only == picture).all()
    assert found.sized(32).shape == (1, 32, 32, 3)

    file.write_text(f"file;verdict;note\r\n{rejected};keep;\r\n")  # as Excel saves it in Europe
    again = take(file, tmp_path / "data/next", folder)
    assert again.table.set_index("file").loc[rejected, "verdict"] == "keep"
    assert len(again.table) == 2
    assert again.pictures == []
    assert set(again.kept) == {kept, rejected}


def test_the_spreadsheet_itself_can_be_filled_in(designs: Path, tmp_path: Path) -> None:
    table = pd.read_csv(designs / "shortlist.csv", dtype=str, encoding="utf-8-sig")
    table.loc[1, "verdict"] = "reject"
    table.to_csv(tmp_path / "filled.csv", index=False)
    found = take(tmp_path / "filled.csv", designs, tmp_path / "feedback").table
    assert found["file"].tolist() == [table.loc[1, "file"]]


def test_a_missing_file_is_named(designs: Path, tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"none\.csv: not found; save it from the report"):
        take(tmp_path / "none.csv", designs, tmp_path / "feedback")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("verdict\nkeep\n", "no column file"),
        ("file,verdict\n0123456789ab.png,maybe\n", r"line 2: verdict 'maybe'; allowed: keep"),
        ("file,verdict\n../../etc/passwd,keep\n", r"line 2: file '\.\./\.\./etc/passwd' is no"),
        (
            "file,verdict\n{good},keep\n0123456789ab.png,keep\n",
            r"0123456789ab\.png is no design of",
        ),
        (
            f'file,verdict,note\n{{good}},keep,"{"x" * 200_000}"\n',
            r"line \d: no CSV \(field larger",
        ),
    ],
)
def test_unsound_feedback_is_refused_whole(
    designs: Path, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "bad.csv"
    good = names(designs)[0]
    file.write_text(text.format(good=good))
    with pytest.raises(BestsellerError, match=message):
        take(file, designs, tmp_path / "feedback")
    assert not (tmp_path / "feedback").exists()


@pytest.mark.parametrize("damage", ["nan", "-inf"])
def test_a_score_that_is_no_number_is_refused(designs: Path, tmp_path: Path, damage: str) -> None:
    (tmp_path / "saved.csv").write_text(f"file,verdict\n{names(designs)[0]},keep\n")
    take(tmp_path / "saved.csv", designs, tmp_path / "feedback")
    file = tmp_path / "feedback/feedback.csv"
    table = pd.read_csv(file, dtype=str, encoding="utf-8-sig").assign(score=damage)
    table.to_csv(file, index=False)
    with pytest.raises(BestsellerError, match=f"score: {damage} is no finite number"):
        Feedback.read(tmp_path / "feedback")


def test_a_damaged_picture_is_one_line_with_the_mend(designs: Path, tmp_path: Path) -> None:
    name = names(designs)[0]
    (tmp_path / "saved.csv").write_text(f"file,verdict\n{name},reject\n")
    take(tmp_path / "saved.csv", designs, tmp_path / "feedback")
    picture = tmp_path / "feedback" / name
    whole = picture.read_bytes()
    for data in (whole[: len(whole) // 2], b"", b"no picture"):
        picture.write_bytes(data)
        with pytest.raises(BestsellerError, match=rf"{name}: damaged .*make feedback"):
            Feedback.read(tmp_path / "feedback")


def test_a_workbook_that_is_none_is_one_line(designs: Path, tmp_path: Path) -> None:
    for data in (b"", b"PK\3\4", b"no workbook"):
        (tmp_path / "saved.xlsx").write_bytes(data)
        with pytest.raises(BestsellerError, match=r"saved\.xlsx: no workbook of Excel's") as told:
            take(tmp_path / "saved.xlsx", designs, tmp_path / "feedback")
        assert "\n" not in str(told.value)


def test_a_rejected_design_without_its_picture_is_named(designs: Path, tmp_path: Path) -> None:
    rejected = names(designs)[0]
    (tmp_path / "saved.csv").write_text(f"file,verdict\n{rejected},reject\n")
    take(tmp_path / "saved.csv", designs, tmp_path / "feedback")
    (tmp_path / "feedback" / rejected).unlink()
    with pytest.raises(BestsellerError, match=rejected):
        Feedback.read(tmp_path / "feedback")
    assert Feedback.read(tmp_path / "none").table.empty
    assert Feedback().sized(8).shape == (0, 8, 8, 3)


def verdicts(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["line", "verdict", "score"])


def test_agreement_counts_the_pairs_of_one_line_by_hand() -> None:
    table = verdicts(
        ("A", "keep", 3.0),
        ("A", "keep", 1.0),
        ("A", "reject", 2.0),
        ("A", "reject", 1.0),
        ("B", "keep", 0.1),
        ("B", "reject", 9.0),
        ("C", "keep", 5.0),
    )
    found = agreement(table, 0.95)
    assert found is not None
    share, pairs = found
    # A: 3 > 2, 3 > 1, 1 < 2, 1 = 1 gives 2.5 of 4; B: 0 of 1; C has no pair
    assert pairs == 5
    assert share.value == pytest.approx(2.5 / 5)
    assert share.low == pytest.approx(1 - share.high)
    wrong = [(line, *row) for line in "ABC" for row in (("keep", 1.0), ("reject", 2.0))]
    none_right = agreement(verdicts(*wrong, ("A", "keep", 0.5)), 0.95)
    assert none_right is not None
    assert none_right[1] == 4
    # of three pairs without a design in common none is right: the interval ends where
    # (1 - p)^3 = 0.025
    assert none_right[0].high == pytest.approx(1 - 0.025 ** (1 / 3))
    lone = agreement(verdicts(("A", "keep", 1.0), ("A", "reject", 2.0)), 0.95)
    assert lone is not None
    assert lone[0].high == pytest.approx(0.975)  # one pair says next to nothing
    assert agreement(verdicts(("A", "keep", 1.0), ("B", "reject", 2.0)), 0.95) is None


def test_the_page_says_what_was_said() -> None:
    assert feedback_sentence(pd.DataFrame(), 0.95) == ""
    few = verdicts(("A", "keep", 2.0), ("A", "reject", 1.0), ("A", "", 1.0))
    told = feedback_sentence(few, 0.95)
    assert "2 designs so far: 1 kept, 1 rejected" in told
    assert "From 10 on" in told and "times in 100" not in told
    lone = verdicts(*[("A", "keep", 1.0)] * 10)
    assert "nothing says whether" in feedback_sentence(lone, 0.95)
    both = verdicts(*[("A", "keep", 2.0)] * 9, ("A", "reject", 1.0))
    assert "100 times in 100" in feedback_sentence(both, 0.95)
    assert "9 pairs)" in feedback_sentence(both, 0.95)


def test_notes_picks_and_blind_answers_are_kept_without_a_verdict(
    designs: Path, tmp_path: Path
) -> None:
    noted, picked, blinded, silent = names(designs)[:4]
    file, folder = tmp_path / "saved.csv", tmp_path / "feedback"
    head = "file,verdict,note,picked,preferred,taken_for_real\n"
    said = f"{noted},,too dark,,,\n{picked},,,yes,,\n{blinded},,,,Yes,no\n{silent},,,,,\n"
    file.write_text(head + said)
    found = take(file, designs, folder)
    rows = found.table.set_index("file")
    assert set(rows.index) == {noted, picked, blinded}
    assert list(rows.loc[noted, ["verdict", "note"]]) == ["", "too dark"]
    assert set(found.kept) == {picked}
    assert list(rows.loc[blinded, ["preferred", "taken_for_real"]]) == ["yes", "no"]
    share, n = blind(found.table, 0.95)["preferred"]
    assert (share.value, n) == (1.0, 1)
    assert share.low == pytest.approx(0.025)  # of one answer: where p = 0.025

    file.write_text(f"file,verdict\n{noted},keep\n")  # what is said later takes nothing back
    rows = take(file, designs, folder).table.set_index("file")
    assert list(rows.loc[noted, ["verdict", "note"]]) == ["keep", "too dark"]
    assert rows.loc[picked, "picked"] == "yes"


def test_what_became_of_kept_designs_is_told(designs: Path, tmp_path: Path) -> None:
    found = read_choice(designs).designs
    same, like, gone = (d.record["id"] for d in found[:3])
    file = tmp_path / "saved.csv"
    file.write_text(
        "file,verdict,note\n" + "".join(f"{i}.png,keep,n\n" for i in (same, like, gone))
    )
    feedback = take(file, designs, tmp_path / "feedback")

    def first_pixel(images: np.ndarray) -> np.ndarray:
        return images[:, :1, 0, 0].astype(np.float32)

    def grey(value: int, name: str) -> Design:
        image = np.full_like(found[0].image, value)
        return Design(image, found[0].record | {"id": name})

    for name, value in ((f"{same}.png", 10), (f"{like}.png", 100), (f"{gone}.png", 200)):
        feedback.kept[name][...] = value
    today = [grey(12, same), grey(103, "0" * 12)]
    told = {row["file"][:12]: row for row in follow(feedback, today, first_pixel, 5.0)}
    assert {name: row["now"] for name, row in told.items()} == {same: SAME, like: LIKE, gone: GONE}
    assert told[like]["design"] == "0" * 12
    assert told[like]["distance"] == 3.0
    assert told[gone]["distance"] == 97.0
    assert {r["now"] for r in follow(feedback, [], first_pixel, 5.0)} == {GONE}
    assert follow(Feedback(), today, first_pixel, 5.0) == []
