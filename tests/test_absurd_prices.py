"""A price that no product has is bounded where it comes in, and no later stage meets it."""

import pytest

from bestseller.catalogue.product import MAX_PRICE, Product
from test_sales import clean


@pytest.mark.parametrize(
    ("price", "kept"),
    [
        *((text, text) for text in ("9.50", "0", "1e3", str(MAX_PRICE - 1), None)),
        *((text, None) for text in ("9" * 400, "1e999", "inf", "NaN", "free", "", str(MAX_PRICE))),
        *((text, None) for text in ("-" + "9" * 400, "1e9999999", "-1e9999999", "sNaN")),
    ],
)
def test_a_catalogue_takes_no_absurd_price(price: str | None, kept: str | None) -> None:
    assert Product(sku="a", name="a", url="", price=price).price == kept


def test_a_ledger_puts_an_absurd_price_aside() -> None:
    ledger = clean(
        "sku,date,units,kind,price\n"
        "01,2022-01-05,3,sale,9.50\n"
        f"01,2022-01-05,2,sale,{'9' * 400}\n"
        f"02,2022-01-06,1,sale,{MAX_PRICE}\n"
    )
    reasons = ledger.quarantine["reason"].tolist()
    assert reasons == ["price is no number of at least 0"] * 2
    assert ledger.clean["units"].sum() == 3
