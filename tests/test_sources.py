"""Where products come from: listing pages, the list of a Shopify store, a folder of pictures."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Variant
from bestseller.demo import DemoShop
from bestseller.page.shopify import read_products
from bestseller.sources.picture_folder import Folder, probe_folder, read_folder
from bestseller.web.crawl import probe_site
from bestseller.web.listing import read_listing
from loopback import ORIGIN, SHOPIFY, Answer, Shop, crawl, page, png, site

HTML = {"Content-Type": "text/html; charset=utf-8"}


def listing(products: list[str], *links: str) -> Answer:
    cards = "".join(f"<a href='/products/{name}'>{name}</a>" for name in products)
    return Answer(f"<html><body>{cards}{''.join(links)}".encode(), headers=HTML)


def test_links_of_a_listing() -> None:
    text = """<head><link rel="next" href="?page=3&sort=new"></head>
    <a href="/products/a#photos">A</a> <a href="products/b?ref=list">B</a>
    <a href="/products/a">A</a>
    <a href="https://other.example/products/c">C</a> <a href="mailto:x@y.example">mail</a>
    <a href="?page=1&sort=new">1</a> <a href="?page=4&sort=new">4</a>
    <a href="?sort=new">first</a>
    <a href="?page=1&sort=price">by price</a> <a href="?page_size=96&sort=new">more</a>
    <a rel="nofollow next" href="/archive/2021">older</a> <a href="/about">about</a>
    <a href="http://[broken">broken</a> <a>no address</a>"""
    products, further = read_listing(text, "https://h.example/w/?page=2&sort=new", "/products/")
    assert products == [
        "https://h.example/products/a",
        "https://h.example/w/products/b?ref=list",
        "https://other.example/products/c",
    ]
    assert further == [
        "https://h.example/w/?page=3&sort=new",
        "https://h.example/w/?page=1&sort=new",
        "https://h.example/w/?page=4&sort=new",
        "https://h.example/w/?sort=new",
        "https://h.example/archive/2021",
    ]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("/watches/page/2", True),
        ("/watches/2/", True),
        ("/watches/page-2", True),
        ("/watches?p=2", True),
        ("/watches?start=48", True),
        ("/watches?start=b", False),
        ("/watches?colour=2", False),
        ("/rings/page/2", False),
    ],
)
def test_pages_of_a_listing_differ_in_their_number_alone(other: str, same: bool) -> None:
    text = f"<a href='{other}'>2</a>"
    assert read_listing(text, "https://h.example/watches", "/products/")[1] == (
        [f"https://h.example{other}"] if same else []
    )


def shop_of(pages: dict[str, Answer]) -> Shop:
    """A shop without robots.txt and sitemap whose products a to f have a page each."""
    products = {f"/products/{name}": page(name, [f"/{name}.png"]) for name in "abcdef"}
    images = {f"/{name}.png": Answer(png(i)) for i, name in enumerate("abcdef")}
    return Shop(products | images | pages)


def test_a_shop_without_a_sitemap(tmp_path: Path) -> None:
    shop = shop_of(
        {
            "/watches": listing(["a"], "<a rel=next href='?page=2'>next</a>", "<a href=/x>x</a>"),
            "/watches?page=2": listing(["a", "b"], "<link rel=next href='/watches?page=3'>"),
            "/watches?page=3": listing(["c"], "<a href='/watches?page=2&sort=price'>sort</a>"),
            "/straps": listing(["c", "d"], "<a href='/straps/page/2'>2</a>"),
            "/straps/page/2": listing(["e"], "<a href='/straps'>1</a>"),
        }
    )
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=("/watches", f"{ORIGIN}/straps"))
        versions = probe_site(site(url, tmp_path, listings=("/watches", "/straps")))
    assert [product.sku for product in result.products] == list("abcde")
    assert all(product.images[0].sha256 for product in result.products)
    assert (result.rejects, result.incomplete) == ([], {})
    asked = {path for path in shop.asked if path.startswith(("/watches", "/straps", "/x"))}
    assert asked == {"/watches", "/watches?page=2", "/watches?page=3", "/straps", "/straps/page/2"}
    assert "/sitemap.xml" not in shop.asked
    assert set(versions) == {f"{ORIGIN}/products/{name}" for name in "abcde"}
    assert all(versions.values())


class Endless(dict[str, Answer]):
    """Pages of a listing without an end."""

    def __init__(self, start: str, products: list[str]) -> None:
        self.start, self.products = start, products

    def get(self, path: str, default: Any = None) -> Any:
        head, _, number = path.partition("?page=")
        if head != self.start:
            return default
        following = f"<a rel=next href='{self.start}?page={int(number or 1) + 1}'>next</a>"
        return listing(self.products, following)


class Layered(dict[str, Answer]):
    """One shop's pages before another's."""

    def __init__(self, *layers: dict[str, Answer]) -> None:
        self.layers = layers

    def get(self, path: str, default: Any = None) -> Any:
        found = (layer.get(path) for layer in self.layers)
        return next((answer for answer in found if answer), default)


def test_a_listing_without_an_end_is_cut_and_said_to_be(tmp_path: Path) -> None:
    shop = shop_of({"/watches": listing(["b", "c"])})
    shop.pages = Layered(shop.pages, Endless("/news", ["a"]), Endless("/days", []))
    starts = ("/news", "/days", "/watches")
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=starts, max_listing_pages=7)
    assert [product.sku for product in result.products] == ["a", "b", "c"]
    (row,) = result.rejects
    assert row.url == f"{ORIGIN}/news"
    assert "more than 7 pages" in row.reason and "catalogue.site.max_listing_pages" in row.reason
    assert result.incomplete == {row.url: row.reason}
    assert len([path for path in shop.asked if path.startswith("/news")]) == 7
    assert [path for path in shop.asked if path.startswith("/days")] == ["/days"]


def test_the_other_pages_of_a_listing_outlive_one_that_fails(tmp_path: Path) -> None:
    numbers = "".join(f"<a href='?page={n}'>{n}</a>" for n in (2, 3, 4))
    shop = shop_of(
        {
            "/watches": listing(["a"], numbers),
            "/watches?page=2": Answer(status=500),
            "/watches?page=3": listing(["b"]),
            "/watches?page=4": Answer(status=404),
        }
    )
    with shop.serve() as url:
        result = crawl(url, tmp_path, listings=("/watches",))
    assert [product.sku for product in result.products] == ["a", "b"]
    assert result.incomplete == {f"{ORIGIN}/watches?page=2": "HTTP 500"}, "a 404 is no page at all"


def test_listings_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with shop_of({}).serve() as url, pytest.raises(BestsellerError) as error:
        crawl(url, tmp_path, listings=("/watches",))
    assert "/watches: HTTP 404" in str(error.value)
    assert "catalogue.site.listings" in str(error.value)


def test_the_embedded_shop_by_its_listings(tmp_path: Path) -> None:
    """The line pages lead to the same products as the sitemaps do."""
    shop = DemoShop(scale=0.03, seed=7, season=1, image_size=128)
    with shop.serve() as url:
        starts = ("/lines/datejust", "/lines/daytona")
        versions = probe_site(site(url, tmp_path, listings=starts))
    assert len(versions) == sum(p.line in ("Datejust", "Daytona") for p in shop.products) > 60


# A Shopify store.

WATCH: dict[str, Any] = {
    "id": 1001,
    "title": "Diver",
    "handle": "diver",
    "body_html": "<p>For <b>depth</b></p>",
    "vendor": "Acme",
    "product_type": "Watches",
    "tags": ["new", "line: Deep Sea"],
    "updated_at": "2024-05-01T10:00:00-04:00",
    "options": [
        {"name": "Size", "position": 1, "values": ["38", "41"]},
        {"name": "Colour", "position": 2, "values": ["Black", "Blue"]},
    ],
    "variants": [
        {"id": 1, "title": "38 / Black", "option1": "38", "option2": "Black", "option3": None}
        | {"sku": "D38-K", "price": "1290.00", "available": False, "barcode": "0012345678905"},
        {"id": 2, "title": "41 / Black", "option1": "41", "option2": "Black", "option3": None}
        | {"sku": "D41-K", "price": "1390.00", "available": True, "barcode": "0012345678912"},
        {"id": 3, "title": "38 / Blue", "option1": "38", "option2": "Blue", "option3": None}
        | {"sku": "D38-B", "price": "1290.00", "available": False}
        | {"featured_image": {"id": 93, "src": "/blue.png"}},
    ],
    "images": [
        {"id": 92, "src": "/black-side.png", "position": 3, "variant_ids": [1, 2]},
        {"id": 91, "src": "/black.png", "position": 2, "variant_ids": [2]},
        {"id": 93, "src": "/blue.png", "position": 4, "variant_ids": []},
        {"id": 90, "src": "/both.png", "position": 1, "variant_ids": []},
    ],
}
STRAP: dict[str, Any] = {
    "id": 1002,
    "title": "Strap",
    "handle": "strap",
    "vendor": "",
    "product_type": "Straps",
    "tags": "sale, line:Leather, line:Other",
    "updated_at": "2024-05-02T10:00:00-04:00",
    "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
    "variants": [
        {"id": 9, "title": "Default Title", "option1": "Default Title", "sku": "", "price": "45"}
    ],
    "images": [{"id": 94, "src": "//cdn.example/strap.png?v=1", "position": 1}],
}


def entries(*products: Any, line: str = "product_type") -> list[Any]:
    body = json.dumps({"products": list(products)}).encode()
    return read_products(body, "https://h.example", line, "EUR")


def test_a_product_with_photos_of_its_colours_is_a_design_for_each() -> None:
    (entry,) = entries(WATCH)
    assert (entry.url, entry.version) == (
        "https://h.example/products/diver",
        "2024-05-01T10:00:00-04:00",
    )
    black, blue = entry.designs
    assert (black.sku, blue.sku) == ("1001-Black", "1001-Blue")
    assert (black.name, black.line, black.brand) == ("Diver, Black", "Watches", "Acme")
    assert (black.price, black.currency) == ("1290.00", "EUR")
    assert (black.availability, blue.availability) == ("InStock", "OutOfStock")
    assert black.variants == (
        Variant(sku="D38-K", name="38 / Black"),
        Variant(sku="D41-K", name="41 / Black"),
    )
    assert blue.variants == (Variant(sku="D38-B", name="38 / Blue"),)
    shown = [(image.url, image.view) for image in black.images]
    assert shown == [
        ("https://h.example/black.png", "front"),
        ("https://h.example/black-side.png", "side"),
    ]
    assert [image.url for image in blue.images] == ["https://h.example/blue.png"]
    assert len({black.url, blue.url, entry.url}) == 3


def test_a_product_without_them_is_one_design() -> None:
    bare = [image | {"variant_ids": []} for image in WATCH["images"]]
    variants = [variant | {"featured_image": None} for variant in WATCH["variants"]]
    (entry,) = entries(WATCH | {"images": bare, "variants": variants})
    (design,) = entry.designs
    assert (design.sku, design.name) == ("1001", "Diver")
    assert [variant.sku for variant in design.variants] == ["D38-K", "D41-K", "D38-B"]
    assert len(design.images) == 4
    assert design.images[0].url == "https://h.example/both.png"


def test_numbers_of_a_store_stay_text() -> None:
    (entry,) = entries(STRAP | {"variants": [{"id": 2**60 + 1, "sku": "007", "price": 12.50}]})
    (design,) = entry.designs
    assert design.price == "12.5", "JSON's own number, as it stands there"
    assert design.variants[0].sku == "007"
    variant = WATCH["variants"][0]
    (entry,) = entries(WATCH | {"variants": [variant]})
    assert entry.designs[0].gtin == "0012345678905"


def test_a_variant_without_sku_is_known_by_its_number() -> None:
    (entry,) = entries(STRAP)
    (design,) = entry.designs
    assert design.variants == (Variant(sku="9", name="Strap"),)
    assert (design.brand, design.availability, design.price) == (None, None, "45")
    assert design.images[0].url == "https://cdn.example/strap.png?v=1"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("product_type", ["Watches", "Straps"]),
        ("vendor", ["Acme", None]),
        ("tag:line:", ["Deep Sea", "Leather"]),
        ("tag:x", [None, None]),
    ],
)
def test_what_a_line_is_in_a_store(line: str, told: list[str | None]) -> None:
    assert [entry.designs[0].line for entry in entries(WATCH, STRAP, line=line)] == told


def test_a_broken_entry_loses_itself_alone() -> None:
    broken = {"id": 5, "title": "x", "handle": "x", "variants": [{"title": "no number"}]}
    found = entries(broken, "text", STRAP, {"handle": "y"})
    assert [len(entry.designs) for entry in found] == [0, 1, 0]
    assert found[0].problem.startswith("no product (variants.0.id:")
    assert [entry.url.rsplit("/", 1)[1] for entry in found] == ["x", "strap", "y"]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"products": {}}', b"\xff", b"[" * 100_000])
def test_what_is_no_product_list_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_products(body, "https://h.example", "vendor", "")


def product_list(number: int, *products: Any, status: int = 200) -> dict[str, Answer]:
    path = f"/products.json?limit=250&page={number}"
    body = json.dumps({"products": list(products)}).encode()
    return {path: Answer(body, status, {"Content-Type": "application/json"})}


def store(*pages: dict[str, Answer], robots: bytes = b"") -> Shop:
    images = {f"/{n}.png": Answer(png(i)) for i, n in enumerate(["black", "black-side", "blue"])}
    shop = Shop(images | {"/robots.txt": Answer(robots)} | product_list(3))
    for answers in pages:
        shop.pages |= answers
    return shop


def test_a_shopify_store(tmp_path: Path) -> None:
    strap = STRAP | {"images": []}
    shop = store(product_list(1, WATCH), product_list(2, strap, WATCH))
    with shop.serve() as url:
        first = crawl(url, tmp_path, spider=SHOPIFY, currency="EUR")
        again = crawl(url, tmp_path, spider=SHOPIFY, currency="EUR")
        versions = probe_site(site(url, tmp_path, spider=SHOPIFY))
    assert [product.sku for product in first.products] == ["1001-Black", "1001-Blue", "1002"]
    digests = [[image.sha256 for image in product.images] for product in first.products]
    assert digests[0] == [hashlib.sha256(png(i)).hexdigest() for i in (0, 1)]
    assert first.products == again.products
    assert again.stats["body_bytes"] == 0 < again.stats["not_modified"]
    assert not [path for path in shop.asked if path.startswith("/products/")]
    assert versions == {
        f"{ORIGIN}/products/diver": WATCH["updated_at"],
        f"{ORIGIN}/products/strap": STRAP["updated_at"],
    }


PAGED = product_list(1, WATCH) | product_list(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pages", "robots", "told"),
    [
        (product_list(1, status=403), b"", "HTTP 403; the store keeps .* catalogue.source: site"),
        (product_list(1, status=404), b"", "HTTP 404; no Shopify store; mend catalogue.shopify"),
        (product_list(1, status=500), b"", "HTTP 500; run again"),
        ({"/products.json?limit=250&page=1": Answer(b"<p>")}, b"", "no JSON .*catalogue.source"),
        (product_list(1), b"", "lists no product; mend catalogue.shopify.url"),
        (product_list(1, WATCH), b"User-agent: *\nDisallow: /products.json", "robots.txt; ask"),
        (PAGED, b"User-agent: *\nDisallow: /products/", "forbid all 1 product pages"),
        (product_list(1, *[WATCH] * 250) | product_list(2, *[WATCH] * 250), b"", "page=2: repeats"),
    ],
)
def test_a_store_that_gives_no_list(
    tmp_path: Path, pages: dict[str, Answer], robots: bytes, told: str
) -> None:
    with (
        store(pages, robots=robots).serve() as url,
        pytest.raises(BestsellerError, match=told) as e,
    ):
        crawl(url, tmp_path, spider=SHOPIFY, setting="catalogue.shopify")
    assert "\n" not in str(e.value)


@pytest.mark.slow
@pytest.mark.parametrize("last", [product_list(101, status=400), product_list(101, STRAP)])
def test_a_store_of_more_products_than_its_list_gives(
    tmp_path: Path, last: dict[str, Answer]
) -> None:
    pages = [product_list(n, STRAP | {"id": n, "handle": f"s{n}"}) for n in range(1, 101)]
    with store(*pages, last).serve() as url, pytest.raises(BestsellerError, match="25,000"):
        probe_site(site(url, tmp_path, spider=SHOPIFY))


# A folder.


def folder_of(tmp_path: Path, files: dict[str, bytes], table: str | None = None) -> Folder:
    for name, data in files.items():
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(data)
    if table is not None:
        (tmp_path / "table.csv").write_text(table)
    return Folder(path="photos", table="" if table is None else "table.csv")


def read(tmp_path: Path, params: Folder, share: float = 0.9) -> Any:
    return read_folder(params, tmp_path, tmp_path / "images", 1.0, share)


def test_a_folder_without_a_table(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(7))
    files = {
        "top.png": png(1),
        "rings/gold/r 1.PNG": png(2),
        "rings/gold/0042.jpg": b"\xff\xd8\xff\xe0" + b"x" * 20,
        "rings/readme.txt": b"hello",
        "rings/empty.png": b"",
        ".hidden/x.png": png(3),
        "rings/.DS_Store": b"x",
        "rings/large.png": png(4) + b"\0" * 2**20,
    }
    params = folder_of(tmp_path, files)
    photos = tmp_path / "photos"
    (photos / "out.png").symlink_to(secret)
    (photos / "outside").symlink_to(tmp_path)
    (photos / "nowhere.png").symlink_to(photos / "none.png")
    (photos / "rings/alias.png").symlink_to(photos / "top.png")
    os.mkfifo(photos / "pipe.png")
    result = read(tmp_path, params)
    told = {product.sku: (product.name, product.line, product.url) for product in result.products}
    assert told == {
        "top": ("top", "all", "top.png"),
        "r 1": ("r 1", "gold", "rings/gold/r 1.PNG"),
        "0042": ("0042", "gold", "rings/gold/0042.jpg"),
        "alias": ("alias", "rings", "rings/alias.png"),
    }
    (image,) = next(p.images for p in result.products if p.sku == "0042")
    digest = hashlib.sha256(files["rings/gold/0042.jpg"]).hexdigest()
    assert (image.file, image.sha256, image.view) == (f"{digest}.jpg", digest, "front")
    assert (tmp_path / "images" / image.file).read_bytes() == files["rings/gold/0042.jpg"]
    assert {row.url: row.reason for row in result.rejects} == {
        "out.png": "refused: it leads out of the folder",
        "outside": "refused: it leads out of the folder",
        "nowhere.png": "no such file",
        "pipe.png": "no file but a folder, a device or the like",
        "rings/readme.txt": "no image",
        "rings/empty.png": "no image",
        "rings/large.png": "larger than catalogue.crawl.max_body_mb allows",
    }
    assert not [path for path in (tmp_path / "images").iterdir() if path.read_bytes() == png(7)]


def test_a_folder_with_a_table(tmp_path: Path) -> None:
    table = (
        "\ufefffile,sku,line,price,view,url\n"
        "a/1.png,007,Diver,1290.50,side,\n"
        'a/2.png,007,"Diver",,,https://h.example/7\n'
        "\n"
        "a/3.png,007,,,,\n"
        "b/4.png,,,,back,\n"
        "../secret.png,9,,,,\n"
        "none.png,10,Diver,,,\n"
    )
    params = folder_of(
        tmp_path,
        {f"{n}.png": png(i) for i, n in enumerate(["a/1", "a/2", "a/3", "b/4", "c"])},
        table,
    )
    (tmp_path / "secret.png").write_bytes(png(9))
    result = read(tmp_path, params, share=0.5)
    products = {product.sku: product for product in result.products}
    seven = products["007"]
    assert (seven.line, seven.price, seven.url) == ("Diver", "1290.50", "https://h.example/7")
    assert [(image.url, image.view) for image in seven.images] == [
        ("a/1.png", "side"),
        ("a/2.png", "front"),
        ("a/3.png", "other"),
    ]
    assert (products["4"].line, products["4"].images[0].view) == ("b", "back")
    assert products["10"].images == ()
    assert set(result.rejects) == {
        ("9", "../secret.png", "refused: it leads out of the folder"),
        ("10", "none.png", "no such file"),
        ("", "c.png", "not in the table"),
    }
    with pytest.raises(BestsellerError, match=r"4 of 6 rows .*none\.png: no such file"):
        read(tmp_path, params, share=0.9)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("file,brands\na.png,x\n", "column 'brands': is 'brand' meant. Known: file, sku, name"),
        ("sku,line\n1,x\n", "no column 'file'"),
        ("file,file\na.png,a.png\n", "a column stands twice"),
        ("file,sku\n", "holds no row"),
        ("", "no column 'file'"),
        ("file,sku\na.png\n", "line 2: 1 cells under 2 columns"),
        ("file,sku\n,1\n", "line 2: file: empty"),
        ("file,view\na.png,top\n", "line 2: view: 'top' is not allowed; one of front, back"),
        ('file,price\na.png,"1.290,00"\n', "line 2: price: '1.290,00' is no number"),
        ("file,sku,line\na.png,1,x\na.png,1,y\n", "line 3: line: 'y', but 'x' in line 2"),
        ('file,sku\na.png,"1\n', "no CSV in UTF-8"),
    ],
)
def test_a_wrong_table_is_answered_with_one_line(tmp_path: Path, table: str, told: str) -> None:
    params = folder_of(tmp_path, {"a.png": png(1)}, table)
    with pytest.raises(BestsellerError, match=told) as error:
        read(tmp_path, params)
    assert str(tmp_path / "table.csv") in str(error.value) and "\n" not in str(error.value)


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(BestsellerError, match=r"catalogue\.folder\.path: empty"):
        read(tmp_path, Folder(path="", table=""))
    with pytest.raises(BestsellerError, match="photos: no folder; mend"):
        read(tmp_path, Folder(path="photos", table=""))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BestsellerError, match="0 of 0 files give a picture"):
        read(tmp_path, Folder(path="empty", table=""))


def test_the_watermark_of_a_folder_follows_its_contents(tmp_path: Path) -> None:
    params = folder_of(tmp_path, {"a.png": png(1), "b.png": png(2)}, "file\na.png\n")
    before = probe_folder(params, tmp_path)
    os.utime(tmp_path / "photos/a.png", (1, 1))
    assert probe_folder(params, tmp_path) == before
    (tmp_path / "photos/a.png").write_bytes(png(3))
    changed = probe_folder(params, tmp_path)
    assert {name for name in before if before[name] != changed[name]} == {"a.png"}
    (tmp_path / "table.csv").write_text("file\nb.png\n")
    assert probe_folder(params, tmp_path) != changed


def test_the_same_folder_gives_the_same_products(tmp_path: Path) -> None:
    params = folder_of(tmp_path, {f"l{n % 2}/{n}.png": png(n) for n in range(8)})
    assert read(tmp_path, params) == read(tmp_path, params)


def test_files_of_one_name_are_numbered_by_their_paths(tmp_path: Path) -> None:
    names = ["a/1.png", "b/1.png", "b/2.png", "c/3.png", "c/3.jpg"]
    files = {name: png(n) for n, name in enumerate(names)}
    params = folder_of(tmp_path, files)
    result = read(tmp_path, params)
    assert {p.sku: (p.line, p.url) for p in result.products} == {
        "a/1": ("a", "a/1.png"),
        "b/1": ("b", "b/1.png"),
        "2": ("b", "b/2.png"),
        "c/3.jpg": ("c", "c/3.jpg"),
        "c/3.png": ("c", "c/3.png"),
    }
    assert result.rejects == []
    table = "file,line\na/1.png,x\nb/1.png,y\n"
    shown = read(tmp_path, folder_of(tmp_path, {}, table)).products
    assert [(p.sku, p.line) for p in shown] == [("a/1", "x"), ("b/1", "y")]


def test_paths_that_a_table_writes_in_its_own_way_and_its_delimiter(tmp_path: Path) -> None:
    """Backslashes, ./, another case, accents as two characters; what is not one file's is told."""
    names = ["a/1", "a/2", "A/Photo", "a/caf\u00e9", "x/Y", "x/y"]
    table = (
        "file;sku;line;note\n"
        ".\\a\\1.png;;Mugs;a, b\n./a/2.png;two;Mugs;\na/photo.PNG;three;Mugs;\n"
        "a/cafe\u0301.png;four;Mugs;\nX/y.png;five;Mugs;\nx/y.png;six;Mugs;\n"
    )
    params = folder_of(tmp_path, {f"{n}.png": png(i) for i, n in enumerate(names)}, table)
    result = read(tmp_path, params, share=0.5)
    shown = {p.sku: [image.url for image in p.images] for p in result.products}
    assert shown == {
        "1": ["a/1.png"],
        "two": ["a/2.png"],
        "three": ["A/Photo.png"],
        "four": ["a/caf\u00e9.png"],
        "five": [],
        "six": ["x/y.png"],
    }
    assert set(result.rejects) == {
        ("five", "X/y.png", "no such file"),
        ("", "x/Y.png", "not in the table"),
    }


def test_further_columns_of_a_table_are_attributes(tmp_path: Path) -> None:
    """What a product's rows tell alike; the header's case and spaces are no matter."""
    table = (
        "File,SKU,Colour,Dial  Size,photographer,Line\n"
        "a.png,1,red,40 mm,Ann,Divers\n"
        "b.png,1,,40 mm,Bob,\n"
        "c.png,2,,,, divers \n"
    )
    files = {f"{name}.png": png(n) for n, name in enumerate("abc")}
    result = read(tmp_path, folder_of(tmp_path, files, table))
    first, second = result.products
    assert first.attributes == {"colour": "red", "dial size": "40 mm"}
    assert second.attributes == {}
    assert (first.line, second.line) == ("Divers", "Divers")
