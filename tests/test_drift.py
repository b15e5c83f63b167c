"""What moved in the sales between two windows."""

import numpy as np
import pandas as pd
import pytest

from bestseller.report.drift import drift_table, windows

END = pd.Timestamp("2022-03-01")


def ledger(now: dict[str, int], before: dict[str, int]) -> pd.DataFrame:
    """One row per line in the middle of each window, and a row long before both."""
    rows = [(line, END - pd.Timedelta(days=40), units) for line, units in now.items()]
    rows += [(line, END - pd.Timedelta(days=400), units) for line, units in before.items()]
    rows += [("A", END, 0), ("A", END - pd.Timedelta(days=900), 1000)]
    return pd.DataFrame(rows, columns=["line", "date", "units"])


def test_the_windows_are_the_last_days_and_those_of_a_year_before() -> None:
    found = windows(ledger({"A": 5, "B": -2}, {"A": 7}))
    assert found is not None
    assert (found.first_now, found.last_now) == ("2021-12-02", "2022-03-01")
    assert (found.first_before, found.last_before) == ("2020-12-03", "2021-03-02")
    assert found.now.to_dict() == {"A": 5, "B": 0}  # more returns than sales are no sales
    assert found.before.to_dict() == {"A": 7, "B": 0}


def test_a_line_that_moved_comes_first_and_in_bold() -> None:
    table = drift_table(ledger({"A": 100, "B": 300, "C": 4}, {"A": 200, "B": 190, "C": 6}), 0.95)
    assert table is not None
    assert [row[0].text for row in table.rows] == ["A", "B", "C"]
    change = {row[0].text: row[5] for row in table.rows}
    assert change["A"].text == f"{(100.5 / 404.5) / (200.5 / 396.5):.2f}\N{MULTIPLICATION SIGN}"
    assert [change[line].kind for line in "ABC"] == ["best", "best", ""]
    assert [cell.text for cell in table.rows[0][1:5]] == ["100", "200", "24.8", "50.5"]


def test_a_ledger_that_does_not_reach_back_says_nothing() -> None:
    full = ledger({"A": 5}, {"A": 7})
    assert drift_table(full[full["date"] > END - pd.Timedelta(days=300)], 0.95) is None
    assert drift_table(ledger({"A": 5}, {}), 0.95) is None


@pytest.mark.slow
def test_equal_tastes_are_rarely_called_a_move() -> None:
    rng = np.random.default_rng(0)
    shares = np.array([0.6, 0.3, 0.08, 0.02])
    called = 0
    for _ in range(300):
        now, before = (dict(zip("ABCD", rng.multinomial(500, shares), strict=True)) for _ in "ab")
        table = drift_table(ledger(now, before), 0.95)
        assert table is not None
        called += any(row[5].kind == "best" for row in table.rows)
    assert called / 300 < 0.1
