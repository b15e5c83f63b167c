"""What people say about designs: taken in, kept, read by the next run."""

from pathlib import Path

import pandas as pd
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.designs.design import Choice
from bestseller.designs.export import read_choice, write_choice
from bestseller.designs.feedback import Feedback, agreement, take
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
        ("file,verdict\n0123456789ab.png,keep\n", r"0123456789ab\.png is no design of"),
    ],
)
def test_unsound_feedback_is_refused_whole(
    designs: Path, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "bad.csv"
    good = names(designs)[0]
    file.write_text(text)
    with pytest.raises(BestsellerError, match=message):
        take(file, designs, tmp_path / "feedback")
    assert not (tmp_path / "feedback/feedback.csv").exists()
    assert not (tmp_path / "feedback" / good).exists()


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
    lone = feedback_sentence(verdicts(("A", "keep", 1.0)), 0.95)
    assert "1 design so far: 1 kept, 0 rejected" in lone
    assert "nothing says whether" in lone
    both = verdicts(("A", "keep", 2.0), ("A", "reject", 1.0))
    assert "100 times in 100" in feedback_sentence(both, 0.95)
    assert "1 pair)" in feedback_sentence(both, 0.95)
