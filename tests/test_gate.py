"""The gate: floors worked by hand, and generators whose order is known by construction.

The real images of these tests were drawn by one generator, ``true``. So that generator's weights
are the best there are, any other untrained one is far off, and the same one again is a tie.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bestseller.backbones.backbone import Backbone, load_backbone, save_backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.gans import load_generator
from bestseller.gans.gan import Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.images.store import ImageSet
from bestseller.metrics.kernel_distance import kid
from bestseller.metrics.registry import Need, as_records, columns_of
from bestseller.params import Params, Space, load_params
from bestseller.retraining.decision import Decision
from bestseller.retraining.gate import decision_of, floors
from conftest import REPOSITORY

NAME, N = "vanilla-plain-0", 120
MEASURED = {
    "near_copy_rate": 0.01,
    "near_copy_rate_high": 0.9,
    "near_copy_rate_pixels": 0.02,
    "abstained_share": 0.1,
    "diversity_vgg16_catalogue": 1.8,
    "diversity_vgg16_catalogue_se": 0.1,
    "coverage_resnet18_catalogue": 0.4,
    "coverage_resnet18_catalogue_6_7": 0.3,
}
SPACES: dict[Need, list[str]] = {
    "features": ["resnet18_catalogue", "resnet18_catalogue_6_7"],
    "classifier": [""],
    "perceptual": ["vgg16_catalogue"],
    "copies": ["", "pixels"],
}
COLUMNS = columns_of(SPACES)


@pytest.fixture(scope="module")
def params() -> Params:
    params = load_params(REPOSITORY / "params.yaml")
    evaluate = params.evaluate.model_copy(update={"images": N})
    main, mid = Space(network="resnet18", layers=[], side=0), [6, 7]
    spaces = [main, main.model_copy(update={"layers": mid})]
    backbones = params.backbones.model_copy(update={"metric_spaces": spaces})
    changed = {"evaluate": evaluate, "threads": 1, "backbones": backbones}
    return params.model_copy(update=changed)


def write_generator(
    folder: Path, seed: int, lines: str = "AB", size: int = 32, noise: float = 0.0
) -> None:
    """Write an untrained generator; equal seeds and lines give equal weights, up to `noise`."""
    settings = load_params(REPOSITORY / "params.yaml").train.vanilla
    settings = settings.model_copy(update={"width": 16})
    shape = Shape(size, 8, len(lines))
    torch.manual_seed(seed)
    network = gan_class("vanilla").make_generator(settings, shape)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
    config = Config(
        NAME, "vanilla", settings.model_dump(), vars(shape), {line: ["front"] for line in lines}
    )
    save_generator(folder, network, config)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose best model is `true`, and whose real images `true` has drawn."""
    root = tmp_path_factory.mktemp("run")
    write_generator(root / "data/models" / NAME, seed=1)
    true = load_generator(root / "data/models" / NAME)
    lines = ["A"] * 60 + ["B"] * 60
    pictures = true.images(true.draw(lines, seed=99).latents, lines)
    index = pd.DataFrame({"sku": [f"s{i}" for i in range(len(lines))], "line": lines})
    index["split"] = np.where(np.arange(len(lines)) % 2, "test", "train")
    index = index.assign(category="c", view="front", sha256="0", cluster=range(len(lines)))
    ImageSet(pictures, index).save(root / "data/processed")
    torch.manual_seed(0)
    network = without_classifier(architecture("resnet18").build())
    save_backbone(root / "data/backbones", Backbone("resnet18", "catalogue", network))
    write_json(root / "metrics/summary.json", {"nearest_model": NAME})
    write_json(root / "metrics/comparison.json", {"columns": as_records(COLUMNS.values())})
    write_json(root / f"metrics/evaluate/{NAME}.json", MEASURED)
    real = {"model": ["real-held-out"], "diversity_vgg16_catalogue": [2.0]}
    pd.DataFrame(real).to_csv(root / "metrics/models.csv", index=False)
    return root


@pytest.fixture
def root(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "run")


def decide(root: Path, params: Params) -> Decision:
    return decision_of(root, root / "data/champion", params)


def test_the_floors_are_those_of_params(params: Params) -> None:
    real = {"diversity_vgg16_catalogue": 2.0}
    facts, failed = floors(MEASURED, real, params.retrain.gate, COLUMNS)
    assert failed == []
    assert facts == {
        "near_copy_rate": 0.01,
        "near_copy_rate_pixels": 0.02,
        "abstained_share": 0.1,
        "coverage_resnet18_catalogue": 0.4,
        "coverage_resnet18_catalogue_6_7": 0.3,
        "diversity_share": 0.9,
    }
    bad: dict[str, Any] = {
        "near_copy_rate_pixels": 0.06,
        "abstained_share": 0.6,
        "diversity_vgg16_catalogue": 0.9,
        "coverage_resnet18_catalogue_6_7": 0.05,
    }
    for key, value in bad.items():
        (told,) = floors(MEASURED | {key: value}, real, params.retrain.gate, COLUMNS)[1]
        assert "retrain.gate.m" in told
    assert len(floors(MEASURED | bad, real, params.retrain.gate, COLUMNS)[1]) == 4


def test_without_a_champion_the_floors_decide(root: Path, params: Params) -> None:
    found = decision_of(root, None, params)
    assert found.promote and found.challenger == NAME
    assert "there is no champion yet" in found.reasons[0]
    write_json(
        root / f"metrics/evaluate/{NAME}.json", MEASURED | {"coverage_resnet18_catalogue": 0.01}
    )
    found = decision_of(root, None, params)
    assert not found.promote
    assert found.reasons == [
        "Vanilla GAN, plain, seed 0 misses a floor: its coverage_resnet18_catalogue of 1.0% of the "
        "training images is below retrain.gate.min_coverage 10.0%."
    ]


def test_a_better_challenger_is_promoted_with_the_numbers(root: Path, params: Params) -> None:
    write_generator(root / "data/champion", seed=2)
    found = decide(root, params)
    assert found.promote
    assert found.reasons[0].endswith(": better.")
    assert "kid_resnet18_catalogue to 60 held-out images of today is" in found.reasons[0]
    facts = found.facts
    assert float(facts["kid_resnet18_catalogue_difference_high"]) < 0
    assert json.loads(found.model_dump_json())["facts"] == facts

    # The same by hand: today's held-out images, the network of today, the latents of params.
    network = load_backbone(root / "data/backbones", "resnet18")
    images = ImageSet.open(root / "data/processed")
    held_out = (images.index["split"] == "test").to_numpy()
    champion = load_generator(root / "data/champion")
    seed = params.retrain.gate.seed
    drawn = np.random.default_rng(seed).choice(images.index["line"], N)
    made = champion.images(champion.draw(list(drawn), seed).latents, list(drawn))
    known = network.features(images.images[~held_out]).astype(np.float64)
    scale = np.sqrt((known**2).mean())
    expected = kid(
        network.features(made) / scale, network.features(images.images[held_out]) / scale
    )
    assert facts["kid_resnet18_catalogue_champion"] == pytest.approx(expected.value, rel=1e-4)


def test_a_worse_challenger_is_kept_out(root: Path, params: Params) -> None:
    (root / "data/models" / NAME).rename(root / "data/champion")
    write_generator(root / "data/models" / NAME, seed=2)
    found = decide(root, params)
    assert not found.promote
    assert found.reasons[0].endswith(": worse.")
    assert float(found.facts["kid_resnet18_catalogue_6_7_difference_low"]) > 0


def test_a_tie_promotes_nobody_and_the_same_weights_are_the_same_model(
    root: Path, params: Params
) -> None:
    write_generator(root / "data/champion", seed=1, noise=1e-5)
    found = decide(root, params)
    assert not found.promote
    assert found.reasons[0].endswith("a tie, and a tie promotes nobody.")
    write_generator(root / "data/champion", seed=1)
    found = decide(root, params)
    assert not found.promote
    assert found.reasons[0].startswith("The champion is still this model")
    assert found.facts["last_champion_sha256"] == found.facts["challenger_sha256"]


def test_a_tie_is_broken_by_a_line_that_the_champion_never_learned(
    root: Path, params: Params
) -> None:
    write_generator(root / "data/champion", seed=1, noise=1e-5)
    config = json.loads((root / "data/champion/generator.json").read_text())
    write_json(root / "data/champion/generator.json", config | {"conditions": {"A": ["front"]}})
    found = decide(root, params)
    assert found.promote
    assert "a tie; only the challenger draws the line B." in found.reasons[0]
    assert (found.facts["lines_shared"], found.facts["lines_new"]) == (1, 1)
    assert found.facts["n_real"] == 30, "the held-out images of the line that both learned"


def test_a_champion_that_today_s_catalogue_has_outgrown_gives_way(
    root: Path, params: Params
) -> None:
    write_generator(root / "data/champion", seed=2, lines="XY")
    found = decide(root, params)
    assert found.promote and found.reasons == ["The champion learned no line of today's catalogue."]
    write_generator(root / "data/champion", seed=2, size=64)
    found = decide(root, params)
    assert found.promote
    assert "draws 64 px, images.size of params.yaml is now 32" in found.reasons[0]


def test_without_held_out_images_the_champion_stays(root: Path, params: Params) -> None:
    write_generator(root / "data/champion", seed=2)
    images = ImageSet.open(root / "data/processed")
    ImageSet(images.images.copy(), images.index.assign(split="train")).save(root / "data/processed")
    found = decide(root, params)
    assert not found.promote
    assert "no comparison" in found.reasons[0]


def test_a_damaged_champion_is_told_in_one_line(root: Path, params: Params) -> None:
    with pytest.raises(BestsellerError, match=r"run `dvc checkout data/champion\.dvc` first"):
        decide(root, params)
    write_generator(root / "data/champion", seed=2)
    (root / "data/champion/generator.safetensors").write_bytes(b"x")
    with pytest.raises(BestsellerError, match="this code cannot rebuild the champion") as error:
        decide(root, params)
    assert "\n" not in str(error.value)
