"""What the admins of Shopify and WooCommerce shops export, as sources."""

from pathlib import Path

import pytest

from bestseller.page.shopify import UNTIED
from bestseller.sources.shopify_export import read_export as read_shopify
from bestseller.sources.woocommerce_export import read_export as read_woocommerce
from loopback import Answer, collected, png
from test_feeds import by_sku, shop_with

SHOPIFY = """Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,\
Option1 Value,Option2 Name,Option2 Value,Variant SKU,Variant Price,Variant Compare At Price,\
Variant Barcode,Image Src,Image Position,Image Alt Text,Variant Image,\
Fabric (product.metafields.custom.fabric),Google Shopping / Gender,Status
hoodie,Hoodie,"<p>Warm,
and ""soft""</p>",Acme,Apparel,Sweaters ,"new, line: Deep",true,Farbe,Rot,Größe,M,H-R-M,49.00,\
60.00,\
'0012345678905,@/red.png,1,,@/red.png,cotton,unisex,active
hoodie,,,,,,,,,Rot,,L,H-R-L,49.00,,,@/red-2.png,2,,@/red.png,,,
hoodie,,,,,,,,,Blau,,M,H-B-M,59.00,,,@/blue.png,3,,@/blue.png,,,
mug,Mug,,Acme,,sweaters,,true,Title,Default Title,,,,9.50,,,@/mug.png,1,,,,,archived
mug,,,,,,,,,,,,,,,,@/blue-2.png,2,,,,,
cap,Cap,,,,,,true,Title,Default Title,,,CAP,5,,,,,,,,,draft
"""


NEW = {
    "Handle": "URL handle",
    "Variant SKU": "SKU",
    "Variant Price": "Price",
    "Variant Compare At Price": "Compare-at price",
    "Variant Barcode": "Barcode",
    "Image Src": "Product image URL",
    "Variant Image": "Variant image URL",
    "Option1 Name": "Option1 name",
}


@pytest.mark.parametrize("renamed", [{}, NEW], ids=["old headers", "new headers"])
def test_the_products_of_a_shopify_store_as_exported(
    tmp_path: Path, renamed: dict[str, str]
) -> None:
    table = SHOPIFY
    for old, new in renamed.items():
        table = table.replace(old, new, 1)
    shop = shop_with({"/red-2.png": Answer(png(8))})
    with shop.serve() as url:
        (tmp_path / "products.csv").write_text(table.replace("@", url), newline="")
        result = collected(tmp_path, "shopify_export", feed="products.csv", url=url, currency="EUR")
    products = by_sku(result.products)
    assert sorted(products) == ["hoodie-Blau", "hoodie-Rot", "mug"]
    red, mug = products["hoodie-Rot"], products["mug"]
    assert [variant.sku for variant in red.variants] == ["H-R-L", "H-R-M"]
    assert (red.price, red.currency, red.gtin) == ("49.00", "EUR", "0012345678905")
    assert (red.url, red.name) == (f"{url}/products/hoodie?variant=H-R-M", "Hoodie, Rot")
    assert [image.url for image in red.images] == [f"{url}/red.png"]
    assert {product.line for product in products.values()} == {"Sweaters"}
    assert red.attributes == {
        "fabric": "cotton",
        "farbe": "Rot",
        "gender": "unisex",
        "product category": "Apparel",
    }
    assert products["hoodie-Blau"].attributes["größe"] == "M"
    assert mug.discontinued and not red.discontinued and len(mug.images) == 2
    assert [(row.url.removeprefix(url), row.reason) for row in result.rejects] == [
        ("/products/cap", "a draft, not on sale"),
        ("/red-2.png", UNTIED),
    ]


WOO = """ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"In stock?",Description,\
"Date sale price starts","Date sale price ends","Sale price","Regular price",Categories,Images,\
Parent,"Attribute 1 name","Attribute 1 value(s)","Attribute 2 name","Attribute 2 value(s)",\
"Meta: fit","Meta: _edit_lock"
10,variable,TEE,,Tee &amp; shirt,1,1,,,,,,"Clothing > Shirts, Sale","@/red.png, @/red-2.png",,\
Couleur,"Rouge, Bleu",Material,Cotton,slim,x
11,variation,TEE-R,4006381333931,"Tee - Rouge",1,1,,,,15.5,20,,@/red.png,TEE,Couleur,Rouge,,,,
12,variation,,,"Tee - Bleu",1,0,,2001-01-01,2001-02-01,15,20,,@/blue.png,id:10,Couleur,Bleu,,,,
20,simple,,,Mug,1,1,,,,,"9,90",Kitchen,@/mug.png,,,,,,,
21,"simple, virtual",GIFT,,Card,0,1,,,,,5,,@/mug.png,,,,,,,
22,grouped,SET,,Set,1,1,,,,,,,@/mug.png,,,,,,,
"""


def test_the_products_of_a_woocommerce_shop_as_exported(tmp_path: Path) -> None:
    shop = shop_with({})
    with shop.serve() as url:
        shop.pages["/export.csv"] = Answer(WOO.replace("@", url).encode())
        result = collected(tmp_path, "woocommerce_export", feed=f"{url}/export.csv")
    products = by_sku(result.products)
    assert sorted(products) == ["20", "TEE-Bleu", "TEE-Rouge"]
    red, blue, mug = products["TEE-Rouge"], products["TEE-Bleu"], products["20"]
    assert [v.sku for v in red.variants] == ["TEE-R"] and [v.sku for v in blue.variants] == ["12"]
    assert (red.price, blue.price, mug.price) == ("15.5", "20", "9.90")
    assert (red.category, red.line, mug.line) == ("Clothing", "Shirts", "Kitchen")
    assert (red.name, red.availability, blue.availability) == (
        "Tee & shirt, Rouge",
        "InStock",
        "OutOfStock",
    )
    assert red.attributes == {"couleur": "Rouge", "fit": "slim", "material": "Cotton"}
    assert mug.variants == () and mug.url == f"{url}/?p=20"
    told = {row.url.removeprefix(url): row.reason for row in result.rejects}
    assert told == {
        "/?p=21": "not published",
        "/?p=22": "a group of other products",
        "/red-2.png": UNTIED,
    }


def test_an_export_in_another_language_is_read_by_its_columns() -> None:
    table = "ID,Typ,Name,Regulärer Preis\n1,simple,Tasse,7\n"
    with pytest.raises(ValueError, match=r"no column 'type'; name it in .*columns"):
        read_woocommerce(table.encode(), "https://h.example", "", {}, [])
    columns = {"Type": "Typ", "Regular price": "Regulärer Preis"}
    (entry,) = read_woocommerce(table.encode(), "https://h.example", "EUR", columns, [])
    assert (entry.designs[0].sku, entry.designs[0].price) == ("1", "7")


def test_options_that_are_named_in_the_settings_tell_colours() -> None:
    table = SHOPIFY.replace("Farbe", "Ausführung").encode()
    counts = [
        len(read_shopify(table, "https://h.example", "vendor", "", further)[0].designs)
        for further in ([], ["ausführung"])
    ]
    assert counts == [1, 2]


def test_a_woocommerce_export_names_what_it_cannot_place() -> None:
    body = (
        "ID,Type,SKU,Name,Regular price,Images,Parent\n"
        '1,simple,M,Mug,12,"https://h.example/w_5,h_5/a.jpg, https://h.example/b.jpg",\n'
        "3,variation,T-B,Tee - Blue,13,,T\n"
    )
    mug, orphan = read_woocommerce(body.encode(), "https://h.example", "USD", {}, [])
    assert [image.url for image in mug.designs[0].images] == [
        "https://h.example/w_5,h_5/a.jpg",
        "https://h.example/b.jpg",
    ]
    assert orphan.designs == () and orphan.problem == "a variation of 'T', which the export lacks"
