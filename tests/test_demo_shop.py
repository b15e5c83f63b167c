"""The embedded shop: its numbers, its truth, its photos."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
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
