"""Weights of frozen networks: saved, published, checked by their hashes."""
# ruff: noqa: F811 (fixtures)

from pathlib import Path

import numpy as np
import pytest
import torch

from bestseller.backbones import (
    Backbone,
    load_backbone,
    save_backbone,
)
from bestseller.backbones import weights as published
from bestseller.backbones.networks import ARCHITECTURES
from bestseller.backbones.vision import models
from bestseller.backbones.weights import in_package, published_backbone, published_url
from bestseller.base.errors import BestsellerError
from test_backbones import random_images, resnet  # noqa: F401


def test_saved_backbones_come_back_the_same(tmp_path: Path, resnet: Backbone) -> None:
    save_backbone(tmp_path, resnet)
    first = (tmp_path / "resnet18.safetensors").read_bytes()
    back = load_backbone(tmp_path, "resnet18")
    assert back.name == "resnet18_catalogue"
    assert np.array_equal(back.features(random_images(3)), resnet.features(random_images(3)))
    save_backbone(tmp_path, back)
    assert (tmp_path / "resnet18.safetensors").read_bytes() == first


def test_a_changed_or_missing_weight_file_is_a_one_line_error(
    tmp_path: Path, resnet: Backbone
) -> None:
    with pytest.raises(BestsellerError, match=r"resnet18\.json: not found; run `dvc repro") as one:
        load_backbone(tmp_path, "resnet18")
    save_backbone(tmp_path, resnet)
    file = tmp_path / "resnet18.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BestsellerError, match=r"SHA-256 is not resnet18\.json's") as other:
        load_backbone(tmp_path, "resnet18")
    file.unlink()
    with pytest.raises(BestsellerError, match=r"resnet18\.safetensors: not found"):
        load_backbone(tmp_path, "resnet18")
    assert "\n" not in f"{one.value}{other.value}"


def test_published_weights_come_from_the_folder_and_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = models.resnet18(weights=None)
    local = tmp_path / "weights.pth"
    torch.save(source.state_dict(), local)
    digest = published.sha256_file(local)[:8]
    monkeypatch.setattr(
        published, "published_url", lambda _: f"https://example.invalid/resnet18-{digest}.pth"
    )
    local.rename(tmp_path / f"resnet18-{digest}.pth")
    backbone = published_backbone("resnet18", tmp_path)
    assert backbone.name == "resnet18_imagenet"
    assert torch.equal(backbone.network.state_dict()["conv1.weight"], source.conv1.weight)

    with open(tmp_path / f"resnet18-{digest}.pth", "ab") as file:
        file.write(b"x")
    with pytest.raises(BestsellerError, match=f"its SHA-256 begins .{{8}}, not {digest}") as error:
        published_backbone("resnet18", tmp_path)
    assert "\n" not in str(error.value)


def test_weights_that_cannot_be_had_name_file_and_alternative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A closed port on loopback: what a machine without a network sees, at once.
    monkeypatch.setattr(
        published, "published_url", lambda _: "http://127.0.0.1:9/vgg16-397923af.pth"
    )
    with pytest.raises(BestsellerError) as error:
        published_backbone("vgg16", tmp_path)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(str(tmp_path / "vgg16-397923af.pth"))
    assert "backbones.weights to catalogue" in message
    assert list(tmp_path.iterdir()) == []


def test_published_files_carry_their_hash_in_their_name() -> None:
    of_torchvision = [name for name in ARCHITECTURES if not in_package(name)]
    names = {name: published_url(name).rpartition("/")[2] for name in of_torchvision}
    assert names["vgg16"] == "vgg16-397923af.pth"
    assert names["inception_v3"] == "inception_v3_google-0cc3c7bd.pth"
    assert names["resnet50"] == "resnet50-0676ba61.pth"
