"""No photo is lost or merged because of words and numbers in its file name."""

import json
from typing import Any

import pytest

from bestseller.catalogue.product import Rejected
from bestseller.page.assemble import COUNTED, assemble
from bestseller.page.facts import Picture
from bestseller.page.pictures import gallery
from bestseller.page.shopify import Entry, read_products

ORIGIN = "https://store.example"


def read(named: list[str], title: str = "Thing", **more: Any) -> Entry:
    """Read a Shopify list of one product with these images."""
    product = {
        "id": 1,
        "title": title,
        "handle": "thing",
        "options": [{"name": "Title", "position": 1}],
        "variants": [{"id": 11, "option1": "Default Title", "sku": "T-1", "price": "20.00"}],
        "images": [{"id": n, "position": n, "src": src} for n, src in enumerate(named, 1)],
    }
    body = json.dumps({"products": [product | more]}).encode()
    (entry,) = read_products(body, ORIGIN, "product_type", "")
    return entry


@pytest.mark.parametrize(
    ("title", "images", "front"),
    [
        ("Logo Hoodie", ["logo-hoodie-front.jpg", "logo-hoodie-back.jpg"], 0),
        ("Pixel 8 Case", ["pixel-8-case.jpg"], 0),
        ("Blank Tee", ["blank-tee_white.jpg"], 0),
        ("Chain", ["W1001.jpg", "W1002.jpg", "W1003.jpg"], 0),
        ("Mug", ["h200.jpg", "h300.jpg", "q80.jpg", "size12.jpg"], 0),
        ("Icon", ["icons.png", "loading.png", "placeholder_2.png", "spacer.gif"], 0),
        ("Board", ["/2023/10/board.jpg", "/2024/11/board.jpg"], 0),
        ("Rug", ["/cdn/W1001/a.jpg", "/cdn/W1002/a.jpg"], 0),
        ("Poster", ["poster-30x40.jpg", "poster-50x70.jpg"], 0),
        ("Lego", ["lego-box.jpg", "lego-wrist.jpg"], 0),
        ("Table", ["t-side.jpg", "t.jpg"], 1),
    ],
)
def test_what_the_shops_list_names_is_kept(title: str, images: list[str], front: int) -> None:
    entry = read([f"/{image.lstrip('/')}" for image in images], title)
    (design,) = entry.designs
    assert [image.url for image in design.images] == [
        f"{ORIGIN}/{image.lstrip('/')}" for image in images
    ]
    assert [image.view for image in design.images].index("front") == front
    assert entry.left_out == ()


@pytest.mark.parametrize(
    ("small", "large"),
    [
        ("/a.jpg?w=200", "/a.jpg?w=800"),
        ("/a.jpg?v=1&width=200", "/a.jpg?v=1&width=1200"),
        ("/a.jpg?imwidth=300", "/a.jpg?imwidth=1800"),
        ("/a_200x200.jpg?v=3", "/a_1024x1024.jpg?v=3"),
        ("/a_200x.jpg", "/a_800x.jpg"),
        ("/a-150x150.jpg", "/a-1024x768.jpg"),
        ("/c_fill,w_200/a.jpg", "/c_fill,w_900/a.jpg"),
        ("/cache/100x100/a.jpg", "/cache/600x600/a.jpg"),
        ("/380/374/resize/a.jpg", "/760/748/resize/a.jpg"),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_sizes_of_one_name_are_one_picture_and_a_row(small: str, large: str, swapped: bool) -> None:
    entry = read([large, small] if swapped else [small, large])
    (design,) = entry.designs
    assert [image.url for image in design.images] == [ORIGIN + large]
    row = Rejected("1", ORIGIN + small, f"another size of {ORIGIN}{large}")
    assert entry.left_out == (row,)


def test_every_picture_that_is_left_out_is_a_row() -> None:
    names = ["data:image/gif;base64,R0", "/a.svg", *(f"/{n}.jpg" for n in range(18))]
    found = gallery([Picture(name) for name in names], f"{ORIGIN}/", "Thing")
    assert len(found.images) == 16
    assert found.left_out == (
        ("data:image/gif;base64,R0", "no http or https address"),
        (f"{ORIGIN}/a.svg", "SVG is not an image of pixels: save it as JPEG or PNG"),
        (f"{ORIGIN}/16.jpg", "more than 16 pictures of one product"),
        (f"{ORIGIN}/17.jpg", "more than 16 pictures of one product"),
    )


def test_what_is_left_out_reaches_the_rejects() -> None:
    entry = read(["/a_200x.jpg", "/a_800x.jpg"])
    (design,) = entry.designs
    image = design.images[0].url
    found: dict[str, Any] = {
        "listed": [entry.url],
        "products": {entry.url: [design.model_dump(mode="json")]},
        "stored": {image: ("0" * 64, "0.jpg")},
        "failed": {},
        "forbidden": [],
        "incomplete": [],
        "languages": {},
        "language": "",
        "elsewhere": {},
        "left_out": [list(row) for row in entry.left_out],
        **dict.fromkeys(COUNTED, 0),
    }
    assert assemble(found).rejects == list(entry.left_out)


def test_a_picture_tied_to_no_colour_is_a_row() -> None:
    variants = [
        {"id": n, "option1": colour, "sku": colour, "price": "1"}
        for n, colour in ((11, "red"), (12, "blue"))
    ]
    images = [
        {"id": 1, "position": 1, "src": "/red.jpg", "variant_ids": [11]},
        {"id": 2, "position": 2, "src": "/blue.jpg", "variant_ids": [12]},
        {"id": 3, "position": 3, "src": "/all.jpg"},
    ]
    options = [{"name": "Colour", "position": 1}]
    entry = read([], variants=variants, images=images, options=options)
    assert len(entry.designs) == 2
    ((sku, url, reason),) = entry.left_out
    assert (sku, url) == ("1", f"{ORIGIN}/all.jpg")
    assert reason.startswith("tied to no variant")
