"""The backtest in time, the baseline of a table, and what both are told as."""

import numpy as np
import pandas as pd
import pytest

from bestseller.preference.launches import Launches, split_by_launch, study_launches
from bestseller.preference.metadata import Metadata, comparable, with_table
from bestseller.preference.sellers import sales_history
from bestseller.preference.study import BASELINES, Pictures, fit_and_test, study
from bestseller.preference.verdict import launch_facts

Market = tuple[Pictures, pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]

START = pd.Timestamp("2023-01-01")
DAYS = 600


def make_market(n: int, seed: int, *, picture: float = 1.0, price: float = 0.0) -> Market:
    """Return pictures, index, units, ledger and prices of n products in two lines.

    A product's log rate is `picture` times its first feature less `price` times its log price;
    products are launched at even steps over the first five sixths of 600 days.
    """
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 6)).astype(np.float32)
    log_price = rng.normal(7, 0.6, n)
    rate = 0.05 * np.exp(picture * features[:, 0] - price * (log_price - 7))
    skus = [f"{i:04d}" for i in range(n)]
    launch = rng.permutation(np.arange(n) * (DAYS * 5 // 6) // n)
    sales = []
    for i in range(n):
        days = launch[i] + np.cumsum(rng.exponential(1 / rate[i], 400)).astype(int)
        days = days[days < DAYS]
        sales.append(pd.DataFrame({"sku": skus[i], "date": days, "units": 1}))
    ledger = pd.concat(sales, ignore_index=True)
    ledger["date"] = START + pd.to_timedelta(ledger["date"], unit="D")
    found = ledger.groupby("sku").agg(units=("units", "sum"), first_date=("date", "min"))
    found["days_on_sale"] = (START + pd.Timedelta(days=DAYS) - found["first_date"]).dt.days
    index = pd.DataFrame(
        {
            "sku": skus,
            "line": np.where(np.arange(n) % 3 == 0, "small", "large"),
            "cluster": np.arange(n),
            "split": np.array(["train", "train", "validation", "train", "test"])[np.arange(n) % 5],
        }
    )
    prices = pd.DataFrame(
        {"sku": skus, "price": np.exp(log_price).round(2).astype(str), "currency": "EUR"}
    )
    colours = rng.uniform(0, 255, (n, 3)).astype(np.float32)
    return Pictures(index, features, colours), index, found.reset_index(), ledger, prices


def history_of(market: Market) -> pd.DataFrame:
    _, index, units, _, prices = market
    return with_table(sales_history(units, index, []), prices)


# --- what a table knows ------------------------------------------------------------------------

TABLE = pd.DataFrame(
    {
        "sku": ["a", "b", "c", "d", "e"],
        "first_sale": pd.to_datetime(
            ["2024-01-01", "2024-03-31", "2024-05-15", "2024-04-01", "2024-01-02"]
        ),
    }
)
PRICES = pd.DataFrame(
    {
        "sku": ["a", "b", "c", "d", "z"],
        "price": ["100.00", "125.00", None, "80", "1"],
        "currency": ["EUR", "EUR", "EUR", "USD", "EUR"],
    }
)


def test_pairs_are_matched_by_season_and_price_by_hand() -> None:
    known = with_table(TABLE, PRICES)
    assert list(known["currency"]) == ["EUR", "EUR", "", "USD", ""]  # no price, no currency
    pairs = comparable(known)
    assert (pairs == pairs.T).all()
    named = {
        a + b for i, a in enumerate("abcde") for j, b in enumerate("abcde") if i < j and pairs[i, j]
    }
    # a, b: 90 days, a quarter dearer. a, c: 135 days. a, d: two currencies. d, e: unknown price.
    assert named == {"ab", "ae", "bc", "be", "cd", "de"}


def test_the_features_of_a_table_by_hand() -> None:
    known = with_table(TABLE, PRICES)
    table = Metadata.fit(known.iloc[:3])
    features = table.features(known)
    half = np.log(1.25) / 2  # the median of 100 and 125 lies between their logarithms
    np.testing.assert_allclose(features[:, 0], [-half, half, 0, 0, 0], atol=1e-6)
    np.testing.assert_allclose(features[:, 1], features[:, 0] ** 2, atol=1e-6)
    assert features[:, 2].tolist() == [1, 1, 0, 1, 0]
    days = (features[:, 3] - features[0, 3]) * 365.25
    np.testing.assert_allclose(days, [0, 90, 135, 91, 1], atol=0.1)
    later = known.assign(first_sale=pd.Timestamp("2030-01-01"))
    assert (table.features(later)[:, 3] == features[2, 3]).all()  # as the last of the fitted ones


def test_prices_that_are_none_are_unknown() -> None:
    prices = PRICES.assign(price=["0", "-3", "free", "", "1"])
    known = with_table(TABLE, prices)
    assert known["log_price"].isna().all() and (known["currency"] == "").all()
    assert np.isfinite(Metadata.fit(known).features(known)).all()


# --- the picture's own worth -------------------------------------------------------------------


@pytest.mark.parametrize(("picture", "price"), [(1.0, 0.0), (0.0, 1.5)])
def test_the_better_of_picture_and_table_is_found(picture: float, price: float) -> None:
    market = make_market(400, 0, picture=picture, price=price)
    _, found = study(market[0], history_of(market), 0.95, 0)
    auc = {name: found.intervals[name, "pair_auc"].value for name in ("score", "metadata")}
    matched = found.intervals["score", "pair_auc_matched"]
    lead = found.leads["metadata", "pair_auc_matched"]
    if picture:
        assert auc["score"] > 0.7 > auc["metadata"]
        assert lead.low > 0 and matched.low > 0.6 and found.beats_baselines()
    else:
        assert auc["metadata"] > 0.7 > auc["score"]
        assert found.best_baseline() == "metadata" and "metadata does" in found.sentence()
        assert matched.covers(0.5) and found.sentence().startswith("WARNING")


# --- launches ----------------------------------------------------------------------------------


def test_only_what_was_known_on_the_day_is_learned() -> None:
    market = make_market(200, 1)
    _, index, units, ledger, _ = market
    history = history_of(market)
    day = "2024-01-31"
    launches = split_by_launch(history, ledger, index, day)
    assert launches.after.isoformat() == day and not launches.problem
    first = units.set_index("sku")["first_date"]
    assert (first[launches.fitted["sku"]] <= day).all() and len(launches.fitted) > 0
    assert set(launches.held_out["sku"]) == set(first.index[first > day])
    for row in launches.fitted.head(20).itertuples():  # counted by hand from the ledger
        sold = ledger[(ledger["sku"] == row.sku) & (ledger["date"] <= day)]
        assert row.units == len(sold) and row.counted == len(sold) - 1
        assert row.days == (pd.Timestamp(day) - sold["date"].min()).days + 1
    later = ledger["date"] > day  # what happens later changes nothing of what was known
    moved = ledger.assign(units=ledger["units"].where(~later, 50))
    again = split_by_launch(history, moved, index, day)
    pd.testing.assert_frame_equal(again.fitted, launches.fitted)


def test_without_a_day_the_last_fifth_of_the_launches_is_tested() -> None:
    market = make_market(200, 1)
    history = history_of(market)
    launches = split_by_launch(history, market[3], market[1], "")
    assert len(launches.held_out) == pytest.approx(0.2 * len(history), abs=2)
    assert (history["first_sale"] > pd.Timestamp(launches.after)).sum() == len(launches.held_out)


def test_a_known_design_in_a_new_listing_is_not_tested() -> None:
    market = make_market(200, 1)
    index, history = market[1], history_of(market)
    day = "2024-01-31"
    later = history.loc[history["first_sale"] > day, "sku"]
    early = history.loc[history["first_sale"] <= day, "cluster"].iloc[0]
    for table in (index, history):
        table.loc[table["sku"] == later.iloc[0], "cluster"] = early
    launches = split_by_launch(history, market[3], index, day)
    assert set(launches.held_out["sku"]) == set(later.iloc[1:])


def test_later_launches_are_ranked_and_the_same_measures_told() -> None:
    market = make_market(400, 2)
    launches = split_by_launch(history_of(market), market[3], market[1], "")
    found = study_launches(market[0], launches, 0.95, 0)
    assert isinstance(found, tuple)
    values = launch_facts(launches, found)
    assert values["launched_beats_baselines"] is True
    assert values["launched_after"] in values["launched_sentence"]
    assert values["launched_pair_auc_low"] > 0.6
    assert values["launched_products_tested"] == len(launches.held_out)
    assert all(f"launched_pair_auc_lead_over_{name}_low" in values for name in BASELINES)


def test_a_score_that_knew_nothing_then_is_warned_about() -> None:
    market = make_market(400, 3, picture=0.0)
    launches = split_by_launch(history_of(market), market[3], market[1], "")
    values = launch_facts(launches, study_launches(market[0], launches, 0.95, 0))
    assert values["launched_beats_baselines"] is False
    assert values["launched_sentence"].startswith(
        "WARNING: Of two designs of one line first sold after"
    )
    assert values["launched_pair_auc_low"] < 0.5 < values["launched_pair_auc_high"]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("2030-01-01", "Of the 0 designs first sold after 2030-01-01"),
        ("2000-01-01", "No line had 5 products that sold until 2000-01-01"),
    ],
)
def test_a_day_that_leaves_too_few_is_told_in_one_sentence(after: str, told: str) -> None:
    market = make_market(60, 4)
    launches = split_by_launch(history_of(market), market[3], market[1], after)
    values = launch_facts(launches, study_launches(market[0], launches, 0.95, 0))
    assert values["launched_sentence"].startswith(f"WARNING: {told}")
    assert values["launched_beats_baselines"] is False
    assert not any("auc" in name for name in values)


def test_too_few_sales_to_learn_from_are_told_in_one_sentence() -> None:
    market = make_market(60, 4)
    history = history_of(market)
    fitted = history.assign(counted=0.0)
    launches = Launches(START.date(), fitted, history)
    found = study_launches(market[0], launches, 0.95, 0)
    assert found == "Too little was sold until 2023-01-01 to learn a ranking from."


def test_a_measure_without_a_pair_is_left_out() -> None:
    market = make_market(120, 5)
    history = history_of(market)
    apart = history.assign(
        first_sale=START + pd.to_timedelta(np.arange(len(history)) * 100, unit="D")
    )
    known, held_out = apart.iloc[:80], apart.iloc[80:].reset_index(drop=True)
    found = fit_and_test(market[0], known.reset_index(drop=True), held_out, confidence=0.95, seed=0)
    values = launch_facts(Launches(START.date(), known, held_out), found)
    assert "launched_pair_auc" in values and "launched_pair_auc_matched" not in values


def test_products_that_all_sold_alike_test_nothing() -> None:
    market = make_market(120, 6)
    history = history_of(market)
    known, held_out = history.iloc[:80], history.iloc[80:].assign(counted=0.0)
    tables = known.reset_index(drop=True), held_out.reset_index(drop=True)
    found = fit_and_test(market[0], *tables, confidence=0.95, seed=0)
    values = launch_facts(Launches(START.date(), *tables), found)
    assert values["launched_sentence"].startswith("WARNING: No two designs of one line")
    assert values["launched_beats_baselines"] is False
    assert not any("pair_auc" in name for name in values)
