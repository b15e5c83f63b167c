"""The backtest in time, the baseline of a table, and what both are told as."""

import numpy as np
import pandas as pd
import pytest

from bestseller.catalogue.product import Product
from bestseller.classifier.sellers import sales_history
from bestseller.preference.attributes import AttributeTable
from bestseller.preference.launches import Launches, split_by_launch, study_launches
from bestseller.preference.metadata import Metadata, catalogue_table, comparable, with_table
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
    dearer = PRICES.assign(price=PRICES["price"].replace("125.00", "125.01"))
    assert not comparable(with_table(TABLE, dearer))[0, 1], "a cent more than a quarter"


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


# --- what attributes add -----------------------------------------------------------------------


def with_attributes(market: Market, seed: int, fabric: float = 0.0) -> pd.DataFrame:
    """Return the history; each product has a fabric, which may sell, and two idle columns.

    A unit of linen sells exp(fabric) times as fast as one of wool: the sales of the market are
    thinned by the fabric.
    """
    _, index, units, _, prices = market
    rng = np.random.default_rng(seed)
    linen, sold = rng.uniform(size=len(units)) < 0.5, units.copy()
    kept = np.where(linen, 1.0, np.exp(-fabric))
    sold["units"] = 1 + rng.binomial(sold["units"] - 1, kept)
    rows = [
        {"fabric": "Linen " if one else "wool", "length": str(length), "made": "here"}
        for one, length in zip(linen, rng.integers(60, 90, len(units)), strict=True)
    ]
    table = prices.merge(pd.DataFrame({"sku": units["sku"], "attributes": rows}), on="sku")
    return with_table(sales_history(sold, index, []), table)


@pytest.mark.parametrize(("picture", "fabric"), [(0.0, 1.2), (1.0, 0.0), (0.7, 1.2), (0.0, 0.0)])
def test_each_ones_own_share_is_told(picture: float, fabric: float) -> None:
    market = make_market(400, 7, picture=picture)
    history = with_attributes(market, 0, fabric)
    _, found = study(market[0], history, 0.99, 0)
    assert found.attributes == ["fabric", "length", "price"]  # made is alike for all
    adds = {name: found.adds[name, "pair_auc"] for name in ("pictures", "attributes")}
    assert (adds["pictures"].low > 0) == (picture > 0)
    assert (adds["attributes"].low > 0) == (fabric > 0)
    auc = {n: found.intervals[n, "pair_auc"].value for n in ("score", "attributes", "combined")}
    assert adds["pictures"].value == pytest.approx(auc["combined"] - auc["attributes"])
    assert adds["attributes"].value == pytest.approx(auc["combined"] - auc["score"])
    assert auc["combined"] > max(auc["score"], auc["attributes"]) - 0.04
    told = found.attributes_sentence()
    assert "(fabric, length, price)" in told and "\n" not in told
    assert told.count("which may be chance") == (picture == 0) + (fabric == 0)


def test_the_shares_are_told_as_metrics() -> None:
    market = make_market(400, 2)
    launches = split_by_launch(with_attributes(market, 0), market[3], market[1], "")
    values = launch_facts(launches, study_launches(market[0], launches, 0.95, 0))
    assert values["launched_attributes"] == "fabric, length, price"
    assert values["launched_pair_auc_added_by_pictures_low"] > 0
    assert values["launched_after"] in values["launched_attributes_sentence"]
    bare = history_of(market).assign(log_price=np.nan)
    values = launch_facts(
        launches,
        study_launches(market[0], split_by_launch(bare, market[3], market[1], ""), 0.95, 0),
    )
    assert not any("attributes" in name or "combined" in name for name in values)


def test_columns_of_a_table_by_hand() -> None:
    rows = [
        {"colour": "Red", "size": 40, "name": f"n{i}", "weight": i, "brand": None} for i in range(9)
    ]
    rows[0] = {"colour": " dark  red", "size": "40", "name": "x", "brand": None}
    rows[1]["colour"] = None
    products = pd.DataFrame({"log_price": np.nan, "attributes": rows})
    table = AttributeTable.fit(products)
    assert table.names == ["colour", "weight"]  # a size for all, names for each, no brand
    features = table.features(products)
    assert features.dtype == np.float32 and features.shape == (9, 4)
    assert features[:, 0].tolist() == [0, 0] + [1] * 7  # red; what is rare or missing beside it
    assert (features[:, 0] + features[:, 1] == 1).all()
    scaled = (np.arange(1, 9) - 4.5) / np.std(np.arange(1, 9))
    np.testing.assert_allclose(features[1:, 2], scaled, rtol=1e-6)
    assert features[0, 2:].tolist() == [0, 1]  # a weight that is missing
    new = pd.DataFrame({"log_price": [1.0], "attributes": [{"colour": "teal", "weight": "1e9"}]})
    assert table.features(new)[0].tolist() == pytest.approx([0, 1, scaled[-1], 0])


def test_a_catalogue_tells_price_brand_category_and_what_else_it_has() -> None:
    products = [
        Product(sku="a", name="a", url="", price="9.50", currency="EUR", brand="B"),
        Product(sku="b", name="b", url=""),
    ]
    table = with_table(TABLE, catalogue_table(products))
    assert table["attributes"].iloc[0] == {"brand": "B", "category": None}
    assert table["attributes"].iloc[2] == {}  # not in the catalogue
    assert np.exp(table["log_price"].iloc[0]) == pytest.approx(9.5)
