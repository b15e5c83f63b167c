"""What is trained and with which settings: items, recipes, and what a changed setting reruns."""

import re
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bestseller.base.errors import BestsellerError
from bestseller.base.files import read_json, write_json
from bestseller.params import Item, Recipe, load_params
from bestseller.params.item import MODELS
from conftest import REPOSITORY, shell, start_git

PARAMS = load_params(REPOSITORY / "params.yaml")
TOY = """
stages:
  settings:
    cmd: python -m stages.settings
    params: [train, centroid, augment]
    outs: [data/settings]
  train:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: cat data/settings/${item.model}.json > ${key}.trained
    deps: ["data/settings/${item.model}.json"]
    outs: ["${key}.trained"]
"""


# Items


def test_an_item_is_its_name() -> None:
    item = Item.parse("d2gan-centroid-12")
    assert item == Item("d2gan", "centroid", 12)
    assert (item.model, item.name) == ("d2gan-centroid", "d2gan-centroid-12")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("stylegan-plain-0", r"'stylegan' is no GAN .*; known: vanilla, dcgan"),
        ("dcgan-round-0", r"'round' is no constraint; known: plain, centroid"),
        ("dcgan-plain-x", r"its seed 'x' is no whole number"),
        ("dcgan-plain--1", r"'plain-' is no constraint"),
        ("dcgan-plain-\u00b2", r"is no whole number"),
        ("dcgan-plain", r"'dcgan' is no GAN|'' is no constraint"),
        ("", r"'' is no GAN"),
    ],
)
def test_what_is_no_item_is_told_in_a_line(name: str, told: str) -> None:
    with pytest.raises(BestsellerError, match=told) as error:
        Item.parse(name)
    assert str(error.value).startswith(f"{name!r} is no model such as dcgan-plain-0")
    assert "\n" not in str(error.value)


def test_a_stage_refuses_an_unknown_item_in_a_line(code: Path) -> None:
    told = shell("python", "-m", "stages.train", "dcgan-plain-one", cwd=code, ok=False)
    assert told.returncode == 1
    assert told.stderr.startswith("train: 'dcgan-plain-one' is no model")
    assert told.stderr.count("\n") == 1


def test_the_items_are_the_models_with_each_seed() -> None:
    several = PARAMS.model_copy(
        update={"models": ["pggan-plain", "dcgan-centroid"], "seeds": [3, 1]}
    )
    names = ["pggan-plain-3", "pggan-plain-1", "dcgan-centroid-3", "dcgan-centroid-1"]
    assert several.item_names() == names
    assert several.gan_names() == ["pggan", "dcgan"]


# Recipes


def test_a_recipe_holds_what_the_training_reads_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for fresh in (False, True):
        augment = PARAMS.augment.model_copy(update={"fresh": fresh})
        for model in ("d2gan-plain", "pggan-centroid"):
            recipe = Recipe.of(model, PARAMS.train, PARAMS.centroid, augment)
            recipe.save(model)
            assert Recipe.load(model) == recipe
            assert recipe.gan == getattr(PARAMS.train, model.partition("-")[0])
            assert recipe.centroid == (PARAMS.centroid if "centroid" in model else None)
            assert recipe.augment == (augment if fresh else None)
            assert not set(recipe.as_json()["shared"]) & {"vanilla", "dcgan", "d2gan", "pggan"}


def test_settings_of_other_code_are_refused_with_the_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = Recipe.of("dcgan-plain", PARAMS.train, PARAMS.centroid, PARAMS.augment)
    write_json("data/settings/dcgan-plain.json", recipe.as_json() | {"gan": {"lr": 1}})
    with pytest.raises(BestsellerError, match=r"dcgan-plain\.json: .*run `dvc repro settings`"):
        Recipe.load("dcgan-plain")
    with pytest.raises(BestsellerError, match=r"vanilla-plain\.json: .*dvc repro settings"):
        Recipe.load("vanilla-plain")


# What a changed setting reruns, by DVC itself


@pytest.mark.slow
def test_a_changed_setting_reruns_the_models_that_read_it_and_no_other(code: Path) -> None:
    (code / "dvc.yaml").write_text(TOY)
    start_git(code)
    shell("dvc", "init", "--quiet", cwd=code)
    yaml = YAML()

    def rerun(*changes: tuple[str, object]) -> set[str]:
        settings = yaml.load(code / "params.yaml")
        for key, value in changes:
            *path, last = key.split(".")
            section = settings
            for name in path:
                section = section[name]
            section[last] = value
        yaml.dump(settings, code / "params.yaml")
        done = shell("dvc", "repro", cwd=code)
        return set(re.findall(r"Running stage '([^']+)'", done.stdout))

    models = ["dcgan-plain", "dcgan-centroid", "pggan-plain"]
    trained = {f"train@{model}-0" for model in models}
    assert rerun(("models", models)) == {"settings"} | trained
    assert rerun() == set()
    assert rerun(("train.pggan.lr", 5e-4)) == {"settings", "train@pggan-plain-0"}
    assert rerun(("train.d2gan.lr", 5e-4)) == {"settings"}
    assert rerun(("centroid.weight", 0.2)) == {"settings", "train@dcgan-centroid-0"}
    dcgan = {"settings", "train@dcgan-plain-0", "train@dcgan-centroid-0"}
    assert rerun(("train.dcgan.epochs", 3)) == dcgan
    assert rerun(("train.sampling", "balanced")) == {"settings"} | trained
    assert rerun(("augment.zoom", 0.2)) == {"settings"}, "the augmented images tell it"
    assert rerun(("augment.fresh", True)) == {"settings"} | trained
    assert rerun(("augment.zoom", 0.1)) == {"settings"} | trained
    assert rerun(("models", [*models, "d2gan-plain"])) == {"train@d2gan-plain-0"}
    assert read_json(code / "pggan-plain-0.trained")["gan"]["lr"] == 5e-4


def test_the_stage_needs_no_torch_and_no_time(code: Path) -> None:
    begun = time.process_time()
    probe = "import sys, stages.settings as s; s.run(s.main, argv=[]); "
    shell("python", "-c", probe + "assert 'torch' not in sys.modules", cwd=code)
    assert time.process_time() - begun < 5
    files = {path.stem for path in (code / "data/settings").iterdir()}
    assert files == {*MODELS, "sales"}
