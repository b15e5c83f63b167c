"""What a run remembers of the one before, what the page says has moved, and why."""

from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.report.changes import changes
from bestseller.report.history import KEPT, read_history, remember, since_last

NO_DESIGN: dict[str, Any] = {"designs": [], "lines": {}}


def health(products: int, **sales: Any) -> dict[str, dict[str, Any]]:
    return {
        "catalogue": {"products": products, "rejects": 3},
        "sales": {"units_net": 100, "unknown_unit_share": 0.01} | sales,
        "preprocess": {"images": 9},
        "classifier": {"accuracy": 0.5},
    }


def test_the_facts_that_differ_are_told() -> None:
    history = remember([], "2022-01-31", health(40), NO_DESIGN)
    assert since_last(history) is None
    history = remember(
        history, "2022-02-28", health(42, unknown_unit_share=0.04, late=7), NO_DESIGN
    )
    table = since_last(history)
    assert table is not None
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["Catalogue", "Products", "40", "42", "5 %"],
        ["Sales", "Unknown unit", "1.0 %", "4.0 %", "300 %"],
        ["Sales", "Late", "\N{EN DASH}", "7", "\N{EN DASH}"],
    ]
    assert "until 2022-02-28 against until 2022-01-31" in table.caption


def test_the_same_run_again_is_remembered_once() -> None:
    """A page built anew compares with the run before, not with itself."""
    history = remember([], "2022-01-31", health(40), NO_DESIGN)
    history = remember(history, "2022-02-28", health(42), NO_DESIGN)
    again = remember(history, "2022-02-28", health(42), NO_DESIGN)
    assert again == history
    table = since_last(again)
    assert table is not None and table.rows
    worse = health(42)
    worse["classifier"]["accuracy"] = 0.1
    same = remember(history, "2022-02-28", worse, NO_DESIGN)
    assert same == history, "a model is no fact from outside"


def test_the_memory_is_bounded_and_read_back(tmp_path: Path) -> None:
    history: list[Any] = read_history(tmp_path / "history.json")
    assert history == []
    for month in range(KEPT + 5):
        history = remember(history, f"day {month}", health(month), NO_DESIGN)
    assert [len(history), history[-1]["until"]] == [KEPT, f"day {KEPT + 4}"]
    write_json(tmp_path / "history.json", history)
    assert read_history(tmp_path / "history.json") == history


@pytest.mark.parametrize("damaged", [{"until": "x"}, [1], [{"until": "x"}]])
def test_a_damaged_memory_is_told_in_one_line(tmp_path: Path, damaged: Any) -> None:
    write_json(tmp_path / "history.json", damaged)
    with pytest.raises(BestsellerError, match=r"history\.json: no history of runs; remove it"):
        read_history(tmp_path / "history.json")


def test_a_memory_of_facts_alone_is_read_and_gives_way_to_one_with_designs(tmp_path: Path) -> None:
    """So it was written before runs remembered their designs."""
    old = remember([], "2022-01-31", health(40), {})
    write_json(tmp_path / "history.json", old)
    read = read_history(tmp_path / "history.json")
    assert [set(entry) for entry in read] == [{"until", "health"}]
    (now,) = remember(read, "2022-01-31", health(40), NO_DESIGN)
    assert set(now) == {"until", "health", "designs", "lines"}
    later = remember(read, "2022-02-28", health(41), NO_DESIGN)
    assert changes(later, 0.95) is None, "what the last run did not remember is not compared"
    assert since_last(later) is not None


def line(score: float | None, similarity: float | None, **own: Any) -> dict[str, Any]:
    """A line whose score and similarity have standard errors of 0.1 (of the log) and 3 points."""
    return {
        "score": score,
        "score_log_se": None if score is None else 0.1,
        "similarity": similarity,
        "similarity_se": None if similarity is None else 3.0,
        "units": 100,
        "designs": 20,
        "weights": {"dcgan-plain-0": "aa"},
    } | own


def run(until: str, designs: dict[str, str], lines: dict[str, Any]) -> dict[str, Any]:
    named = [{"id": key, "line": name, "score": 1.0} for key, name in designs.items()]
    return {"until": until, "health": {}, "designs": named, "lines": lines}


def test_lines_that_moved_beyond_chance_are_told_and_why() -> None:
    """A's score doubles: ln 2 = 0.693 with a standard error of 0.1 sqrt(2) = 0.141, z = 4.9.

    Its similarity falls by 5 points with 4.24, and B's score by a tenth: ties. C loses 20 points.
    """
    retrained = {"dcgan-plain-0": "bb"}
    found = changes(
        [
            run("a", {}, {"A": line(1.0, 50.0), "B": line(2.0, 40.0), "C": line(None, 60.0)}),
            run(
                "b",
                {},
                {
                    "A": line(2.0, 45.0, units=137, weights=retrained),
                    "B": line(1.8, 40.0),
                    "C": line(1.0, 40.0, designs=19),
                    "D": line(9.0, 99.0),
                },
            ),
        ],
        0.95,
    )
    assert found is not None and found.lines is not None
    rows = [[cell.text for cell in row] for row in found.lines.rows]
    # exp(0.693 -+ 1.96 x 0.1414) and -20 -+ 1.96 x 4.243
    assert rows == [
        [
            "A",
            "Score",
            "1.00\N{MULTIPLICATION SIGN}",
            "2.00\N{MULTIPLICATION SIGN}",
            "2.00\N{MULTIPLICATION SIGN}",
            "DCGAN, plain, seed 0 has new weights; 37 units more",
        ],
        ["C", "Similarity", "60.0", "40.0", "\N{MINUS SIGN}20.0", "1 real design fewer"],
    ]
    assert [row[4].note for row in found.lines.rows] == [
        "1.52\N{MULTIPLICATION SIGN} to 2.64\N{MULTIPLICATION SIGN}",
        "\N{MINUS SIGN}28.3 to \N{MINUS SIGN}11.7",
    ]
    assert "Of the scores and similarities of 3 lines, 2 moved by more than chance" in found.summary
    assert found.designs is None


def test_of_many_lines_that_stood_still_few_are_called_a_move() -> None:
    """One of forty differences of two standard errors is chance, and Holm knows."""
    before = {f"L{i}": line(1.0, 50.0) for i in range(20)}
    now = before | {"L3": line(1.0, 50.0 + 2 * 3.0 * 2**0.5)}
    found = changes([run("a", {}, before), run("b", {}, now)], 0.95)
    assert found is not None and found.lines is None
    assert "of 20 lines, none moved" in found.summary


def test_designs_come_and_go_for_reasons_that_are_facts() -> None:
    other = {"pggan-plain-0": "cc"}
    found = changes(
        [
            run("a", {"1": "A", "2": "A", "3": "B", "4": "E"}, {"A": line(1, 1), "B": line(1, 1)}),
            run(
                "b",
                {"1": "A", "5": "A", "6": "B", "7": "D"},
                {"A": line(1, 1), "B": line(1, 1, weights=other), "D": line(1, 1)},
            ),
        ],
        0.95,
    )
    assert found is not None and found.designs is not None
    rows = [[cell.text for cell in row] for row in found.designs.rows]
    assert rows == [
        ["A", "1", "1", "1", "no model, sale or design of its own"],
        [
            "B",
            "1",
            "1",
            "0",
            "designs by PGGAN, plain, seed 0; none by DCGAN, plain, seed 0 any more",
        ],
        ["D", "1", "0", "0", "the line is new"],
        ["E", "0", "1", "0", "the line is gone"],
    ]
    assert [cell.note for cell in found.designs.rows[0][1:3]] == ["5", "2"]
    assert found.summary.startswith("3 of the 4 designs are new, 3 of the last run's are gone.")
