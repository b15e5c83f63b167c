"""Features are kept by content: found again only where nothing that decides them has changed."""

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bestseller.backbones import Backbone
from bestseller.backbones.features import KEPT_S, FeatureCache, feature_key
from bestseller.backbones.networks import architecture, without_classifier


def alexnet(seed: int = 0) -> Backbone:
    torch.manual_seed(seed)
    return Backbone("alexnet", "catalogue", without_classifier(architecture("alexnet").build()))


def pictures(count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> Backbone:
    return alexnet()


def test_features_are_computed_once(
    tmp_path: Path, network: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = network.features(pictures())
    first = FeatureCache(tmp_path / "features").features(network, pictures())
    monkeypatch.setattr(network, "features", None)
    again = FeatureCache(tmp_path / "features").features(network, pictures())
    assert np.array_equal(first, expected) and np.array_equal(again, expected)


def test_the_key_is_of_the_content(network: Backbone, tmp_path: Path) -> None:
    key = feature_key(network, pictures())
    assert feature_key(alexnet(), pictures()) == key

    pixel = pictures()
    pixel[3, 10, 10, 1] ^= 1
    weight = alexnet()
    with torch.no_grad():
        next(weight.network.parameters())[0, 0, 0, 0] += 1e-3
    resized, normalised = alexnet(), alexnet()
    resized.architecture = replace(resized.architecture, side=96)
    normalised.architecture = replace(normalised.architecture, mean=(0.5, 0.5, 0.5))
    code = tmp_path / "code.py"
    code.write_text("changed")
    changed = [
        feature_key(network, pixel),
        feature_key(network, pictures()[:4]),
        feature_key(network, pictures().reshape(5, 32, 128, 3)),
        feature_key(weight, pictures()),
        feature_key(resized, pictures()),
        feature_key(normalised, pictures()),
        feature_key(network, pictures(), code=[code]),
    ]
    assert len({key, *changed}) == 1 + len(changed)


def test_another_number_type_has_another_key(
    network: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = feature_key(network, pictures())
    for has_bf16 in (False, True):
        monkeypatch.setattr("bestseller.backbones.features.has_bf16", lambda has=has_bf16: has)
        assert (feature_key(network, pictures(), "auto") == key) != has_bf16


@pytest.mark.parametrize("damage", [b"", b"short", None])
def test_a_damaged_entry_is_computed_again(
    tmp_path: Path, network: Backbone, damage: bytes | None
) -> None:
    cache = FeatureCache(tmp_path)
    expected = cache.features(network, pictures())
    entry = next(tmp_path.iterdir())
    whole = entry.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 1
    entry.write_bytes(bytes(flipped) if damage is None else damage)
    assert np.array_equal(cache.features(network, pictures()), expected)
    assert entry.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == [entry.name]


def test_what_nobody_reads_goes(tmp_path: Path, network: Backbone) -> None:
    cache = FeatureCache(tmp_path)
    for count in (3, 4):
        cache.features(network, pictures(count))
    long_ago = time.time() - KEPT_S - 60
    for entry in tmp_path.iterdir():
        os.utime(entry, (long_ago, long_ago))
    cache.features(network, pictures(3))  # read: it stays
    cache.features(network, pictures(5))
    kept = {feature_key(network, pictures(count)) for count in (3, 5)}
    assert {entry.stem for entry in tmp_path.iterdir()} == kept
