"""What a run remembers of the one before, and what the page says has moved."""

from pathlib import Path
from typing import Any

import pytest

from bestseller.errors import BestsellerError
from bestseller.files import write_json
from bestseller.report.history import KEPT, read_history, remember, since_last


def health(products: int, **sales: Any) -> dict[str, dict[str, Any]]:
    return {
        "catalogue": {"products": products, "rejects": 3},
        "sales": {"units_net": 100, "unknown_unit_share": 0.01} | sales,
        "preprocess": {"images": 9},
        "classifier": {"accuracy": 0.5},
    }


def test_the_facts_that_differ_are_told() -> None:
    history = remember([], "2022-01-31", health(40))
    assert since_last(history) is None
    history = remember(history, "2022-02-28", health(42, unknown_unit_share=0.04, late=7))
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
    history = remember(remember([], "2022-01-31", health(40)), "2022-02-28", health(42))
    again = remember(history, "2022-02-28", health(42))
    assert again == history
    table = since_last(again)
    assert table is not None and table.rows
    worse = health(42)
    worse["classifier"]["accuracy"] = 0.1
    assert remember(history, "2022-02-28", worse) == history, "a model is no fact from outside"


def test_the_memory_is_bounded_and_read_back(tmp_path: Path) -> None:
    history: list[Any] = read_history(tmp_path / "history.json")
    assert history == []
    for month in range(KEPT + 5):
        history = remember(history, f"day {month}", health(month))
    assert [len(history), history[-1]["until"]] == [KEPT, f"day {KEPT + 4}"]
    write_json(tmp_path / "history.json", history)
    assert read_history(tmp_path / "history.json") == history


@pytest.mark.parametrize("damaged", [{"until": "x"}, [1], [{"until": "x"}]])
def test_a_damaged_memory_is_told_in_one_line(tmp_path: Path, damaged: Any) -> None:
    write_json(tmp_path / "history.json", damaged)
    with pytest.raises(BestsellerError, match=r"history\.json: no history of runs; remove it"):
        read_history(tmp_path / "history.json")
