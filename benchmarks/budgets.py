"""What a GAN draws for its CPU seconds: quality at shares of a training's budget.

Run from the repository's root after `dvc repro augment`:

    PYTHONPATH=src:. python benchmarks/budgets.py dcgan-plain d2gan-plain@2 pggan-plain@0.5
    PYTHONPATH=src:. python benchmarks/budgets.py 'dcgan-centroid{relative: true}' --seed 1

An arm is a model, settings that it departs by (of its GAN's section of params.yaml, of what the
sections train and centroid hold for all), and how many times the epochs of params.yaml it trains.
A GAN without phases and constraint is also shown at half and a quarter of its training, which is
what a training so short would give. One thread; the training alone is timed. Images, a grid and
facts of each go to .scratch/budgets/.

A table of all that lie there is printed at the end, or alone where no arm is named. Its distances
are the KID to held-out photos in Lite2's pooled features at 144 pixels, scaled to unit mean square,
beside those of training photos as they are and blurred: what the distance of a model is like.
"""

import argparse
import copy
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageFilter
from ruamel.yaml import YAML

from bestseller.backbones import FeatureSpace, feature_stack
from bestseller.backbones.weights import published_backbone
from bestseller.base.compute import configure_torch, place
from bestseller.centroid.centroids import reference
from bestseller.gans.conditions import Conditions
from bestseller.gans.gan import Shape
from bestseller.gans.pictures import sample_grid
from bestseller.gans.registry import gan_class
from bestseller.gans.saved import Config, TrainedGenerator
from bestseller.images.store import ImageSet
from bestseller.metrics.kernel_distance import kid
from bestseller.params import Item, Params, Recipe, Section, load_params
from bestseller.training.batches import Batches
from bestseller.training.constraint import CentroidConstraint
from bestseller.training.trainer import Plan, Trainer
from stages.centroid import centroids_of

OUT = Path(".scratch/budgets")
IMAGES, JUDGED, GRID_ROWS = 1000, 500, 6
BLURS = (0.0, 0.5, 1.0, 2.0, 3.0)  # pixels, standard deviation, of 64


def read_arm(text: str, params: Params) -> tuple[Item, Recipe, float]:
    """Return what is trained, with which settings, and the times that its epochs are taken."""
    text, _, times = text.partition("@")
    model, brace, settings = text.partition("{")
    changes = YAML(typ="safe").load(brace + settings or "{}")
    recipe = Recipe.of(model, params.train, params.centroid, params.augment)
    sections: dict[str, Section] = {"gan": recipe.gan, "shared": recipe.shared}
    sections |= {"centroid": recipe.centroid} if recipe.centroid else {}
    changed = {}
    for name, section in sections.items():
        own = {key: changes.pop(key) for key in list(changes) if key in type(section).model_fields}
        changed[name] = type(section).model_validate(section.model_dump() | own)
    if changes:
        raise SystemExit(f"{model}: no settings: {', '.join(changes)}")
    return Item.parse(f"{model}-0"), replace(recipe, **changed), float(times or 1)  # type: ignore[arg-type]


def train(arm: str, seed: int) -> None:
    params = load_params()
    item, recipe, times = read_arm(arm, params)
    shared = recipe.shared
    settings = recipe.gan.model_copy(update={"epochs": recipe.gan.epochs * times})
    configure_torch(1, seed)
    data = ImageSet.open("data/augmented", "dvc repro augment")
    data = data.select(data.index["split"] != "test")
    conditions = Conditions.of(data.index)
    shape = Shape(data.images.shape[1], shared.z_dim, len(conditions.lines), len(conditions.views))
    batches = Batches(
        data.images,
        conditions.numbers(list(data.index["line"]), list(data.index["view"])),
        batch_size=settings.batch_size,
        z_dim=shared.z_dim,
        sampling=shared.sampling,
        seed=seed,
    )
    gan = gan_class(item.gan)(settings, shape)
    gan.scale_embeddings(shared.embedding_scale)
    plan = Plan(item.name, shared, settings, len(data.images))
    trainer = Trainer(
        gan,
        plan,
        batches,
        constraint=constraint_of(recipe, data, conditions),
        checkpoint=None,  # type: ignore[arg-type]
        monitor=None,  # type: ignore[arg-type]
    )
    config = Config(item.name, item.gan, settings.model_dump(), vars(shape), conditions.of_lines)
    shown = {plan.steps: times}
    if item.gan != "pggan" and item.constraint == "plain":
        shown |= {round(plan.steps / 2**k): times / 2**k for k in (1, 2)}
    seconds = 0.0
    for step in range(plan.steps):
        begun = time.process_time()
        trainer._train_step(batches[step])
        trainer.step += 1
        seconds += time.process_time() - begun
        if (share := shown.get(trainer.step)) is not None:
            folder = OUT / f"{arm.partition('@')[0]}@{share:g}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            generator = TrainedGenerator(config, copy.deepcopy(trainer.average.network), "")
            draw(generator, list(data.index["line"]), folder)
            facts = {"arm": arm, "seed": seed, "times": share, "steps": trainer.step}
            facts["cpu_s"] = round(seconds, 1)
            (folder / "facts.json").write_text(json.dumps(facts))
            print(facts, flush=True)


def constraint_of(
    recipe: Recipe, data: ImageSet, conditions: Conditions
) -> CentroidConstraint | None:
    """Return the constraint that the stages centroid and train would make."""
    settings = recipe.centroid
    if settings is None:
        return None
    backbone = published_backbone(settings.backbone, Path("weights"))
    features = feature_stack(backbone, settings.layer, settings.pooling)
    place(features)
    found = reference(data.images, torch.inference_mode()(features), name="")
    centroids = centroids_of(features, found, data, settings)
    rows = centroids.rows([line for line in conditions.lines for _ in conditions.views])
    return CentroidConstraint(centroids, settings, rows)


def draw(generator: TrainedGenerator, known: list[str], folder: Path) -> None:
    """Write 1,000 images, their lines as in the catalogue, and a grid of every line."""
    lines = list(np.random.default_rng(0).choice(known, IMAGES))
    np.save(folder / "images.npy", generator.images(generator.draw(lines, 0).latents, lines))
    columns = [generator.draw([line] * GRID_ROWS, 5).latents for line in generator.lines]
    latents = np.stack(columns, axis=1).reshape(-1, generator.z_dim)
    images = generator.images(latents, generator.lines * GRID_ROWS)
    sample_grid(images, generator.lines).save(folder / "grid.png")


def judge() -> pd.DataFrame:
    """Return a row for each of .scratch/budgets/, and for each step of the ladder."""
    data = ImageSet.open("data/processed")
    held_out = (data.index["split"] == "test").to_numpy()
    space = FeatureSpace(published_backbone("efficientnet_lite2", Path("weights")), (), 144)

    @cache
    def real() -> np.ndarray:
        return space.features(data.images[held_out], precision="auto")

    def distance(images: np.ndarray) -> float:
        unit = np.sqrt(np.square(real(), dtype=np.float64).mean())
        features = space.features(images, precision="auto")
        return kid(features / unit, real() / unit).value

    def kept(path: Path, find: Callable[[], float]) -> float:
        if not path.exists():
            path.write_text(json.dumps(find()))
        return float(json.loads(path.read_text()))

    photos = np.random.default_rng(0).permutation(data.images[~held_out])[:JUDGED]
    ladder = [
        kept(OUT / f"blur-{blur:g}.json", lambda blur=blur: distance(blurred(photos, blur)))  # type: ignore[misc]
        for blur in BLURS
    ]
    rows: list[dict[str, Any]] = [
        {"arm": f"photos, blur {blur:g} px", "kid": found, "blur_px": blur}
        for blur, found in zip(BLURS, ladder, strict=True)
    ]
    for path in sorted(OUT.glob("*/images.npy")):
        images = np.load(path)[:JUDGED]
        found = kept(path.with_name("kid.json"), lambda images=images: distance(images))  # type: ignore[misc]
        facts = json.loads(path.with_name("facts.json").read_text())
        rows.append(facts | {"kid": found, "blur_px": float(np.interp(found, ladder, BLURS))})
    return pd.DataFrame(rows)


def blurred(images: np.ndarray, pixels: float) -> np.ndarray:
    if not pixels:
        return np.asarray(images)
    blur = ImageFilter.GaussianBlur(pixels)
    return np.stack([np.asarray(Image.fromarray(image).filter(blur)) for image in images])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("arms", nargs="*")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for arm in given.arms:
        train(arm, given.seed)
    print(judge().to_string(index=False, float_format=lambda value: f"{value:.4g}"))


if __name__ == "__main__":
    main()
