"""Half of the training images become changed versions of themselves; nothing else changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bestseller.base.errors import BestsellerError
from bestseller.images.augment import (
    augment,
    brightness,
    channel_shift,
    choose,
    flip,
    fresh,
    zoom,
)
from bestseller.images.store import ImageSet
from bestseller.params import Augment, load_params
from conftest import REPOSITORY
from stages import augment as stage

DEFAULT = load_params(REPOSITORY / "params.yaml").augment
PARTS = np.array(["train", "validation", "test"])


def image_set(count: int, lines: int = 3, seed: int = 0) -> ImageSet:
    rng = np.random.default_rng(seed)
    index = pd.DataFrame(
        {
            "sku": [f"{i:04d}" for i in rng.permutation(count)],
            "line": [f"line {i}" for i in rng.integers(lines, size=count)],
            "category": "a",
            "view": "front",
            "sha256": "b",
            "cluster": np.arange(count),
            "split": rng.choice(PARTS, count, p=[0.5, 0.3, 0.2]),
        }
    )
    return ImageSet(rng.integers(60, 190, (count, 16, 16, 3), dtype=np.uint8), index)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 80), st.integers(0, 50), st.sampled_from([0.0, 0.25, 0.5, 0.8, 1.0]))
def test_exactly_the_share_is_chosen_and_evenly(count: int, seed: int, share: float) -> None:
    index = image_set(count, seed=seed).index
    chosen = choose(index, share, seed)
    seen = index["split"] != "test"
    assert not chosen[~seen].any()
    assert chosen.sum() == int(np.floor(share * seen.sum() + 0.5))
    strata = index.assign(chosen=chosen)[seen].groupby(["split", "line"])["chosen"]
    assert (abs(strata.sum() - share * strata.count()) <= 1).all()


def test_chosen_images_change_and_no_other() -> None:
    originals = image_set(200)
    before = originals.images.copy()
    result = augment(originals, DEFAULT)
    np.testing.assert_array_equal(originals.images, before)
    changed = (result.images != before).any(axis=(1, 2, 3))
    chosen = result.index["augmented"].to_numpy()
    assert chosen.dtype == bool
    np.testing.assert_array_equal(changed, chosen)
    pd.testing.assert_frame_equal(result.index.drop(columns="augmented"), originals.index)


def test_an_image_is_changed_alike_whatever_stands_beside_it() -> None:
    originals = image_set(60)
    all_chosen = DEFAULT.model_copy(update={"share": 1.0})
    whole = augment(originals, all_chosen)
    some = np.arange(60) % 3 == 0
    np.testing.assert_array_equal(
        augment(originals.select(some), all_chosen).images, whole.images[some]
    )
    other = augment(originals, all_chosen.model_copy(update={"seed": 1}))
    assert (other.images != whole.images).any(axis=(1, 2, 3)).sum() > 30


@pytest.mark.parametrize("only", ["flip", "zoom", "brightness", "channel_shift"])
def test_a_single_change_is_used_alone_and_always(only: str) -> None:
    off = {"flip": False, "zoom": 0.0, "brightness": 0.0, "channel_shift": 0.0, "share": 1.0}
    on = {"flip": True, "zoom": 0.2, "brightness": 0.1, "channel_shift": 0.1}
    originals = image_set(40)
    result = augment(originals, DEFAULT.model_copy(update=off | {only: on[only]}))
    for before, after, used in zip(
        originals.images.astype(int),
        result.images.astype(int),
        result.index["augmented"],
        strict=True,
    ):
        if not used:
            continue
        difference = after - before
        if only == "flip":
            np.testing.assert_array_equal(after, before[:, ::-1])
        elif only == "brightness":
            assert np.ptp(difference) == 0
            assert abs(difference).max() <= 26
        elif only == "channel_shift":
            assert (np.ptp(difference, axis=(0, 1)) == 0).all()
            assert abs(difference).max() <= 26
        else:
            assert abs(difference).max() > 0


def test_each_change_takes_part_as_often() -> None:
    """Of two changes, each with probability 1/2 and at least one: 1/2 + 1/4 x 1/2 of the images."""
    originals = image_set(2000)
    originals.images[:] = 128
    originals.images[:, :, :8] = 100  # left and right differ; a flip shows
    only = DEFAULT.model_copy(update={"share": 1.0, "zoom": 0.0, "channel_shift": 0.0})
    result = augment(originals, only)
    images = result.images[result.index["augmented"].to_numpy()].astype(int)
    flipped = images[:, 0, 0, 0] > images[:, 0, -1, 0]
    brighter = images[:, 0, 0, 0] + images[:, 0, -1, 0] != 228
    # a brightness shift may round to nothing
    assert flipped.mean() == pytest.approx(5 / 8, abs=0.04)
    assert brighter.mean() == pytest.approx(5 / 8, abs=0.05)


def test_zoom_scales_about_the_centre() -> None:
    """A disc keeps its centre; its area grows with the square of the factor that was drawn."""
    y, x = np.mgrid[:64, :64] - 31.5
    disc = np.repeat((np.hypot(x, y) < 16)[..., None], 3, axis=2) * np.uint8(255)
    for seed in range(20):
        zoomed = zoom(disc, np.random.default_rng(seed), 0.2).astype(float)[..., 0]
        factor = np.random.default_rng(seed).uniform(0.8, 1.2)
        assert zoomed.sum() / disc[..., 0].sum(dtype=float) == pytest.approx(factor**2, rel=0.03)
        assert abs((zoomed * x).sum() / zoomed.sum()) < 0.1
        assert abs((zoomed * y).sum() / zoomed.sum()) < 0.1


def test_the_background_continues_where_zoom_shows_more() -> None:
    plain = np.full((32, 32, 3), (200, 210, 220), dtype=np.uint8)
    for seed in range(10):
        np.testing.assert_array_equal(zoom(plain, np.random.default_rng(seed), 0.3), plain)


def test_values_are_clipped_not_wrapped() -> None:
    rng = np.random.default_rng(0)
    white, black = (np.full((4, 4, 3), value, dtype=np.uint8) for value in (255, 0))
    for _ in range(20):
        for change in (brightness, channel_shift):
            assert change(white, rng, 0.2).min() >= 255 * 0.8 - 1
            assert change(black, rng, 0.2).max() <= 255 * 0.2 + 1
    assert (flip(flip(white, rng), rng) == white).all()


def test_all_changes_off_is_told() -> None:
    off = Augment(share=0.5, flip=False, zoom=0, brightness=0, channel_shift=0, fresh=False, seed=0)
    with pytest.raises(BestsellerError, match=r"augment\.share: 0\.5 but .* all off"):
        augment(image_set(4), off)
    nothing = augment(image_set(4), off.model_copy(update={"share": 0.0}))
    assert not nothing.index["augmented"].any()


def test_a_fresh_change_is_drawn_anew_each_time_for_the_share_of_the_images() -> None:
    image = np.random.default_rng(5).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    change = fresh(DEFAULT.model_copy(update={"share": 0.3}))
    shown = [change(image, np.random.default_rng([7, step])) for step in range(400)]
    same = [np.array_equal(each, image) for each in shown]
    assert np.mean(same) == pytest.approx(0.7, abs=0.08)
    assert len({each.tobytes() for each in shown}) > 60
    again = change(image, np.random.default_rng([7, same.index(False)]))
    np.testing.assert_array_equal(again, shown[same.index(False)])
    off = DEFAULT.model_copy(
        update={"flip": False, "zoom": 0.0, "brightness": 0.0, "channel_shift": 0.0}
    )
    with pytest.raises(BestsellerError, match="all off"):
        fresh(off)


def test_the_stage_writes_the_same_bytes_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OnlyAugment:
        augment = DEFAULT

    image_set(40).save(tmp_path / "data/processed")
    monkeypatch.chdir(tmp_path)
    runs = []
    for _ in range(2):
        stage.main(OnlyAugment())  # type: ignore[arg-type]
        files = sorted((tmp_path / "data/augmented").iterdir())
        runs.append({path.name: path.read_bytes() for path in files})
    assert runs[0] == runs[1]
    assert list(runs[0]) == ["images.npy", "index.parquet"]
