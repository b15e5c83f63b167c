"""Rows of orders: cells that stand once, prices, what came back, corrections."""

from typing import Any

import pandas as pd
import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Product, Variant
from bestseller.sales import designs_by_sku, shared_skus
from ledgers import cleaned, units

ORDERS = (
    "order,state,shop,sku,date,units\n"
    "1,paid,web,MUG-1,2026-01-05,2\n"
    "1,,,TOTE-1,2026-01-05,1\n"
    "2,void,web,MUG-1,2026-01-06,4\n"
    "2,,,FERN-1,2026-01-06,8\n"
    "3,Test Order,web,MUG-1,2026-01-07,16\n"
    "4,paid,web,FERN-1,2026-01-07,32\n"
    "4,void,,FERN-1,2026-01-07,64\n"
    "4,,,FERN-1,2026-01-07,128\n"
)


def test_cells_that_stand_once_per_order_mean_its_lines() -> None:
    own: dict[str, Any] = {
        "columns": {"kind": "state", "channel": "shop"},
        "fill_down": {"order": ["state", "shop"]},
        "values": {"kind": {"PAID": "sale", "void": "drop"}},
        "not_counted": {"state": ["test*"]},
    }
    ledger = cleaned(ORDERS, **own)
    assert units(ledger) == {"MUG-1": 2, "TOTE-1": 1, "FERN-1": 32}
    assert set(ledger.clean["channel"]) == {"web"}
    assert ledger.summary["rows_not_counted"] == 4
    assert ledger.quarantine["row"].tolist() == [9], "an order of two states tells none for a third"
    with pytest.raises(BestsellerError, match=r"no column stat; .*mend sales\.fill_down"):
        cleaned(ORDERS, **own | {"fill_down": {"order": ["stat"]}})
    with pytest.raises(BestsellerError, match=r"no column stat; .*mend sales\.not_counted"):
        cleaned(ORDERS, **own | {"not_counted": {"stat": ["x"]}})
    optional = cleaned(ORDERS, **own | {"not_counted": {"state": ["test*"], "gone?": ["x"]}})
    assert optional.notes == ("the ledger has no column gone: not used",)


def test_an_order_named_in_its_first_row_alone() -> None:
    text = (
        "order,date,sku,units\n1,2026-01-05,MUG-1,2\n,,FERN-1,1\n2,2026-01-09,MUG-1,4\n,,FERN-1,8\n"
    )
    ledger = cleaned(text, fill_down={"order": ["order", "date"]})
    days = ledger.clean.set_index(["sku", "date"])["units"]
    assert days["FERN-1", pd.Timestamp("2026-01-05")] == 1
    assert days["FERN-1", pd.Timestamp("2026-01-09")] == 8


@pytest.mark.parametrize(("of", "revenue"), [("unit", 3 * 10 - 10), ("line", 10 - 5)])
def test_a_price_is_of_one_unit_or_of_the_row(of: str, revenue: float) -> None:
    back = "10" if of == "unit" else "-5"
    ledger = cleaned(
        "sku,date,units,kind,price,currency\n"
        f"MUG-1,2026-01-05,3,sale,10,EUR\nMUG-1,2026-01-05,1,return,{back},EUR\n",
        price_of=of,
    )
    assert ledger.clean["revenue"].sum() == revenue


def test_units_that_came_back_stand_in_the_row() -> None:
    text = "sku,date,units,back,price\nMUG-1,2026-01-05,4,1,20\nMUG-1,2026-01-05,4,,20\n"
    text += "MUG-1,2026-01-05,1,2,20\nMUG-1,2026-01-05,1,x,20\n"
    ledger = cleaned(text, columns={"returned": "back"}, price_of="line")
    assert (ledger.summary["units_sold"], ledger.summary["units_returned"]) == (8, 1)
    assert ledger.clean["revenue"].sum() == 20 * 3 / 4 + 20
    assert ledger.quarantine["reason"].tolist() == [
        "more units returned than sold",
        "returned is no whole number",
    ]


def test_rows_of_one_key_that_differ_in_sku_are_no_corrections() -> None:
    text = (
        "order,sku,date,units,as_of\n"
        "1,MUG-1,2026-01-05,2,2026-01-06\n"
        "1,TOTE-1,2026-01-05,1,2026-01-06\n"
        "1,MUG-1,2026-01-05,4,2026-01-06\n"  # the same product in a second line
        "2,MUG-1,2026-01-06,8,2026-01-06\n"
        "2,MUG-1,2026-01-06,7,2026-01-06\n"  # a correction, as far as anybody can tell
        "3,MUG-1,2026-01-06,16,2026-01-06\n"
        "3,FERN-1,2026-01-06,16,2026-01-07\n"  # known later to be another product
    )
    ledger = cleaned(text, columns={"line_id": "order"})
    assert units(ledger) == {"MUG-1": 2 + 4 + 7, "TOTE-1": 1, "FERN-1": 16}
    assert ledger.summary["rows_of_no_line"] == 3
    assert ledger.summary["rows_replaced"] == 2
    (note,) = ledger.notes
    assert "3 rows" in note and "lines 2 and 3" in note
    assert cleaned(text, columns={"line_id": "order"}, key=["line_id", "sku"]).notes == ()


def test_a_sku_of_two_products_is_told_and_given_to_neither() -> None:
    products = [
        Product(sku=sku, name=sku, url="http://h/", variants=(Variant(sku="S", name="s"),))
        for sku in ("A", "B")
    ]
    assert shared_skus(products) == {"S": ("A", "B")}
    assert designs_by_sku(products) == {"A": "A", "B": "B"}
    text = "sku,date,units\nA,2026-01-05,97\nS,2026-01-05,2\nS,2026-01-06,1\n"
    ledger = cleaned(text, designs_by_sku(products), shared_skus(products))
    assert units(ledger) == {"A": 97}
    assert ledger.quarantine["reason"].tolist() == ["sku is on several products: A, B"] * 2
    assert ledger.summary["units_shared_sku"] == 3
    assert "3 units are on 1 skus that several products share, such as S" in ledger.notes[0]
    with pytest.raises(BestsellerError, match=r"3\.0% of the units .*several products .*S"):
        cleaned(text, designs_by_sku(products), shared_skus(products), max_unknown_share=0.02)
