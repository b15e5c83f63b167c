"""What adding takes: each worked diff of docs/extending.md, applied to a copy and run."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bestseller.backbones import FeatureSpace, load_backbone, networks, save_backbone
from bestseller.backbones.backbone import Backbone
from bestseller.images.store import COLUMNS, ImageSet
from bestseller.params import read_yaml
from conftest import REPOSITORY, shell

DOCUMENT = (REPOSITORY / "docs/extending.md").read_text()
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
MEASURE = """
import numpy as np, stages
from bestseller.evaluation.quality import measure
from bestseller.metrics.registry import columns_of
from bestseller.metrics.sample import RealFeatures, Sample

train = np.random.default_rng(0).normal(size=(40, 4))
real = RealFeatures("lite2", 1.0, train, train[:20], {1.0: None})
column = columns_of({"features": ["lite2"]})["mean_gap_lite2"]
found = column.metric.compute(Sample(train + 3.0, real, 0.95))
print(column.label, column.higher_is_better, round(found, 6))
"""


def extend(code: Path, title: str) -> None:
    """Apply the diff of a part of the document."""
    _, _, part = DOCUMENT.partition(f"\n## {title}\n")
    diff = part.split("```diff\n", 1)[1].split("```", 1)[0]
    subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=code, check=True)


def settings_of(code: Path) -> dict[str, bytes]:
    shell("python", "-m", "stages.settings", cwd=code)
    return {path.name: path.read_bytes() for path in (code / "data/settings").iterdir()}


def test_a_gan_is_one_file_one_line_and_one_section(code: Path) -> None:
    written = settings_of(code)
    extend(code, "A GAN")
    after = settings_of(code)
    new = {name: text for name, text in after.items() if name not in written}
    assert after == written | new, "the settings of no other model have changed"
    assert set(new) == {"noisy-plain.json", "noisy-centroid.json"}
    assert {"noisy", "vanilla", "gan"} <= set(json.loads(new["noisy-plain.json"])["code"])
    told = shell("python", "-c", PROBE, cwd=code).stdout
    assert told.split() == ["NoisyGan", "512", "Noisy", "GAN,", "plain,", "seed", "3"]


def test_a_network_of_torchvision_is_one_row(code: Path) -> None:
    extend(code, "A feature network")
    told = shell(
        "python",
        "-c",
        "import stages; from bestseller.backbones.networks import empty_network\n"
        "network = empty_network('vgg19')\n"
        "print(sum(p.numel() for p in network.parameters()), type(network.classifier).__name__)",
        cwd=code,
    ).stdout
    # 20,024,384 weights in the convolutions of configuration E (Simonyan & Zisserman 2015)
    assert told.split() == ["20024384", "Identity"]


def test_a_metric_is_one_record(code: Path) -> None:
    extend(code, "A metric")
    told = shell("python", "-c", MEASURE, cwd=code).stdout
    assert told.split() == ["Gap", "of", "means,", "lite2", "False", "6.0"]  # 3 in 4 dimensions


@pytest.mark.slow
def test_a_source_is_one_file_one_line_and_one_section(code: Path) -> None:
    extend(code, "A source of products")
    params = (code / "params.yaml").read_text()
    (code / "params.yaml").write_text(params.replace("  source: demo\n", "  source: names\n", 1))
    (code / "names.txt").write_text("one two\n")
    told = shell("python", "-m", "stages.refresh", cwd=code).stdout
    assert "catalogue: moved (0 -> 1 files)" in told
    done = shell("python", "-m", "stages.scrape", cwd=code)
    assert done.stdout.startswith("2 products")
    assert "catalogue: same" in shell("python", "-m", "stages.refresh", cwd=code).stdout


def test_a_stage_is_a_script_and_its_entry(code: Path) -> None:
    extend(code, "A stage")
    lines = np.repeat(["red", "grey"], 3)
    images = np.full((6, 8, 8, 3), 100, dtype=np.uint8)
    images[:3, ..., 0] = 250
    index = pd.DataFrame({name: "x" for name in COLUMNS}, index=range(6))
    index = index.assign(line=lines, cluster=range(6), split="train")
    ImageSet(images, index).save(code / "data/processed")
    entry = read_yaml(code / "dvc.yaml")["stages"]["palette"]
    assert not [path for path in entry["deps"] if not (code / path).exists()]
    shell(*entry["cmd"].split(), cwd=code)
    (out,) = entry["outs"][0]
    assert json.loads((code / out).read_text()) == {"grey": [100] * 3, "red": [250, 100, 100]}


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
