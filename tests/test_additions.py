"""What adding a GAN or a feature network takes; a metric see test_quality, a source
test_source_registry.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bestseller.backbones import FeatureSpace, load_backbone, networks, save_backbone
from bestseller.backbones.backbone import Backbone
from conftest import shell

GAN = '''
"""The vanilla GAN with noise on what its discriminator sees."""

import torch
from torch import Tensor

from bestseller.gans.vanilla import VanillaGan


class NoisyGan(VanillaGan):
    def shown(self, images: Tensor) -> Tensor:
        return images + 0.1 * torch.randn_like(images)


MODEL = NoisyGan
'''
SECTION = """
  noisy:
    lr: 2e-4
    beta1: 0.5
    beta2: 0.999
    batch_size: 4
    epochs: 1
    width: 8
"""
PROBE = """
import stages
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.params import load_params
from bestseller.report.words import model_label

settings = load_params().train.noisy
network = gan_class("noisy")(settings, Shape(32, 4, 0))
print(type(network).__name__, settings.width, model_label("noisy-plain-3"))
"""


def test_a_gan_is_one_file_one_line_and_one_section(code: Path) -> None:
    before = shell("python", "-m", "stages.settings", cwd=code)
    assert not before.stderr
    written = {path.name: path.read_bytes() for path in (code / "data/settings").iterdir()}

    (code / "src/bestseller/gans/noisy.py").write_text(GAN.lstrip())
    registry = code / "src/bestseller/params/train.py"
    line = '    "vanilla": Kind(WideGan, "Vanilla GAN"),\n'
    assert registry.read_text().count(line) == 1
    registry.write_text(
        registry.read_text().replace(line, f'{line}    "noisy": Kind(WideGan, "Noisy GAN"),\n')
    )
    params = (code / "params.yaml").read_text()
    assert params.count("\n  vanilla:\n") == 1
    params = params.replace("\n  vanilla:\n", f"{SECTION}  vanilla:\n")
    (code / "params.yaml").write_text(params.replace("  - vanilla-plain\n", "  - noisy-plain\n"))

    shell("python", "-m", "stages.settings", cwd=code)
    after = {path.name: path.read_bytes() for path in (code / "data/settings").iterdir()}
    new = {name: text for name, text in after.items() if name not in written}
    assert after == written | new, "the settings of no other model have changed"
    assert set(new) == {"noisy-plain.json", "noisy-centroid.json"}
    assert {"noisy", "vanilla", "gan"} <= set(json.loads(new["noisy-plain.json"])["code"])
    told = shell("python", "-c", PROBE, cwd=code).stdout
    assert told.split() == ["NoisyGan", "8", "Noisy", "GAN,", "plain,", "seed", "3"]


class Tiny(nn.Module):
    """A network of no library: its layers are in `features`, its output is their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, 2), nn.Sequential(nn.ReLU(), nn.Conv2d(4, 6, 3, 2))
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.features(images).mean((2, 3))


def test_a_feature_network_of_no_library_is_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = networks.Architecture(Tiny, "", dimensions=6, taps=(1, 2))
    monkeypatch.setitem(networks.ARCHITECTURES, "tiny", row)
    network = networks.empty_network("tiny").to_empty(device="cpu")
    torch.manual_seed(0)
    for weights in network.parameters():
        nn.init.normal_(weights)
    save_backbone(tmp_path, Backbone("tiny", "catalogue", network))
    loaded = load_backbone(tmp_path, "tiny")
    images = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    space = FeatureSpace(loaded, (1, 2))
    assert space.name == "tiny_catalogue_layers_1_2"
    assert space.features(images).shape == (5, 4 + 6)
    scaled = (images.transpose(0, 3, 1, 2) / 255 - np.reshape(row.mean, (1, 3, 1, 1))) / np.reshape(
        row.std, (1, 3, 1, 1)
    )
    with torch.inference_mode():
        expected = network(torch.from_numpy(scaled).float()).numpy()
    np.testing.assert_allclose(FeatureSpace(loaded).features(images), expected, atol=1e-4)
