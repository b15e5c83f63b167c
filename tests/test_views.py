"""Images of several views: the view is a condition, and front is what everything else looks at."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bestseller.backbones import feature_stack, load_backbone
from bestseller.backbones.backbone import Backbone, save_backbone
from bestseller.backbones.networks import architecture, without_classifier
from bestseller.base.errors import BestsellerError
from bestseller.base.files import write_json
from bestseller.centroid.centroids import Centroids, save_centroids
from bestseller.gans import load_generator
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import ConditionProjection, LatentAndCondition, Shape
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, save_generator
from bestseller.images.store import ImageSet
from bestseller.params import Params, Space, load_params
from conftest import REPOSITORY
from shapes import LINES, make_shop
from stages import classifier, compare, evaluate, settings, train

COLOURS = {"front": (200, 40, 40), "back": (40, 40, 200)}
SIZE = 32
EPOCHS = {"vanilla": 400, "dcgan": 150, "d2gan": 100, "pggan": 200}  # until it draws colours


def params_for(gan: str, epochs: float = 1, **changed: object) -> Params:
    params = load_params(REPOSITORY / "params.yaml")
    narrow = {"fmap_base": 64} if gan == "pggan" else {"width": 16}
    own = getattr(params.train, gan).model_copy(
        update=narrow | {"lr": 1e-3, "batch_size": 8, "epochs": epochs}
    )
    shared = {"z_dim": 8, "grid_rows": 2, "diffaugment": [], "ema_half_life": 100.0}
    section = params.train.model_copy(update=shared | {gan: own, "precision": "fp32"} | changed)
    return params.model_copy(update={"train": section, "threads": 1})


def run_training(params: Params, gan: str) -> None:
    settings.main(params)
    train.main(params, f"{gan}-plain-0")


def write_set(products: dict[str, list[tuple[str, ...]]]) -> ImageSet:
    """Write data/augmented and the plain constraint, as the earlier stages would.

    Args:
        products: for each line the views of each product; a view is a colour on white.
    """
    rng = np.random.default_rng(0)
    images: list[np.ndarray] = []
    rows: list[tuple[str, str, str, int]] = []
    for line, shown in products.items():
        for number, views in enumerate(shown):
            for view in views:
                image = np.full((SIZE, SIZE, 3), 250.0)
                image[6:26, 6:26] = COLOURS[view]
                images.append(image + rng.normal(0, 6, image.shape))
                rows.append((f"{line}-{number}", line, view, len(rows)))
    index = pd.DataFrame(rows, columns=["sku", "line", "view", "cluster"])
    index = index.assign(category="c", sha256="0", split="train", augmented=False)
    data = ImageSet(np.clip(images, 0, 255).astype(np.uint8), index)
    data.save("data/augmented")
    for gan in EPOCHS:
        save_centroids(Path(f"data/centroid/{gan}-plain.safetensors"), None, {})
    return data


# Numbers and networks


def test_conditions_are_numbered_by_line_and_view() -> None:
    index = pd.DataFrame(
        [("b", "back"), ("b", "front"), ("b", "back"), ("a", "side"), ("c", "front")],
        columns=["line", "view"],
    )
    conditions = Conditions.of(index)
    assert conditions.lines == ["a", "b", "c"]
    assert conditions.views == ["back", "front", "side"]
    assert conditions.numbers(["b", "b", "a"], ["back", "front", "side"]).tolist() == [3, 4, 2]
    assert conditions.numbers(["a", "b", "c", "b"]).tolist() == [2, 4, 7, 4], "the main views"
    alone = Conditions.of(index.assign(view="back"))
    assert alone.numbers(["a", "b", "c"]).tolist() == [0, 1, 2]


def test_a_condition_is_the_sum_of_its_line_and_its_view() -> None:
    torch.manual_seed(0)
    joined = LatentAndCondition(Shape(32, 4, 3, views=2))
    assert joined.embedding is not None and joined.embedding.views is not None
    lines, views = joined.embedding.weight, joined.embedding.views.weight
    found = joined(torch.zeros(6, 4), torch.arange(6))[:, 4:]
    expected = torch.stack([lines[n // 2] + views[n % 2] for n in range(6)])
    assert torch.equal(found, expected)
    projection = ConditionProjection(Shape(32, 4, 3, views=2), 5)
    assert all(not parameter.any() for parameter in projection.parameters())


def test_with_one_view_the_networks_are_those_that_know_lines_alone() -> None:
    """The same names, the same first weights, and the same random numbers left for what follows."""
    shape = Shape(32, 4, 3)
    torch.manual_seed(0)
    joined, projection = LatentAndCondition(shape), ConditionProjection(shape, 5)
    after = torch.rand(1)
    torch.manual_seed(0)
    plain = nn.Embedding(3, 32)
    nn.init.normal_(plain.weight, 0.0, 0.3)
    nn.Embedding(3, 5)
    assert torch.equal(after, torch.rand(1))
    assert list(joined.state_dict()) == list(projection.state_dict()) == ["embedding.weight"]
    assert torch.equal(joined.state_dict()["embedding.weight"], plain.weight)
    z, numbers = torch.randn(5, 4), torch.tensor([0, 2, 1, 1, 0])
    assert torch.equal(joined(z, numbers), torch.cat([z, plain(numbers)], dim=1))


# Training


def spread(images: np.ndarray, real: ImageSet, view: str) -> float:
    """Mean distance of images to the mean real image of a view, in grey levels."""
    mean = real.images[(real.index["view"] == view).to_numpy()].mean(axis=0)
    return float(np.abs(images - mean).mean())


@pytest.mark.slow
@pytest.mark.parametrize("gan", EPOCHS)
def test_a_generated_view_is_like_the_real_view(
    gan: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a line has one image of it; a line that has no front is drawn as it is shown."""
    monkeypatch.chdir(tmp_path)
    both = ("front", "back")
    data = write_set(
        {"disc": [both] * 8, "ring": [*[("front",)] * 6, both], "seal": [("back",)] * 6}
    )
    run_training(params_for(gan, EPOCHS[gan]), gan)

    folder = Path(f"data/models/{gan}-plain-0")
    model = load_generator(folder)
    z = model.draw(["seal"] * 16, seed=1).latents
    for line, view in [("disc", "front"), ("disc", "back"), ("ring", "front"), ("ring", "back")]:
        images = model.images(z, [line] * 16, view=view)
        other = "back" if view == "front" else "front"
        assert spread(images, data, view) < 0.7 * spread(images, data, other), (line, view)
    shown = {"disc": "front", "ring": "front", "seal": "back"}
    for line, view in shown.items():
        asked = model.images(z, [line] * 16, view=view)
        np.testing.assert_array_equal(model.images(z, [line] * 16), asked)
    with pytest.raises(
        BestsellerError, match=r"line 'seal' has no view 'front'; known: \['back'\]"
    ):
        model.images(z, ["seal"] * 16, view="front")
    config = json.loads((folder / "generator.json").read_text())
    expected = {"disc": ["front", "back"], "ring": ["front", "back"], "seal": ["back"]}
    assert config["conditions"] == expected
    assert config["shape"]["views"] == 2


def test_the_name_of_a_single_view_changes_no_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = []
    for view in COLOURS:
        folder = tmp_path / view
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setitem(COLOURS, view, (90, 90, 90))
        write_set({"disc": [(view,)] * 8, "ring": [(view,)] * 6})
        run_training(params_for("vanilla"), "vanilla")
        model = folder / "data/models/vanilla-plain-0/generator.safetensors"
        weights.append(model.read_bytes())
    assert weights[0] == weights[1]


def test_an_unconditional_gan_is_not_shown_two_views(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_set({"disc": [("front", "back")] * 4, "ring": [("front",)] * 4})
    with pytest.raises(BestsellerError, match=r"train\.condition: none would mix the views back"):
        run_training(params_for("vanilla", condition="none"), "vanilla")
    assert not Path("data/models").exists()


# Judging


def judged(folder: Path, images: ImageSet, units: pd.DataFrame) -> dict[str, bytes]:
    """Fit the classifier on a set and measure an untrained two-view model; return what is written.

    The frozen networks and the model are the same each time.
    """
    images.save(folder / "data/processed")
    images.save(folder / "data/augmented")
    (folder / "data/sales").mkdir()
    units.to_parquet(folder / "data/sales/units.parquet")
    torch.manual_seed(0)
    for name in ("resnet18", "vgg16"):
        network = without_classifier(architecture(name).build())
        save_backbone(folder / "data/backbones", Backbone(name, "catalogue", network))
    # the distance of the last network, vgg16, up to a quarter of the image's side
    stack = feature_stack(load_backbone(folder / "data/backbones", name), 16)
    centre = torch.zeros(1, 256, images.images.shape[1] // 4, images.images.shape[1] // 4)
    distance = Centroids(stack, centre, torch.ones(1))
    config: dict[str, object] = {"backbone": name, "layer": 16, "pooling": "none"}
    save_centroids(folder / "data/centroid/distance.safetensors", distance, config)
    params = params_for("dcgan")
    short = {"steps": 2, "batch_size": 8, "precision": "fp32", "top_k": 20}
    few = {"images": 30, "images_per_line": 4, "pairs": 40}
    spaces = {
        "metric_spaces": [Space(network="resnet18", layers=[], side=0)],
        "perceptual": "resnet18",
    }
    sections = {
        "backbones": params.backbones.model_copy(update=spaces),
        "preference": params.preference.model_copy(update=short),
        "evaluate": params.evaluate.model_copy(update=few),
        "models": ["dcgan-plain"],
        "seeds": [0],
    }
    params = params.model_copy(update=sections)
    shape = Shape(SIZE, 8, len(LINES), views=2)
    generator = gan_class("dcgan").make_generator(params.train.dcgan, shape)
    conditions = {line: ["front", "back"] for line in LINES}
    own = params.train.dcgan.model_dump()
    model = Config("dcgan-plain-0", "dcgan", own, vars(shape), conditions)
    save_generator(folder / "data/models/dcgan-plain-0", generator, model)
    write_json(folder / "data/timing/dcgan-plain-0.json", {"seconds": 2, "images_per_second": 9})
    (folder / "metrics/train").mkdir(parents=True)
    (folder / "metrics/train/dcgan-plain-0.csv").write_text("epoch,images,diversity\n1,9,0.5\n")

    classifier.main(params)
    evaluate.main(params, "dcgan-plain-0")
    compare.main(params)
    made = ("data/classifier", "data/evaluation", "data/comparison", "metrics")
    files = [path for name in made for path in sorted((folder / name).rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.slow
def test_photos_of_another_view_change_no_judgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, index, units = make_shop(160)
    fronts = index.drop(columns="redness").assign(category="c", view="front", sha256="0")
    backs = fronts.assign(view="back")
    mixed = pd.concat([fronts, backs]).sort_values(["sku", "view"])
    both = np.concatenate([pixels, 255 - pixels])[np.arange(320).reshape(2, 160).T[:, ::-1].ravel()]
    sets = {"front": ImageSet(pixels, fronts), "all": ImageSet(both, mixed.reset_index(drop=True))}
    np.testing.assert_array_equal(sets["all"].of_main_view().images, pixels)
    found = {}
    for name, images in sets.items():
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        found[name] = judged(tmp_path / name, images, units)
    assert {"metrics/summary.json", "metrics/classifier.json"} < set(found["front"])
    assert found["all"] == found["front"]
