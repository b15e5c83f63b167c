"""Photos that earlier runs took in are not taken in again, and nothing shows it but the time."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from bestseller.images import prepare as module
from bestseller.images import taken
from bestseller.images.prepare import Photo, Prepared, prepare
from bestseller.images.taken import Refusal, open_taken
from bestseller.params import Images
from test_image_set import draw_watch, encode, params_with

SETTINGS = params_with(max_reject_share=0.5).images
PAGE = b"<!doctype html>"


@pytest.fixture
def taken_in(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The photos that were decoded, in order."""
    seen: list[bytes] = []
    real = module._outcome

    def noting(job: tuple[bytes, Images]) -> np.ndarray | Refusal:
        seen.append(job[0])
        return real(job)

    monkeypatch.setattr(module, "_outcome", noting)
    return seen


def run(shop: dict[str, bytes], cache: Path | None, settings: Images = SETTINGS) -> Prepared:
    photos = [
        Photo(sku, "diver", "", "front", f"{hash(data):x}", sku) for sku, data in shop.items()
    ]
    data = {photo.sha256: shop[photo.sku] for photo in photos}
    return prepare(photos, data.__getitem__, settings, 1, cache=cache)


def shop_of(*seeds: int) -> dict[str, bytes]:
    return {f"w{seed}": encode(draw_watch(seed)) for seed in seeds} | {"page": PAGE}


def assert_same(one: Prepared, other: Prepared) -> None:
    np.testing.assert_array_equal(one.images.images, other.images.images)
    assert one.images.index.equals(other.images.index)
    assert (one.refused, one.summary) == (other.refused, other.summary)


def test_only_new_photos_are_taken_in(tmp_path: Path, taken_in: list[bytes]) -> None:
    first = run(shop_of(1, 2, 3), tmp_path)
    assert len(taken_in) == 4
    assert_same(run(shop_of(1, 2, 3), tmp_path), first)
    assert len(taken_in) == 4

    shop = shop_of(1, 2, 3, 4) | {"w2": encode(draw_watch(5))}
    changed = run(shop, tmp_path)
    assert taken_in[4:] == [shop["w2"], shop["w4"]]
    assert_same(run(shop, None), changed)


def test_what_a_run_did_not_use_is_forgotten(tmp_path: Path, taken_in: list[bytes]) -> None:
    run(shop_of(1, 2, 3), tmp_path)
    run(shop_of(1), tmp_path)
    taken_in.clear()
    run(shop_of(1, 2), tmp_path)
    assert taken_in == [shop_of(2)["w2"]]


def test_another_setting_takes_in_anew_and_two_are_kept(
    tmp_path: Path, taken_in: list[bytes]
) -> None:
    shop = shop_of(1, 2)
    settings = [SETTINGS.model_copy(update={"fill": fill}) for fill in (0.9, 0.8, 0.7)]
    results = [run(shop, tmp_path, each) for each in settings]
    assert len(taken_in) == 9
    assert len(list(tmp_path.iterdir())) == 2
    assert_same(run(shop, tmp_path, settings[1]), results[1])
    assert len(taken_in) == 9
    assert_same(run(shop, tmp_path, settings[0]), results[0])
    assert len(taken_in) == 12


@pytest.mark.parametrize("setting", [{"seed": 7}, {"split": [8, 1, 1]}, {"duplicate_rmse": 1.0}])
def test_settings_of_the_set_take_in_nothing(
    setting: dict[str, object], tmp_path: Path, taken_in: list[bytes]
) -> None:
    run(shop_of(1, 2), tmp_path)
    taken_in.clear()
    run(shop_of(1, 2), tmp_path, SETTINGS.model_copy(update=setting))
    assert not taken_in


def test_a_new_version_of_the_code_or_a_library_takes_in_anew(
    tmp_path: Path, taken_in: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(shop_of(1), tmp_path)
    for name, value in {"digest": "0" * 16, "version": "99.0"}.items():
        taken_in.clear()
        with monkeypatch.context() as changed:
            changed.setattr(taken, name, lambda _, value=value: value)
            run(shop_of(1), tmp_path)
        assert len(taken_in) == 2, name


def test_all_modules_that_judge_a_photo_count() -> None:
    names = {path.name for path in taken.reached(Path(taken.__file__).with_name("frame.py"))}
    judges = {"align", "frame", "intake", "morphology", "objects", "pale", "png", "silhouette"}
    assert names == {f"{name}.py" for name in judges}


def test_damage_is_mended(tmp_path: Path, taken_in: list[bytes]) -> None:
    shop = shop_of(1, 2, 3)
    first = run(shop, tmp_path)
    (file,) = tmp_path.iterdir()
    with sqlite3.connect(file) as database:
        body = np.zeros(64 * 64 * 3, np.uint8).tobytes()
        name = f"{hash(shop['w2']):x}"
        database.execute("UPDATE taken SET body = ? WHERE sha256 = ?", (body, name))
    database.close()
    taken_in.clear()
    assert_same(run(shop, tmp_path), first)
    assert taken_in == [shop["w2"]]

    file.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    taken_in.clear()
    assert_same(run(shop, tmp_path), first)
    assert len(taken_in) == 4
    assert_same(run(shop, tmp_path), first)
    assert len(taken_in) == 4


def test_damage_inside_the_file_changes_nothing(tmp_path: Path) -> None:
    shop = shop_of(*range(1, 6))
    first = run(shop, tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    for start in range(100, len(whole), 9973):
        file.write_bytes(whole[:start] + bytes(500) + whole[start + 500 :])
        assert_same(run(shop, tmp_path), first)
    file.write_bytes(whole[: len(whole) // 2])
    assert_same(run(shop, tmp_path), first)


def test_a_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taken, "BATCH", 2)
    with pytest.raises(KeyboardInterrupt), open_taken(tmp_path, SETTINGS) as kept:
        for name in "abc":
            kept.put(name, Refusal("rejected", f"damaged {name}"))
        raise KeyboardInterrupt
    with open_taken(tmp_path, SETTINGS) as kept:
        assert kept.get("b") == Refusal("rejected", "damaged b")
        assert kept.get("c") is None


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert_same(run(shop_of(1, 2), blocked / "photos"), run(shop_of(1, 2), None))
