"""The embedded shop: its numbers, its truth, its photos, and how it answers over HTTP."""

import gzip
import http.client
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler

from bestseller.demo import AWKWARD, EXTRAS, DemoShop, Product
from bestseller.demo.lines import LINES
from bestseller.demo.pages import product_path
from bestseller.demo.render import render
from bestseller.demo.taste import utility
from bestseller.demo.world import last_day

# line: kinds, units of the reference catalogue, written out a second time
TABLE = {
    "Datejust": (2563, 22901),
    "Lady-Datejust": (1721, 11350),
    "Day-Date": (897, 822),
    "Oyster Perpetual": (29, 908),
    "Sky-Dweller": (76, 721),
    "Cellini": (13, 102),
    "Daytona": (123, 304),
    "GMT-Master II": (54, 671),
    "Submariner": (15, 809),
    "Yacht-Master": (12, 203),
    "Yacht-Master II": (5, 304),
    "Explorer": (2, 101),
    "Explorer II": (2, 107),
    "Sea-Dweller": (2, 121),
    "Deepsea": (1, 89),
    "Air-King": (1, 73),
}
CLASSIC = list(TABLE)[:6]


@cache
def shop(scale: float, season: int = 1) -> DemoShop:
    return DemoShop(scale, seed=7, season=season, image_size=128)


def net_by_line(of: DemoShop) -> pd.Series:
    """Return the net units by line, with the sizes' SKUs joined to their design's."""
    ledger = of.ledger()
    line = {sku: p.line for p in of.products for sku in (p.variants or (p.sku,))}
    signed = ledger["units"].where(ledger["kind"] == "sale", -ledger["units"])
    return signed.groupby(ledger["sku"].map(line)).sum()


def with_role(of: DemoShop, role: str) -> Product:
    return next(p for p in [*of.products, *of.extras] if p.role == role)


def test_full_scale_has_the_kinds_and_units_of_the_reference_catalogue() -> None:
    full = shop(1.0)
    kinds = pd.Series([p.line for p in full.products]).value_counts()
    assert len(full.products) == 5516
    assert kinds.to_dict() == {line: kinds for line, (kinds, _) in TABLE.items()}
    assert net_by_line(full).to_dict() == {line: units for line, (_, units) in TABLE.items()}
    assert {p.line for p in full.products if p.category == "Classic"} == set(CLASSIC)
    assert {p.category for p in full.products} == {"Classic", "Professional"}


@pytest.mark.parametrize("scale", [0.18, 0.002, 1e-6])
def test_smaller_scales_keep_every_line_and_the_proportions(scale: float) -> None:
    small = shop(scale)
    kinds = pd.Series([p.line for p in small.products]).value_counts()
    net = net_by_line(small)
    for line, (all_kinds, all_units) in TABLE.items():
        assert kinds[line] >= 1 and abs(kinds[line] - all_kinds * scale) <= 1
        assert net[line] >= 1 and abs(net[line] - all_units * scale) <= 3
    assert {p.role for p in small.products} == {"", *AWKWARD}


def test_designs_of_a_line_are_distinct_and_a_smaller_shop_shows_the_first_of_them() -> None:
    full, small = shop(1.0), shop(0.18)
    assert len({(p.line, p.watch) for p in full.products}) == 5516
    by_sku = {p.sku: p for p in full.products}
    assert all(by_sku[p.sku] == p for p in small.products)
    assert len({p.sku for p in [*full.products, *full.extras]}) == 5516 + len(EXTRAS)


def test_ledger_respects_launches_the_window_and_the_withdrawal() -> None:
    of = shop(1.0)
    ledger = of.ledger()
    product = {sku: p for p in of.products for sku in (p.variants or (p.sku,))}
    launch = ledger["sku"].map({sku: p.launch.isoformat() for sku, p in product.items()})
    assert (ledger["date"] >= launch).all()
    assert ledger["date"].min() == "2019-04-05" and ledger["date"].max() <= "2022-03-01"
    assert not ledger.duplicated(["sku", "date", "kind"]).any() and (ledger["units"] > 0).all()
    gone = with_role(of, "discontinued")
    assert (
        ledger[(ledger["sku"] == gone.sku) & (ledger["kind"] == "sale")]["date"].max() < "2021-10"
    )
    sold = ledger.pivot_table(index="sku", columns="kind", values="units", aggfunc="sum").fillna(0)
    assert (sold["sale"] >= sold["return"]).all() and 0.02 < sold["return"].sum() / 40000 < 0.04
    late = [p for p in of.products if p.launch.year >= 2021]
    assert len(late) > 500  # enough new products to test a forecast on


def test_sales_of_grouped_designs_carry_the_sizes_numbers() -> None:
    of = shop(0.18)
    sold = set(of.ledger()["sku"])
    for role in ("variants", "graph"):
        design = with_role(of, role)
        assert len(design.variants) == 3 and design.sku not in sold
        assert sold & set(design.variants)


def test_best_sellers_follow_the_hidden_taste() -> None:
    of = shop(1.0)
    ledger = of.ledger()
    signed = ledger["units"].where(ledger["kind"] == "sale", -ledger["units"])
    net = signed.groupby(ledger["sku"]).sum()
    expected = of.expected_units().set_index("sku")
    for line, (_, units) in TABLE.items():
        total = expected.loc[expected["line"] == line, "expected_units"].sum()
        assert total == pytest.approx(units)
    for line in ("Datejust", "Oyster Perpetual", "GMT-Master II"):
        members = [p for p in of.products if p.line == line and not p.variants]
        from_start = [p for p in members if p.launch.isoformat() == "2019-04-05"]
        taste = np.array([utility(p.watch) for p in from_start])
        units_sold = np.array([net.get(p.sku, 0) for p in from_start])
        assert spearmanr(taste, units_sold).statistic > 0.7
        truth = expected.loc[[p.sku for p in members], "expected_units"]
        assert spearmanr(truth, [net.get(p.sku, 0) for p in members]).statistic > 0.7
    appeal = np.exp(np.sort([utility(p.watch) for p in of.products if p.line == "Datejust"]))
    assert 3 < appeal[-256:].mean() / np.median(appeal) < 6


def test_same_settings_same_shop_and_another_seed_another() -> None:
    def everything(of: DemoShop) -> list[tuple[str, str, bytes]]:
        paths = ["/", "/sitemap.xml", "/sitemaps/classic.xml.gz", "/export/ledger.csv"]
        for product in [*of.products[:12], *of.extras]:
            paths += [product_path(product), f"/images/{product.sku}-front.{product.suffix}"]
        found = [of.resource(path, "http://shop") for path in paths]
        assert all(found)
        return [(path, r.etag, r.body()) for path, r in zip(paths, found, strict=True) if r]

    assert everything(DemoShop(0.002, 7)) == everything(DemoShop(0.002, 7))
    assert DemoShop(0.002, 8).products != DemoShop(0.002, 7).products
    assert not DemoShop(0.002, 8).ledger().equals(DemoShop(0.002, 7).ledger())


@pytest.mark.parametrize("season", [2, 3])
def test_a_later_season_only_appends_and_changes_one_page(season: int) -> None:
    before, after = shop(0.1, season - 1), shop(0.1, season)
    old, new = before.ledger(), after.ledger()
    pd.testing.assert_frame_equal(new.iloc[: len(old)], old)
    later = new.iloc[len(old) :]
    assert later["date"].min() > last_day(season - 1).isoformat()
    assert later["date"].max() <= last_day(season).isoformat()

    added = {p.sku for p in after.products} - {p.sku for p in before.products}
    assert len(added) == max(1, round(0.03 * len(shop(0.1).products)))
    assert added & set(later["sku"])
    changed = []
    for product in [*before.products, *before.extras]:
        for path in (product_path(product), f"/images/{product.sku}-front.{product.suffix}"):
            first, second = before.resource(path, ""), after.resource(path, "")
            assert first and second
            changed += [path] if first.etag != second.etag else []
    assert len(changed) == 1 and changed[0].startswith("/products/")


def test_a_season_without_new_products_in_a_line_of_one_still_has_its_sales() -> None:
    tiny = DemoShop(1e-6, 7, season=3)
    later = tiny.ledger().query("date > '2022-03-01'")
    withdrawn = with_role(tiny, "discontinued")
    assert later["sku"].str[:2].nunique() == len(LINES) - 1  # all lines but the withdrawn one
    assert withdrawn.sku not in set(later.query("kind == 'sale'")["sku"])


def _photos(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `count` photos a line at 64 x 64 as rows, the lines, and whether each is held out."""
    rows, lines, held_out = [], [], []
    full = shop(1.0)
    for line in TABLE:
        members = [p for p in full.products if p.line == line]
        for i in range(count):
            product = members[i % len(members)]
            photo = render(product.watch, 64, shot=1000 + i)
            rows.append(np.asarray(photo.crop((4, 4, 60, 60)).resize((32, 32)), float).ravel())
            lines.append(line)
            held_out.append(i >= count // 2)
    return np.array(rows), np.array(lines), np.array(held_out)


def test_lines_can_be_told_apart_in_64_pixels() -> None:
    rows, lines, held_out = _photos(16)
    scaler = StandardScaler().fit(rows[~held_out])
    model = RidgeClassifier(alpha=1000.0).fit(scaler.transform(rows[~held_out]), lines[~held_out])
    right = model.predict(scaler.transform(rows[held_out])) == lines[held_out]
    assert right.mean() > 0.6  # chance is 1 in 16
    assert all(right[lines[held_out] == line].mean() > 0.1 for line in TABLE)


def test_photos_show_a_centred_watch_on_near_white() -> None:
    for line in TABLE:
        product = next(p for p in shop(0.18).products if p.line == line)
        photo = render(product.watch, 128, shot=product.shot)
        pixels = np.asarray(photo, float)
        assert photo.size == (128, 128) and photo.mode == "RGB"
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert border.min() > 230  # the watch is whole: nothing of it touches the frame
        rows, columns = np.nonzero(np.abs(pixels - 248).max(axis=2) > 40)
        assert abs(rows.mean() - 64) < 8 and abs(columns.mean() - 64) < 8
        assert np.ptp(rows) > np.ptp(columns) > 40  # upright, with its band's ends


def test_each_attribute_can_be_seen() -> None:
    watch = next(p for p in shop(0.18).products if p.line == "GMT-Master II").watch
    strapped = replace(watch, band="leather", band_colour="black")
    pairs = {
        "size": (watch, replace(watch, size=36)),
        "metal": (watch, replace(watch, metal="yellow gold")),
        "bezel": (watch, replace(watch, bezel="fluted").settled()),
        "bezel_colour": (watch, replace(watch, bezel_colour="green")),
        "dial": (watch, replace(watch, dial="ice blue")),
        "texture": (watch, replace(watch, texture="palm")),
        "markers": (watch, replace(watch, markers="roman")),
        "hands": (watch, replace(watch, hands="leaves")),
        "accent": (watch, replace(watch, accent="orange")),
        "complication": (watch, replace(watch, complication="chronograph")),
        "date": (watch, replace(watch, date="none")),
        "band": (watch, strapped),
        "band_colour": (strapped, replace(strapped, band_colour="tan")),
    }
    assert set(pairs) == set(vars(watch))
    for attribute, (one, other) in pairs.items():
        seen = [np.asarray(render(each, 64)).astype(int) for each in (one, other)]
        assert np.abs(seen[0] - seen[1]).max() > 25, attribute
    assert render(watch, 64, view="detail").tobytes() != render(watch, 64).tobytes()


class Client:
    """One keep-alive connection to a served shop."""

    def __init__(self, origin: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=10)

    def ask(
        self, path: str, method: str = "GET", **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection.request(method, path, headers=named)
        response = self.connection.getresponse()
        return response, response.read()

    def text(self, path: str) -> str:
        response, body = self.ask(path)
        assert response.status == 200
        return body.decode()

    def image(self, path: str) -> Image.Image:
        response, body = self.ask(path)
        assert response.status == 200
        image = Image.open(io.BytesIO(body))
        assert response.headers["Content-Type"] == f"image/{(image.format or '').lower()}"
        image.load()
        return image


@contextmanager
def browse(of: DemoShop) -> Iterator[Client]:
    with of.serve() as origin:
        client = Client(origin)
        yield client
        client.connection.close()


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with browse(shop(0.002)) as opened:
        yield opened


def json_ld(page: str) -> list[dict]:
    scripts = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    return [json.loads(script) for script in scripts]


def test_an_unchanged_shop_answers_304_and_renders_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_photo(*_: object, **__: object) -> Image.Image:
        raise AssertionError("rendered")

    first, again = DemoShop(0.002, 7), DemoShop(0.002, 7)
    product = first.products[0]
    paths = ["/robots.txt", product_path(product), f"/images/{product.sku}-front.jpg"]
    with browse(first) as client:
        tags = {path: client.ask(path, Host="shop")[0].headers["ETag"] for path in paths}
        assert [r.path for r in first.requests] == paths
        assert all(r.status == 200 and r.body_bytes > 20 for r in first.requests)
    monkeypatch.setattr("bestseller.demo.shop.render", no_photo)
    with browse(again) as client:
        for path, tag in tags.items():
            for sent in (tag, f'"other", W/{tag}', "*"):
                response, body = client.ask(path, Host="shop", If_None_Match=sent)
                assert (response.status, body, response.headers["ETag"]) == (304, b"", tag)
        assert client.ask("/robots.txt", If_None_Match='"other"')[0].status == 200
    assert sum(r.body_bytes for r in again.requests if r.status == 304) == 0


def test_head_missing_pages_and_pages_of_a_line(client: Client) -> None:
    response, body = client.ask("/robots.txt", "HEAD")
    assert response.status == 200 and body == b"" and int(response.headers["Content-Length"]) > 0
    assert client.ask("/products/none")[0].status == 404
    assert client.text("/lines/datejust?page=x") == client.text("/lines/datejust")
    assert client.text("/lines/datejust").count("<br>") == 5


def test_sitemaps_list_every_page_and_robots_forbids_one(client: Client) -> None:
    of = shop(0.002)
    robots = client.text("/robots.txt")
    assert "Disallow: /private/" in robots
    entry = re.search(r"Sitemap: (\S+)", robots)
    assert entry
    listed: list[str] = []
    for url in re.findall("<loc>(.*?)</loc>", client.text(urlsplit(entry[1]).path)):
        body = client.ask(urlsplit(url).path)[1]
        text = (gzip.decompress(body) if url.endswith(".gz") else body).decode()
        listed += [loc.replace("&amp;", "&") for loc in re.findall("<loc>(.*?)</loc>", text)]
    assert all(url.startswith("http://127.0.0.1:") for url in listed)
    paths = [urlsplit(url).path for url in listed]
    assert {product_path(p) for p in [*of.products, *of.extras]} <= set(paths)
    assert [path for path in paths if path.startswith("/private/")]
    assert 'href="/private/' in client.text("/")
    tracked = product_path(with_role(of, "tracking_url"))
    assert paths.count(tracked) == 2
    query = next(urlsplit(url).query for url in listed if urlsplit(url).query)
    assert client.text(f"{tracked}?{query}") == client.text(tracked)
    assert f'<link rel="canonical" href="{tracked}">' in client.text(tracked)


def test_plain_product_page(client: Client) -> None:
    product = next(p for p in shop(0.002).products if not p.role and p.suffix == "jpg")
    (node,) = json_ld(client.text(product_path(product)))
    assert (
        node["@type"] == "Product" and node["sku"] == product.sku and node["name"] == product.name
    )
    assert node["category"] == f"{product.category} > {product.line}"
    assert node["offers"]["price"] == f"{product.price}.00"
    assert node["offers"]["priceCurrency"] == "EUR"
    digits = [int(digit) for digit in node["gtin13"]]
    assert len(digits) == 13 and (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0
    assert client.image(node["image"][0]).size == (128, 128)


def test_groups_of_variants(client: Client) -> None:
    of = shop(0.002)
    design = with_role(of, "variants")
    (group,) = json_ld(client.text(product_path(design)))
    assert group["@type"] == "ProductGroup" and group["productGroupID"] == design.sku
    assert tuple(variant["sku"] for variant in group["hasVariant"]) == design.variants

    design = with_role(of, "graph")
    (page,) = json_ld(client.text(product_path(design)))
    nodes = {node["@id"]: node for node in page["@graph"]}
    (group,) = (node for node in nodes.values() if node["@type"] == "ProductGroup")
    sizes = [nodes[reference["@id"]] for reference in group["hasVariant"]]
    assert tuple(size["sku"] for size in sizes) == design.variants
    assert all(nodes[size["offers"]["@id"]]["price"] == f"{design.price}.00" for size in sizes)


def test_pages_without_json_ld_and_awkward_images(client: Client) -> None:
    of = shop(0.002)

    def page(role: str) -> str:
        return client.text(product_path(with_role(of, role)))

    for role, mark in (("microdata", 'itemprop="sku"'), ("opengraph", 'property="og:image"')):
        assert mark in page(role) and "ld+json" not in page(role)
    assert "og:" not in page("microdata") and "itemprop" not in page("opengraph")

    (node,) = json_ld(page("relative_image"))
    assert node["image"][0].startswith("../images/")
    assert client.image(node["image"][0].removeprefix("..")).size == (128, 128)

    (node,) = json_ld(page("lazy_image"))
    lazy = re.search(r'src="data:image/gif[^"]*" data-src="(.*?)".*?<noscript>', page("lazy_image"))
    assert "image" not in node and lazy and client.image(lazy[1]).size == (128, 128)

    assert "schema.org/Discontinued" in page("discontinued")
    scripts = re.findall(r'ld\+json">(.*?)</script>', page("broken_json"))
    with pytest.raises(json.JSONDecodeError):
        json.loads(scripts[0])
    assert json.loads(scripts[1])["@type"] == "Product"


def test_extras_never_sell_and_have_no_photo_of_their_own(client: Client) -> None:
    of = shop(0.002)
    extras = {p.role: p for p in of.extras}
    assert set(extras) == set(EXTRAS)
    assert not {p.sku for p in of.extras} & set(of.ledger()["sku"])
    front = {role: client.ask(f"/images/{p.sku}-front.jpg")[1] for role, p in extras.items()}
    copied = next(p for p in of.products if p.watch == extras["duplicate"].watch)
    assert copied.sku != extras["duplicate"].sku
    assert front["duplicate"] == client.ask(f"/images/{copied.sku}-front.jpg")[1]
    assert front["placeholder_a"] == front["placeholder_b"]
    assert front["placeholder_a"] not in (front["duplicate"], front["corrupt_image"])
    Image.open(io.BytesIO(front["placeholder_a"])).load()
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(front["corrupt_image"])).load()


def test_ledger_export_is_the_ledger(client: Client) -> None:
    response, body = client.ask("/export/ledger.csv")
    assert response.headers["Content-Type"].startswith("text/csv")
    read = pd.read_csv(io.BytesIO(body), dtype={"sku": str})
    pd.testing.assert_frame_equal(read, shop(0.002).ledger(), check_dtype=False)


def test_the_shop_stage_serves_until_interrupted_and_refuses_a_bad_port(code: Path) -> None:
    command = [sys.executable, "-m", "stages.shop", "--port"]
    with subprocess.Popen([*command, "0"], cwd=code, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            found = re.fullmatch(r"(\d+) products at (http://127.0.0.1:\d+); Ctrl-C ends\n", said)
            assert found and int(found[1]) > 100
            assert "Disallow" in Client(found[2]).text("/robots.txt")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()
    done = subprocess.run([*command, "http"], cwd=code, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("shop: --port: 'http'") and done.stderr.count("\n") == 1
