"""What stays of the last catalogue when a shop no longer sells, forbids or does not answer."""

import hashlib
import json
from pathlib import Path

import pytest

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Image, Product, Variant
from bestseller.catalogue.raw import read_catalogue, write_raw
from bestseller.page.assemble import CrawlResult
from bestseller.sources.carry import (
    FORBIDDEN_NOW,
    LastCatalogue,
    carry_over,
    open_last,
    write_source,
)
from conftest import shell
from loopback import Answer, Shop, page, png, sitemap

HOST = "https://h.example"
SHOP = {"source": "site", "origin": HOST}


def product(sku: str, *variants: str, group: str | None = None, seed: int = 0) -> Product:
    sha256 = hashlib.sha256(png(seed)).hexdigest()
    image = Image(url=f"{HOST}/{sku}.png", view="front", sha256=sha256, file=f"{sha256}.png")
    return Product(
        sku=sku,
        name=sku,
        line="Line",
        category="Line",
        url=f"{HOST}/products/{sku}",
        group=group,
        variants=tuple(Variant(sku=v, name=v) for v in variants),
        images=(image,),
    )


def found(*products: Product, **facts: object) -> CrawlResult:
    return CrawlResult(list(products), [], {}, **facts)  # type: ignore[arg-type]


def saved(folder: Path, *products: Product) -> Path:
    """Write the last catalogue; its pictures are those of all seeds below 4."""
    photos = folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    for seed in range(4):
        (photos / f"{hashlib.sha256(png(seed)).hexdigest()}.png").write_bytes(png(seed))
    write_raw(folder / "raw", products, [], photos)
    write_source(folder / "raw", SHOP, {})
    return folder / "raw"


def carried(tmp_path: Path, result: CrawlResult, *last: Product) -> CrawlResult:
    raw = saved(tmp_path, *last)
    (tmp_path / "images").mkdir()
    return carry_over(result, open_last(raw, SHOP), raw, tmp_path / "images")


def test_what_is_no_longer_listed_is_discontinued_and_keeps_its_pictures(tmp_path: Path) -> None:
    old, new = product("old", seed=1), product("new")
    result = carried(tmp_path, found(new), old, product("new", seed=2))
    assert result.products == [new, old.model_copy(update={"discontinued": True})]
    assert result.carried_over == 1
    assert result.rejects == []
    names = [path.name for path in (tmp_path / "images").iterdir()]
    assert names == [old.images[0].file]
    assert (tmp_path / "images" / names[0]).read_bytes() == png(1)


@pytest.mark.parametrize(
    ("reason", "discontinued"),
    [
        ("HTTP 404", True),
        ("HTTP 410", True),
        ("HTTP 500", False),
        ("no answer (TimeoutError)", False),
        ("no product on the page", False),
    ],
)
def test_only_a_page_that_is_gone_means_discontinued(
    tmp_path: Path, reason: str, discontinued: bool
) -> None:
    old = product("old")
    result = carried(tmp_path, found(product("new"), lost={old.url: reason}), old)
    assert result.products[1] == old.model_copy(update={"discontinued": discontinued})


def test_the_page_of_a_product_is_known_by_the_address_it_was_asked_at(tmp_path: Path) -> None:
    raw = saved(tmp_path, product("old"))
    asked = f"{HOST}/collection/products/old?ref=list"
    write_source(raw, SHOP, {f"{HOST}/products/old": asked})
    last = open_last(raw, SHOP)
    images = tmp_path / "images"
    images.mkdir()
    result = carry_over(found(product("new"), lost={asked: "HTTP 500"}), last, raw, images)
    assert not result.products[1].discontinued
    assert result.pages == last.pages, "for the next time"
    assert asked in last.addresses()


def test_a_list_that_was_not_read_whole_discontinues_nothing(tmp_path: Path) -> None:
    renamed = product("b").model_copy(update={"sku": "b2"})
    cut = {f"{HOST}/watches": "more than 5 pages"}
    result = carried(tmp_path, found(renamed, incomplete=cut), product("a"), product("b"))
    told = {p.sku: p.discontinued for p in result.products}
    assert told == {"a": False, "b": True, "b2": False}, "the page of b was read"


def test_what_is_forbidden_now_goes(tmp_path: Path) -> None:
    first, second, third = product("a", seed=1), product("b", seed=2), product("c", seed=3)
    forbidden = frozenset([first.url, second.url, third.images[0].url])
    lost = {first.url: "opts out of machine learning (noai)"}
    result = carried(
        tmp_path, found(product("n"), forbidden=forbidden, lost=lost), first, second, third
    )
    assert [(p.sku, len(p.images)) for p in result.products] == [("c", 0), ("n", 1)]
    assert result.rejects == [
        ("a", first.url, "opts out of machine learning (noai)"),
        ("b", second.url, FORBIDDEN_NOW),
        ("c", third.images[0].url, FORBIDDEN_NOW),
    ]
    assert not list((tmp_path / "images").iterdir())


def test_variants_that_were_sold_stay_with_their_design(tmp_path: Path) -> None:
    now = product("a", "a-38", "x")
    last = [product("a", "a-36", "a-38"), product("x"), product("y", "x", "y-1")]
    result = carried(tmp_path, found(now), *last)
    a, y = result.products
    assert [variant.sku for variant in a.variants] == ["a-36", "a-38", "x"]
    assert [variant.sku for variant in y.variants] == ["y-1"], "no number stands for two designs"


def test_a_group_of_which_one_page_is_left_is_the_same_design(tmp_path: Path) -> None:
    result = carried(tmp_path, found(product("11", group="G")), product("G", "10", "11", group="G"))
    (design,) = result.products
    assert design.sku == "11"
    assert [variant.sku for variant in design.variants] == ["10", "G"]


def test_nothing_is_carried_over_from_another_shop(tmp_path: Path) -> None:
    raw = saved(tmp_path, product("a"))
    other = open_last(raw, {"source": "demo", "scale": 0.1, "seed": 7, "image_size": 256})
    assert (other.products, other.addresses()) == ([], set())
    assert other.other_shop == f"origin {HOST}, source site"
    (raw / "source.json").unlink()
    assert "source.json" in open_last(raw, SHOP).other_shop
    assert open_last(tmp_path / "none", SHOP) == LastCatalogue()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("catalogue.jsonl", '{"sku": "a"'),
        ("catalogue.jsonl", ""),
        ("source.json", "{"),
        ("source.json", "[]"),
        ("source.json", '{"shop": 1, "pages": {}}'),
        ("images.zip", "PK"),
        ("images.zip", None),
    ],
)
def test_a_damaged_last_catalogue_is_told(tmp_path: Path, name: str, text: str | None) -> None:
    raw = saved(tmp_path, product("a"))
    (tmp_path / "images").mkdir()
    if text is None:
        (raw / name).unlink()
    else:
        (raw / name).write_text(text)
    with pytest.raises(BestsellerError, match="dvc checkout") as error:
        carry_over(found(product("b")), open_last(raw, SHOP), raw, tmp_path / "images")
    assert name in str(error.value) and "\n" not in str(error.value)


def test_a_picture_whose_bytes_changed_is_told(tmp_path: Path) -> None:
    raw = saved(tmp_path, product("a", seed=1))
    archive = raw / "images.zip"
    data = archive.read_bytes()
    other = png(2)
    assert data.count(png(1)) == 1 and len(other) == len(png(1))
    (tmp_path / "photos" / product("a", seed=1).images[0].file).write_bytes(other)
    write_raw(raw, [product("a", seed=1)], [], tmp_path / "photos")
    (tmp_path / "images").mkdir()
    with pytest.raises(BestsellerError, match="is not what it was"):
        carry_over(found(product("b")), open_last(raw, SHOP), raw, tmp_path / "images")


@pytest.mark.slow
def test_the_stage_keeps_what_a_shop_no_longer_sells(code: Path) -> None:
    names = ["gone", "unlisted", "broken", "private", "shy", "stays"]
    shop = Shop({f"/{name}.png": Answer(png(i)) for i, name in enumerate(names)})
    shop.pages |= {f"/products/{name}": page(name, [f"/{name}.png"]) for name in names}
    with shop.serve() as url:
        params = (code / "params.yaml").read_text()
        for old, new in {
            "  source: demo\n  user_agent": "  source: site\n  user_agent",
            '  site:\n    url: ""': f'  site:\n    url: "{url}"',
            "delay_s: 1.0": "delay_s: 0.0",
            "min_found_share: 0.9": "min_found_share: 0.1",
        }.items():
            assert params.count(old) == 1
            params = params.replace(old, new)
        (code / "params.yaml").write_text(params)

        def scrape() -> dict[str, Product]:
            shell("python", "-m", "stages.refresh", cwd=code)
            told.append(shell("python", "-m", "stages.scrape", cwd=code).stdout)
            return {p.sku: p for p in read_catalogue(code / "data/raw/catalogue.jsonl")}

        told: list[str] = []
        shop.pages["/sitemap.xml"] = sitemap([f"/products/{name}" for name in names], url)
        first = scrape()
        shop.pages |= {
            "/robots.txt": Answer(b"User-agent: *\nDisallow: /products/private"),
            "/sitemap.xml": sitemap([f"/products/{n}" for n in names if n != "unlisted"], url),
            "/products/gone": Answer(status=410),
            "/products/broken": Answer(status=500),
            "/products/shy": page("shy", ["/shy.png"], "<meta name=robots content=noai>"),
            "/stays.png": Answer(png(99)),
        }
        second = scrape()
        third = scrape()
    assert sorted(first) == sorted(names)
    assert "0 of them kept" in told[0]
    assert sorted(second) == ["broken", "gone", "stays", "unlisted"]
    assert second["broken"] == first["broken"]
    for name in ("gone", "unlisted"):
        assert second[name] == first[name].model_copy(update={"discontinued": True})
    assert "4 products, 3 of them kept" in told[1]
    assert third == second, "and again"
    rejects = (code / "data/raw/rejects.csv").read_text()
    assert "private,Forbidden by robots.txt" in rejects and "/products/shy,opts out" in rejects
    metrics = json.loads((code / "metrics/catalogue.json").read_text())
    assert (metrics["products_carried_over"], metrics["products_discontinued"]) == (3, 2)

    params = params.replace("  source: site\n", "  source: demo\n").replace("0.18 #", "0.002 #")
    (code / "params.yaml").write_text(params)
    shell("python", "-m", "stages.refresh", cwd=code)
    done = shell("python", "-m", "stages.scrape", cwd=code)
    replaced, *_ = done.stdout.splitlines()
    assert (
        replaced == f"data/raw: the last catalogue was of origin {url}, source site; it is replaced"
    )
    assert not {"gone", "broken"} & {
        p.sku for p in read_catalogue(code / "data/raw/catalogue.jsonl")
    }
