"""Ready shapes: a small made-up export of each public format, its units and money by hand."""
# ruff: noqa: E501, RUF001, PLR0917 (rows as they are exported, marks of many countries)

from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.params import load_params, preset_names, read_yaml
from conftest import REPOSITORY
from ledgers import DESIGNS, cleaned, units

SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Total,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Cancelled at,Refunded Amount,Id\n"
    "#1,a@x,paid,p,fulfilled,USD,52,60,2026-03-07 22:14:00 -0500,2,Mug,16.00,MUG-1,,0.00,1\n"
    "#1,a@x,,,,,,,2026-03-07 22:14:00 -0500,1,Tote,20.00,TOTE-1,,,\n"
    "#2,b@x,refunded,p,fulfilled,USD,41,41,2026-03-09 09:00:00 -0400,1,Mug L,21.00,MUG-1-L,,41,2\n"
    "#2,b@x,,,,,,,2026-03-09 09:00:00 -0400,1,Fern,20.00,FERN-1,,,\n"
    "#3,c@x,paid,,,USD,16,16,2026-03-12 12:00:00 -0400,1,Mug,16.00,MUG-1,2026-03-12,0.00,3\n"
    "#3,c@x,,,,,,,,3,Fern,20.00,FERN-1,,,\n"
    '#4,d@x,partially_refunded,p,f,USD,32,36,2026-03-20 08:00:00 -0400,2,"Mug, 11""",16.00,'
    "MUG-1,,16.00,4\n"
)
AMAZON = (
    "amazon-order-id\tpurchase-date\torder-status\tsales-channel\tproduct-name\tsku\titem-status\t"
    "quantity\tcurrency\titem-price\n"
    '1\t2026-02-01T08:34:47+00:00\tShipped\tAmazon.com\t"Explorer" mug\tMUG-1\tShipped\t2\tUSD\t36.00\n'
    '2\t2026-02-02T08:34:47+00:00\tShipped\tAmazon.com\t"Fern, 12 in\tFERN-1\tShipped\t1\tUSD\t12.00\n'
    '3\t2026-02-02T08:34:47+00:00\tShipped\tAmazon.com\t"Fern, 24 in\tFERN-1\tShipped\t1\tUSD\t22.00\n'
    "4\t2026-02-06T08:34:47+00:00\tCancelled\tAmazon.com\tMug\tMUG-1\tCancelled\t0\t\t\n"
    "5\t2026-02-06T08:34:47Z\tPending\tAmazon.com\tMug\tMUG-1\t\t1\t\t\n"
)
TRANSACTIONS = (
    '"Includes Amazon Marketplace, Fulfillment by Amazon (FBA) transactions"\n'
    '"All amounts in USD, unless specified"\n"Definitions:"\n"Sales tax: it is"\n"Fees: they are"\n'
    '"Other fees: too"\n"Other: see the ""Type"" and ""Description"" columns"\n'
    '"date/time","settlement id","type","order id","sku","description","quantity","marketplace",'
    '"product sales","total"\n'
    '"Feb 4, 2026 1:05:07 AM PST","1","Order","1","MUG-1","Mug, big","2","amazon.com","1,076.00","1"\n'
    '"Feb 9, 2026 3:00:00 PM PST","1","Refund","1","MUG-1","Mug, big","1","amazon.com","-538.00","1"\n'
    '"Feb 9, 2026 3:00:00 PM PST","1","Service Fee","","","Ads","","","0","1"\n'
    '"Feb 9, 2026 3:00:00 PM PST","1","Transfer","","","To bank","","","0","1"\n'
)
ETSY = (
    "Sale Date,Item Name,Buyer,Quantity,Price,Item Total,Currency,Transaction ID,Listing ID,"
    "Order ID,Variations,Order Type,SKU\n"
    "08/14/25,Fox | Mug,a,2,$5.00,$10.00,USD,4001,9,3001,Style: Matte,online,MUG-1\n"
    '08/14/25,"Fox, fern",a,1,3.00,3.00,USD,4002,9,3001,,online,FERN-1\n'
    "08/14/25,Fox | Mug,a,2,$5.00,$10.00,USD,4001,9,3001,Style: Matte,online,MUG-1\n"
)
SQUARE = (
    "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,"
    "Discounts,Net Sales,Tax,Transaction ID,Payment ID,Device Name,Notes,Details,Event Type,"
    "Location\n"
    '2026-08-15,14:00:00,Eastern Time (US & Canada),C,Mug,2.0,R,MUG-1,,"$1,036.00",$0.00,$1,$1,T1,'
    "P1,i,,,Payment,Fair\n"
    "2026-09-20,09:00:00,Eastern Time (US & Canada),C,Mug,1.0,R,MUG-1,,-$518.00,$0.00,$1,$1,T2,P2,"
    "i,,,Refund,Fair\n"
)
EBAY = (
    "\n"
    '"Sales Record Number","Order Number","Buyer Username","Item Number","Item Title",'
    '"Custom Label","Quantity","Sold For","Total Price","Sale Date","Transaction ID"\n'
    "\n"
    '"101","01-1","ann","27","Mug","MUG-1","2","$18.00","$40.00","Mar-07-26","9"\n'
    '"102","01-2","bob","","","","2","$30.00","$35.00","Mar-08-26",""\n'
    '"102","01-2","bob","28","Fern","FERN-1","1","$12.00","","","10"\n'
    '"102","01-2","bob","29","Tote","TOTE-1","1","$18.00","","","11"\n'
    "\n"
    '"2","record(s) downloaded,"," from ","Mar-07-26"\n'
    '"Seller ID : someone"\n'
)
WOOCOMMERCE = (
    "Order Number,Order Status,Order Date,Customer Note,SKU,Item #,Item Name,Quantity (- Refund),"
    "Item Cost,Coupon Code\n"
    '7,Completed,2026-01-05 10:11,"call\nbefore, please",MUG-1,1,Mug,2,18.00,\n'
    "7,,,,FERN-1,2,Fern,1,12.00,\n"
    "8,Cancelled,2026-01-06 10:11,,MUG-1,1,Mug,5,18.00,\n"
    "9,Processing,2026-01-07 10:11,,TOTE-1,1,Tote,0,20.00,\n"
)
ITEMS = (
    "order_id,order_number,date,status,order_currency,item_id,item_sku,item_quantity,item_total,"
    "item_refunded,item_refunded_qty\n"
    "7,7,2026-01-05 10:11:12,completed,EUR,1,MUG-1,3,54.00,18.00,1\n"
    "7,7,2026-01-05 10:11:12,completed,EUR,2,FERN-1,1,12.00,,\n"
    "8,8,2026-01-06 10:11:12,refunded,EUR,3,MUG-1,5,90.00,90.00,5\n"
)
MAGENTO = (
    "item_id,parent_item_id,sku,created_at,qty_ordered,qty_refunded,price\n"
    "1,,MUG-1,2026-01-05 10:11:12,2.0000,0.0000,18.0000\n"
    "2,1,MUG-1,2026-01-05 10:11:12,2.0000,0.0000,0.0000\n"
    "3,,FERN-1,2026-01-06 09:00:00,3.0000,1.0000,12.0000\n"
)
SAP = (
    "Material;Fakturadatum;Fakt. Menge;Nettowert;Währg\r\n"
    "MUG-1;02.01.2026;1.200,000;15.000,00;EUR\r\nFERN-1;03.01.2026;4,000;80,00;EUR\r\n"
    "FERN-1;09.01.2026;1,000-;20,00-;EUR\r\n"
)

SQUARESPACE = (
    "Order ID,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Amount Refunded,"
    "Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Lineitem variant,"
    "Cancelled at,Channel Name\n"
    "00012,a@x,PAID,p,FULFILLED,EUR,52,0,52,2026-03-07 22:14:00 -0500,2,Mug,16.00,MUG-1,,,Web\n"
    "00012,a@x,,,,,,,,,1,Tote,20.00,TOTE-1,Big,,\n"
    "00013,b@x,REFUNDED,p,FULFILLED,EUR,16,16,0,2026-03-08 22:14:00 -0500,1,Mug,16.00,MUG-1,,,Web\n"
    "00014,b@x,PAID,p,CANCELED,EUR,16,0,0,2026-03-08 22:14:00 -0500,1,Mug,16.00,MUG-1,,2026-03-09,Web\n"
)
VBRP = (
    "VBELN;POSNR;MATNR;FKDAT;FKIMG;NETWR;WAERK;FKSTO\n"
    "9001;10;000000000000116610;20260102;2.000 ;36.00 ;EUR;\n"
    "9001;20;FERN-1;20260102;1200.000 ;2400.00 ;EUR;\n"
    "9002;10;FERN-1;20260103;1.000-;2.00-;EUR;\n"
    "9003;10;FERN-1;20260103;7.000 ;14.00 ;EUR;X\n"
)

# What each export says: units by design, money in all, and the rows that do not count.
EXPORTS: list[tuple[str, str | bytes, dict[str, Any], dict[str, int], float, int]] = [
    ("plain", "sku,date,units\nMUG-1,2026-01-05,3\n", {}, {"MUG-1": 3}, 0.0, 0),
    ("shopify-orders", SHOPIFY, {}, {"MUG-1": 4, "TOTE-1": 1}, 84.0, 4),
    ("amazon-orders", AMAZON, {}, {"MUG-1": 2, "FERN-1": 2}, 70.0, 2),
    ("amazon-transactions", TRANSACTIONS, {}, {"MUG-1": 1}, 538.0, 2),
    ("etsy", ETSY, {}, {"MUG-1": 2, "FERN-1": 1}, 13.0, 0),
    ("square", SQUARE, {}, {"MUG-1": 1}, 518.0, 0),
    ("ebay", EBAY, {}, {"MUG-1": 2, "FERN-1": 1, "TOTE-1": 1}, 0.0, 1),
    ("woocommerce", WOOCOMMERCE, {}, {"MUG-1": 2, "FERN-1": 1, "TOTE-1": 0}, 48.0, 1),
    ("woocommerce-items", ITEMS, {}, {"MUG-1": 2, "FERN-1": 1}, 48.0, 1),
    ("magento", MAGENTO, {}, {"MUG-1": 2, "FERN-1": 2}, 60.0, 1),
    ("sap-billing", SAP, {}, {"MUG-1": 1200, "FERN-1": 3}, 15060.0, 0),
    ("squarespace-orders", SQUARESPACE, {}, {"MUG-1": 2, "TOTE-1": 1}, 52.0, 2),
    ("sap-vbrp", VBRP, {}, {"MUG-1": 2, "FERN-1": 1199}, 2434.0, 1),
    (
        "excel-us",
        'sku,date,units,price\r\nMUG-1,01/05/2026,"1,200","1,000.50"\r\n',
        {},
        {"MUG-1": 1200},
        1200600.0,
        0,
    ),
    (
        "excel-uk",
        'sku,date,units,price\r\nMUG-1,25/01/2026,"1,00,000",£2\r\n'.encode("cp1252"),
        {},
        {"MUG-1": 100_000},
        200_000.0,
        0,
    ),
    (
        "excel-es",
        "artículo;date;units;price\r\nMUG-1;25/01/2026;1.200;1.000,50\r\n".encode("cp1252"),
        {"columns": {"sku": "Artículo"}},
        {"MUG-1": 1200},
        1200600.0,
        0,
    ),
    (
        "excel-de",
        "Artikel;date;units;price\r\nMUG-1;05.01.2026;1.200;9,50\r\n".encode("cp1252"),
        {"columns": {"sku": "Artikel"}},
        {"MUG-1": 1200},
        11400.0,
        0,
    ),
    (
        "excel-fr",
        "\ufeffRéférence;date;units;price\nMUG-1;05/01/2026;1\u202f200;1\u00a0000,50\n",
        {"columns": {"sku": "Référence"}},
        {"MUG-1": 1200},
        1200600.0,
        0,
    ),
    (
        "excel-ch",
        "sku;date;units;price\nMUG-1;05.01.2026;1’200;1'000.50\n".encode("cp1252"),
        {},
        {"MUG-1": 1200},
        1200600.0,
        0,
    ),
]


@pytest.mark.parametrize(
    ("name", "data", "own", "sold", "revenue", "not_counted"), EXPORTS, ids=[e[0] for e in EXPORTS]
)
def test_an_export_is_read_by_its_preset(
    name: str,
    data: str | bytes,
    own: dict[str, Any],
    sold: dict[str, int],
    revenue: float,
    not_counted: int,
) -> None:
    ledger = cleaned(data, DESIGNS | {"116610": "MUG-1"}, preset=name, **own)
    assert units(ledger) == sold
    assert ledger.clean["revenue"].sum() == pytest.approx(revenue)
    assert ledger.summary["rows_not_counted"] == not_counted
    assert ledger.quarantine.empty


def test_every_preset_has_an_export_here_and_says_what_it_was_written_from() -> None:
    assert sorted(name for name, *_ in EXPORTS) == preset_names()
    for name in preset_names():
        text = (REPOSITORY / f"src/bestseller/sales/presets/{name}.yaml").read_text()
        assert text.startswith("# ")


def test_own_settings_stand_over_those_of_a_preset() -> None:
    """Maps key by key; {} is none at all; null is the preset's."""
    later = SHOPIFY.replace("2026-03-07 22:14:00 -0500", "2026-03-07 23:30:00 -0500")
    berlin = cleaned(later, preset="shopify-orders", business_zone="Europe/Berlin")
    assert berlin.clean["date"].min().date().isoformat() == "2026-03-08"
    local = cleaned(later, preset="shopify-orders", business_zone=None)
    assert local.clean["date"].min().date().isoformat() == "2026-03-07"
    kinds = {"kind": {"refunded": "return"}}
    assert units(cleaned(SHOPIFY, preset="shopify-orders", values=kinds)) == {
        "MUG-1": 3,
        "TOTE-1": 1,
        "FERN-1": -1,
    }
    all_rows = cleaned(SHOPIFY, preset="shopify-orders", not_counted={})
    assert all_rows.summary["rows_not_counted"] == 2, "those of #2, by values"


def test_an_unknown_preset_is_answered_with_the_known_ones(tmp_path: Any) -> None:
    text = (REPOSITORY / "params.yaml").read_text().replace("preset: plain", "preset: shopfy")
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(BestsellerError, match=r"sales\.preset: 'shopfy' .*shopify-orders"):
        load_params(tmp_path / "params.yaml")


def test_days_without_quotes_are_days(tmp_path: Any) -> None:
    """YAML reads 2026-01-05 as a date and true as a truth; both are meant as they are written."""
    text = (REPOSITORY / "params.yaml").read_text()
    for old, new in (
        ('  from: ""', "  from: 2026-01-05"),
        ('  until: ""', "  until: 2026-02-01"),
        ("  not_counted:", "  not_counted: {Test: [true, 1]}"),
        ("  empty:", "  empty: {date: 2026-01-06}"),
        ("  values:", "  values: {kind: {1: sale, 2: return}}"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "params.yaml").write_text(text)
    assert str(read_yaml(tmp_path / "params.yaml")["sales"]["from"]) == "2026-01-05"
    sales = load_params(tmp_path / "params.yaml").sales
    assert (sales.from_, sales.until) == ("2026-01-05", "2026-02-01")
    assert sales.not_counted == {"Test": ["true", "1"]}
    assert sales.empty == {"date": "2026-01-06"}
    assert sales.values == {"kind": {"1": "sale", "2": "return"}}
