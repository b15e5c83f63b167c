"""Photos become one image set: duplicates share a cluster, no design is on two sides."""

import hashlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bestseller.base.errors import BestsellerError
from bestseller.catalogue.product import Image as ProductImage
from bestseller.catalogue.product import Product, View
from bestseller.catalogue.raw import write_raw
from bestseller.images import duplicates
from bestseller.images.align import align
from bestseller.images.duplicates import find_clusters, find_placeholders, thumbnails
from bestseller.images.split import split_designs
from bestseller.images.store import ImageSet, views_of_lines
from bestseller.params import Params, load_params
from conftest import REPOSITORY
from stages import preprocess

LINES = ("diver", "dress")


def draw_watch(seed: int, dial: tuple[int, int, int] | None = None, side: int = 200) -> Image.Image:
    """Draw a watch whose colours and proportions follow from the seed; `dial` repaints its dial."""
    rng = np.random.default_rng(seed)
    strap, case, face = (tuple(int(v) for v in rng.integers(20, 200, 3)) for _ in range(3))
    radius, width = rng.uniform(0.22, 0.3), rng.uniform(0.08, 0.14)
    image = Image.new("RGB", (side, side), (250, 250, 250))
    draw = ImageDraw.Draw(image)

    def box(left: float, top: float, right: float, bottom: float) -> list[float]:
        return [side * (0.5 + v) for v in (left, top, right, bottom)]

    draw.rectangle(box(-width, -0.46, width, 0.46), strap)
    draw.ellipse(box(-radius, -radius, radius, radius), case)
    inner = radius * 0.8
    draw.ellipse(box(-inner, -inner, inner, inner), dial or face)
    draw.line(box(0, 0, inner * 0.8, -inner * 0.4), (250, 250, 250), side // 50)
    return image


def encode(image: Image.Image, quality: int = 92) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def write_catalogue(folder: Path, shop: dict[str, tuple[str, bytes]]) -> None:
    """Write data/raw for products given as sku: (line, bytes of the photo)."""
    views: tuple[View, View] = ("detail", "front")
    photos = {sku: (line, [(v, data) for v in views]) for sku, (line, data) in shop.items()}
    write_photos(folder, photos)


def write_photos(folder: Path, shop: dict[str, tuple[str, list[tuple[View, bytes]]]]) -> None:
    """Write data/raw for products given as sku: (line, view and bytes of each photo)."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    products = []
    for sku, (line, photos) in shop.items():
        url, images = f"https://shop.example/{sku}", []
        for number, (view, data) in enumerate(photos):
            sha256 = hashlib.sha256(data).hexdigest()
            file = f"{sha256}.jpg"
            (pictures / file).write_bytes(data)
            link = f"{url}-{number}.jpg"
            images.append(ProductImage(url=link, view=view, sha256=sha256, file=file))
        product = Product(sku=sku, name=sku, line=line, url=url, images=tuple(images))
        products.append(product)
    write_raw(folder / "data/raw", products, [], pictures)


def shop_of(count: int) -> dict[str, tuple[str, bytes]]:
    return {f"w{i:02d}": (LINES[i % 2], encode(draw_watch(i))) for i in range(count)}


def params_with(**images: object) -> Params:
    params = load_params(REPOSITORY / "params.yaml")
    changed = params.images.model_copy(update=images)
    return params.model_copy(update={"images": changed, "threads": 1})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# The stage


def test_the_stage_takes_in_a_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shop = shop_of(20)
    shop["w20"] = ("diver", shop["w00"][1])  # the same photo
    shop["w21"] = ("diver", encode(draw_watch(2).resize((150, 150)), 80))  # the same watch
    shop["w22"] = ("diver", b"<!doctype html>")
    shop["w23"] = ("dress", encode(draw_watch(5).rotate(90)))
    write_catalogue(tmp_path, shop)
    preprocess.main(params_with(max_reject_share=0.1, max_aspect=1.25))

    found = ImageSet.open("data/processed")
    assert found.images.shape == (22, 64, 64, 3)
    assert isinstance(found.images, np.memmap)
    assert found.index["sku"].tolist() == [f"w{i:02d}" for i in range(22)]
    assert (found.index["view"] == "front").all()
    assert found.index["line"].tolist()[:2] == list(LINES)
    first = found.index.set_index("sku")
    assert first["sha256"]["w03"] == hashlib.sha256(shop["w03"][1]).hexdigest()
    assert first["cluster"]["w20"] == first["cluster"]["w00"]
    assert first["cluster"]["w21"] == first["cluster"]["w02"]
    assert found.index["cluster"].nunique() == 20
    rejects = pd.read_csv("data/processed/rejects.csv").set_index("sku")
    assert rejects["reason"].to_dict() == {"w22": "not an image", "w23": "too wide"}
    assert rejects["kind"].to_dict() == {"w22": "rejected", "w23": "quarantined"}
    assert list(rejects.columns) == ["url", "kind", "reason"]
    summary = pd.read_json("metrics/preprocess.json", typ="series")
    assert summary["images"] == 22
    assert (summary["rejected"], summary["quarantined"]) == (1, 1)
    assert summary["refused_share"] == pytest.approx(2 / 24, abs=1e-6)
    assert summary[["train", "validation", "test"]].sum() == 22


def test_the_same_bytes_at_any_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for threads in (1, 2):
        folder = tmp_path / str(threads)
        write_catalogue(folder, shop_of(12))
        monkeypatch.chdir(folder)
        preprocess.main(params_with().model_copy(update={"threads": threads}))
        runs.append(contents(folder / "data/processed") | contents(folder / "metrics"))
    assert runs[0] == runs[1]
    assert len(runs[0]) == 4


def card() -> bytes:
    image = Image.new("RGB", (300, 300), (238, 238, 238))
    ImageDraw.Draw(image).text((60, 140), "No image available", fill=(140, 140, 140), font_size=20)
    return encode(image)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_first_sound_photo_of_a_product_is_kept(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a placeholder, a broken file and a lying watch the next photo of the view is tried."""
    monkeypatch.chdir(tmp_path)
    sound = [encode(draw_watch(i)) for i in range(8)]
    lying, more = encode(draw_watch(20).rotate(90)), encode(draw_watch(21))
    fronts = {
        "w0": [card(), b"<!doctype html>", lying, sound[0], more],
        "w1": [card(), sound[1]],
        "w2": [sound[2], b"never tried"],
        "w3": [lying],
        "w4": [b"rubbish", b"rubbish", sound[4]],  # the same file twice: tried once
        "w5": [sound[5]],
        "w6": [sound[6], card()],
        "w7": [sound[7]],
    }
    shop: dict[str, tuple[str, list[tuple[View, bytes]]]] = {
        sku: (LINES[i % 2], [("back", more), *(("front", data) for data in photos)])
        for i, (sku, photos) in enumerate(fronts.items())
    }
    write_photos(tmp_path, shop)
    settings = params_with(max_reject_share=0.5, max_aspect=1.25)
    preprocess.main(settings.model_copy(update={"threads": threads}))

    found = ImageSet.open("data/processed").index.set_index("sku")
    kept = {sku: hashlib.sha256(sound[int(sku[1])]).hexdigest() for sku in fronts if sku != "w3"}
    assert found["sha256"].to_dict() == kept
    rejects = pd.read_csv("data/processed/rejects.csv")
    assert rejects[["url", "kind"]].to_numpy().tolist() == [
        ["https://shop.example/w0-1.jpg", "placeholder"],
        ["https://shop.example/w0-2.jpg", "rejected"],
        ["https://shop.example/w0-3.jpg", "quarantined"],
        ["https://shop.example/w1-1.jpg", "placeholder"],
        ["https://shop.example/w3-1.jpg", "quarantined"],
        ["https://shop.example/w4-1.jpg", "rejected"],
    ]
    summary = pd.read_json("metrics/preprocess.json", typ="series")
    assert (summary["photos"], summary["images"]) == (13, 7)
    assert summary["refused_share"] == pytest.approx(6 / 13, abs=1e-6)
    assert summary[["placeholders", "rejected", "quarantined"]].tolist() == [2, 2, 2]


def test_the_limit_counts_the_photos_that_were_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken: list[tuple[View, bytes]] = [("front", b"rubbish %d" % i) for i in range(2)]
    write_photos(
        tmp_path,
        {f"w{i}": (LINES[i % 2], [*broken, ("front", encode(draw_watch(i)))]) for i in range(4)},
    )
    with pytest.raises(BestsellerError, match="8 of 12 photos refused"):
        preprocess.main(params_with(max_reject_share=0.6))


def test_all_keeps_a_photo_of_each_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    views: list[View] = ["front", "back", "back", "front"]
    write_photos(
        tmp_path,
        {
            f"w{i}": (
                LINES[i % 2],
                [(v, encode(draw_watch(4 * i + n))) for n, v in enumerate(views)],
            )
            for i in range(6)
        },
    )
    preprocess.main(params_with(view="all"))
    index = ImageSet.open("data/processed").index
    assert index["view"].tolist() == ["front", "back"] * 6
    for sku, view, sha256 in index[["sku", "view", "sha256"]].itertuples(index=False):
        first = encode(draw_watch(4 * int(sku[1]) + views.index(view)))
        assert sha256 == hashlib.sha256(first).hexdigest()
    assert (index.groupby("sku")["split"].nunique() == 1).all(), "a product is on one side"


@pytest.mark.parametrize(
    ("shop", "told"),
    [
        (shop_of(4) | {"bad": ("diver", b"rubbish")}, r"1 of 5 photos refused.*'not an image'"),
        ({"bad": ("diver", b"rubbish")}, "1 of 1 photos refused"),
    ],
)
def test_what_a_person_can_mend_is_told_and_only_the_rejects_are_written(
    shop: dict[str, tuple[str, bytes]],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_catalogue(tmp_path, shop)
    with pytest.raises(BestsellerError, match=told) as error:
        preprocess.main(params_with(max_reject_share=0.1))
    assert "\n" not in str(error.value)
    kept = pd.read_csv("data/processed/rejects.csv")  # so that a person sees what to mend
    assert kept[["sku", "kind", "reason"]].to_numpy().tolist() == [
        ["bad", "rejected", "not an image"]
    ]
    assert [path.name for path in Path("data/processed").iterdir()] == ["rejects.csv"]
    assert not Path("metrics").exists()


def test_photos_of_one_line_are_taken_in_and_what_is_missing_then_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_catalogue(tmp_path, {f"a{i}": ("diver", encode(draw_watch(i))) for i in range(4)})
    preprocess.main(params_with())
    assert set(ImageSet.open("data/processed").index["line"]) == {"diver"}
    assert "all photos are of the line 'diver'" in capsys.readouterr().err


def cover(seed: int) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 200, (9, 9, 3), dtype=np.uint8)
    return encode(Image.fromarray(blocks).resize((300, 300), Image.Resampling.NEAREST))


@pytest.mark.parametrize("plain", [1, 8])
def test_a_line_that_fills_the_frame_is_told_with_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], plain: int
) -> None:
    monkeypatch.chdir(tmp_path)
    shop = shop_of(12) | {f"c{i}": ("covers", cover(i)) for i in range(4)}
    shop |= {f"p{i}": ("covers", encode(draw_watch(30 + i))) for i in range(plain)}
    write_catalogue(tmp_path, shop)
    preprocess.main(params_with(max_reject_share=0.3))
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "line" in line]
    line = f"preprocess: 4 of {4 + plain} photos of the line 'covers': fills the frame; "
    assert told.startswith(line)
    assert "images.align: none" in told
    with pytest.raises(
        BestsellerError, match=rf"4 of {16 + plain} photos refused.*images\.align: none"
    ):
        preprocess.main(params_with(max_reject_share=0.1))
    preprocess.main(params_with(max_reject_share=0.1, align="none"))
    assert "line" not in capsys.readouterr().err
    assert len(ImageSet.open("data/processed").index) == 16 + plain


def test_no_photo_of_the_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    product = Product(sku="a", name="a", line="diver", url="https://shop.example/a")
    write_raw(tmp_path / "data/raw", [product], [], tmp_path)
    with pytest.raises(BestsellerError, match="no product has a photo of view 'front'"):
        preprocess.main(params_with())


# Duplicates


def test_a_reencoded_photo_is_the_same_design_and_a_colour_variant_is_not() -> None:
    for seed in range(10):
        original = draw_watch(seed, dial=(20, 30, 70), side=400)
        again = Image.open(io.BytesIO(encode(original.resize((160, 160)), 80))).convert("RGB")
        bluer, redder = (draw_watch(seed, d, 400) for d in ((20, 30, 90), (45, 30, 40)))
        photos = (original, again, bluer, redder)
        images = np.stack([np.asarray(align(photo, 64, 0.9, 1.25)) for photo in photos])
        assert find_clusters(images, 6.0, ["a", "b", "c", "d"]).tolist() == [0, 0, 1, 2]


def brute_force(images: np.ndarray, rmse: float, products: list[str]) -> list[set[int]]:
    """Single linkage by the definition, pair by pair."""
    fine = np.rint(thumbnails(images)).astype(float)
    coarse = fine.reshape(len(fine), 8, 4, 8, 4, 3).mean(axis=(2, 4))
    clusters = [{i} for i in range(len(images))]
    for i in range(len(images)):
        for j in range(i):
            near = np.sqrt(((fine[i] - fine[j]) ** 2).mean()) <= rmse
            alike = np.abs(coarse[i] - coarse[j]).max() <= 1.25 * rmse
            if (near and alike) or products[i] == products[j]:
                joined = [c for c in clusters if i in c or j in c]
                clusters = [c for c in clusters if c not in joined] + [set().union(*joined)]
    return sorted(clusters, key=min)


@pytest.mark.parametrize("rmse", [0.0, 4.0, 8.0])
def test_clusters_agree_with_the_definition(rmse: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", 16)
    rng = np.random.default_rng(0)
    seeds = rng.integers(0, 255, (12, 8, 8, 3))
    images = np.repeat(np.repeat(seeds[rng.integers(12, size=70)], 8, axis=1), 8, axis=2)
    images = images + rng.normal(0, 1, (70, 1, 1, 3)) * rng.choice([0, 1, 3, 6], (70, 1, 1, 1))
    images = np.rint(images).clip(0, 255).astype(np.uint8)
    products = [str(name) for name in rng.permutation([*range(65), *range(5)])]
    found = find_clusters(images, rmse, products)
    expected = brute_force(images, rmse, products)
    assert [set(np.flatnonzero(found == c)) for c in range(found.max() + 1)] == expected
    assert 12 <= len(expected) < 70


def test_the_tree_misses_no_pair_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", 32)
    monkeypatch.setattr(duplicates, "PAIRS", 50)
    rng = np.random.default_rng(3)
    vectors = (rng.normal(size=(200, 5)) @ rng.normal(0, 40, (5, 192)) + 100).astype(np.float32)
    exact = vectors.astype(np.float64)
    squares = np.square(exact[:, None] - exact[None]).sum(axis=2)
    above = np.triu(np.ones(squares.shape, dtype=bool), 1)
    for limit in np.quantile(squares[above], [0.01, 0.2]):
        for at in (limit, float(squares[above][np.abs(squares[above] - limit).argmin()])):
            found = np.concatenate(list(duplicates._near_pairs(vectors, at)), axis=1)
            pairs = set(map(tuple, found.T.tolist()))
            assert len(pairs) == found.shape[1]
            assert pairs >= set(
                zip(*(x.tolist() for x in np.nonzero(above & (squares <= at))), strict=True)
            )
            assert all(i < j and squares[i, j] < 1.001 * at + 1 for i, j in pairs)


def test_placeholders() -> None:
    files = {"card": card(), "photo": encode(draw_watch(0)), "broken": b"rubbish"}

    def found(*uses: tuple[str, str, str]) -> frozenset[str]:
        return find_placeholders(uses, files.__getitem__)

    assert found(("card", "a", "x"), ("card", "b", "x")) == {"card"}
    assert found(("card", "a", "x"), ("card", "a", "x")) == set()
    shared = [("photo", "a", "x"), ("photo", "b", "x"), ("photo", "c", "x")]
    assert found(*shared) == set()
    assert found(*shared[:2], ("photo", "d", "y")) == {"photo"}
    assert found(*shared[:1], ("photo", "d", "y")) == set()
    assert found(("broken", "a", "x"), ("broken", "b", "x")) == set()


# Split


@st.composite
def indexes(draw: st.DrawFn) -> pd.DataFrame:
    count = draw(st.integers(1, 60))
    lines = draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    cluster = draw(st.lists(st.integers(0, count), min_size=count, max_size=count))
    skus = [f"{number:03d}" for number in draw(st.permutations(range(count)))]
    return pd.DataFrame({"sku": skus, "line": lines, "cluster": cluster})


@settings(max_examples=60, deadline=None)
@given(indexes(), st.integers(0, 3))
def test_no_design_is_on_two_sides_and_each_line_trains(index: pd.DataFrame, seed: int) -> None:
    part = split_designs(index, [5, 3, 2], seed)
    assert set(part) <= {"train", "validation", "test"}
    assert (index.assign(part=part).groupby("cluster")["part"].nunique() == 1).all()
    shuffled = index.sample(frac=1, random_state=seed)
    assert (split_designs(shuffled, [5, 3, 2], seed) == part[shuffled.index]).all()


@pytest.mark.parametrize(
    ("designs", "train", "validation", "test"),
    [(1, 1, 0, 0), (2, 1, 0, 1), (3, 1, 1, 1), (10, 5, 3, 2), (40, 20, 12, 8), (123, 62, 37, 24)],
)
def test_proportions_within_a_line(designs: int, train: int, validation: int, test: int) -> None:
    index = pd.DataFrame(
        {"sku": [f"{i:04d}" for i in range(designs)], "line": "a", "cluster": range(designs)}
    )
    counts = pd.Series(split_designs(index, [5, 3, 2], 0)).value_counts()
    expected = {"train": train, "validation": validation, "test": test}
    assert counts.to_dict() == {name: n for name, n in expected.items() if n}


def test_a_new_design_moves_at_most_two_others() -> None:
    rng = np.random.default_rng(0)
    skus = [f"{i:04d}" for i in rng.permutation(60)]
    before: dict[str, str] = {}
    for count in range(1, 61):
        index = pd.DataFrame({"sku": skus[:count], "line": "a", "cluster": range(count)})
        after = dict(zip(skus, split_designs(index, [5, 3, 2], 1), strict=False))
        assert sum(after[sku] != part for sku, part in before.items()) <= 2
        before = after


# Store


def small_set(count: int = 5) -> ImageSet:
    rng = np.random.default_rng(count)
    index = pd.DataFrame(
        {
            "sku": [str(i) for i in range(count)],
            "line": "a",
            "category": "b",
            "view": "front",
            "sha256": "c",
            "cluster": np.arange(count),
            "split": "train",
        }
    )
    return ImageSet(rng.integers(0, 255, (count, 8, 8, 3), dtype=np.uint8), index)


def test_saved_and_opened(tmp_path: Path) -> None:
    small_set().save(tmp_path / "a")
    small_set().save(tmp_path / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    found = ImageSet.open(tmp_path / "a")
    np.testing.assert_array_equal(found.images, small_set().images)
    pd.testing.assert_frame_equal(found.index, small_set().index)
    half = found.select(found.index["cluster"] % 2 == 0)
    assert half.index["sku"].tolist() == ["0", "2", "4"]
    np.testing.assert_array_equal(half.images, small_set().images[::2])


def test_a_lines_main_view_is_front_or_its_commonest() -> None:
    views = {
        "both": ["back", "front", "back"],
        "frontless": ["side", "other", "other", "back"],
        "tied": ["side", "detail"],
    }
    pairs = [(line, view) for line, shown in views.items() for view in shown]
    whole = small_set(len(pairs))
    index = whole.index.assign(line=[p[0] for p in pairs], view=[p[1] for p in pairs])
    mixed = ImageSet(whole.images, index)
    assert views_of_lines(index) == {
        "both": ["front", "back"],
        "frontless": ["other", "back", "side"],
        "tied": ["detail", "side"],
    }
    main = mixed.of_main_view()
    assert main.index["sku"].tolist() == ["1", "4", "5", "8"]
    np.testing.assert_array_equal(main.images, whole.images[[1, 4, 5, 8]])
    assert main.of_main_view() is main
    assert whole.of_main_view() is whole


def test_a_set_that_does_not_fit_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    with pytest.raises(BestsellerError, match=r"images\.npy: not found; run `dvc repro x`"):
        ImageSet.open(folder, "dvc repro x")
    good = small_set()
    damages = {
        "holds 4 images, index.parquet 5 rows": lambda: np.save(
            folder / "images.npy", good.images[:4]
        ),
        "holds float64, not uint8": lambda: np.save(folder / "images.npy", good.images / 1.0),
        r"not \(N, H, W, 3\)": lambda: np.save(folder / "images.npy", good.images[..., 0]),
        "no whole .npy file": lambda: os.truncate(folder / "images.npy", 300),
        r"images\.npy: no whole": lambda: (folder / "images.npy").write_bytes(
            b"\x93NUMPY\1\0\7\0{'a': \0"  # a header that is no Python
        ),
        "no Parquet file": lambda: (folder / "index.parquet").write_bytes(b"PAR1"),
        "no column split": lambda: good.index.drop(columns="split").to_parquet(
            folder / "index.parquet"
        ),
    }
    for told, damage in damages.items():
        good.save(folder)
        damage()
        with pytest.raises(BestsellerError, match=told) as error:
            ImageSet.open(folder)
        assert "\n" not in str(error.value)
    good.select(np.zeros(5)).save(folder)
    with pytest.raises(BestsellerError, match="set: no image; run `dvc repro`"):
        ImageSet.open(folder)


KILLED = """
import os, signal, sys
import pandas as pd
sys.path[:0] = ["src", "tests"]
from test_image_set import small_set
def half(self, path, **options):
    open(path, "wb").write(b"PAR1")
    os.kill(os.getpid(), signal.SIGKILL)
pd.DataFrame.to_parquet = half
small_set(9).save(sys.argv[1])
"""


def test_killed_while_writing_leaves_what_was_there(tmp_path: Path) -> None:
    small_set().save(tmp_path / "old")
    for folder in (tmp_path / "new", tmp_path / "old"):
        before = contents(folder)
        command = [sys.executable, "-c", KILLED, str(folder)]
        done = subprocess.run(command, cwd=REPOSITORY, check=False)
        assert done.returncode == -signal.SIGKILL
        left = {name: data for name, data in contents(folder).items() if name[0] != "."}
        assert left == before
