"""Units of each product: shares of a line's sales, the unsold, variants."""

import pandas as pd
import pytest

from bestseller.catalogue.product import Product, Variant
from bestseller.sales import (
    allocate,
    designs_by_sku,
    units_per_product,
    with_lines,
)
from test_sales import clean

LINES = [
    Product(sku="a", name="a", line="A", url="http://h/"),
    Product(
        sku="b",
        name="b",
        line="A",
        url="http://h/",
        variants=tuple(Variant(sku=f"b{n}", name="b") for n in range(3)),
    ),
    Product(sku="c", name="c", line="C", url="http://h/"),
]


@pytest.mark.parametrize(("rule", "units"), [("equal", [5, 5, 0]), ("variants", [2.5, 7.5, 0])])
def test_sales_of_lines_are_shared_by_the_rule(rule: str, units: list[float]) -> None:
    text = "sku,date,units\nA,2022-01-01,8\nA,2022-01-10,2\n"
    ledger = clean(text, {"A": "A", "C": "C"}, level="line", allocation=rule)
    of_lines = units_per_product(ledger.clean, ["A", "C"], ledger.until)
    table = allocate(of_lines, LINES, rule)  # type: ignore[arg-type]
    assert table["sku"].tolist() == ["a", "b", "c"]
    assert table["units"].tolist() == units
    assert table["units_per_day"].tolist() == [count / 10 for count in units]
    assert table["days_on_sale"].tolist() == [10, 10, 0]
    assert with_lines(ledger.clean, LINES)["line"].tolist() == ["A", "A"]


def test_units_per_product_counts_the_unsold_too() -> None:
    ledger = clean(
        "sku,date,units\n01,2022-01-02,4\n01,2022-01-11,2\n02,2022-01-11,3\n02,2022-01-11,-5\n"
    )
    units = units_per_product(ledger.clean, ["02", "01", "new"], ledger.until)
    assert units["sku"].tolist() == ["01", "02", "new"]
    assert units["units"].tolist() == [6, 0, 0]
    assert units["days_on_sale"].tolist() == [10, 0, 0]
    assert units["units_per_day"].tolist() == [0.6, 0.0, 0.0]
    assert units["first_date"].iloc[0] == pd.Timestamp("2022-01-02")
    assert units["first_date"].isna().tolist() == [False, True, True]
    assert units.dtypes.astype(str).tolist()[1:3] == ["int64", "float64"]


def test_variants_are_counted_with_their_design() -> None:
    products = [
        Product(sku="A", name="a", url="http://h/", variants=(Variant(sku="A-S", name="s"),)),
        Product(sku="B", name="b", url="http://h/", variants=(Variant(sku="A", name="odd"),)),
    ]
    assert designs_by_sku(products) == {"A": "A", "A-S": "A", "B": "B"}
