"""A folder of pictures as a source, with and without a table."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.sources.picture_folder import Folder, probe_folder, read_folder
from loopback import png

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
