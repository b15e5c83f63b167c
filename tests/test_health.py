"""What a refresh may not bring, told against the last commit."""

from typing import Any

import pytest

from bestseller.params import Health, load_params
from bestseller.retraining.health import problems
from conftest import REPOSITORY

CATALOGUE = {
    "products": 1000,
    "products_carried_over": 0,
    "products_without_image": 0,
    "images": 1100,
    "lines": 16,
    "rejects": 0,
}
SALES = {
    "rows_in": 10_000,
    "rows_clean": 9_900,
    "rows_quarantined": 100,
    "rows_repeated": 0,
    "units_sold": 12_000,
    "unknown_unit_share": 0.01,
    "return_share": 0.03,
    "last_date": "2022-02-28",
}
Facts = dict[str, dict[str, Any]]


def facts(**changed: Any) -> Facts:
    known = {**CATALOGUE, **SALES}
    assert set(changed) <= set(known)
    return {
        stage: {key: changed.get(key, value) for key, value in of.items()}
        for stage, of in (("catalogue", CATALOGUE), ("sales", SALES))
    }


@pytest.fixture(scope="module")
def limits() -> Health:
    return load_params(REPOSITORY / "params.yaml").retrain.health


@pytest.mark.parametrize(
    "news",
    [
        {},
        {"products": 1080, "images": 1200, "lines": 17, "rows_clean": 10_300, "units_sold": 12_500},
        {"products": 1050, "products_carried_over": 140},  # 910 of 1,000 were found
        {"rows_clean": 9_850, "units_sold": 11_900},  # corrections
        {"last_date": "2022-03-31"},
        {"rejects": 50},  # of 1,050, under 5 in 100
    ],
)
def test_a_month_as_others_is_healthy(limits: Health, news: dict[str, Any]) -> None:
    assert problems(facts(), facts(**news), limits) == []


@pytest.mark.parametrize(
    ("news", "told"),
    [
        (
            {"products": 1000, "products_carried_over": 400},
            "metrics/catalogue.json: products found went from 1,000 to 600 (-40.0%), a loss above "
            "retrain.health.max_lost_share 0.1; mend the shop, or, where this is right, run "
            "`make refresh repro` and commit what it leaves",
        ),
        ({"images": 900}, "photos went from 1,100 to 900 (-18.2%)"),
        ({"lines": 3}, "lines went from 16 to 3"),
        ({"rejects": 80}, "the share of rejects rose from 0.0% to 7.4%"),
        ({"products_without_image": 60}, "products without a photo rose from 0.0% to 6.0%"),
        (
            {"rows_clean": 9_000},
            "metrics/sales.json: rows counted went from 9,900 to 9,000 (-9.1%), a loss above "
            "retrain.health.max_lost_sales_share 0.01; mend the ledger",
        ),
        ({"units_sold": 11_000}, "units sold went from 12,000 to 11,000"),
        ({"units_sold": 30_000}, "to 30,000 (+150.0%), above retrain.health.max_growth 1"),
        ({"rows_quarantined": 700}, "quarantined rows rose from 1.0% to 7.0%"),
        ({"rows_repeated": 5_000}, "repeated rows rose from 0.0% to 50.0%"),
        ({"unknown_unit_share": 0.2}, "units on unknown SKUs rose from 1.0% to 20.0%"),
        ({"return_share": 0.09}, "units returned rose from 3.0% to 9.0%"),
        ({"last_date": "2022-01-31"}, "last day went back from 2022-02-28 to 2022-01-31"),
    ],
)
def test_each_thing_that_is_wrong_is_one_line(
    limits: Health, news: dict[str, Any], told: str
) -> None:
    (problem,) = problems(facts(), facts(**news), limits)
    assert told in problem
    assert "\n" not in problem


def test_everything_that_is_wrong_is_told(limits: Health) -> None:
    broken = facts(products_carried_over=900, units_sold=1, last_date="2020-01-01")
    assert len(problems(facts(), broken, limits)) == 3


def test_without_history_only_nothing_at_all_is_a_problem(limits: Health) -> None:
    assert problems(None, facts(rejects=5000, rows_quarantined=900), limits) == []
    (problem,) = problems(None, facts(units_sold=0), limits)
    assert problem.startswith("metrics/sales.json: no units sold at all; mend the ledger")


def test_facts_that_an_older_commit_does_not_tell_are_not_compared(limits: Health) -> None:
    before = facts()
    del before["sales"]["last_date"], before["catalogue"]["products_carried_over"]
    assert problems(before, facts(last_date="2019-01-01"), limits) == []
    assert problems(before, facts(last_date="2019-01-01", lines=1), limits)
